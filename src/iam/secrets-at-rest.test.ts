import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { signRequest } from '../cli/sign.ts';
import { type RunningServer, startServer } from '../server.ts';

let directory = '';
let server: RunningServer;
let lines: string[] = [];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'fogbank-at-rest-'));
  lines = [];
  server = await startServer({
    dataDir: directory,
    host: '127.0.0.1',
    port: 0,
    engine: 'simulator',
    publicPool: '198.18.0.0/16',
    imageCacheDir: join(directory, 'images'),
    log: line => lines.push(line),
  });
});
afterEach(() => rmSync(directory, { recursive: true }));

interface Key {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Calls IAM over HTTP and gives the answer's text. */
async function iam(key: Key, Action: string, parameters: Record<string, string> = {}): Promise<string> {
  const body = new URLSearchParams({ Action, Version: '2010-05-08', ...parameters }).toString();
  const url = new URL(server.url);
  const form = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
  const request = { method: 'POST', url, body, headers: form };
  const headers = signRequest(request, key, { service: 'iam', region: 'us-east-1' });
  return (await fetch(url, { method: 'POST', headers, body })).text();
}

const inside = (text: string, element: string): string => new RegExp(`<${element}>([^<]+)<`).exec(text)?.[1] ?? '';

/** Every file of the data folder but those that hold the keys to all others. */
function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map(name => join(folder, name))
    .filter(file => statSync(file).isFile() && !/(?:credentials\.json|secrets\.key)$/.test(file));
}

test('no secret of a run is in the database, another file or the log', async () => {
  const root: Key = JSON.parse(readFileSync(join(directory, 'credentials.json'), 'utf8'));
  const named = { UserName: 'bob' };
  const passwords = ['Correct-Horse-1', 'Battery-Staple-2', 'Wrong-Guess-3'];
  const [first = '', second = '', wrong = ''] = passwords;
  await iam(root, 'CreateUser', named);
  const made = await iam(root, 'CreateAccessKey', named);
  const bob = { accessKeyId: inside(made, 'AccessKeyId'), secretAccessKey: inside(made, 'SecretAccessKey') };
  const device = await iam(root, 'CreateVirtualMFADevice', { VirtualMFADeviceName: 'phone' });
  const seed = Buffer.from(inside(device, 'Base32StringSeed'), 'base64').toString();
  await iam(root, 'AttachUserPolicy', { ...named, PolicyArn: 'arn:aws:iam::aws:policy/IAMFullAccess' });
  await iam(root, 'CreateLoginProfile', { ...named, Password: first });
  await iam(bob, 'ChangePassword', { OldPassword: wrong, NewPassword: second });
  expect(await iam(bob, 'ChangePassword', { OldPassword: first, NewPassword: second })).toContain('<RequestId>');
  const forged = { ...bob, secretAccessKey: root.secretAccessKey };
  expect(await iam(forged, 'GetUser')).toContain('SignatureDoesNotMatch');
  expect(await iam(bob, 'GetUser')).toContain('<UserName>bob</UserName>');
  await server.close();

  const secrets = [root.secretAccessKey, bob.secretAccessKey, seed, ...passwords];
  expect(secrets.map(secret => secret.length).every(length => length > 10)).toBe(true);
  const files = filesOf(directory).map(file => [file, readFileSync(file)] as const);
  // What is looked for would be found: the names beside the secrets are.
  expect(files.some(([, bytes]) => bytes.includes(bob.accessKeyId))).toBe(true);
  for (const secret of secrets) {
    const forms = [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')];
    for (const form of forms) {
      expect(files.filter(([, bytes]) => bytes.includes(form)).map(([file]) => file)).toEqual([]);
      expect(lines.filter(line => line.includes(form))).toEqual([]);
    }
  }
});
