import type { DescribeSubnetsRequest, DescribeSubnetsResult, Subnet } from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import type { FilterTable } from '../../api/filters.ts';
import { idKinds } from '../../api/ids.ts';
import { type AnyOperation, readOperation } from '../../api/operation.ts';
import { accountOf, regionOf } from '../../api/owner.ts';
import type { Reader } from '../../state/state.ts';
import { describeOwn } from '../describe.ts';
import { availableAddressCount } from '../network-interfaces/addresses.ts';
import { tagList } from '../tags/model.ts';
import { type SubnetRow, subnets } from './model.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Subnet.html */
export function renderSubnet(db: Reader, row: SubnetRow): Subnet {
  return {
    SubnetId: row.subnetId,
    SubnetArn: subnetArn(row),
    OwnerId: accountOf(row.owner),
    VpcId: row.vpcId,
    State: row.state,
    CidrBlock: row.cidrBlock,
    AvailableIpAddressCount: availableAddressCount(db, row),
    AvailabilityZone: row.availabilityZone,
    AvailabilityZoneId: row.availabilityZoneId,
    DefaultForAz: row.defaultForAz,
    MapPublicIpOnLaunch: row.mapPublicIpOnLaunch,
    MapCustomerOwnedIpOnLaunch: false,
    AssignIpv6AddressOnCreation: false,
    Ipv6CidrBlockAssociationSet: [],
    Ipv6Native: false,
    EnableDns64: false,
    PrivateDnsNameOptionsOnLaunch: {
      HostnameType: row.hostnameType,
      EnableResourceNameDnsARecord: row.enableResourceNameDnsARecord,
      EnableResourceNameDnsAAAARecord: false,
    },
    Tags: tagList(db, row.subnetId),
  };
}

function subnetArn(row: SubnetRow): string {
  return arn({ account: accountOf(row.owner), region: regionOf(row.owner) }, 'subnet', row.subnetId);
}

function subnetFilters(db: Reader): FilterTable<SubnetRow> {
  return {
    'availability-zone': row => row.availabilityZone,
    availabilityZone: row => row.availabilityZone,
    'availability-zone-id': row => row.availabilityZoneId,
    availabilityZoneId: row => row.availabilityZoneId,
    'available-ip-address-count': row => availableAddressCount(db, row),
    'cidr-block': row => row.cidrBlock,
    cidr: row => row.cidrBlock,
    cidrBlock: row => row.cidrBlock,
    'customer-owned-ipv4-pool': () => undefined,
    'default-for-az': row => row.defaultForAz,
    defaultForAz: row => row.defaultForAz,
    'enable-dns64': () => false,
    'enable-lni-at-device-index': () => undefined,
    'ipv6-cidr-block-association.ipv6-cidr-block': () => undefined,
    'ipv6-cidr-block-association.association-id': () => undefined,
    'ipv6-cidr-block-association.state': () => undefined,
    'ipv6-native': () => false,
    'map-customer-owned-ip-on-launch': () => false,
    'map-public-ip-on-launch': row => row.mapPublicIpOnLaunch,
    'outpost-arn': () => undefined,
    'owner-id': row => accountOf(row.owner),
    'private-dns-name-options-on-launch.hostname-type': row => row.hostnameType,
    'private-dns-name-options-on-launch.enable-resource-name-dns-a-record': row => row.enableResourceNameDnsARecord,
    'private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record': () => false,
    state: row => row.state,
    'subnet-arn': subnetArn,
    'subnet-id': row => row.subnetId,
    'vpc-id': row => row.vpcId,
  };
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSubnets.html */
const describeSubnets = readOperation<DescribeSubnetsRequest, DescribeSubnetsResult>({
  service: 'ec2',
  name: 'DescribeSubnets',
  resources: () => ['*'],
  run: (input, context) => {
    const page = describeOwn(context, input, {
      table: subnets,
      kind: idKinds.subnet,
      ids: input.SubnetIds,
      filters: subnetFilters(context.db),
      keyFilter: 'subnet-id',
      indexed: { 'vpc-id': 'vpc' },
    });
    return { Subnets: page.rows.map(row => renderSubnet(context.db, row)), NextToken: page.nextToken };
  },
});

export const subnetOperations: readonly AnyOperation[] = [describeSubnets];
