import { EngineError } from '../engine.ts';
import type {
  DhcpOptionsIntent,
  NatGatewayIntent,
  NetworkAclEntryIntent,
  NetworkAclIntent,
  PacketMatch,
  PortIntent,
  RouteIntent,
  SecurityGroupIntent,
  SubnetIntent,
  VpcIntent,
} from './intents.ts';
import { contains, parseAddress, parsePrefix } from './ipv4.ts';
import { containsIpv6, parseCidr, parseIpv6, parseIpv6Prefix } from './ipv6.ts';

/**
 * Everything in an intent becomes part of commands for `nft`, `ip` and dnsmasq. Operations have validated it before; here
 * is where nothing else can slip through.
 */

const id = /^[a-z]+-[0-9a-z]{1,32}$/;
const macAddress = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;
const hostName = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;

function check(ok: boolean, what: string, value: unknown): void {
  if (!ok) throw new EngineError('Invalid', `${JSON.stringify(value)} is not a valid ${what}.`);
}

function checkInteger(value: number, low: number, high: number, what: string): void {
  check(Number.isInteger(value) && value >= low && value <= high, what, value);
}

export function validateId(what: string, value: string): void {
  check(id.test(value), what, value);
}

function validateUnique(what: string, ids: readonly string[]): void {
  for (const value of ids) validateId(`${what} ID`, value);
  check(new Set(ids).size === ids.length, `list of ${what} IDs`, ids);
}

function validateRoutes(routes: readonly RouteIntent[]): void {
  for (const { destination, target } of routes) {
    parseCidr(destination);
    if (typeof target === 'string') {
      check(
        ['local', 'internet-gateway', 'egress-only-internet-gateway', 'blackhole'].includes(target),
        'route target',
        target,
      );
      check(target !== 'egress-only-internet-gateway' || destination.includes(':'), 'IPv6 CIDR block', destination);
    } else if ('networkInterfaceId' in target) validateId('network interface ID', target.networkInterfaceId);
    else if ('natGatewayId' in target) validateId('NAT gateway ID', target.natGatewayId);
    else validateId('VPC peering connection ID', target.vpcPeeringConnectionId);
  }
}

function validateSubnet(subnet: SubnetIntent, intent: VpcIntent): void {
  const cidr = parsePrefix(subnet.cidrBlock);
  check(
    intent.cidrBlocks.some(block => contains(parsePrefix(block), cidr)),
    'CIDR block of a subnet of this VPC',
    subnet.cidrBlock,
  );
  if (subnet.ipv6CidrBlock !== undefined) {
    const ipv6 = parseIpv6Prefix(subnet.ipv6CidrBlock);
    const inVpc = intent.ipv6CidrBlocks?.some(block => containsIpv6(parseIpv6Prefix(block), ipv6));
    check(ipv6.length === 64 && inVpc === true, 'IPv6 CIDR block of a subnet of this VPC', subnet.ipv6CidrBlock);
  }
  validateRoutes(subnet.routes);
  const acls = intent.networkAcls ?? [];
  check(
    subnet.networkAclId === undefined || acls.some(acl => acl.networkAclId === subnet.networkAclId),
    'network ACL of this VPC',
    subnet.networkAclId,
  );
}

function validateMatch(match: PacketMatch): void {
  const { fromPort, toPort, icmpType, icmpCode } = match;
  checkInteger(match.protocol, -1, 255, 'protocol number');
  for (const port of [fromPort, toPort]) checkInteger(port ?? -1, -1, 65_535, 'port');
  for (const number of [icmpType, icmpCode]) checkInteger(number ?? -1, -1, 255, 'ICMP type or code');
}

function validateAcl(acl: NetworkAclIntent): void {
  for (const entries of [acl.ingress, acl.egress]) {
    const numbers = entries.map(entry => entry.ruleNumber);
    check(new Set(numbers).size === numbers.length, 'list of rule numbers', numbers);
    entries.forEach(validateEntry);
  }
}

function validateEntry(entry: NetworkAclEntryIntent): void {
  checkInteger(entry.ruleNumber, 1, 32_766, 'rule number');
  parseCidr(entry.cidrBlock);
  validateMatch(entry);
}

function validateAddresses(intent: Pick<PortIntent, 'mac' | 'privateIpAddresses' | 'publicIpAddresses'>): void {
  check(macAddress.test(intent.mac), 'MAC address in lower case', intent.mac);
  check(intent.privateIpAddresses.length > 0, 'list of private addresses', intent.privateIpAddresses);
  intent.privateIpAddresses.forEach(parseAddress);
  for (const [privateIp, publicIp] of Object.entries(intent.publicIpAddresses)) {
    check(intent.privateIpAddresses.includes(privateIp), 'private address of this network interface', privateIp);
    parseAddress(publicIp);
  }
}

function validateNatGateway(nat: NatGatewayIntent, intent: VpcIntent): void {
  validateId('network interface ID', nat.networkInterfaceId);
  validateAddresses(nat);
  const subnet = intent.subnets.find(({ subnetId }) => subnetId === nat.subnetId);
  check(subnet !== undefined, 'subnet of this VPC', nat.subnetId);
  for (const address of nat.privateIpAddresses) {
    const inside = contains(parsePrefix(subnet?.cidrBlock ?? ''), parsePrefix(address));
    check(inside, `address of ${nat.subnetId}`, address);
  }
}

function validateDhcpOptions(options: DhcpOptionsIntent): void {
  const { domainNameServers, ntpServers = [], netbiosNameServers = [], netbiosNodeType = 2 } = options;
  for (const server of domainNameServers) if (server !== 'AmazonProvidedDNS') validateServer(server);
  ntpServers.forEach(validateServer);
  netbiosNameServers.forEach(parseAddress);
  check([1, 2, 4, 8].includes(netbiosNodeType), 'NetBIOS node type', netbiosNodeType);
  checkInteger(options.ipv6AddressPreferredLeaseTime ?? 140, 140, 2_147_483_647, 'preferred lease time');
}

function validateServer(address: string): void {
  if (address.includes(':')) parseIpv6(address);
  else parseAddress(address);
}

function validateDomain(name: string): void {
  check(
    name.split('.').every(label => hostName.test(label)),
    'domain name',
    name,
  );
}

/** @throws EngineError `Invalid` */
export function validateVpc(intent: VpcIntent): void {
  const { networkAcls = [], natGateways = [], peeringConnections = [] } = intent;
  validateId('VPC ID', intent.vpcId);
  check(intent.cidrBlocks.length > 0, 'list of CIDR blocks', intent.cidrBlocks);
  validateDomain(intent.domainName);
  if (intent.publicDomain !== undefined) validateDomain(intent.publicDomain);
  intent.cidrBlocks.forEach(parsePrefix);
  intent.ipv6CidrBlocks?.forEach(parseIpv6Prefix);
  validateUnique(
    'subnet',
    intent.subnets.map(subnet => subnet.subnetId),
  );
  validateUnique(
    'network ACL',
    networkAcls.map(acl => acl.networkAclId),
  );
  validateUnique(
    'NAT gateway',
    natGateways.map(nat => nat.natGatewayId),
  );
  validateUnique(
    'VPC peering connection',
    peeringConnections.map(peering => peering.vpcPeeringConnectionId),
  );
  for (const subnet of intent.subnets) validateSubnet(subnet, intent);
  validateRoutes(intent.internetGatewayRoutes ?? []);
  networkAcls.forEach(validateAcl);
  for (const nat of natGateways) validateNatGateway(nat, intent);
  for (const { peerVpcId, hostNames = {} } of peeringConnections) {
    for (const [name, address] of Object.entries(hostNames)) {
      validateDomain(name);
      parseAddress(address);
    }
    validateId('VPC ID', peerVpcId);
    check(peerVpcId !== intent.vpcId, 'peer of itself', peerVpcId);
  }
  if (intent.dhcpOptions !== undefined) validateDhcpOptions(intent.dhcpOptions);
}

/** @throws EngineError `Invalid` */
export function validateGroup(intent: SecurityGroupIntent): void {
  validateId('VPC ID', intent.vpcId);
  validateId('security group ID', intent.groupId);
  for (const rule of [...intent.ingress, ...intent.egress]) {
    validateMatch(rule);
    const peering = rule.vpcPeeringConnectionId;
    if (rule.groupId !== undefined) validateId('security group ID', rule.groupId);
    if (peering !== undefined) {
      validateId('VPC peering connection ID', peering);
      check(rule.groupId !== undefined, 'rule: a peering connection goes with a group', rule);
    }
    if (rule.cidrIpv4 !== undefined) parsePrefix(rule.cidrIpv4);
    if (rule.cidrIpv6 !== undefined) parseIpv6Prefix(rule.cidrIpv6);
  }
}

/** @throws EngineError `Invalid` */
export function validatePort(intent: PortIntent): void {
  validateId('VPC ID', intent.vpcId);
  validateId('network interface ID', intent.networkInterfaceId);
  validateId('subnet ID', intent.subnetId);
  for (const groupId of intent.groupIds) validateId('security group ID', groupId);
  check(hostName.test(intent.hostName), 'host name', intent.hostName);
  if (intent.resourceName !== undefined) {
    check(hostName.test(intent.resourceName.name), 'host name', intent.resourceName.name);
    intent.resourceName.addresses.forEach(validateServer);
  }
  validateAddresses(intent);
  for (const [address, name] of Object.entries(intent.publicHostNames ?? {})) {
    check(intent.privateIpAddresses.includes(address), 'private address of this network interface', address);
    validateDomain(name);
  }
  intent.ipv6Addresses?.forEach(parseIpv6);
  for (const cidr of intent.ipv4Prefixes ?? []) check(parsePrefix(cidr).length === 28, 'prefix /28', cidr);
  for (const cidr of intent.ipv6Prefixes ?? []) check(parseIpv6Prefix(cidr).length === 80, 'prefix /80', cidr);
  checkInteger(intent.metadataHopLimit, 1, 64, 'hop limit');
}
