import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createKey, importKey, type KeyType } from './keys.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'fogbank-keys-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

function has(tool: string): boolean {
  try {
    execFileSync('which', [tool], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function file(content: string | Uint8Array): string {
  const path = join(directory, `key-${Math.random().toString(36).slice(2)}`);
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}

const run = (command: string, ...args: string[]) => execFileSync(command, args, { encoding: 'utf8' }).trim();
/** Type and body, without the comment. */
const body = (line: string) => line.split(' ').slice(0, 2).join(' ');

function openssl(args: string[], input: string | Buffer): Buffer {
  return execFileSync('openssl', args, { input, stdio: ['pipe', 'pipe', 'ignore'] });
}

describe.each<KeyType>(['rsa', 'ed25519'])('a created %s key', type => {
  test.skipIf(!has('ssh-keygen'))('is a PEM that OpenSSH reads, with the public key that EC2 keeps', async () => {
    const key = await createKey('mine', type, 'pem');
    expect(key.keyMaterial).toMatch(
      type === 'rsa' ? /^-----BEGIN RSA PRIVATE KEY-----\n/ : /^-----BEGIN OPENSSH PRIVATE KEY-----\n/,
    );
    expect(body(run('ssh-keygen', '-y', '-f', file(key.keyMaterial)))).toBe(body(key.publicKey));
    expect(key.publicKey).toMatch(/ mine$/);
  });

  test.skipIf(!has('puttygen') || !has('ssh-keygen'))('is a PPK that PuTTY reads', async () => {
    const key = await createKey('a name', type, 'ppk');
    const path = file(key.keyMaterial);
    expect(body(run('puttygen', path, '-O', 'public-openssh'))).toBe(body(key.publicKey));
    // The private half is right too: PuTTY exports it, and OpenSSH derives the same public key.
    run('puttygen', path, '-O', 'private-openssh', '-o', `${path}.pem`);
    expect(body(run('ssh-keygen', '-y', '-f', `${path}.pem`))).toBe(body(key.publicKey));
  });
});

describe('fingerprints are those of the documented commands', () => {
  const digest = (text: Buffer) => (/= ?([0-9a-f:]+)/.exec(text.toString()) ?? [])[1];

  test('created RSA: SHA-1 of the PKCS #8 DER private key', async () => {
    const key = await createKey('k', 'rsa', 'pem');
    const der = openssl(['pkcs8', '-inform', 'PEM', '-outform', 'DER', '-topk8', '-nocrypt'], key.keyMaterial);
    expect(key.keyFingerprint).toBe(digest(openssl(['sha1', '-c'], der)));
  });

  test('imported RSA: MD5 of the DER public key', async () => {
    const key = await createKey('k', 'rsa', 'pem');
    const der = openssl(['rsa', '-pubout', '-outform', 'DER'], key.keyMaterial);
    const imported = importKey('other', Buffer.from(key.publicKey));
    expect(imported.keyFingerprint).toBe(digest(openssl(['md5', '-c'], der)));
    expect(imported.keyType).toBe('rsa');
  });

  test.skipIf(!has('ssh-keygen'))(
    'ED25519, created or imported: base64 SHA-256 as ssh-keygen -l shows it',
    async () => {
      const key = await createKey('k', 'ed25519', 'pem');
      const shown = run('ssh-keygen', '-l', '-f', file(`${key.publicKey}\n`)).split(' ')[1];
      expect(`SHA256:${key.keyFingerprint.replace(/=+$/, '')}`).toBe(shown);
      expect(importKey('k', Buffer.from(key.publicKey)).keyFingerprint).toBe(key.keyFingerprint);
    },
  );
});

describe('import', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const spki = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const der = rsa.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  const line = importKey('from der', Buffer.from(der)).publicKey;

  test.skipIf(!has('ssh-keygen'))('RFC 4716, PEM, base64 DER and OpenSSH lines give the same key', () => {
    const path = file(`${line}\n`);
    const rfc4716 = run('ssh-keygen', '-e', '-f', path);
    const pkcs1 = run('ssh-keygen', '-e', '-m', 'PEM', '-f', path);
    expect(pkcs1).toContain('BEGIN RSA PUBLIC KEY');
    const blob = line.split(' ')[1] ?? '';
    for (const form of [rfc4716, pkcs1, spki, der, der.replace(/.{64}/g, '$&\n'), line, `${line} more words\n`, blob]) {
      expect(body(importKey('n', Buffer.from(form)).publicKey)).toBe(body(line));
    }
  });

  test.each([1024, 2048, 4096])('RSA of %i bits is accepted', modulusLength => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength });
    expect(importKey('n', Buffer.from(publicKey.export({ type: 'spki', format: 'pem' }))).keyType).toBe('rsa');
  });

  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' });
  const odd = generateKeyPairSync('rsa', { modulusLength: 3072 }).publicKey.export({ type: 'spki', format: 'pem' });
  const secret = rsa.privateKey.export({ type: 'pkcs8', format: 'pem' });
  const blob = Buffer.from(line.split(' ')[1] ?? '', 'base64');
  test.each([
    ['nothing', ''],
    ['words', 'hello world'],
    ['binary', Buffer.from([0xff, 0, 1])],
    ['an elliptic curve', ec],
    ['RSA of 3072 bits', odd],
    ['a private key', secret],
    ['DSA', 'ssh-dss AAAAB3NzaC1kc3MAAACBAK me'],
    ['a truncated key', `ssh-rsa ${blob.subarray(0, -5).toString('base64')} me`],
    ['a key with more behind it', `ssh-rsa ${Buffer.concat([blob, Buffer.of(1)]).toString('base64')}`],
    ['a key under another name', `ssh-ed25519 ${blob.toString('base64')}`],
    ['a length beyond the end', `ssh-rsa ${Buffer.from('ffffffff00', 'hex').toString('base64')}`],
    ['an RFC 4716 key without end', '---- BEGIN SSH2 PUBLIC KEY ----\nAAAA'],
    ['rubbish in PEM', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----'],
  ])('%s is InvalidKey.Format', (_what, material) => {
    expect(() => importKey('n', Buffer.from(material))).toThrow(
      expect.objectContaining({ code: 'InvalidKey.Format', status: 400 }),
    );
  });
});
