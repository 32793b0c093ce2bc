import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type {
  CreateFlowLogsResult,
  CreateSecurityGroupResult,
  DescribeFlowLogsResult,
  Instance,
} from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import type { FlowCount } from '../../engine/engine.ts';
import { launch } from '../testing.ts';
import { FlowLogDelivery } from './delivery.ts';
import { formatOf } from './format.ts';

let folder = '';
let api: TestApi;
let web: Instance;
let client: Instance;
let counts: FlowCount[];
let delivery: FlowLogDelivery;

const eni = (instance: Instance) => instance.NetworkInterfaces?.[0]?.NetworkInterfaceId ?? '';
const files = (path = folder) =>
  readdirSync(path, { recursive: true })
    .map(String)
    .filter(name => statSync(join(path, name)).isFile());
const linesOf = (name: string) =>
  gunzipSync(readFileSync(join(folder, name)))
    .toString()
    .trimEnd()
    .split('\n');

/** What the client sent to the web server, as both interfaces count it; `passed` of it got through. */
function flow(destinationPort: number, packets: number, passed: number, answer = false): FlowCount[] {
  const [from, to] = answer ? [web, client] : [client, web];
  const [sourcePort, port] = answer ? [destinationPort, 40_000] : [40_000, destinationPort];
  return (
    [
      [from, 'egress'],
      [to, 'ingress'],
    ] as const
  ).map(([instance, direction]) => ({
    networkInterfaceId: eni(instance),
    direction,
    source: from.PrivateIpAddress ?? '',
    destination: to.PrivateIpAddress ?? '',
    protocol: 6,
    sourcePort,
    destinationPort: port,
    packets,
    bytes: packets * 60,
    passedPackets: passed,
    passedBytes: passed * 60,
  }));
}

async function log(input: object): Promise<string> {
  const made = await api.call<CreateFlowLogsResult>('CreateFlowLogs', {
    ResourceType: 'VPC',
    ResourceIds: [web.VpcId],
    TrafficType: 'ALL',
    LogDestinationType: 's3',
    LogDestination: 'arn:aws:s3:::logs',
    MaxAggregationInterval: 60,
    ...input,
  });
  return made.FlowLogIds?.[0] ?? '';
}

async function minute(): Promise<void> {
  api.clock.advance(60_000);
  await delivery.tick();
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fogbank-flow-logs-'));
  api = createTestApi();
  counts = [];
  await api.call('DescribeVpcs');
  const made = await api.call<CreateSecurityGroupResult>('CreateSecurityGroup', { GroupName: 'web', Description: 'd' });
  const GroupId = made.GroupId ?? '';
  const IpPermissions = [{ IpProtocol: 'tcp', FromPort: 80, ToPort: 80, IpRanges: [{ CidrIp: '0.0.0.0/0' }] }];
  await api.call('AuthorizeSecurityGroupIngress', { GroupId, IpPermissions });
  [web] = (await launch(api, { SecurityGroupIds: [GroupId] })) as [Instance];
  [client] = (await launch(api)) as [Instance];
  const fabric = { flowCounts: async () => counts };
  delivery = new FlowLogDelivery({ state: api.state, fabric, clock: api.clock, folder, log: () => undefined });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('files of flow logs', () => {
  it('have a line for each flow at each interface, with what was dropped where it was', async () => {
    const id = await log({});
    counts = flow(80, 4, 4);
    await delivery.tick();
    expect(files(), 'what was before it is not in it').toEqual([]);
    counts = [...flow(80, 10, 10), ...flow(80, 5, 5, true), ...flow(22, 3, 0)];
    await minute();
    const [name = '', ...more] = files();
    expect(more).toEqual([]);
    expect(name).toMatch(
      new RegExp(
        `^logs/AWSLogs/000000000000/vpcflowlogs/us-east-1/2026/01/31/000000000000_vpcflowlogs_us-east-1_${id}_20260131T1001Z_[0-9a-f]{8}\\.log\\.gz$`,
      ),
    );
    const [header, ...lines] = linesOf(name);
    expect(header).toBe(
      'version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status',
    );
    const end = api.clock.now() / 1000;
    const [w, c] = [web.PrivateIpAddress, client.PrivateIpAddress];
    const line = (one: Instance, ends: string, packets: number, action: string) =>
      `2 000000000000 ${eni(one)} ${ends} 6 ${packets} ${packets * 60} ${end - 60} ${end} ${action} OK`;
    expect(lines.sort()).toEqual(
      [
        line(client, `${c} ${w} 40000 80`, 6, 'ACCEPT'),
        line(web, `${c} ${w} 40000 80`, 6, 'ACCEPT'),
        line(web, `${w} ${c} 80 40000`, 5, 'ACCEPT'),
        line(client, `${w} ${c} 80 40000`, 5, 'ACCEPT'),
        line(client, `${c} ${w} 40000 22`, 3, 'ACCEPT'),
        line(web, `${c} ${w} 40000 22`, 3, 'REJECT'),
      ].sort(),
    );
    await minute();
    const [, second = ''] = files().sort();
    expect(
      linesOf(second)
        .slice(1)
        .every(text => text.endsWith('- NODATA')),
    ).toBe(true);
  });

  it('hold the traffic that was asked for, in the format and under the folders that were asked for', async () => {
    await log({
      ResourceType: 'NetworkInterface',
      ResourceIds: [eni(web)],
      TrafficType: 'REJECT',
      LogFormat: formatOf('version', 'vpc-id', 'instance-id', 'dstport', 'flow-direction', 'action'),
      DestinationOptions: { FileFormat: 'plain-text', HiveCompatiblePartitions: true, PerHourPartition: true },
    });
    await delivery.tick();
    counts = [...flow(80, 6, 6), ...flow(22, 3, 0)];
    await minute();
    const [name = ''] = files();
    expect(name).toContain(
      'logs/AWSLogs/aws-account-id=000000000000/aws-service=vpcflowlogs/aws-region=us-east-1/year=2026/month=01/day=31/hour=10/',
    );
    expect(linesOf(name)).toEqual([
      'version vpc-id instance-id dstport flow-direction action',
      `5 ${web.VpcId} ${web.InstanceId} 22 ingress REJECT`,
    ]);
  });

  it('come when the interval is over, and count on where counters began anew', async () => {
    await log({ ResourceType: 'NetworkInterface', ResourceIds: [eni(web)], MaxAggregationInterval: 600 });
    counts = flow(80, 100, 100);
    await delivery.tick();
    for (let passed = 1; passed < 10; passed++) await minute();
    expect(files()).toEqual([]);
    counts = flow(80, 7, 7);
    await minute();
    expect(linesOf(files()[0] ?? '')[1]).toContain(' 6 7 420 ');
  });

  it('that cannot be written show in the log', async () => {
    const id = await log({});
    const status = async () => {
      const seen = await api.call<DescribeFlowLogsResult>('DescribeFlowLogs', { FlowLogIds: [id] });
      return seen.FlowLogs?.[0];
    };
    writeFileSync(join(folder, 'logs'), '');
    await delivery.tick();
    await minute();
    expect(await status()).toMatchObject({ DeliverLogsStatus: 'FAILED', DeliverLogsErrorMessage: expect.any(String) });
    rmSync(join(folder, 'logs'));
    await minute();
    expect(await status()).toMatchObject({ DeliverLogsStatus: 'SUCCESS' });
  });
});
