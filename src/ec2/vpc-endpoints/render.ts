import type { VpcEndpoint } from '@aws-sdk/client-ec2';
import type { FilterTable } from '../../api/filters.ts';
import { accountOf, regionOf } from '../../api/owner.ts';
import type { Reader } from '../../state/state.ts';
import { serviceName } from '../prefix-lists/aws.ts';
import { tagList } from '../tags/model.ts';
import { defaultPolicy, tablesOf, type VpcEndpointRow } from './model.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_VpcEndpoint.html */
export function renderVpcEndpoint(db: Reader, row: VpcEndpointRow): VpcEndpoint {
  return {
    VpcEndpointId: row.vpcEndpointId,
    VpcEndpointType: 'Gateway',
    VpcId: row.vpcId,
    ServiceName: serviceNameOf(row),
    // EC2 writes it in lower case, other than its model has it.
    State: 'available' as 'Available',
    PolicyDocument: row.policyDocument ?? defaultPolicy,
    RouteTableIds: tablesOf(db, row).map(one => one.routeTableId),
    SubnetIds: [],
    Groups: [],
    IpAddressType: 'ipv4',
    PrivateDnsEnabled: false,
    RequesterManaged: false,
    NetworkInterfaceIds: [],
    DnsEntries: [],
    CreationTimestamp: new Date(row.createTime),
    Tags: tagList(db, row.vpcEndpointId) ?? [],
    OwnerId: accountOf(row.owner),
    ServiceRegion: regionOf(row.owner),
  };
}

export function serviceNameOf(row: VpcEndpointRow): string {
  return serviceName(regionOf(row.owner), row.service);
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcEndpoints.html */
export const vpcEndpointFilters: FilterTable<VpcEndpointRow> = {
  'ip-address-type': () => 'ipv4',
  'service-name': serviceNameOf,
  'service-region': row => regionOf(row.owner),
  'vpc-id': row => row.vpcId,
  'vpc-endpoint-id': row => row.vpcEndpointId,
  'vpc-endpoint-state': () => 'available',
  'vpc-endpoint-type': () => 'Gateway',
};
