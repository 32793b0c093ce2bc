import { defineTable } from '../../state/table.ts';

export interface InternetGatewayRow {
  readonly internetGatewayId: string;
  readonly owner: string;
  readonly vpcId?: string;
}

export const internetGateways = defineTable<InternetGatewayRow>()({
  name: 'internet_gateways',
  key: row => row.internetGatewayId,
  indexes: { owner: row => row.owner, vpc: row => row.vpcId },
});
