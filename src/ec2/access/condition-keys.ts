import type { ConditionKeys } from '../../api/access.ts';
import { arn } from '../../api/arn.ts';
import { accountOf, regionOf } from '../../api/owner.ts';
import type { Reader } from '../../state/state.ts';
import { addresses } from '../addresses/model.ts';
import { dhcpOptions } from '../dhcp-options/model.ts';
import { type ImageRow, images } from '../images/model.ts';
import { type InstanceRow, instances } from '../instances/model.ts';
import { internetGateways } from '../internet-gateways/model.ts';
import { keyPairs } from '../key-pairs/model.ts';
import { natGateways } from '../nat-gateways/model.ts';
import { networkAcls } from '../network-acls/model.ts';
import { networkInterfaces } from '../network-interfaces/model.ts';
import { zoneId } from '../regions/zones.ts';
import { routeTables } from '../route-tables/model.ts';
import { securityGroups } from '../security-groups/model.ts';
import { type SnapshotRow, snapshots } from '../snapshots/model.ts';
import { subnets } from '../subnets/model.ts';
import { type VolumeRow, volumes } from '../volumes/model.ts';
import { vpcEndpoints } from '../vpc-endpoints/model.ts';
import { serviceNameOf } from '../vpc-endpoints/render.ts';
import { vpcPeeringConnections } from '../vpc-peering/model.ts';
import { vpcs } from '../vpcs/model.ts';

/** The keys of one resource, by its id in the ARN. `owner` is the caller's; a resource that he must not see has none. */
type KeysOf = (db: Reader, id: string, owner: string) => ConditionKeys | undefined;

/**
 * EC2's condition keys of existing resources, by the type in the ARN. A new type adds one entry; types without keys of
 * their own need none.
 * @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html#amazonec2-policy-keys
 */
export const conditionKeys: Readonly<Record<string, KeysOf>> = {
  'dhcp-options': (db, id) => db.get(dhcpOptions, id) && { 'ec2:DhcpOptionsID': id },
  'elastic-ip': (db, id) => {
    const row = db.get(addresses, id);
    return row && { 'ec2:AllocationId': id, 'ec2:Domain': 'vpc', 'ec2:PublicIpAddress': row.publicIp };
  },
  image: (db, id) => {
    const row = db.get(images, id);
    return row && imageKeys(row);
  },
  instance: (db, id) => {
    const row = db.get(instances, id);
    return row && instanceKeys(row);
  },
  'internet-gateway': (db, id) => db.get(internetGateways, id) && { 'ec2:InternetGatewayID': id },
  // Their ARNs have names.
  'key-pair': (db, name, owner) => {
    const row = db.firstBy(keyPairs, 'name', `${owner}/${name}`);
    return row && { 'ec2:KeyPairName': row.keyName, 'ec2:KeyPairType': row.keyType };
  },
  natgateway: (db, id) => {
    const row = db.get(natGateways, id);
    return row && { 'ec2:Vpc': inPlaceOf(row, 'vpc', row.vpcId) };
  },
  'network-acl': (db, id) => {
    const row = db.get(networkAcls, id);
    return row && { 'ec2:NetworkAclID': id, 'ec2:Vpc': inPlaceOf(row, 'vpc', row.vpcId) };
  },
  'network-interface': (db, id) => {
    const row = db.get(networkInterfaces, id);
    return (
      row && {
        'ec2:NetworkInterfaceID': id,
        ...zoneKeys(row.availabilityZone),
        'ec2:Subnet': inPlaceOf(row, 'subnet', row.subnetId),
        'ec2:Vpc': inPlaceOf(row, 'vpc', row.vpcId),
      }
    );
  },
  'route-table': (db, id) => {
    const row = db.get(routeTables, id);
    return row && { 'ec2:RouteTableID': id, 'ec2:Vpc': inPlaceOf(row, 'vpc', row.vpcId) };
  },
  'security-group': (db, id) => {
    const row = db.get(securityGroups, id);
    return row && { 'ec2:SecurityGroupID': id, 'ec2:Vpc': inPlaceOf(row, 'vpc', row.vpcId) };
  },
  snapshot: (db, id) => {
    const row = db.get(snapshots, id);
    return row && snapshotKeys(row);
  },
  subnet: (db, id) => {
    const row = db.get(subnets, id);
    return (
      row && {
        'ec2:SubnetID': id,
        ...zoneKeys(row.availabilityZone),
        'ec2:Vpc': inPlaceOf(row, 'vpc', row.vpcId),
      }
    );
  },
  volume: (db, id) => {
    const row = db.get(volumes, id);
    return row && { 'ec2:VolumeID': id, ...volumeKeys(row, regionOf(row.owner)) };
  },
  vpc: (db, id) => {
    const row = db.get(vpcs, id);
    return row && { 'ec2:VpcID': id, 'ec2:Tenancy': row.instanceTenancy };
  },
  'vpc-endpoint': (db, id) => {
    const row = db.get(vpcEndpoints, id);
    return (
      row && {
        'ec2:VpceServiceName': serviceNameOf(row),
        'ec2:VpceServiceOwner': 'amazon',
        'ec2:VpceServiceRegion': regionOf(row.owner),
      }
    );
  },
  'vpc-peering-connection': (db, id) => {
    const row = db.get(vpcPeeringConnections, id);
    return (
      row && {
        'ec2:VpcPeeringConnectionID': id,
        'ec2:RequesterVpc': inPlaceOf(row.requester, 'vpc', row.requester.vpcId),
        'ec2:AccepterVpc': inPlaceOf(row.accepter, 'vpc', row.accepter.vpcId),
      }
    );
  },
};

function instanceKeys(row: InstanceRow): ConditionKeys {
  return {
    'ec2:InstanceID': row.instanceId,
    'ec2:InstanceType': row.instanceType,
    ...zoneKeys(row.availabilityZone),
    'ec2:EbsOptimized': row.ebsOptimized,
    'ec2:InstanceAutoRecovery': row.autoRecovery,
    'ec2:InstanceMarketType': 'on-demand',
    'ec2:InstanceProfile': row.instanceProfile?.arn,
    'ec2:RootDeviceType': 'ebs',
    'ec2:Tenancy': 'default',
    ...metadataKeys(row.metadataOptions),
  };
}

/** Of an instance that is or will be. */
export function metadataKeys(options: Omit<InstanceRow['metadataOptions'], 'state'>): ConditionKeys {
  return {
    'ec2:InstanceMetadataTags': options.instanceMetadataTags,
    'ec2:MetadataHttpEndpoint': options.httpEndpoint,
    'ec2:MetadataHttpPutResponseHopLimit': options.httpPutResponseHopLimit,
    'ec2:MetadataHttpTokens': options.httpTokens,
  };
}

function imageKeys(row: ImageRow): ConditionKeys {
  return {
    'ec2:ImageID': row.imageId,
    'ec2:ImageType': 'machine',
    'ec2:Owner': row.ownerAlias ?? accountOf(row.owner),
    'ec2:Public': row.public,
    'ec2:RootDeviceType': 'ebs',
  };
}

function snapshotKeys(row: SnapshotRow): ConditionKeys {
  return {
    'ec2:SnapshotID': row.snapshotId,
    'ec2:Encrypted': row.encrypted,
    'ec2:Owner': row.ownerAlias ?? accountOf(row.owner),
    'ec2:ParentVolume': inPlaceOf(row, 'volume', row.volumeId),
    'ec2:SnapshotTime': new Date(row.startTime).toISOString(),
    'ec2:VolumeSize': row.volumeSize,
  };
}

/** Of a volume that is or will be. */
export function volumeKeys(
  volume: Pick<VolumeRow, 'volumeType' | 'size' | 'iops' | 'throughput' | 'snapshotId'> & {
    readonly encrypted?: boolean;
    readonly availabilityZone?: string;
  },
  region: string,
): ConditionKeys {
  return {
    ...(volume.availabilityZone === undefined ? {} : zoneKeys(volume.availabilityZone)),
    'ec2:Encrypted': volume.encrypted ?? false,
    'ec2:ParentSnapshot': volume.snapshotId && arn({ account: '', region }, 'snapshot', volume.snapshotId),
    'ec2:VolumeIops': volume.iops,
    'ec2:VolumeSize': volume.size,
    'ec2:VolumeThroughput': volume.throughput,
    'ec2:VolumeType': volume.volumeType,
  };
}

export function zoneKeys(zone: string): ConditionKeys {
  return { 'ec2:AvailabilityZone': zone, 'ec2:AvailabilityZoneId': zoneId(zone) };
}

function inPlaceOf(row: { readonly owner: string }, type: string, id: string): string {
  return arn({ account: accountOf(row.owner), region: regionOf(row.owner) }, type, id);
}
