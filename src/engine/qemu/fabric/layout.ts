import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { addressAt, parsePrefix } from '../../network/ipv4.ts';
import { normalIpv6 } from '../../network/ipv6.ts';
import { dataDirHash } from '../names.ts';

/**
 * Fixed names, numbers and addresses of the fabric.
 *
 *   guest ── tap… [VPC namespace] igw ══ v… [edge namespace] host ══ fb-… [the host]
 *
 * Link addresses between VPCs and edge lie in 169.254.0.0/16, which no VPC can use, away from 169.254.169.0/24,
 * where EC2's services are.
 */

/** The reason phrase of the metadata service's answers to token requests: `HTTP/1.1 200 Token`. The first bytes of
 * the answer tell the firewall which packets carry the hop limit; no other answer may use this phrase. */
export const tokenReasonPhrase = 'Token';

export const metadataAddress = '169.254.169.254';
export const dnsLinkLocalAddress = '169.254.169.253';
/** The Amazon Time Sync Service's address. Nothing answers there; it is refused at once instead of timing out. */
export const timeAddress = '169.254.169.123';

/** The same services by IPv6. */
export const metadataIpv6Address = 'fd00:ec2::254';
export const dnsIpv6Address = 'fd00:ec2::253';
export const timeIpv6Address = 'fd00:ec2::123';

/** The VPC namespace's interface to the edge namespace. */
export const internetGatewayLink = 'igw';
/** The same of what goes through an egress-only internet gateway: IPv6 only. */
export const egressOnlyGatewayLink = 'eigw';
/** The edge namespace's interface to the host. */
export const hostLink = 'host';
/** The edge's address on all of its links to VPCs. */
export const edgeLinkAddress = '169.254.127.1';
/** One address of these for each VPC's end of its link. */
export const vpcLinkPrefix = '169.254.128.0/17';

/** Link-local addresses of the edge and of the VPC on their links, and of the host and the edge on theirs. */
export const edgeLinkIpv6Address = 'fe80::1';
export const vpcLinkIpv6Address = 'fe80::2';
export const hostLinkIpv6Address = 'fe80::1';
export const edgeHostLinkIpv6Address = 'fe80::2';

/** Link group of all ports, so that a VPC's can be deleted at once: one by one takes 20 ms each. */
export const portGroup = 4566;

/** EC2's MTU inside a VPC, and the MTU of everything that goes through an internet gateway. */
export const vpcMtu = 9001;
export const internetMtu = 1500;

/** The routing table of what the VPC's router itself sends (DNS queries to other servers). */
export const routerTable = 1;

/** The number that is a subnet's firewall mark and routing table at once: stable, above the kernel's own tables. */
export function subnetTable(subnetId: string): number {
  return 0x1000_0000 + (createHash('sha256').update(subnetId).digest().readUInt32BE() & 0x0fff_ffff);
}

/** The number of the routing table of what comes from the internet gateway, and its mark. */
export const internetGatewayTable = 0x0fff_ffff;

/** A VPC's interface to a peering connection's other VPC; the same name at both ends. */
export function peeringLinkName(vpcPeeringConnectionId: string): string {
  return `p${vpcPeeringConnectionId.slice(-12)}`;
}

/** What a VPC calls the router at the other end of a peering connection: a neighbour that is never asked for. */
export const peerLinkAddress = '169.254.126.1';

/** The edge namespace's interface to a VPC. */
export function vpcLinkName(vpcId: string): string {
  return `v${vpcId.slice(-12)}`;
}

/** The edge namespace's interface to a VPC's egress-only internet gateway. */
export function egressOnlyLinkName(vpcId: string): string {
  return `e${vpcId.slice(-12)}`;
}

/** The host's interface to the edge namespace of a data folder. */
export function hostInterface(dataDir: string): string {
  return `fb-${dataDirHash(dataDir)}`;
}

/** The host's nftables table of a data folder. */
export function hostTable(dataDir: string): string {
  return `fogbank_${dataDirHash(dataDir)}`;
}

/**
 * Files that live as long as the namespaces do: gone after a reboot, and readable by dnsmasq's user, which a private
 * data folder is not.
 */
export function runtimeDir(dataDir: string): string {
  return join('/run/fogbank', dataDirHash(dataDir), 'fabric');
}

/** The MAC address of a VPC's end of a peering connection. */
export function peeringMac(vpcPeeringConnectionId: string, vpcId: string): string {
  return routerMac(`${vpcPeeringConnectionId} ${vpcId}`);
}

/** The MAC address of a VPC's router, the same at every port, so that guests' ARP caches survive a repaired TAP. */
export function routerMac(vpcId: string): string {
  const digest = createHash('sha256').update(`router ${vpcId}`).digest('hex').slice(0, 10);
  return ['0a', ...(digest.match(/../g) ?? [])].join(':');
}

/** The host's and the edge's own addresses in the public pool; a guest sees the first as the source of what the host sends. */
export function poolAddresses(publicPool: string): { host: string; edge: string } {
  const pool = parsePrefix(publicPool);
  return { host: addressAt(pool, 1), edge: addressAt(pool, 2) };
}

/** Addresses of the pool that must not be given to instances: the first four and the last. */
export function reservedPublicAddresses(publicPool: string): string[] {
  const pool = parsePrefix(publicPool);
  return [0, 1, 2, 3, -1].map(offset => addressAt(pool, offset));
}

/** The host's and the edge's own IPv6 addresses, beside the pool that VPCs have their blocks from. */
export function ipv6HostAddresses(dataDir: string): { host: string; edge: string } {
  const hash = dataDirHash(dataDir);
  const prefix = `fdf0:9ba1:${hash.slice(0, 4)}:${hash.slice(4)}`;
  return { host: normalIpv6(`${prefix}::1`), edge: normalIpv6(`${prefix}::2`) };
}
