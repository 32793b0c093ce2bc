import { createPrivateKey, generateKeyPair, type KeyObject, X509Certificate } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { dsaWithSha1, rsaWithSha256, type SignatureAlgorithm } from './algorithms.ts';
import { pem } from './asn1.ts';
import { type Certificate, selfSigned } from './certificate.ts';

/** A key with its certificate, ready to sign. */
export interface SigningKey {
  readonly key: KeyObject;
  readonly certificate: Certificate;
  readonly certificatePem: string;
  readonly algorithm: SignatureAlgorithm;
}

export type SigningKeyName = 'dsa' | 'rsa';

const kinds = {
  dsa: { algorithm: dsaWithSha1, commonName: 'Fogbank instance identity (DSA)' },
  rsa: { algorithm: rsaWithSha256, commonName: 'Fogbank instance identity (RSA)' },
} as const;

/**
 * The key of a name in `dir`, made at its first use: `NAME.key` (PKCS #8 PEM, mode 0600) and `NAME.crt`.
 * @throws Error when the folder cannot be read or written.
 */
export async function signingKey(dir: string, name: SigningKeyName, now: number): Promise<SigningKey> {
  return (await load(dir, name)) ?? (await make(dir, name, now));
}

async function load(dir: string, name: SigningKeyName): Promise<SigningKey | undefined> {
  let key: string;
  let text: string;
  try {
    key = await readFile(join(dir, `${name}.key`), 'utf8');
    text = await readFile(join(dir, `${name}.crt`), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  return fromPem(name, key, text);
}

async function make(dir: string, name: SigningKeyName, now: number): Promise<SigningKey> {
  const { algorithm, commonName } = kinds[name];
  const key = await generate(name);
  const { der } = selfSigned(key, algorithm, commonName, now);
  const keyText = key.export({ format: 'pem', type: 'pkcs8' }).toString();
  const text = pem('CERTIFICATE', der);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  // The certificate last: a key without one was never used, so a crash in between costs nothing.
  await writeWhole(join(dir, `${name}.key`), keyText, 0o600);
  await writeWhole(join(dir, `${name}.crt`), text, 0o644);
  return fromPem(name, keyText, text);
}

function fromPem(name: SigningKeyName, key: string, text: string): SigningKey {
  const { raw } = new X509Certificate(text);
  const certificate = { der: raw, ...issuerAndSerial(raw) };
  return { key: createPrivateKey(key), certificate, certificatePem: text, algorithm: kinds[name].algorithm };
}

function generate(name: SigningKeyName): Promise<KeyObject> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, _publicKey: KeyObject, privateKey: KeyObject) =>
      error === null ? resolve(privateKey) : reject(error);
    // As EC2's own: SHA-1, which `pkcs7` is defined with, is as long as q may be.
    if (name === 'dsa') generateKeyPair('dsa', { modulusLength: 1024, divisorLength: 160 }, done);
    else generateKeyPair('rsa', { modulusLength: 2048 }, done);
  });
}

/** Issuer and serial number in a certificate that `selfSigned` made. */
function issuerAndSerial(der: Buffer): { issuer: Buffer; serial: Buffer } {
  const certificate = children(der);
  const [, serial, , issuer] = children(certificate[0]);
  if (serial === undefined || issuer === undefined) throw new Error('the identity certificate is damaged');
  return { issuer, serial: contents(serial) };
}

function contents(der: Buffer): Buffer {
  const first = der.readUInt8(1);
  return der.subarray(first < 0x80 ? 2 : 2 + (first & 0x7f));
}

/** The elements in a constructed element. */
function children(der: Buffer | undefined): Buffer[] {
  const all: Buffer[] = [];
  let rest = contents(der ?? Buffer.of(0, 0));
  while (rest.length > 0) {
    const first = rest.readUInt8(1);
    const digits = first < 0x80 ? 0 : first & 0x7f;
    const end = 2 + digits + (digits === 0 ? first : rest.readUIntBE(2, digits));
    all.push(rest.subarray(0, end));
    rest = rest.subarray(end);
  }
  return all;
}

/** A reader sees the file complete or not at all, also after a crash. */
async function writeWhole(path: string, text: string, mode: number): Promise<void> {
  const temporary = `${path}.new`;
  await rm(temporary, { force: true });
  const file = await open(temporary, 'wx', mode);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}
