import type { CreateNetworkAclEntryRequest } from '@aws-sdk/client-ec2';
import { ApiError } from '../../api/errors.ts';
import { formatCidr, parseCidr } from '../network-interfaces/ipv4.ts';
import { canonicalIpv6Cidr } from '../network-interfaces/ipv6.ts';
import type { NetworkAclEntryRow } from './model.ts';

const names: Readonly<Record<string, number>> = { tcp: 6, udp: 17, icmp: 1, icmpv6: 58, all: -1 };
const maximumRuleNumber = 32_766;

/**
 * Reads a rule of a network ACL.
 * @throws ApiError `MissingParameter`, `InvalidParameterValue`, `InvalidParameterCombination`.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkAclEntry.html
 */
export function parseEntry(input: CreateNetworkAclEntryRequest): NetworkAclEntryRow {
  const { RuleAction: ruleAction } = input;
  if (ruleAction !== 'allow' && ruleAction !== 'deny') {
    throw invalid(`Value (${ruleAction ?? ''}) for parameter ruleAction is invalid. Use allow or deny.`);
  }
  const protocol = parseProtocol(input.Protocol ?? '');
  return {
    ruleNumber: checkRuleNumber(input.RuleNumber),
    egress: input.Egress === true,
    protocol,
    ruleAction,
    ...parseBlock(input),
    ...parsePorts(protocol, input),
  };
}

/** @throws ApiError `InvalidParameterValue` */
export function checkRuleNumber(number: number | undefined): number {
  if (number === undefined || !Number.isInteger(number) || number < 1 || number > maximumRuleNumber) {
    throw invalid(`Value (${number ?? ''}) for parameter ruleNumber is invalid. Use 1 to ${maximumRuleNumber}.`);
  }
  return number;
}

function parseProtocol(text: string): number {
  const known = Object.hasOwn(names, text.toLowerCase()) ? names[text.toLowerCase()] : undefined;
  if (known !== undefined) return known;
  const number = /^-?\d{1,3}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= -1 && number <= 255))
    throw invalid(`Invalid value '${text}' for IP protocol. Use a number of -1 to 255, tcp, udp or icmp.`);
  return number;
}

function parseBlock(input: CreateNetworkAclEntryRequest): Pick<NetworkAclEntryRow, 'cidrBlock' | 'ipv6CidrBlock'> {
  const { CidrBlock: ipv4, Ipv6CidrBlock: ipv6 } = input;
  if (ipv4 !== undefined && ipv6 !== undefined)
    throw new ApiError('InvalidParameterCombination', 'Give either a cidrBlock or an ipv6CidrBlock.');
  if (ipv4 !== undefined) {
    const cidr = parseCidr(ipv4);
    if (cidr === undefined) throw invalid(`Invalid value '${ipv4}' for network ACL CIDR.`);
    return { cidrBlock: formatCidr(cidr) };
  }
  if (ipv6 === undefined) throw new ApiError('MissingParameter', 'The request must contain the parameter cidrBlock');
  const block = canonicalIpv6Cidr(ipv6);
  if (block === undefined) throw invalid(`Invalid value '${ipv6}' for network ACL CIDR.`);
  return { ipv6CidrBlock: block };
}

function parsePorts(
  protocol: number,
  input: CreateNetworkAclEntryRequest,
): Pick<NetworkAclEntryRow, 'portRange' | 'icmp'> {
  if (protocol === 6 || protocol === 17) {
    const { From: from, To: to } = input.PortRange ?? {};
    if (from === undefined || to === undefined)
      throw new ApiError('MissingParameter', 'The request must contain the parameter portRange with from and to.');
    const valid = (port: number) => Number.isInteger(port) && port >= 0 && port <= 65_535;
    if (!valid(from) || !valid(to) || from > to) throw invalid(`Invalid TCP/UDP port range (${from}:${to})`);
    return { portRange: { from, to } };
  }
  if (protocol === 1 || protocol === 58) {
    const { Type: type, Code: code } = input.IcmpTypeCode ?? {};
    if (type === undefined || code === undefined)
      throw new ApiError('MissingParameter', 'The request must contain the parameter icmpTypeCode with type and code.');
    const valid = (value: number) => Number.isInteger(value) && value >= -1 && value <= 255;
    if (!valid(type) || !valid(code) || (type === -1 && code !== -1))
      throw invalid(`Invalid ICMP type and code (${type}:${code}). Use -1 for all.`);
    return { icmp: { type, code } };
  }
  return {};
}

function invalid(message: string): ApiError {
  return new ApiError('InvalidParameterValue', message);
}
