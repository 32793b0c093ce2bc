import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readCredentials } from '../src/cli/server-files.ts';
import { run } from '../test/support/process.ts';
import { QueryClient } from '../test/support/query-client.ts';
import { machine } from './machine.ts';
import { end, median, outputOf, residentMiB } from './process.ts';
import { launcher } from './servers.ts';

/*
 * Time from RunInstances to the first command that runs over SSH, on the qemu engine, with the built AMIs that the
 * machine has. `node bench/launch.ts` as root; the results are added to bench/results.md.
 */
const families = [
  {
    family: 'micro',
    name: 'fogbank-micro-*',
    user: 'ec2-user',
    type: 't3.micro',
    target: '10 s',
    rounds: 5,
    longest: 120,
  },
  { family: 'debian-12', name: 'debian-12-*', user: 'admin', type: 't3.small', target: '–', rounds: 2, longest: 600 },
];
const publicPool = '198.19.118.0/24';
const progress = (line: string): void =>
  void process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);

const facts = machine();
const folder = mkdtempSync(join(tmpdir(), 'fogbank-bench-'));
const data = join(folder, 'data');
const common = ['--engine', 'qemu', '--data', data, '--public-pool', publicPool];
const began = performance.now();
const server = spawn(launcher, ['up', '--listen', '127.0.0.1:0', ...common], { stdio: ['ignore', 'pipe', 'pipe'] });
try {
  const [, endpoint = ''] = await outputOf(server, /^fogbank is ready on (\S+) in/m);
  const start = performance.now() - began;
  const key = readCredentials(data);
  if (key === undefined) throw new Error('the server wrote no credentials');
  await sleep(1_000);
  const memory = residentMiB(server.pid);
  const client = new QueryClient(endpoint, key);
  const lines = [
    '',
    '## Launch to SSH',
    '',
    `Measured on ${new Date().toISOString().slice(0, 10)} by \`node bench/launch.ts\` on the qemu engine (${facts.at(-1)}):`,
    '',
    '| AMI | type | RunInstances to the first command over SSH: median (all) | target |',
    '|---|---|---|---|',
    ...(await measureAll(client)),
    '',
    `The server with the qemu engine was ready after ${Math.round(start)} ms and used ${Math.round(memory)} MiB when idle.`,
  ];
  client.close();
  process.stdout.write(`${lines.join('\n')}\n`);
  const file = fileURLToPath(new URL('results.md', import.meta.url));
  const [others = ''] = readFileSync(file, 'utf8').split('\n## Launch to SSH');
  writeFileSync(file, `${others.trimEnd()}\n${lines.join('\n')}\n`);
} finally {
  await run(launcher, ['down', ...common]);
  await end(server, 'SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}

async function measureAll(client: QueryClient): Promise<string[]> {
  const keyFile = join(folder, 'key.pem');
  const pair = await client.ok('CreateKeyPair', { KeyName: 'bench', KeyType: 'ed25519' });
  writeFileSync(keyFile, pair.get('keyMaterial') ?? '', { mode: 0o600 });
  const group = (await client.ok('CreateSecurityGroup', { GroupName: 'bench', GroupDescription: 'bench' })).get(
    'groupId',
  );
  const ssh = { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '0.0.0.0/0' }] };
  await client.ok('AuthorizeSecurityGroupIngress', { GroupId: group, IpPermissions: [ssh] });
  const rows: string[] = [];
  for (const { family, name, user, type, target, rounds, longest } of families) {
    const images = await client.ok('DescribeImages', { Filter: [{ Name: 'name', Value: [name] }] });
    const imageId = images.items('imagesSet')[0]?.get('imageId');
    if (imageId === undefined) {
      progress(`there is no ${family} AMI; build it with: fogbank image build ${family}`);
      continue;
    }
    const seconds: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const launch = { ImageId: imageId, InstanceType: type, KeyName: 'bench', SecurityGroupId: [group ?? ''] };
      seconds.push(await launchToSsh(client, { ...launch, MinCount: 1, MaxCount: 1 }, user, keyFile, longest));
      progress(`${family}: ${seconds.at(-1)?.toFixed(1)} s`);
    }
    const all = seconds.map(one => one.toFixed(1)).join(', ');
    rows.push(`| ${family} | ${type} | ${median(seconds).toFixed(1)} s (${all}) | ${target} |`);
  }
  return rows;
}

/** Seconds until a command has run in a new instance, which is terminated then. */
async function launchToSsh(
  client: QueryClient,
  launch: { [name: string]: string | number | string[] },
  user: string,
  keyFile: string,
  longest: number,
): Promise<number> {
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  const answer = await client.ok('RunInstances', launch);
  const first = answer.find('instancesSet', 'item');
  const id = first?.get('instanceId') ?? '';
  let address = first?.get('ipAddress');
  const settings = [
    'BatchMode=yes',
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'LogLevel=ERROR',
    'ConnectTimeout=2',
  ];
  for (;;) {
    if (address === undefined) {
      const shown = await client.ok('DescribeInstances', { InstanceId: [id] });
      address = shown.get('reservationSet', 'item', 'instancesSet', 'item', 'ipAddress') || undefined;
    } else {
      const words = [...settings.flatMap(one => ['-o', one]), '-i', keyFile, `${user}@${address}`, 'true'];
      if ((await run('ssh', words)).code === 0) break;
    }
    if (seconds() > longest) throw new Error(`${id} let nobody in within ${longest} s`);
    await sleep(100);
  }
  const taken = seconds();
  await client.ok('TerminateInstances', { InstanceId: [id] });
  for (;;) {
    const shown = await client.ok('DescribeInstances', { InstanceId: [id] });
    const state = shown.get('reservationSet', 'item', 'instancesSet', 'item', 'instanceState', 'name');
    if (state === 'terminated') return taken;
    await sleep(200);
  }
}
