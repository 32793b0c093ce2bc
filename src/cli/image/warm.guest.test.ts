import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resolveConfiguration } from '../../config/resolve.ts';
import { buildImage } from '../../images/build.ts';
import { connect, type Ec2Client } from '../client.ts';

/** `fogbank image warm` beside a server that runs, on a data folder of their own. */
const main = fileURLToPath(new URL('../main.ts', import.meta.url));
const pool = '198.19.42.0/24';
const data = mkdtempSync(join(tmpdir(), 'fogbank warm-'));
let server: ChildProcess;
let client: Ec2Client;
let imageId: string;

async function fogbank(...words: string[]): Promise<{ code: number | null; out: string; errors: string }> {
  const child = spawn(process.execPath, [main, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let errors = '';
  child.stdout.on('data', chunk => {
    out += chunk;
  });
  child.stderr.on('data', chunk => {
    errors += chunk;
  });
  const code = await new Promise<number | null>(resolve => child.on('close', resolve));
  return { code, out, errors };
}

beforeAll(async () => {
  const { name } = await buildImage('micro');
  const words = ['up', '--data', data, '--listen', '127.0.0.1:4542', '--public-pool', pool];
  server = spawn(process.execPath, [main, ...words], { stdio: ['ignore', 'pipe', 'ignore'] });
  await new Promise<void>((resolve, reject) => {
    server.stdout?.once('data', () => resolve());
    server.once('exit', () => reject(new Error('the server did not start')));
  });
  client = connect(await resolveConfiguration({ flags: { data } }));
  const answer = await client.call('DescribeImages', { Filter: [{ Name: 'name', Value: [name] }] });
  imageId = answer.items('imagesSet')[0]?.get('imageId') ?? '';
});
afterAll(async () => {
  await fogbank('down', '--data', data, '--public-pool', pool);
  rmSync(data, { recursive: true, force: true });
});

/** Launches an instance and answers the arguments of its QEMU. */
async function launch(instanceType: string): Promise<string> {
  const input = { ImageId: imageId, InstanceType: instanceType, MinCount: 1, MaxCount: 1 };
  const instanceId = (await client.call('RunInstances', input)).items('instancesSet')[0]?.get('instanceId') ?? '';
  for (;;) {
    const answer = await client.call('DescribeInstances', { InstanceId: [instanceId] });
    const state = answer.items('reservationSet')[0]?.items('instancesSet')[0]?.get('instanceState', 'name');
    if (state === 'running') return machineArguments(instanceId);
    if (state !== 'pending') throw new Error(`${instanceId} is ${state}`);
    await sleep(100);
  }
}

function machineArguments(instanceId: string): string {
  for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      if (words.includes(`\0guest=${instanceId}\0`) && readlinkSync(`/proc/${pid}/cwd`) === data) return words;
    } catch {
      // It has ended in between.
    }
  }
  throw new Error(`${instanceId} has no process`);
}

const continues = /mem-path=warm\/[0-9a-f]{24}\/ram,share=off/;

test('a guest is frozen before the first launch, which then continues from it', async () => {
  const made = await fogbank('image', 'warm', 'micro', '--type', 't3.nano', '--data', data);
  expect(made.code, made.errors).toBe(0);
  expect(made.out).toMatch(
    new RegExp(`^${imageId} \\(\\S+\\) is warm for t3\\.nano; its guest booted in [0-9.]+ s\n$`),
  );
  expect(made.errors).toMatch(/\] booting a guest without an identity/);
  expect((await fogbank('image', 'list', '--data', data)).out).toMatch(/^micro .* t3\.nano$/m);
  expect((await fogbank('image', 'warm', imageId, '--type', 't3.nano', '--data', data)).out).toContain(
    'was warm for t3.nano already',
  );
  expect(await launch('t3.nano')).toMatch(continues);
});

test('an AMI whose fast launch is switched off boots, until it is on again', async () => {
  expect((await fogbank('image', 'warm', imageId, '--off', '--data', data)).code).toBe(0);
  expect(await launch('t3.nano')).not.toMatch(continues);
  const refused = await fogbank('image', 'warm', imageId, '--data', data);
  expect(refused.code).toBe(1);
  expect(refused.errors).toContain('fast launch is switched off');
  expect((await fogbank('image', 'warm', imageId, '--on', '--data', data)).code).toBe(0);
  expect(await launch('t3.nano')).toMatch(continues);
});
