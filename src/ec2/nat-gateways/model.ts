import { defineTable } from '../../state/table.ts';

/**
 * A NAT gateway. Its addresses are those of its network interface while it has one. Times are milliseconds since the
 * epoch.
 */
export interface NatGatewayRow {
  readonly natGatewayId: string;
  readonly owner: string;
  readonly vpcId: string;
  readonly subnetId: string;
  readonly availabilityZone: string;
  readonly connectivityType: 'public' | 'private';
  readonly state: 'pending' | 'available' | 'deleting' | 'deleted' | 'failed';
  /** Why it could not be made; shown when it has `failed`. */
  readonly failure?: { readonly code: string; readonly message: string };
  /** Of the requester-managed interface; absent once that is gone. */
  readonly networkInterfaceId?: string;
  /** What is shown of its addresses when the interface is gone, or never was. */
  readonly lastAddresses?: readonly NatGatewayAddressRow[];
  readonly createTime: number;
  readonly deleteTime?: number;
}

export interface NatGatewayAddressRow {
  readonly isPrimary: boolean;
  readonly networkInterfaceId?: string;
  readonly privateIp?: string;
  readonly publicIp?: string;
  readonly allocationId?: string;
  readonly associationId?: string;
}

/** Whether a NAT gateway takes packets, or is about to. */
export function isLive(row: NatGatewayRow | undefined): row is NatGatewayRow {
  return row !== undefined && (row.state === 'available' || (row.state === 'pending' && row.failure === undefined));
}

export const natGateways = defineTable<NatGatewayRow>()({
  name: 'nat_gateways',
  key: row => row.natGatewayId,
  indexes: {
    owner: row => row.owner,
    vpc: row => row.vpcId,
    subnet: row => row.subnetId,
    networkInterface: row => row.networkInterfaceId,
    /** `OWNER ZONE` of those that count for the limit. */
    zone: row =>
      row.state === 'failed' || row.state === 'deleted' ? undefined : `${row.owner} ${row.availabilityZone}`,
  },
});
