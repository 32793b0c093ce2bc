import { defineTable } from '../../state/table.ts';

export interface SubnetRow {
  readonly subnetId: string;
  readonly owner: string;
  readonly vpcId: string;
  readonly cidrBlock: string;
  readonly availabilityZone: string;
  readonly availabilityZoneId: string;
  readonly defaultForAz: boolean;
  readonly mapPublicIpOnLaunch: boolean;
  readonly hostnameType: 'ip-name' | 'resource-name';
  readonly enableResourceNameDnsARecord: boolean;
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
  },
});
