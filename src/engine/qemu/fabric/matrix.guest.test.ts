import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { analyze, type Endpoint } from '../../../ec2/reachability/analyze.ts';
import { type Network, networkOf } from '../../../ec2/reachability/network.ts';
import { createFabric } from './fabric.ts';
import { ipv6HostAddresses } from './layout.ts';
import { type Plan, type PlanOptions, plan } from './matrix.test-data.ts';
import { run } from './run.ts';
import { Guests } from './test-guests.ts';

/**
 * Real packets between all guests of a network with a case of everything, by TCP, UDP and ping, each compared with what
 * Reachability Analyzer says of it. Needs root; everything is removed at the end.
 */

const unique = randomBytes(3).toString('hex');
const pool = '198.19.236';
const guests = new Guests(`fbm${unique}`);
const dataDir = `/tmp/fogbank-fabric-${unique}`;
const fabric = createFabric({
  dataDir,
  publicPool: `${pool}.0/24`,
  ports: guests.ports,
});

/** What is tried between two guests; every guest serves all of it. */
const services = ['tcp 22', 'tcp 80', 'udp 53', 'ping'] as const;
const protocols: Readonly<Record<string, number>> = { tcp: 6, udp: 17 };
/** Where Linux takes the ports from that answers go to. */
const sourcePorts = { from: 32_768, to: 60_999 };
/** How long a probe waits, from try to try: a busy machine may be slow, and only what should get through is tried again. */
const timeouts = [1_000, 2_000, 4_000, 8_000];

/**
 * What runs in each guest: servers that say whose they are, and probes of others on demand. A line of JSON in asks for
 * some, a line of JSON out tells which were answered by whom they are for.
 */
const agent = `
  const net = require('node:net'), dgram = require('node:dgram'), { execFile } = require('node:child_process');
  const name = process.argv[1];
  const serve = () => {
    for (const port of [22, 80]) net.createServer(s => { s.on('error', () => {}); s.end(name); }).listen(port, '::');
    for (const type of ['udp4', 'udp6']) {
      const echo = dgram.createSocket({ type, ipv6Only: type === 'udp6' });
      echo.on('message', (_, from) => echo.send(name, from.port, from.address)).on('error', () => {}).bind(53);
    }
  };
  if (name !== 'internet') serve();
  const tries = {
    tcp: ({ address, port, name }, done) => {
      const s = net.connect(port, address);
      s.on('data', data => done(String(data) === name)).on('error', () => done(false)).on('close', () => done(false));
      return () => s.destroy();
    },
    udp: ({ address, port, name }, done) => {
      const s = dgram.createSocket(net.isIPv6(address) ? 'udp6' : 'udp4');
      s.on('message', data => done(String(data) === name)).on('error', () => done(false));
      s.send('?', port, address, error => error && done(false));
      return () => s.close();
    },
    ping: ({ address }, done) => {
      const child = execFile('ping', ['-n', '-q', '-c', '1', '-W', '8', address], error => done(!error));
      return () => child.kill();
    },
  };
  const probe = target => new Promise(resolve => {
    let over = false, stop = () => {};
    const done = result => { if (over) return; over = true; setImmediate(() => { try { stop(); } catch {} }); resolve(result); };
    stop = tries[target.service](target, done);
    setTimeout(done, target.timeout, false);
  });
  require('node:readline').createInterface({ input: process.stdin }).on('line', async line => {
    console.log(JSON.stringify(await Promise.all(JSON.parse(line).map(probe))));
  });
  console.log('ready');`;

interface Probe {
  readonly from: string;
  readonly to: string;
  readonly address: string;
  readonly service: (typeof services)[number];
}

const agents = new Map<string, { child: ChildProcess; answers: AsyncIterator<string> }>();

function remember(name: string, child: ChildProcess): void {
  if (child.stdout === null) throw new Error('an agent has no output');
  agents.set(name, { child, answers: createInterface({ input: child.stdout })[Symbol.asyncIterator]() });
}

/** Which of one guest's probes were answered. */
async function ask(name: string, probes: readonly Probe[], timeout: number): Promise<boolean[]> {
  const agent = agents.get(name);
  if (agent === undefined) throw new Error(`${name} is not there`);
  const targets = probes.map(({ to, address, service: text }) => {
    const [service = '', port = '0'] = text.split(' ');
    return { service, address, port: Number(port), name: to, timeout };
  });
  agent.child.stdin?.write(`${JSON.stringify(targets)}\n`);
  const { value } = await agent.answers.next();
  return JSON.parse(value) as boolean[];
}

/** Everyone with everyone, by private addresses where these mean the same to both, by public and by IPv6 ones. */
function probesOf({ ports }: Plan): Probe[] {
  const probes: Probe[] = [];
  const letter = (name: string) => ports[name]?.vpcId.at(-1) ?? '';
  for (const [to, port] of Object.entries(ports)) {
    for (const from of [...Object.keys(ports), 'internet']) {
      if (from === to) continue;
      const near = from !== 'internet' && (letter(from) === letter(to) || letter(from) === 'b' || letter(to) === 'b');
      const published = [...Object.values(port.publicIpAddresses), ...(port.ipv6Addresses ?? [])];
      const addresses = [...(near ? port.privateIpAddresses : []), ...published];
      for (const address of addresses) for (const service of services) probes.push({ from, to, address, service });
    }
  }
  return probes;
}

function verdict(network: Network, { ports }: Plan, { from, to, address, service }: Probe): boolean {
  const port = ports[to];
  const sender = ports[from];
  if (port === undefined) throw new Error(`${to} is not there`);
  const isIpv6 = address.includes(':');
  const outside = isIpv6 ? ipv6HostAddresses(dataDir).host : `${pool}.1`;
  const source: Endpoint =
    sender === undefined ? { kind: 'internet', address: outside } : { kind: 'port', port: sender };
  const [name = '', number] = service.split(' ');
  const destinationPorts =
    number === undefined ? {} : { destinationPorts: { from: Number(number), to: Number(number) } };
  return analyze(network, {
    source,
    destination: { kind: 'port', port, address },
    protocol: protocols[name] ?? (isIpv6 ? 58 : 1),
    sourcePorts,
    ...destinationPorts,
  }).reachable;
}

interface Outcome extends Probe {
  readonly expected: boolean;
  readonly seen: boolean;
}

/** Sends all probes. What was expected to get through and did not may have been slow: it is tried again. */
async function measure(current: Plan): Promise<Outcome[]> {
  const network = networkOf({ ...current, ports: Object.values(current.ports) });
  const pending = probesOf(current).map(probe => ({
    ...probe,
    expected: verdict(network, current, probe),
    seen: false,
  }));
  for (const [round, timeout] of timeouts.entries()) {
    const open = pending.filter(one => round === 0 || (one.expected && !one.seen));
    const bySender = Map.groupBy(open, one => one.from);
    await Promise.all(
      [...bySender].map(async ([from, probes]) => {
        const answers = await ask(from, probes, timeout);
        for (const [index, probe] of probes.entries()) probe.seen = answers[index] ?? false;
      }),
    );
  }
  return pending;
}

async function apply({ vpcs, groups, ports }: Plan): Promise<void> {
  for (const vpc of vpcs) await fabric.ensureVpc(vpc);
  for (const group of groups) await fabric.ensureGroup(group);
  for (const port of Object.values(ports)) await fabric.ensurePort(port);
}

async function prepare({ ports }: Plan): Promise<void> {
  const namespaces = new Map<string, string>();
  for (const [name, port] of Object.entries(ports)) namespaces.set(name, await guests.prepare(port));
  await apply(plan(unique, pool, { ipv6: true }));
  const forward = [
    'net.ipv4.ip_forward=1',
    'net.ipv6.conf.all.forwarding=1',
    'net.ipv4.conf.all.send_redirects=0',
    'net.ipv4.conf.eth0.send_redirects=0',
  ];
  // Before the routes: a router forgets those that it was told of.
  await run(['sysctl', '-qw', ...forward], { namespace: namespaces.get('middle') });
  await Promise.all(
    [...namespaces].map(async ([name, namespace]) => {
      const [address = ''] = ports[name]?.privateIpAddresses ?? [];
      await guests.configure(namespace, address, address.replace(/\d+$/, '1'));
      await guests.configureIpv6(namespace, ports[name]?.ipv6Addresses?.[0] ?? '', ports[name]?.vpcId ?? '');
      remember(name, await guests.start(namespace, [process.execPath, '-e', agent, name], 'ready'));
    }),
  );
  // The host stands for the internet; it may have servers of its own on these ports, so it only asks.
  const host = spawn(process.execPath, ['-e', agent, 'internet']);
  host.on('error', () => undefined);
  await new Promise(resolve => host.stdout.once('data', resolve));
  remember('internet', host);
}

beforeAll(async () => {
  await fabric.open({ onListening: () => undefined, onClosed: () => undefined });
  await prepare(plan(unique, pool, { ipv6: true }));
}, 120_000);

afterAll(async () => {
  agents.get('internet')?.child.kill();
  await fabric.destroy();
  await guests.remove();
}, 60_000);

const text = ({ from, to, address, service, expected }: Outcome) =>
  `${from} to ${to} at ${address} by ${service}: the analyzer says ${expected ? 'yes' : 'no'}`;

const phases: readonly (readonly [string, PlanOptions])[] = [
  ['as drawn', {}],
  ['without the internet gateway', { internetGateway: false }],
  [
    'without the NAT and egress-only gateways and the other side of the peering connection',
    { natGateway: false, egressOnly: false, peered: false },
  ],
  ['with the source/destination check on and groups swapped', { checked: true, swapped: true }],
];

describe.each(phases)('%s', (title, options) => {
  const current = plan(unique, pool, { ipv6: true, ...options });
  let outcomes: Outcome[] = [];
  beforeAll(async () => {
    await apply(current);
    outcomes = await measure(current);
  }, 120_000);

  it('packets go where the analyzer says, and nowhere else', () => {
    expect(outcomes.filter(one => one.seen !== one.expected).map(text)).toEqual([]);
  });

  it('is a matrix that tells much apart', () => {
    const yes = outcomes.filter(one => one.seen).length;
    const no = outcomes.length - yes;
    expect(outcomes.length).toBeGreaterThan(120);
    expect(Math.min(yes, no), `${yes} get through, ${no} do not`).toBeGreaterThan(120);
    if (process.env.MATRIX_COUNTS) console.log(`${title}: ${yes} get through, ${no} do not`);
  });
});
