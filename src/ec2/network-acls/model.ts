import { defineTable } from '../../state/table.ts';

/** A rule of a network ACL. Exactly one of the blocks is set. */
export interface NetworkAclEntryRow {
  /** 1 to 32766; lower numbers are looked at first. */
  readonly ruleNumber: number;
  readonly egress: boolean;
  /** IP protocol number, or -1 for all. */
  readonly protocol: number;
  readonly ruleAction: 'allow' | 'deny';
  readonly cidrBlock?: string;
  readonly ipv6CidrBlock?: string;
  /** TCP and UDP. */
  readonly portRange?: { readonly from: number; readonly to: number };
  /** ICMP; -1 for all. */
  readonly icmp?: { readonly type: number; readonly code: number };
}

export interface NetworkAclRow {
  readonly networkAclId: string;
  readonly owner: string;
  readonly vpcId: string;
  readonly isDefault: boolean;
  readonly associations: readonly { readonly associationId: string; readonly subnetId: string }[];
  /** Absent in rows of before rules could be changed, whose ACLs let everything pass. */
  readonly entries?: readonly NetworkAclEntryRow[];
}

/**
 * The rules of a default network ACL: all traffic passes.
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/default-network-acl.html
 */
export const defaultEntries: readonly NetworkAclEntryRow[] = [true, false].map(egress => ({
  ruleNumber: 100,
  egress,
  protocol: -1,
  ruleAction: 'allow',
  cidrBlock: '0.0.0.0/0',
}));

/** The rules of an ACL besides the last ones, which deny what no other rule was about. */
export function entriesOfAcl(row: NetworkAclRow): readonly NetworkAclEntryRow[] {
  return row.entries ?? defaultEntries;
}

export const networkAcls = defineTable<NetworkAclRow>()({
  name: 'network_acls',
  key: row => row.networkAclId,
  indexes: {
    owner: row => row.owner,
    vpc: row => row.vpcId,
    subnet: row => row.associations.map(one => one.subnetId),
    association: row => row.associations.map(one => one.associationId),
  },
});
