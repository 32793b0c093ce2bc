import type { Controller } from '../../controllers/controllers.ts';
import type { Change, Reader } from '../../state/state.ts';
import { interfacesOf } from '../byoip/interfaces.ts';
import { byoipCidrs } from '../byoip/model.ts';
import { type InstanceRow, instances } from '../instances/model.ts';
import { type VpcRow, vpcs } from '../vpcs/model.ts';
import { type NetworkInterfaceRow, networkInterfaces } from './model.ts';
import type { Network } from './network.ts';

/** Keeps every interface of a powered instance plugged in as the state describes it. Ids are `VPC ENI`. */
export function networkInterfaceController(db: Reader, network: Network): Controller {
  return {
    name: 'network-interfaces',
    watch: change => watched(db, change),
    initial: function* () {
      for (const { row } of db.entries(networkInterfaces)) if (row.attachment !== undefined) yield idOf(row);
    },
    reconcile: async id => {
      const [vpcId = '', networkInterfaceId = ''] = id.split(' ');
      await network.reconcileInterface(vpcId, networkInterfaceId);
      return undefined;
    },
  };
}

function watched(db: Reader, change: Change): string[] {
  if (change.table === networkInterfaces.name) {
    const row = (change.after ?? change.before) as NetworkInterfaceRow;
    // Those of NAT gateways are no ports.
    return row.serviceAttachment === undefined ? [idOf(row)] : [];
  }
  if (change.table === vpcs.name)
    return renamed(db, change.before as VpcRow | undefined, change.after as VpcRow | undefined);
  if (change.table === byoipCidrs.name) {
    // Addresses of a range begin or cease to lead to their interfaces.
    return interfacesOf(db, change.key).flatMap(row => (row.serviceAttachment === undefined ? [idOf(row)] : []));
  }
  if (change.table !== instances.name) return [];
  const before = change.before as InstanceRow | undefined;
  const after = change.after as InstanceRow | undefined;
  // A new instance is plugged in by its own controller before it starts.
  if (before === undefined || after === undefined) return [];
  const same =
    before.state === after.state &&
    before.metadataOptions.httpPutResponseHopLimit === after.metadataOptions.httpPutResponseHopLimit &&
    before.metadataOptions.httpProtocolIpv6 === after.metadataOptions.httpProtocolIpv6 &&
    before.privateDnsNameOptions === after.privateDnsNameOptions;
  if (same || after.state === 'pending') return [];
  return after.networkInterfaceIds.flatMap(id => {
    const row = db.get(networkInterfaces, id);
    return row === undefined ? [] : [idOf(row)];
  });
}

/** Interfaces whose names a change of their VPC concerns. */
function renamed(db: Reader, before: VpcRow | undefined, after: VpcRow | undefined): string[] {
  if (before === undefined || after === undefined) return [];
  const same = before.enableDnsHostnames === after.enableDnsHostnames && before.dhcpOptionsId === after.dhcpOptionsId;
  return same
    ? []
    : db.by(networkInterfaces, 'vpc', after.vpcId).flatMap(row => (row.attachment === undefined ? [] : [idOf(row)]));
}

function idOf(row: NetworkInterfaceRow): string {
  return `${row.vpcId} ${row.networkInterfaceId}`;
}
