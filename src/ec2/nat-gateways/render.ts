import type { NatGateway, NatGatewayAddress } from '@aws-sdk/client-ec2';
import type { FilterTable } from '../../api/filters.ts';
import type { Reader } from '../../state/state.ts';
import { networkInterfaces } from '../network-interfaces/model.ts';
import { tagList } from '../tags/model.ts';
import type { NatGatewayAddressRow, NatGatewayRow } from './model.ts';

type AddressStatus = NonNullable<NatGatewayAddress['Status']>;

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NatGateway.html */
export function renderNatGateway(db: Reader, row: NatGatewayRow): NatGateway {
  const isOver = row.state === 'failed' || row.state === 'deleted';
  return {
    NatGatewayId: row.natGatewayId,
    VpcId: row.vpcId,
    SubnetId: row.subnetId,
    ConnectivityType: row.connectivityType,
    AvailabilityMode: 'zonal',
    State: row.state,
    FailureCode: isOver ? row.failure?.code : undefined,
    FailureMessage: isOver ? row.failure?.message : undefined,
    NatGatewayAddresses: addressesOf(db, row).map(one => renderNatGatewayAddress(one, statusOf(row))),
    CreateTime: new Date(row.createTime),
    DeleteTime: row.deleteTime === undefined ? undefined : new Date(row.deleteTime),
    Tags: tagList(db, row.natGatewayId),
  };
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NatGatewayAddress.html */
export function renderNatGatewayAddress(one: NatGatewayAddressRow, status: AddressStatus): NatGatewayAddress {
  return {
    AllocationId: one.allocationId,
    AssociationId: one.associationId,
    NetworkInterfaceId: one.networkInterfaceId,
    PrivateIp: one.privateIp,
    PublicIp: one.publicIp,
    IsPrimary: one.isPrimary,
    Status: status,
  };
}

/** The addresses of a NAT gateway, the primary one first. */
export function addressesOf(db: Reader, row: NatGatewayRow): readonly NatGatewayAddressRow[] {
  const card = row.networkInterfaceId === undefined ? undefined : db.get(networkInterfaces, row.networkInterfaceId);
  if (card === undefined) return row.lastAddresses ?? [];
  return card.privateIpAddresses.map(one => ({
    isPrimary: one.primary,
    networkInterfaceId: card.networkInterfaceId,
    privateIp: one.address,
    ...(one.publicIp === undefined ? {} : { publicIp: one.publicIp }),
    ...(one.allocationId === undefined ? {} : { allocationId: one.allocationId }),
    ...(one.associationId === undefined ? {} : { associationId: one.associationId }),
  }));
}

function statusOf(row: NatGatewayRow): AddressStatus {
  if (row.state === 'failed') return 'failed';
  if (row.state !== 'pending') return 'succeeded';
  return row.connectivityType === 'public' ? 'associating' : 'assigning';
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNatGateways.html */
export const natGatewayFilters: FilterTable<NatGatewayRow> = {
  'nat-gateway-id': row => row.natGatewayId,
  state: row => row.state,
  'subnet-id': row => row.subnetId,
  'vpc-id': row => row.vpcId,
};
