import { defineTable } from '../../state/table.ts';

export interface PrivateIpAddress {
  readonly address: string;
  readonly primary: boolean;
  /** The public address mapped to it, auto-assigned or Elastic. */
  readonly publicIp?: string;
  /** `amazon` for an auto-assigned public address, the account for an Elastic one. */
  readonly publicIpOwner?: string;
  /** Of an Elastic IP address. */
  readonly allocationId?: string;
  readonly associationId?: string;
}

/** An elastic network interface (ENI). Times are milliseconds since the epoch. */
export interface NetworkInterfaceRow {
  readonly networkInterfaceId: string;
  readonly owner: string;
  readonly vpcId: string;
  readonly subnetId: string;
  readonly availabilityZone: string;
  readonly macAddress: string;
  readonly description: string;
  readonly status: 'available' | 'in-use' | 'attaching' | 'detaching';
  readonly interfaceType: 'interface' | 'efa' | 'nat_gateway';
  readonly requesterManaged: boolean;
  readonly sourceDestCheck: boolean;
  readonly groupIds: readonly string[];
  /** The primary address comes first. */
  readonly privateIpAddresses: readonly PrivateIpAddress[];
  /** Absent in rows of before IPv6. */
  readonly ipv6Addresses?: readonly string[];
  /** The first IPv6 address stays while the interface is attached. */
  readonly primaryIpv6?: true;
  /** /28 blocks whose addresses are all this interface's. */
  readonly ipv4Prefixes?: readonly string[];
  /** /80 blocks. */
  readonly ipv6Prefixes?: readonly string[];
  readonly attachment?: {
    readonly attachmentId: string;
    readonly instanceId: string;
    readonly deviceIndex: number;
    readonly networkCardIndex: number;
    readonly attachTime: number;
    readonly deleteOnTermination: boolean;
    /** It is being detached, whether or not the guest lets go. */
    readonly forceDetach?: boolean;
  };
  /** Of a requester-managed interface: what it belongs to, and the attachment that is shown for that. */
  readonly serviceAttachment?: { readonly attachmentId: string; readonly natGatewayId: string };
  /** Whether its instance asked for a public address each time it starts. */
  readonly associatePublicIp: boolean;
  readonly createTime: number;
}

export const networkInterfaces = defineTable<NetworkInterfaceRow>()({
  name: 'network_interfaces',
  key: row => row.networkInterfaceId,
  indexes: {
    owner: row => row.owner,
    vpc: row => row.vpcId,
    subnet: row => row.subnetId,
    instance: row => row.attachment?.instanceId,
    group: row => row.groupIds,
    /** `VPC ADDRESS`: who owns a private address; the metadata service finds its caller by it. */
    privateIp: row => row.privateIpAddresses.map(one => `${row.vpcId} ${one.address}`),
    /** `SUBNET N`: interfaces with at least N + 1 addresses; their counts add up to the subnet's used addresses. */
    addressOrdinal: row => row.privateIpAddresses.map((_, ordinal) => `${row.subnetId} ${ordinal}`),
    /** `SUBNET N`, as `addressOrdinal`, of /28 prefixes. */
    prefixOrdinal: row => (row.ipv4Prefixes ?? []).map((_, ordinal) => `${row.subnetId} ${ordinal}`),
    /** `VPC PREFIX` of both families. */
    prefix: row => [...(row.ipv4Prefixes ?? []), ...(row.ipv6Prefixes ?? [])].map(one => `${row.vpcId} ${one}`),
    /** `VPC ADDRESS` */
    ipv6Address: row => (row.ipv6Addresses ?? []).map(one => `${row.vpcId} ${one}`),
    address: row => row.privateIpAddresses.map(one => one.address),
    attachment: row => row.attachment?.attachmentId,
    mac: row => row.macAddress,
    association: row => row.privateIpAddresses.flatMap(one => one.associationId ?? []),
    publicIp: row => row.privateIpAddresses.flatMap(one => (one.publicIp === undefined ? [] : [one.publicIp])),
  },
});
