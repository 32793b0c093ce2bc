import type { Controller } from '../../controllers/controllers.ts';
import { internetGateways } from '../internet-gateways/model.ts';
import type { Network } from '../network-interfaces/network.ts';
import { routeTables } from '../route-tables/model.ts';
import { subnets } from '../subnets/model.ts';
import { vpcs } from './model.ts';

const parts: readonly string[] = [vpcs.name, subnets.name, routeTables.name, internetGateways.name];

/** Brings changed subnets, routes and gateways of a VPC that is in the fabric to the packets. */
export function vpcController(network: Network): Controller {
  return {
    name: 'vpcs',
    watch: change => {
      if (!parts.includes(change.table)) return [];
      const ids = new Set<string>();
      // A gateway that moves concerns both VPCs.
      for (const row of [change.before, change.after]) {
        if (row !== undefined && 'vpcId' in row && typeof row.vpcId === 'string') ids.add(row.vpcId);
      }
      return ids;
    },
    initial: () => [],
    reconcile: async vpcId => {
      await network.reconcileVpc(vpcId);
      return undefined;
    },
  };
}
