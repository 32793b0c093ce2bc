import { ApiError } from '../../api/errors.ts';

/** One line of a flow log: one flow, one way, at one interface, in one interval. Times are seconds since the epoch. */
export interface FlowRecord {
  readonly account: string;
  readonly region: string;
  readonly zoneId: string;
  readonly vpcId: string;
  readonly subnetId: string;
  readonly instanceId?: string;
  readonly networkInterfaceId: string;
  readonly start: number;
  readonly end: number;
  /** Nothing when there was no traffic. */
  readonly flow?: {
    readonly source: string;
    readonly destination: string;
    readonly sourcePort: number;
    readonly destinationPort: number;
    readonly protocol: number;
    readonly packets: number;
    readonly bytes: number;
    readonly direction: 'ingress' | 'egress';
    readonly action: 'ACCEPT' | 'REJECT';
  };
}

type Flow = NonNullable<FlowRecord['flow']>;
const ofFlow = (read: (flow: Flow) => string | number) => (record: FlowRecord) =>
  record.flow === undefined ? '-' : read(record.flow);

interface Field {
  /** The version of flow logs that brought the field. */
  readonly version: number;
  readonly read: (record: FlowRecord, version: number) => string | number;
}

/** The fields that can be told here. @see https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html */
const fields: Readonly<Record<string, Field>> = {
  version: { version: 2, read: (_, version) => version },
  'account-id': { version: 2, read: record => record.account },
  'interface-id': { version: 2, read: record => record.networkInterfaceId },
  srcaddr: { version: 2, read: ofFlow(flow => flow.source) },
  dstaddr: { version: 2, read: ofFlow(flow => flow.destination) },
  srcport: { version: 2, read: ofFlow(flow => flow.sourcePort) },
  dstport: { version: 2, read: ofFlow(flow => flow.destinationPort) },
  protocol: { version: 2, read: ofFlow(flow => flow.protocol) },
  packets: { version: 2, read: ofFlow(flow => flow.packets) },
  bytes: { version: 2, read: ofFlow(flow => flow.bytes) },
  start: { version: 2, read: record => record.start },
  end: { version: 2, read: record => record.end },
  action: { version: 2, read: ofFlow(flow => flow.action) },
  'log-status': { version: 2, read: record => (record.flow === undefined ? 'NODATA' : 'OK') },
  'vpc-id': { version: 3, read: record => record.vpcId },
  'subnet-id': { version: 3, read: record => record.subnetId },
  'instance-id': { version: 3, read: record => record.instanceId ?? '-' },
  type: { version: 3, read: ofFlow(flow => (flow.source.includes(':') ? 'IPv6' : 'IPv4')) },
  'pkt-srcaddr': { version: 3, read: ofFlow(flow => flow.source) },
  'pkt-dstaddr': { version: 3, read: ofFlow(flow => flow.destination) },
  region: { version: 4, read: record => record.region },
  'az-id': { version: 4, read: record => record.zoneId },
  'sublocation-type': { version: 4, read: () => '-' },
  'sublocation-id': { version: 4, read: () => '-' },
  'flow-direction': { version: 5, read: ofFlow(flow => flow.direction) },
};

/** A format of these fields. */
export function formatOf(...names: readonly string[]): string {
  return names.map(name => `\${${name}}`).join(' ');
}

/** The fields of version 2. */
export const defaultFormat = formatOf(...Object.keys(fields).filter(name => fields[name]?.version === 2));

function namesOf(format: string): string[] {
  return [...format.matchAll(/\$\{([a-z0-9-]+)\}/g)].flatMap(match => match[1] ?? []);
}

/** @throws ApiError `InvalidParameterValue`, `UnsupportedOperation` */
export function checkFormat(format: string): void {
  const names = namesOf(format);
  if (names.length === 0 || format !== formatOf(...names)) {
    throw new ApiError(
      'InvalidParameterValue',
      `LogFormat is a list of fields, each as ${formatOf('name')}, with a space between two.`,
    );
  }
  for (const name of names) {
    if (Object.hasOwn(fields, name)) continue;
    throw new ApiError(
      'UnsupportedOperation',
      `The field \${${name}} cannot be told by this version of Fogbank. Use any of: ${Object.keys(fields).join(', ')}.`,
    );
  }
}

/** The first line of a file. */
export function headerOf(format: string): string {
  return namesOf(format).join(' ');
}

export function lineOf(format: string, record: FlowRecord): string {
  const chosen = namesOf(format).flatMap(name => fields[name] ?? []);
  const version = Math.max(2, ...chosen.map(field => field.version));
  return chosen.map(field => field.read(record, version)).join(' ');
}
