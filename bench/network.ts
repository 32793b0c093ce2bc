import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PacketRule, PortIntent } from '../src/engine/engine.ts';
import { createFabric } from '../src/engine/qemu/fabric/fabric.ts';
import {
  anywhere,
  groupIntent,
  portIntent,
  publicSubnet,
  vpcIntent,
} from '../src/engine/qemu/fabric/intents.test-data.ts';
import { tapPorts } from '../src/engine/qemu/fabric/port-link.ts';
import { ipBatch, run } from '../src/engine/qemu/fabric/run.ts';
import { Guests } from '../src/engine/qemu/fabric/test-guests.ts';
import { tapName } from '../src/engine/qemu/names.ts';
import { progress, replaceSection } from './launch/report.ts';
import { machine } from './machine.ts';
import { median } from './process.ts';

/*
 * What a large VPC costs: how long one changed rule of a security group takes among PORTS interfaces in GROUPS groups,
 * whether it interrupts a stream between two of them, and what the way through all tables leaves of the throughput of
 * a plain routed veth pair. `node bench/network.ts [PORTS [GROUPS]]` as root; needs iperf3.
 */
const [portsGiven, groupsGiven] = process.argv.slice(2);
const portCount = Number(portsGiven ?? 2_000);
const groupCount = Number(groupsGiven ?? 200);
const changes = 20;
const rounds = 5;
const seconds = 4;

const vpcId = 'vpc-0000000000bbbbbbb';
const guests = new Guests('fogbank-bench');
const plain = 'fogbank-bench-plain';
const real = new Set<string>();
const taps = tapPorts(undefined);
const fabric = createFabric({
  dataDir: '/tmp/fogbank-bench-network',
  publicPool: '198.19.117.0/24',
  ports: { create: name => (real.has(name) ? guests.ports : taps).create(name) },
});

const groupId = (number: number) => `sg-0${number.toString(16).padStart(16, '0')}`;

/** Each group lets in its own members, another group, and two ports of the world. */
function rules(number: number, extra: readonly PacketRule[] = []): readonly PacketRule[] {
  return [
    { protocol: -1, groupId: groupId(number) },
    { protocol: 6, fromPort: 5432, toPort: 5432, groupId: groupId((number + 1) % groupCount) },
    { protocol: 6, fromPort: 22, toPort: 22, cidrIpv4: '0.0.0.0/0' },
    { protocol: 6, fromPort: 443, toPort: 443, cidrIpv4: '10.0.0.0/8' },
    ...extra,
  ];
}

/** The ports from 4 on; two of them, in the first group, have a guest. */
function port(index: number): PortIntent {
  const number = index + 4;
  const address = `172.31.${number >> 8}.${number & 255}`;
  return portIntent(vpcId, 1, {
    networkInterfaceId: `eni-0${number.toString(16).padStart(16, '0')}`,
    mac: `0e:1b:00:00:${(number >> 8).toString(16).padStart(2, '0')}:${(number & 255).toString(16).padStart(2, '0')}`,
    privateIpAddresses: [address],
    hostName: `ip-${address.replaceAll('.', '-')}`,
    groupIds: index < 2 ? [groupId(0)] : [groupId(index % groupCount), groupId((index * 7) % groupCount)],
  });
}

interface Stream {
  /** Bits a second over all of it, and of its worst tenth of a second. */
  readonly bits: number;
  readonly worst: number;
}

async function stream(namespace: string, address: string, time: number): Promise<Stream> {
  const words = ['iperf3', '--json', '--interval', '0.1', '--time', String(time), '--client', address];
  const child = spawn('nsenter', [`--net=/run/netns/${namespace}`, ...words], { stdio: ['ignore', 'pipe', 'ignore'] });
  const report = JSON.parse(await text(child.stdout)) as {
    end: { sum_received: { bits_per_second: number } };
    intervals: { sum: { bits_per_second: number } }[];
  };
  return {
    bits: report.end.sum_received.bits_per_second,
    worst: Math.min(...report.intervals.map(one => one.sum.bits_per_second)),
  };
}

/** Two namespaces and a router between them, with the VPC's MTU. */
async function plainPair(): Promise<void> {
  for (const name of [plain, `${plain}-a`, `${plain}-b`]) await run(['ip', 'netns', 'add', name]);
  for (const [side, network] of [
    ['a', '10.1.0'],
    ['b', '10.2.0'],
  ] as const) {
    const namespace = `${plain}-${side}`;
    await ipBatch(plain, [
      'link set lo up',
      `link add dev ${side} mtu 9001 type veth peer name eth0 netns ${namespace}`,
      `address add ${network}.1/24 dev ${side}`,
      `link set dev ${side} up`,
    ]);
    await ipBatch(namespace, [
      `address add ${network}.2/24 dev eth0`,
      'link set eth0 mtu 9001 up',
      `route add default via ${network}.1`,
    ]);
  }
  await run(['sysctl', '-qw', 'net.ipv4.ip_forward=1'], { namespace: plain });
  await guests.start(`${plain}-b`, ['iperf3', '--server', '--forceflush'], 'listening');
}

async function measure(): Promise<void> {
  await fabric.open({ onListening: () => {}, onClosed: () => {} });
  await fabric.ensureVpc(vpcIntent(vpcId));
  for (let number = 0; number < groupCount; number++)
    await fabric.ensureGroup(groupIntent(vpcId, groupId(number), rules(number)));
  const all = Array.from({ length: portCount }, (_, index) => port(index));
  const [a, b] = all as [PortIntent, PortIntent, ...PortIntent[]];
  const namespaces: string[] = [];
  for (const one of [a, b]) {
    real.add(tapName(one.networkInterfaceId));
    namespaces.push(await guests.prepare(one));
  }
  const [inA = '', inB = ''] = namespaces;
  const began = performance.now();
  await Promise.all(all.map(one => fabric.ensurePort(one)));
  progress(
    `${portCount} interfaces and ${groupCount} groups after ${((performance.now() - began) / 1000).toFixed(1)} s`,
  );
  const [addressA = '', addressB = ''] = [a, b].map(one => one.privateIpAddresses[0] ?? '');
  await guests.configure(inA, addressA, publicSubnet.cidrBlock.replace('0/20', '1'));
  await guests.configure(inB, addressB, publicSubnet.cidrBlock.replace('0/20', '1'));
  for (const namespace of [inA, inB]) await ipBatch(namespace, ['link set eth0 mtu 9001']);
  await guests.start(inB, ['iperf3', '--server', '--forceflush'], 'listening');
  await plainPair();

  const shares: number[] = [];
  const through: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const bare = await stream(`${plain}-a`, '10.2.0.2', seconds);
    const own = await stream(inA, addressB, seconds);
    shares.push(own.bits / bare.bits);
    through.push(own.bits);
    progress(`${gbit(own.bits)} through the tables, ${gbit(bare.bits)} routed`);
  }

  // The rule changes in the group of both ends, while they talk.
  const running = stream(inA, addressB, 8);
  await sleep(1_500);
  const times: number[] = [];
  for (let change = 0; change < changes; change++) {
    const extra: PacketRule = { protocol: 6, fromPort: 9000 + change, toPort: 9000 + change, cidrIpv4: '192.0.2.0/24' };
    const before = performance.now();
    await fabric.ensureGroup(groupIntent(vpcId, groupId(0), rules(0, [extra]), [anywhere]));
    times.push(performance.now() - before);
    await sleep(150);
  }
  const disturbed = await running;
  replaceSection('A large VPC', [
    `Measured on ${new Date().toISOString().slice(0, 10)} by \`node bench/network.ts ${portCount} ${groupCount}\` (${machine().at(-1)}): one VPC of the qemu engine's fabric with ${portCount} interfaces in ${groupCount} security groups, streams by iperf3 between two of them.`,
    '',
    '| what | median | least | most |',
    '|---|---:|---:|---:|',
    `| one rule changed, until packets follow it (${changes} times, beside a stream) | ${row(times, value => `${value.toFixed(1)} ms`)} |`,
    `| throughput between two interfaces (${rounds} times) | ${row(through, gbit)} |`,
    `| of a plain routed veth pair, measured in turns | ${row(shares, value => `${(value * 100).toFixed(0)} %`)} |`,
    '',
    `The stream beside which the rule changed went on: ${gbit(disturbed.bits)}, ${gbit(disturbed.worst)} in its worst tenth of a second.`,
  ]);
}

function row(values: readonly number[], show: (value: number) => string): string {
  return [median(values), Math.min(...values), Math.max(...values)].map(show).join(' | ');
}

function gbit(bits: number): string {
  return `${(bits / 1e9).toFixed(1)} Gbit/s`;
}

try {
  await measure();
} finally {
  await fabric.destroy();
  await guests.remove();
  for (const name of [plain, `${plain}-a`, `${plain}-b`]) await run(['ip', 'netns', 'del', name]).catch(() => {});
}
