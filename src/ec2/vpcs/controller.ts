import type { Controller } from '../../controllers/controllers.ts';
import type { Change, Reader } from '../../state/state.ts';
import { interfacesOf } from '../byoip/interfaces.ts';
import { byoipCidrs } from '../byoip/model.ts';
import { dhcpOptions } from '../dhcp-options/model.ts';
import { egressOnlyInternetGateways } from '../egress-only-gateways/model.ts';
import { flowLogs } from '../flow-logs/model.ts';
import { instances } from '../instances/model.ts';
import { internetGateways } from '../internet-gateways/model.ts';
import { natGateways } from '../nat-gateways/model.ts';
import { networkAcls } from '../network-acls/model.ts';
import { type NetworkInterfaceRow, networkInterfaces } from '../network-interfaces/model.ts';
import type { Network } from '../network-interfaces/network.ts';
import { prefixLists } from '../prefix-lists/model.ts';
import { routeTables } from '../route-tables/model.ts';
import { subnets } from '../subnets/model.ts';
import { otherSide, sideOf, type VpcPeeringConnectionRow, vpcPeeringConnections } from '../vpc-peering/model.ts';
import { vpcs } from './model.ts';

const parts: ReadonlySet<string> = new Set([
  vpcs.name,
  subnets.name,
  routeTables.name,
  internetGateways.name,
  egressOnlyInternetGateways.name,
  natGateways.name,
  networkAcls.name,
  flowLogs.name,
]);

/** Brings changed subnets, routes, ACLs and gateways of a VPC that is in the fabric to the packets. */
export function vpcController(db: Reader, network: Network): Controller {
  return {
    name: 'vpcs',
    watch: change => watched(db, change),
    initial: () => [],
    reconcile: async vpcId => {
      await network.reconcileVpc(vpcId);
      return undefined;
    },
  };
}

function watched(db: Reader, change: Change): Iterable<string> {
  if (parts.has(change.table)) {
    const ids = new Set<string>();
    // A gateway that moves concerns both VPCs.
    for (const row of [change.before, change.after]) {
      if (row !== undefined && 'vpcId' in row && typeof row.vpcId === 'string') ids.add(row.vpcId);
    }
    if (change.table === vpcs.name) for (const id of namedIn(db, change.key)) ids.add(id);
    return ids;
  }
  switch (change.table) {
    case dhcpOptions.name:
      return db.by(vpcs, 'dhcpOptions', change.key).map(row => row.vpcId);
    case prefixLists.name:
      return new Set(db.by(routeTables, 'prefixList', change.key).map(row => row.vpcId));
    case vpcPeeringConnections.name: {
      const row = (change.after ?? change.before) as VpcPeeringConnectionRow;
      return [row.requester.vpcId, row.accepter.vpcId];
    }
    case byoipCidrs.name:
      return interfacesOf(db, change.key).flatMap(row => (row.serviceAttachment === undefined ? [] : [row.vpcId]));
    case networkInterfaces.name: {
      const row = (change.after ?? change.before) as NetworkInterfaceRow;
      // Addresses of a NAT gateway are part of its VPC.
      if (row.serviceAttachment !== undefined) return [row.vpcId];
      return [...routedTo(db, change.key), ...namedIn(db, row.vpcId)];
    }
    case instances.name:
      // Routes to the interfaces of an instance that starts or stops begin or cease to lead somewhere.
      return db.by(networkInterfaces, 'instance', change.key).flatMap(row => [...routedTo(db, row.networkInterfaceId)]);
    default:
      return [];
  }
}

/** VPCs whose DNS knows the public names of another one's interfaces. */
function namedIn(db: Reader, vpcId: string): string[] {
  return db
    .by(vpcPeeringConnections, 'activeVpc', vpcId)
    .flatMap(row => (sideOf(row, vpcId)?.allowDnsResolution === true ? (otherSide(row, vpcId)?.vpcId ?? []) : []));
}

function routedTo(db: Reader, target: string): Iterable<string> {
  if (db.countBy(routeTables, 'target', target) === 0) return [];
  return new Set(db.by(routeTables, 'target', target).map(row => row.vpcId));
}
