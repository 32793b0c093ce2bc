import type { Subnet, SubnetIpv6CidrBlockAssociation } from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import type { FilterTable } from '../../api/filters.ts';
import { accountOf, regionOf } from '../../api/owner.ts';
import type { Reader } from '../../state/state.ts';
import { availableAddressCount } from '../network-interfaces/addresses.ts';
import { tagList } from '../tags/model.ts';
import type { SubnetRow } from './model.ts';

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
    AssignIpv6AddressOnCreation: row.assignIpv6AddressOnCreation === true,
    Ipv6CidrBlockAssociationSet: (row.ipv6Associations ?? []).map(one => renderIpv6Association(one, 'associated')),
    Ipv6Native: false,
    EnableDns64: false,
    PrivateDnsNameOptionsOnLaunch: {
      HostnameType: row.hostnameType,
      EnableResourceNameDnsARecord: row.enableResourceNameDnsARecord,
      EnableResourceNameDnsAAAARecord: row.enableResourceNameDnsAaaaRecord === true,
    },
    Tags: tagList(db, row.subnetId),
  };
}

export function renderIpv6Association(
  one: NonNullable<SubnetRow['ipv6Associations']>[number],
  State: 'associated' | 'disassociating',
): SubnetIpv6CidrBlockAssociation {
  return {
    AssociationId: one.associationId,
    Ipv6CidrBlock: one.ipv6CidrBlock,
    Ipv6CidrBlockState: { State },
    Ipv6AddressAttribute: 'public',
    IpSource: 'amazon',
  };
}

function subnetArn(row: SubnetRow): string {
  return arn({ account: accountOf(row.owner), region: regionOf(row.owner) }, 'subnet', row.subnetId);
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSubnets.html */
export function subnetFilters(db: Reader): FilterTable<SubnetRow> {
  const ipv6 = (row: SubnetRow) => row.ipv6Associations ?? [];
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
    'ipv6-cidr-block-association.ipv6-cidr-block': row => ipv6(row).map(one => one.ipv6CidrBlock),
    'ipv6-cidr-block-association.association-id': row => ipv6(row).map(one => one.associationId),
    'ipv6-cidr-block-association.state': row => ipv6(row).map(() => 'associated'),
    'ipv6-native': () => false,
    'map-customer-owned-ip-on-launch': () => false,
    'map-public-ip-on-launch': row => row.mapPublicIpOnLaunch,
    'outpost-arn': () => undefined,
    'owner-id': row => accountOf(row.owner),
    'private-dns-name-options-on-launch.hostname-type': row => row.hostnameType,
    'private-dns-name-options-on-launch.enable-resource-name-dns-a-record': row => row.enableResourceNameDnsARecord,
    'private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record': row =>
      row.enableResourceNameDnsAaaaRecord === true,
    state: row => row.state,
    'subnet-arn': subnetArn,
    'subnet-id': row => row.subnetId,
    'vpc-id': row => row.vpcId,
  };
}
