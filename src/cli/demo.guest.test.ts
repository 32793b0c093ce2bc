import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resolveConfiguration } from '../config/resolve.ts';
import { buildImage } from '../images/build.ts';
import { connect, type Ec2Client } from './client.ts';
import { keyFile } from './ssh-target.ts';

/** The commands that start machines, as a person runs them: with real machines, on a data folder of their own. */
const main = fileURLToPath(new URL('./main.ts', import.meta.url));
const pool = '198.19.41.0/24';
const data = mkdtempSync(join(tmpdir(), 'fogbank demo-'));
const settings = ['--data', data, '--listen', '127.0.0.1:4541', '--public-pool', pool];

interface Run {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly errors: () => string;
  readonly ended: Promise<number | null>;
}

function fogbank(...words: string[]): Run {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let out = '';
  let errors = '';
  child.stdout.on('data', chunk => {
    out += chunk;
  });
  child.stderr.on('data', chunk => {
    errors += chunk;
  });
  const ended = new Promise<number | null>(resolve => child.on('close', resolve));
  return { child, out: () => out, errors: () => errors, ended };
}

async function until(run: Run, text: string): Promise<void> {
  while (!run.out().includes(text)) {
    if (run.child.exitCode !== null) throw new Error(`it ended without '${text}':\n${run.out()}${run.errors()}`);
    await sleep(50);
  }
}

const routes = () => execFileSync('ip', ['-4', 'route', 'show', 'to', 'root', pool], { encoding: 'utf8' }).trim();

beforeAll(() => buildImage('micro'));
afterAll(async () => {
  await fogbank('down', '--data', data, '--public-pool', pool).ended;
  rmSync(data, { recursive: true, force: true });
});

test('demo starts a server, shows everything, and leaves nothing', async () => {
  const demo = fogbank('demo', ...settings);
  const code = await demo.ended;
  const out = demo.out();
  expect(code, `${out}${demo.errors()}`).toBe(0);
  expect(out).toContain('$ fogbank up &');
  expect(out).toContain('uid=1000(ec2-user)');
  expect(out).toMatch(/Hello from ip-172-31-\d+-\d+, run by root at the first boot/);
  expect(out).toMatch(/"instanceId" : "i-[0-9a-f]{17}"/);
  expect(out).toContain('written before the stop\n    1\n');
  expect(out).toContain('everything that it made is gone');
  expect(readdirSync(join(data, 'machines'))).toEqual([]);
  expect(readdirSync(join(data, 'volumes'))).toEqual([]);
  expect(readdirSync(join(data, 'keys'))).toEqual([]);
  expect(routes()).toBe('');
});

describe('with a server that runs', () => {
  let server: Run;
  let client: Ec2Client;
  beforeAll(async () => {
    server = fogbank('up', ...settings);
    await until(server, 'is ready on');
    client = connect(await resolveConfiguration({ flags: { data } }));
  });
  afterAll(async () => {
    server.child.kill('SIGTERM');
    await server.ended;
  });

  async function states(): Promise<(string | undefined)[]> {
    const answer = await client.call('DescribeInstances');
    const instances = answer.items('reservationSet').flatMap(reservation => reservation.items('instancesSet'));
    return instances.map(instance => instance.get('instanceState', 'name'));
  }

  test('demo uses it, and Ctrl-C cleans up', async () => {
    const demo = fogbank('demo', ...settings);
    await until(demo, '# Log in.');
    expect(demo.out()).not.toContain('fogbank up');
    // A terminal sends it to the whole group.
    process.kill(-(demo.child.pid ?? 0), 'SIGINT');
    expect(await demo.ended).toBe(130);
    expect(demo.errors()).toContain('interrupted');
    expect(new Set(await states())).toEqual(new Set(['terminated']));
    const groups = (await client.call('DescribeSecurityGroups'))
      .items('securityGroupInfo')
      .map(group => group.get('groupName'));
    expect(groups).toEqual(['default']);
    expect((await client.call('DescribeKeyPairs')).items('keySet')).toEqual([]);
    expect(server.child.exitCode).toBeNull();
  });

  test('ssh finds an instance by its name and runs a command there; down ends everything', async () => {
    const pem = keyFile(data, 'mine');
    mkdirSync(join(data, 'keys'), { recursive: true });
    writeFileSync(pem, (await client.call('CreateKeyPair', { KeyName: 'mine' })).get('keyMaterial') ?? '');
    chmodSync(pem, 0o600);
    const groupId = (await client.call('DescribeSecurityGroups', { GroupName: ['default'] }))
      .items('securityGroupInfo')[0]
      ?.get('groupId');
    await client.call('AuthorizeSecurityGroupIngress', {
      GroupId: groupId,
      IpPermissions: [{ IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
    });
    const images = await client.call('DescribeImages', { Filter: [{ Name: 'name', Value: ['fogbank-micro-*'] }] });
    await client.call('RunInstances', {
      ImageId: images.items('imagesSet').at(-1)?.get('imageId'),
      InstanceType: 't3.nano',
      MinCount: 1,
      MaxCount: 1,
      KeyName: 'mine',
      TagSpecification: [{ ResourceType: 'instance', Tag: [{ Key: 'Name', Value: 'web' }] }],
    });
    const deadline = Date.now() + 300_000;
    let ssh = fogbank('ssh', 'web', '--data', data, '--', 'echo', '"$USER"; exit 7');
    while ((await ssh.ended) !== 7 && Date.now() < deadline) {
      await sleep(500);
      ssh = fogbank('ssh', 'web', '--data', data, '--', 'echo', '"$USER"; exit 7');
    }
    expect(ssh.out(), ssh.errors()).toBe('ec2-user\n');

    // Whoever ends everything need not know how it was started.
    const down = fogbank('down', '--data', data);
    expect(await down.ended, down.errors()).toBe(0);
    expect(await server.ended).toBe(0);
    expect(routes()).toBe('');
    expect(execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })).not.toMatch(new RegExp(`qemu-system.*${data}`));
    expect(await fogbank('down', '--data', data, '--public-pool', pool).ended).toBe(0);
  });
});
