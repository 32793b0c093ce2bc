import { ApiError } from '../../api/errors.ts';

/** Which packets a rule is about. Ports are -1 for all; for ICMP they are type and code. */
export interface Traffic {
  readonly ipProtocol: string;
  readonly fromPort: number;
  readonly toPort: number;
}

const names: Readonly<Record<string, string>> = {
  '6': 'tcp',
  '17': 'udp',
  '1': 'icmp',
  '58': 'icmpv6',
  tcp: 'tcp',
  udp: 'udp',
  icmp: 'icmp',
  icmpv6: 'icmpv6',
  '-1': '-1',
  all: '-1',
};

/**
 * Reads a protocol with its ports; known numbers become names, and ports of protocols without ports are dropped.
 * @throws ApiError `InvalidParameterValue`
 */
export function parseProtocol(protocol: string | undefined, from: number | undefined, to: number | undefined): Traffic {
  const ipProtocol = protocolOf(protocol);
  if (ipProtocol === 'tcp' || ipProtocol === 'udp') return { ipProtocol, ...portRange(from, to) };
  if (ipProtocol === 'icmp' || ipProtocol === 'icmpv6') return { ipProtocol, ...icmpTypeAndCode(ipProtocol, from, to) };
  return { ipProtocol, fromPort: -1, toPort: -1 };
}

/** Whether a rule of this protocol shows its ports, or type and code. */
export function hasPorts(ipProtocol: string): boolean {
  return ipProtocol === 'tcp' || ipProtocol === 'udp' || ipProtocol === 'icmp' || ipProtocol === 'icmpv6';
}

function protocolOf(text: string | undefined): string {
  if (text === undefined || text === '') {
    throw invalid("Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly.");
  }
  const lower = text.toLowerCase();
  const name = Object.hasOwn(names, lower) ? names[lower] : undefined;
  if (name !== undefined) return name;
  if (/^(?:0|[1-9]\d{0,2})$/.test(text) && Number(text) <= 255) return text;
  throw invalid(`Invalid value '${text}' for IP protocol. Unknown protocol.`);
}

function portRange(from: number | undefined, to: number | undefined): Omit<Traffic, 'ipProtocol'> {
  if (from === undefined || to === undefined) {
    throw invalid("Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.");
  }
  const valid = (port: number) => Number.isInteger(port) && port >= 0 && port <= 65535;
  if (!valid(from) || !valid(to) || from > to) throw invalid(`Invalid TCP/UDP port range (${from}:${to})`);
  return { fromPort: from, toPort: to };
}

function icmpTypeAndCode(
  ipProtocol: string,
  from: number | undefined,
  to: number | undefined,
): Omit<Traffic, 'ipProtocol'> {
  if (from === undefined && to === undefined && ipProtocol === 'icmpv6') return { fromPort: -1, toPort: -1 };
  if (from === undefined || to === undefined) {
    throw invalid("Invalid value 'Must specify both type and code with ICMP.' for icmpTypeCode. Use -1 for all.");
  }
  const valid = (value: number) => Number.isInteger(value) && value >= -1 && value <= 255;
  if (!valid(from)) throw invalid(`Invalid value '${from}' for ICMP type. Use -1 to 255.`);
  if (!valid(to)) throw invalid(`Invalid value '${to}' for ICMP code. Use -1 to 255.`);
  if (from === -1 && to !== -1)
    throw invalid(`Invalid value '${to}' for ICMP code. With all types (-1), the code must be -1.`);
  return { fromPort: from, toPort: to };
}

function invalid(message: string): ApiError {
  return new ApiError('InvalidParameterValue', message);
}
