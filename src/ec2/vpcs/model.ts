import { defineTable } from '../../state/table.ts';

/** An IPv6 block of a VPC. */
export interface VpcIpv6Association {
  readonly associationId: string;
  readonly ipv6CidrBlock: string;
  /** `Amazon`, or the pool of a range that was brought. */
  readonly ipv6Pool: string;
  readonly networkBorderGroup: string;
}

export interface VpcRow {
  readonly vpcId: string;
  readonly owner: string;
  /** The primary block, which stays. */
  readonly cidrBlock: string;
  /** All IPv4 blocks; the primary one comes first. */
  readonly cidrAssociations: readonly { readonly associationId: string; readonly cidrBlock: string }[];
  /** Absent in rows of before IPv6. */
  readonly ipv6Associations?: readonly VpcIpv6Association[];
  readonly isDefault: boolean;
  /** `default` when the VPC has no DHCP options, as AssociateDhcpOptions says it. */
  readonly dhcpOptionsId: string;
  readonly instanceTenancy: 'default';
  readonly enableDnsSupport: boolean;
  readonly enableDnsHostnames: boolean;
  readonly state: 'pending' | 'available';
}

export const vpcs = defineTable<VpcRow>()({
  name: 'vpcs',
  key: row => row.vpcId,
  indexes: {
    owner: row => row.owner,
    default: row => (row.isDefault ? row.owner : undefined),
    dhcpOptions: row => row.dhcpOptionsId,
    /** Blocks are unique among all accounts, as they are routed. */
    ipv6Block: row => (row.ipv6Associations ?? []).map(one => one.ipv6CidrBlock),
    /** Pools of blocks that were brought. */
    ipv6Pool: row => [...new Set((row.ipv6Associations ?? []).map(one => one.ipv6Pool))],
    cidrAssociation: row => [
      ...row.cidrAssociations.map(one => one.associationId),
      ...(row.ipv6Associations ?? []).map(one => one.associationId),
    ],
  },
});
