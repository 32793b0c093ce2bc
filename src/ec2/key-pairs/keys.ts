import { createHash, generateKeyPair, type KeyObject } from 'node:crypto';
import { openSshPrivateKey, ppk } from './private-keys.ts';
import {
  colons,
  fromKeyObject,
  type KeyType,
  openSshLine,
  parsePublicKey,
  publicKeyFingerprint,
} from './public-keys.ts';

export type { KeyType } from './public-keys.ts';

export type KeyFormat = 'pem' | 'ppk';

/** What is kept of a key pair: never the private key. */
export interface KeyIdentity {
  readonly keyType: KeyType;
  readonly keyFingerprint: string;
  /** One line in OpenSSH's format, its comment the key's name. */
  readonly publicKey: string;
}

export interface CreatedKey extends KeyIdentity {
  /** The private key as CreateKeyPair answers it. */
  readonly keyMaterial: string;
}

function generate(keyType: KeyType): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, publicKey: KeyObject, privateKey: KeyObject) =>
      error === null ? resolve({ publicKey, privateKey }) : reject(error);
    if (keyType === 'rsa') generateKeyPair('rsa', { modulusLength: 2048 }, done);
    else generateKeyPair('ed25519', {}, done);
  });
}

/**
 * Makes a key pair on the thread pool: RSA with 2048 bits as PKCS #1 PEM, ED25519 as OpenSSH's PEM, or either as PPK.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateKeyPair.html
 */
export async function createKey(name: string, keyType: KeyType, format: KeyFormat): Promise<CreatedKey> {
  const pair = await generate(keyType);
  const publicKey = fromKeyObject(pair.publicKey);
  const keyMaterial = format === 'ppk' ? ppk(pair.privateKey, publicKey, name) : pem(pair.privateKey);
  return {
    keyType,
    keyFingerprint: keyType === 'rsa' ? privateKeyFingerprint(pair.privateKey) : publicKeyFingerprint(publicKey),
    publicKey: openSshLine(publicKey, name),
    keyMaterial,
  };

  function pem(privateKey: KeyObject): string {
    if (keyType === 'ed25519') return openSshPrivateKey(privateKey, publicKey);
    // EC2's PEM has no line end after its last line.
    return privateKey.export({ format: 'pem', type: 'pkcs1' }).toString().trimEnd();
  }
}

/**
 * The identity of a public key that a user brings.
 * @throws ApiError `InvalidKey.Format`
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ImportKeyPair.html
 */
export function importKey(name: string, material: Uint8Array): KeyIdentity {
  const key = parsePublicKey(material);
  return { keyType: key.keyType, keyFingerprint: publicKeyFingerprint(key), publicKey: openSshLine(key, name) };
}

/** SHA-1 of the PKCS #8 DER private key: the fingerprint of an RSA key that EC2 made. */
function privateKeyFingerprint(key: KeyObject): string {
  return colons(
    createHash('sha1')
      .update(key.export({ format: 'der', type: 'pkcs8' }))
      .digest(),
  );
}
