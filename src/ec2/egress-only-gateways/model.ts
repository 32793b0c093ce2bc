import { defineTable } from '../../state/table.ts';

/** A gateway for IPv6: what instances begin goes out and is answered, nothing else comes in. */
export interface EgressOnlyInternetGatewayRow {
  readonly egressOnlyInternetGatewayId: string;
  readonly owner: string;
  readonly vpcId: string;
}

export const egressOnlyInternetGateways = defineTable<EgressOnlyInternetGatewayRow>()({
  name: 'egress_only_internet_gateways',
  key: row => row.egressOnlyInternetGatewayId,
  indexes: { owner: row => row.owner, vpc: row => row.vpcId },
});
