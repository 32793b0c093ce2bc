import type { PortIntent, SecurityGroupIntent, VpcIntent } from '../../engine.ts';
import { EngineError } from '../../engine.ts';
import { parseAddress, parsePrefix } from './ipv4.ts';

/**
 * Everything below becomes part of commands for `nft`, `ip` and dnsmasq. Operations have validated it before; here is
 * where nothing else can slip through.
 */

const id = /^[a-z]+-[0-9a-z]{1,32}$/;
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

/** @throws EngineError `Invalid` */
export function validateVpc(intent: VpcIntent): void {
  validateId('VPC ID', intent.vpcId);
  check(intent.cidrBlocks.length > 0, 'list of CIDR blocks', intent.cidrBlocks);
  check(
    intent.domainName.split('.').every(label => hostName.test(label)),
    'domain name',
    intent.domainName,
  );
  intent.cidrBlocks.forEach(parsePrefix);
  for (const subnet of intent.subnets) {
    validateId('subnet ID', subnet.subnetId);
    parsePrefix(subnet.cidrBlock);
    for (const route of subnet.routes) if (!route.destination.includes(':')) parsePrefix(route.destination);
  }
}

/** @throws EngineError `Invalid` */
export function validateGroup(intent: SecurityGroupIntent): void {
  validateId('VPC ID', intent.vpcId);
  validateId('security group ID', intent.groupId);
  for (const rule of [...intent.ingress, ...intent.egress]) {
    checkInteger(rule.protocol, -1, 255, 'protocol number');
    for (const port of [rule.fromPort, rule.toPort]) checkInteger(port ?? -1, -1, 65_535, 'port');
    for (const number of [rule.icmpType, rule.icmpCode]) checkInteger(number ?? -1, -1, 255, 'ICMP type or code');
    if (rule.groupId !== undefined) validateId('security group ID', rule.groupId);
    if (rule.cidrIpv4 !== undefined) parsePrefix(rule.cidrIpv4);
  }
}

/** @throws EngineError `Invalid` */
export function validatePort(intent: PortIntent): void {
  validateId('VPC ID', intent.vpcId);
  validateId('network interface ID', intent.networkInterfaceId);
  validateId('subnet ID', intent.subnetId);
  for (const groupId of intent.groupIds) validateId('security group ID', groupId);
  check(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(intent.mac), 'MAC address in lower case', intent.mac);
  check(hostName.test(intent.hostName), 'host name', intent.hostName);
  check(intent.privateIpAddresses.length > 0, 'list of private addresses', intent.privateIpAddresses);
  intent.privateIpAddresses.forEach(parseAddress);
  for (const [privateIp, publicIp] of Object.entries(intent.publicIpAddresses)) {
    check(intent.privateIpAddresses.includes(privateIp), 'private address of this network interface', privateIp);
    parseAddress(publicIp);
  }
  checkInteger(intent.metadataHopLimit, 1, 64, 'hop limit');
}
