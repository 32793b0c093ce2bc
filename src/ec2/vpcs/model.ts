import { defineTable } from '../../state/table.ts';

export interface VpcRow {
  readonly vpcId: string;
  readonly owner: string;
  readonly cidrBlock: string;
  readonly cidrAssociations: readonly { readonly associationId: string; readonly cidrBlock: string }[];
  readonly isDefault: boolean;
  readonly dhcpOptionsId: string;
  readonly instanceTenancy: 'default';
  readonly enableDnsSupport: boolean;
  readonly enableDnsHostnames: boolean;
  readonly state: 'pending' | 'available';
}

export const vpcs = defineTable<VpcRow>()({
  name: 'vpcs',
  key: row => row.vpcId,
  indexes: { owner: row => row.owner, default: row => (row.isDefault ? row.owner : undefined) },
});
