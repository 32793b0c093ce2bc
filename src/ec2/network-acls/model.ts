import { defineTable } from '../../state/table.ts';

export interface NetworkAclRow {
  readonly networkAclId: string;
  readonly owner: string;
  readonly vpcId: string;
  readonly isDefault: boolean;
  readonly associations: readonly { readonly associationId: string; readonly subnetId: string }[];
}

/** Only the default ACL of a VPC, which lets everything pass, exists so far. */
export const networkAcls = defineTable<NetworkAclRow>()({
  name: 'network_acls',
  key: row => row.networkAclId,
  indexes: { owner: row => row.owner, vpc: row => row.vpcId },
});
