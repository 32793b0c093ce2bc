import type { NatGatewayIntent, PortIntent, SecurityGroupIntent, VpcIntent } from '../../engine/engine.ts';
import { holds } from './packet.ts';

/**
 * What the analysis asks about a network: the same intents that the fabric gets, looked up by what a packet has in its
 * header. A port is here as long as it is plugged in.
 */
export interface Network {
  vpc(vpcId: string): VpcIntent | undefined;
  group(vpcId: string, groupId: string): SecurityGroupIntent | undefined;
  port(networkInterfaceId: string): PortIntent | undefined;
  /** Who has a private or IPv6 address, or a prefix that holds it, in a VPC. */
  portAt(vpcId: string, address: string): PortIntent | undefined;
  /** Whose a public IPv4 address or an IPv6 address is that comes from the internet. */
  publicOwner(address: string): PublicOwner | undefined;
}

export interface PublicOwner {
  readonly vpcId: string;
  /** What the address becomes at the internet gateway. */
  readonly address: string;
}

/** Does an interface have an address, by itself or by a prefix? */
export function hasAddress(port: PortIntent, address: string): boolean {
  const { privateIpAddresses, ipv6Addresses = [], ipv4Prefixes = [], ipv6Prefixes = [] } = port;
  return [...privateIpAddresses, ...ipv6Addresses, ...ipv4Prefixes, ...ipv6Prefixes].some(one => holds(one, address));
}

/** The NAT gateway that has a private address in a VPC. */
export function natGatewayAt(vpc: VpcIntent, address: string): NatGatewayIntent | undefined {
  return vpc.natGateways?.find(nat => nat.privateIpAddresses.includes(address));
}

/** A network of intents that are all at hand: what tests give to the fabric. */
export function networkOf(intents: {
  readonly vpcs: readonly VpcIntent[];
  readonly groups: readonly SecurityGroupIntent[];
  readonly ports: readonly PortIntent[];
}): Network {
  const vpcs = new Map(intents.vpcs.map(one => [one.vpcId, one]));
  const groups = new Map(intents.groups.map(one => [`${one.vpcId} ${one.groupId}`, one]));
  const ports = new Map(intents.ports.map(one => [one.networkInterfaceId, one]));
  const portAt = (vpcId: string, address: string) =>
    intents.ports.find(one => one.vpcId === vpcId && hasAddress(one, address));
  return {
    vpc: vpcId => vpcs.get(vpcId),
    group: (vpcId, groupId) => groups.get(`${vpcId} ${groupId}`),
    port: id => ports.get(id),
    portAt,
    publicOwner(address) {
      for (const vpc of intents.vpcs) {
        const holders = [...intents.ports.filter(one => one.vpcId === vpc.vpcId), ...(vpc.natGateways ?? [])];
        for (const { publicIpAddresses } of holders) {
          const found = Object.entries(publicIpAddresses).find(([, one]) => one === address);
          if (found !== undefined) return { vpcId: vpc.vpcId, address: found[0] };
        }
        if (address.includes(':') && portAt(vpc.vpcId, address) !== undefined) return { vpcId: vpc.vpcId, address };
      }
      return undefined;
    },
  };
}

/** The public address that a private address of a VPC is mapped to at its internet gateway. */
export function publicAddressOf(network: Network, vpcId: string, address: string): string | undefined {
  const nat = natGatewayAt(network.vpc(vpcId) ?? noVpc, address);
  const holder = nat ?? network.portAt(vpcId, address);
  return holder?.publicIpAddresses[address];
}

const noVpc: VpcIntent = {
  vpcId: '',
  cidrBlocks: [],
  subnets: [],
  internetGateway: false,
  domainName: '',
  enableDnsSupport: false,
};
