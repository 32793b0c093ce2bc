import { defineTable } from '../../state/table.ts';

export interface SubnetRow {
  readonly subnetId: string;
  readonly owner: string;
  readonly vpcId: string;
  readonly cidrBlock: string;
  /** A /64 of one of the VPC's IPv6 blocks; absent in rows of before IPv6. */
  readonly ipv6Associations?: readonly { readonly associationId: string; readonly ipv6CidrBlock: string }[];
  readonly availabilityZone: string;
  readonly availabilityZoneId: string;
  readonly defaultForAz: boolean;
  readonly mapPublicIpOnLaunch: boolean;
  readonly assignIpv6AddressOnCreation?: boolean;
  readonly hostnameType: 'ip-name' | 'resource-name';
  readonly enableResourceNameDnsARecord: boolean;
  readonly enableResourceNameDnsAaaaRecord?: boolean;
  readonly state: 'pending' | 'available';
}

export const subnets = defineTable<SubnetRow>()({
  name: 'subnets',
  key: row => row.subnetId,
  indexes: {
    owner: row => row.owner,
    vpc: row => row.vpcId,
    /** `OWNER/ZONE` of default subnets. */
    defaultForZone: row => (row.defaultForAz ? `${row.owner}/${row.availabilityZone}` : undefined),
    cidrAssociation: row => (row.ipv6Associations ?? []).map(one => one.associationId),
  },
});

/** A part of a subnet that addresses are not chosen from, but may be asked for. */
export interface SubnetCidrReservationRow {
  readonly subnetCidrReservationId: string;
  readonly owner: string;
  readonly subnetId: string;
  /** IPv4 or IPv6. */
  readonly cidr: string;
  /** `prefix`: prefixes of interfaces come from it. `explicit`: addresses of it are only given by request. */
  readonly reservationType: 'prefix' | 'explicit';
  readonly description?: string;
}

export const subnetCidrReservations = defineTable<SubnetCidrReservationRow>()({
  name: 'subnet_cidr_reservations',
  key: row => row.subnetCidrReservationId,
  indexes: { owner: row => row.owner, subnet: row => row.subnetId },
});
