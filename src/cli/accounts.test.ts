import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Ec2Client } from './client.ts';

/** `fogbank account`, `user` and `policy` against a running server. */
const main = fileURLToPath(new URL('./main.ts', import.meta.url));
let home: string;
let server: ChildProcess;

const env = () => ({
  PATH: process.env.PATH,
  HOME: home,
  XDG_CONFIG_HOME: home,
  FOGBANK_IMAGE_CACHE: join(home, 'images'),
});

function fogbank(...words: string[]) {
  const all = [main, ...words, '--data', join(home, 'state')];
  const result = spawnSync(process.execPath, all, { encoding: 'utf8', cwd: home, env: env() });
  return { code: result.status, out: result.stdout, err: result.stderr };
}

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'fogbank accounts-'));
  const words = ['up', '--engine', 'simulator', '--listen', '127.0.0.1:0', '--data', join(home, 'state')];
  server = spawn(process.execPath, [main, ...words], { cwd: home, env: env(), stdio: ['ignore', 'pipe', 'ignore'] });
  await new Promise(resolve => server.stdout?.once('data', resolve));
});
afterAll(() => {
  server.kill('SIGKILL');
  rmSync(home, { recursive: true, force: true });
});

/** The client that printed variables make. */
function clientOf(variables: Record<string, string>): Ec2Client {
  const { AWS_ENDPOINT_URL = '', AWS_REGION = '', AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '' } = variables;
  const key = { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY };
  return new Ec2Client(AWS_ENDPOINT_URL, AWS_REGION, key);
}

function exported(lines: string): Record<string, string> {
  return Object.fromEntries([...lines.matchAll(/^export (\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]));
}

test('an account is made, listed, and used by its own key', async () => {
  const made = fogbank('account', 'create', 'blue');
  expect(made).toMatchObject({ code: 0, err: expect.stringContaining('shown this once') });
  const client = clientOf(exported(made.out));
  expect((await client.call('DescribeVpcs')).items('vpcSet')).toHaveLength(1);
  const secret = exported(made.out).AWS_SECRET_ACCESS_KEY ?? '';
  const listed = fogbank('account', 'list');
  expect(listed.out).toMatch(/^ACCOUNT +NAME/);
  expect(listed.out).toMatch(/^\d{12} +blue/m);
  expect(listed.out).not.toContain(secret);
  const ids = JSON.parse(fogbank('account', 'list', '--json').out).map((one: { name: string }) => one.name);
  expect(ids).toEqual(['main', 'blue']);
  expect(fogbank('account', 'create', 'blue')).toMatchObject({ code: 1, err: expect.stringContaining('already') });
  expect(JSON.parse(fogbank('account', 'create', 'red', '--id', '123456789012', '--json').out)).toMatchObject({
    AccountId: '123456789012',
  });
});

test('an account is kept out of a Region', async () => {
  const made = exported(fogbank('account', 'create', 'green').out);
  const client = clientOf({ ...made, AWS_REGION: 'af-south-1' });
  await client.call('DescribeVpcs');
  expect(fogbank('account', 'opt-out', 'green', 'af-south-1').code).toBe(0);
  await expect(client.call('DescribeVpcs')).rejects.toMatchObject({ code: 'AuthFailure' });
  expect(fogbank('account', 'opt-in', 'green', 'af-south-1').code).toBe(0);
  await client.call('DescribeVpcs');
  expect(fogbank('account', 'opt-out', 'green', 'us-east-1')).toMatchObject({ code: 1 });
});

test('a user is made with a policy, checked, and deleted', async () => {
  const file = join(home, 'see only.json');
  const statement = { Sid: 'See', Effect: 'Allow', Action: 'ec2:Describe*', Resource: '*' };
  writeFileSync(file, JSON.stringify({ Version: '2012-10-17', Statement: [statement] }));
  const made = fogbank('user', 'create', 'ann', '--policy', file);
  expect(made).toMatchObject({ code: 0, err: expect.stringContaining('arn:aws:iam::000000000000:user/ann') });
  const client = clientOf(exported(made.out));
  await client.call('DescribeVpcs');
  await expect(client.call('CreateKeyPair', { KeyName: 'k' })).rejects.toMatchObject({ code: 'UnauthorizedOperation' });
  const check = (...words: string[]) => fogbank('policy', 'check', ...words);
  expect(check('ec2:DescribeVpcs', '*', '--as', 'ann')).toMatchObject({
    code: 0,
    out: expect.stringContaining('"See"'),
  });
  expect(check('ec2:CreateKeyPair', '*', '--as', 'arn:aws:iam::000000000000:user/ann')).toMatchObject({
    code: 1,
    out: expect.stringContaining('is denied ec2:CreateKeyPair'),
  });
  expect(fogbank('user', 'list').out).toMatch(/^ann +arn:aws:iam::000000000000:user\/ann +\S+ \S+ +AKIA/m);
  expect(fogbank('user', 'delete', 'ann').code).toBe(0);
  expect(JSON.parse(fogbank('user', 'list', '--json').out)).toEqual([]);
  await expect(client.call('DescribeVpcs')).rejects.toMatchObject({ code: 'AuthFailure' });
});

test('a user is made whole or not at all, also in another account', () => {
  expect(fogbank('user', 'create', 'eve', '--policy', 'NoSuchPolicy')).toMatchObject({ code: 1 });
  expect(fogbank('user', 'create', 'eve', '--policy', './none.json')).toMatchObject({
    code: 1,
    err: expect.stringContaining('cannot be read'),
  });
  expect(JSON.parse(fogbank('user', 'list', '--json').out)).toEqual([]);
  fogbank('account', 'create', 'lab');
  const made = fogbank('user', 'create', 'eve', '--policy', 'AmazonEC2FullAccess', '--account', 'lab', '--json');
  expect(JSON.parse(made.out).Arn).toMatch(/:user\/eve$/);
  expect(JSON.parse(fogbank('user', 'list', '--json', '--account', 'lab').out)).toHaveLength(1);
  expect(fogbank('policy', 'check', 'ec2:RunInstances', '*', '--as', 'eve', '--account', 'lab').code).toBe(0);
});

test.each([
  [['account', 'create']],
  [['account', 'list', 'x']],
  [['account', 'opt-in', 'blue']],
  [['user', 'create']],
  [['user', 'list', 'x']],
  [['policy', 'check', 'ec2:RunInstances', '*']],
  [['policy', 'check', 'ec2:RunInstances', '*', '--as', 'x', '--key', 'y']],
])('%j is a wrong command line', words => {
  expect(fogbank(...words)).toMatchObject({ code: 2, out: '' });
});
