import { newId } from '../../api/ids.ts';
import type { Tx } from '../../state/state.ts';
import { networkAcls } from '../network-acls/model.ts';
import type { Zone } from '../regions/zones.ts';
import type { VpcRow } from '../vpcs/model.ts';
import { type SubnetRow, subnets } from './model.ts';

export interface NewSubnet {
  readonly cidrBlock: string;
  readonly zone: Zone;
  readonly isDefault: boolean;
  readonly ipv6CidrBlock?: string | undefined;
}

/** Makes a subnet, which has its VPC's default network ACL. */
export function createSubnetRow(tx: Tx, vpc: VpcRow, wanted: NewSubnet): SubnetRow {
  const { zone, ipv6CidrBlock } = wanted;
  const subnetId = newId('subnet');
  const row: SubnetRow = {
    subnetId,
    owner: vpc.owner,
    vpcId: vpc.vpcId,
    cidrBlock: wanted.cidrBlock,
    availabilityZone: zone.name,
    availabilityZoneId: zone.id,
    defaultForAz: wanted.isDefault,
    mapPublicIpOnLaunch: wanted.isDefault,
    hostnameType: 'ip-name',
    enableResourceNameDnsARecord: false,
    state: 'available',
    ...(ipv6CidrBlock === undefined
      ? {}
      : { ipv6Associations: [{ associationId: newId('subnet-cidr-assoc'), ipv6CidrBlock }] }),
  };
  tx.put(subnets, row);
  const acl = tx.by(networkAcls, 'vpc', vpc.vpcId).find(one => one.isDefault);
  if (acl === undefined) throw new Error(`${vpc.vpcId} has no default network ACL`);
  const association = { associationId: newId('aclassoc'), subnetId };
  tx.put(networkAcls, { ...acl, associations: [...acl.associations, association] });
  return row;
}
