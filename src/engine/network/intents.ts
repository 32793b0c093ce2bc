/**
 * What the fabric is to do, in EC2's terms: compiled from the state, with everything resolved that takes more than one
 * row to know (prefix lists into their entries, routes into their targets, associations into the subnets they apply to).
 * Optional members mean "none" when left out. CIDR blocks and addresses are text; IPv6 in any form of RFC 4291.
 */

/** What a rule says of the transport layer. Ports are inclusive; ICMP type and code -1 mean all. */
export interface PacketMatch {
  /** IP protocol number (1 ICMP, 6 TCP, 17 UDP, 58 ICMPv6), or -1 for all. */
  readonly protocol: number;
  readonly fromPort?: number;
  readonly toPort?: number;
  readonly icmpType?: number;
  readonly icmpCode?: number;
}

/** One rule of a security group. Exactly one of `cidrIpv4`, `cidrIpv6` and `groupId`. */
export interface PacketRule extends PacketMatch {
  readonly cidrIpv4?: string;
  readonly cidrIpv6?: string;
  readonly groupId?: string;
  /** `groupId` is of the VPC at the other end of this peering connection. */
  readonly vpcPeeringConnectionId?: string;
}

export interface SecurityGroupIntent {
  readonly vpcId: string;
  readonly groupId: string;
  readonly ingress: readonly PacketRule[];
  readonly egress: readonly PacketRule[];
}

/**
 * Where a route leads. `blackhole` also stands for what EC2 shows as such: the target is gone.
 * A network interface must have its source/destination check off to pass on what comes to it, and be plugged in.
 */
export type RouteTarget =
  | 'local'
  | 'internet-gateway'
  | 'egress-only-internet-gateway'
  | 'blackhole'
  | { readonly networkInterfaceId: string }
  | { readonly natGatewayId: string }
  | { readonly vpcPeeringConnectionId: string };

export interface RouteIntent {
  /** IPv4 or IPv6 CIDR block; the longest one that holds the destination decides. */
  readonly destination: string;
  readonly target: RouteTarget;
}

/** One entry of a network ACL. Entries are tried by number, the first that matches decides; none that matches denies. */
export interface NetworkAclEntryIntent extends PacketMatch {
  /** 1 to 32766. Entries of IPv4 and IPv6 are numbered together, as in EC2. */
  readonly ruleNumber: number;
  readonly allow: boolean;
  /** IPv4 or IPv6: the source of an ingress entry, the destination of an egress entry. */
  readonly cidrBlock: string;
}

/** Stateless, for what enters and leaves a subnet; not between interfaces of one subnet. */
export interface NetworkAclIntent {
  readonly networkAclId: string;
  /** Into the subnet. */
  readonly ingress: readonly NetworkAclEntryIntent[];
  readonly egress: readonly NetworkAclEntryIntent[];
}

export interface SubnetIntent {
  readonly subnetId: string;
  readonly cidrBlock: string;
  /** A /64 of one of the VPC's. */
  readonly ipv6CidrBlock?: string;
  /** `local` is implied for the VPC's own prefixes; longer ones inside them (a subnet's) may lead to an interface. */
  readonly routes: readonly RouteIntent[];
  /** One of `VpcIntent.networkAcls`; everything passes when left out. */
  readonly networkAclId?: string;
}

/**
 * A NAT gateway that is `available`. Its addresses are of its subnet, whose routes and network ACL apply to it: one that
 * leads nowhere leads nowhere here, too. Connections are translated to its addresses, each with a port of its own.
 */
export interface NatGatewayIntent {
  readonly natGatewayId: string;
  /** Of its requester-managed network interface. */
  readonly networkInterfaceId: string;
  readonly subnetId: string;
  readonly mac: string;
  /** The primary address comes first; connections are spread over all. */
  readonly privateIpAddresses: readonly string[];
  /** Private address to Elastic IP address; empty for `ConnectivityType: private`. */
  readonly publicIpAddresses: Readonly<Record<string, string>>;
}

/** An active peering connection. It carries packets while both VPCs are in the fabric and both intents have it. */
export interface VpcPeeringIntent {
  readonly vpcPeeringConnectionId: string;
  readonly peerVpcId: string;
  /** Public host names of the peer's interfaces, in full, that are resolved to private addresses. */
  readonly hostNames?: Readonly<Record<string, string>>;
}

/** DHCP options as their set has them; what is left out is not handed out. */
export interface DhcpOptionsIntent {
  /** Addresses, or `AmazonProvidedDNS`. */
  readonly domainNameServers: readonly string[];
  readonly ntpServers?: readonly string[];
  readonly netbiosNameServers?: readonly string[];
  /** 1, 2, 4 or 8. */
  readonly netbiosNodeType?: number;
  /** Seconds, 140 to 2147483647; EC2's default when left out. */
  readonly ipv6AddressPreferredLeaseTime?: number;
}

export interface VpcIntent {
  readonly vpcId: string;
  /** The primary block comes first: VPC DNS is its base plus two. */
  readonly cidrBlocks: readonly string[];
  /** /56 blocks, and what else IPv6 of EC2 allows. */
  readonly ipv6CidrBlocks?: readonly string[];
  readonly subnets: readonly SubnetIntent[];
  readonly internetGateway: boolean;
  readonly egressOnlyInternetGateway?: boolean;
  /** Of the route table that is associated with the internet gateway: what comes from there goes by these first. */
  readonly internetGatewayRoutes?: readonly RouteIntent[];
  /** Those that subnets name. */
  readonly networkAcls?: readonly NetworkAclIntent[];
  readonly natGateways?: readonly NatGatewayIntent[];
  readonly peeringConnections?: readonly VpcPeeringIntent[];
  /** Domain that DHCP hands out, and zone of private host names, e.g. `ec2.internal` or `eu-west-1.compute.internal`. */
  readonly domainName: string;
  /** Zone of public host names, e.g. `compute-1.amazonaws.com`: in it each address of the public pool has one. */
  readonly publicDomain?: string;
  readonly enableDnsSupport: boolean;
  /** `AmazonProvidedDNS` and nothing else when left out. */
  readonly dhcpOptions?: DhcpOptionsIntent;
  /** Flows are counted, see `FabricDriver.flowCounts`. */
  readonly countFlows?: boolean;
}

export interface PortIntent {
  readonly vpcId: string;
  readonly networkInterfaceId: string;
  readonly subnetId: string;
  readonly mac: string;
  /** The primary address comes first. */
  readonly privateIpAddresses: readonly string[];
  /** Private address to public address, mapped 1:1 at the internet gateway. */
  readonly publicIpAddresses: Readonly<Record<string, string>>;
  /** The first is handed out by DHCPv6. */
  readonly ipv6Addresses?: readonly string[];
  /** Delegated prefixes (/28 and /80): all of their addresses are this interface's. */
  readonly ipv4Prefixes?: readonly string[];
  readonly ipv6Prefixes?: readonly string[];
  /** Host name that DHCP hands out and VPC DNS resolves, without domain: `ip-172-31-0-10`. */
  readonly hostName: string;
  /** Private address to the public host name, in full, that VPC DNS resolves to it. */
  readonly publicHostNames?: Readonly<Record<string, string>>;
  /** The instance's ID, and those of this interface's addresses, IPv4 and IPv6, to which VPC DNS resolves it. */
  readonly resourceName?: { readonly name: string; readonly addresses: readonly string[] };
  readonly groupIds: readonly string[];
  readonly sourceDestCheck: boolean;
  /** IP TTL of the metadata service's answers to token requests (`HttpPutResponseHopLimit`), 1 to 64. */
  readonly metadataHopLimit: number;
  /** The metadata service answers on fd00:ec2::254, too (`HttpProtocolIpv6`). */
  readonly metadataIpv6?: boolean;
}

/** What a VPC's router has counted of one flow, one way, at one network interface: a port's or a NAT gateway's. */
export interface FlowCount {
  readonly networkInterfaceId: string;
  /** `egress`: it comes from the interface. Between two interfaces a flow is counted at both. */
  readonly direction: 'ingress' | 'egress';
  /** As within the VPC: private addresses in the place of public ones. */
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  /** 0 for protocols without ports. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** All that came, with IP headers. */
  readonly packets: number;
  readonly bytes: number;
  /** What the firewall let through. */
  readonly passedPackets: number;
  readonly passedBytes: number;
}
