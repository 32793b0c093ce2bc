import { createHash, createHmac, type KeyObject, randomBytes } from 'node:crypto';
import type { PublicKey } from './public-keys.ts';
import { sshMpint, sshString, sshUint32 } from './ssh-wire.ts';

/**
 * An ED25519 key as `ssh-keygen` writes it, without passphrase.
 * @see https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key
 */
export function openSshPrivateKey(privateKey: KeyObject, publicKey: PublicKey): string {
  const { d, x } = members(privateKey);
  const check = randomBytes(4);
  const secret = [check, check, publicKey.blob, sshString(Buffer.concat([d, x])), sshString('')];
  const length = secret.reduce((sum, part) => sum + part.length, 0);
  const padding = Buffer.from(Array.from({ length: (8 - (length % 8)) % 8 }, (_, index) => index + 1));
  const file = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    sshString('none'),
    sshString('none'),
    sshString(''),
    sshUint32(1),
    sshString(publicKey.blob),
    sshString(Buffer.concat([...secret, padding])),
  ]);
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${wrap(file, 70)}\n-----END OPENSSH PRIVATE KEY-----\n`;
}

/**
 * PuTTY's private key format, version 2 (which every PuTTY reads), without passphrase.
 * @see https://the.earth.li/~sgtatham/putty/0.78/htmldoc/AppendixC.html
 */
export function ppk(privateKey: KeyObject, publicKey: PublicKey, comment: string): string {
  const algorithm = `ssh-${publicKey.keyType}`;
  const { d, p, q, qi } = members(privateKey);
  const secret = publicKey.keyType === 'rsa' ? Buffer.concat([d, p, q, qi].map(sshMpint)) : sshString(d);
  const authenticated = [algorithm, 'none', comment, publicKey.blob, secret].map(part => sshString(part));
  const macKey = createHash('sha1').update('putty-private-key-file-mac-key').digest();
  const mac = createHmac('sha1', macKey).update(Buffer.concat(authenticated)).digest('hex');
  const lines = [
    `PuTTY-User-Key-File-2: ${algorithm}`,
    'Encryption: none',
    `Comment: ${comment}`,
    ...block('Public-Lines', publicKey.blob),
    ...block('Private-Lines', secret),
    `Private-MAC: ${mac}`,
  ];
  return `${lines.join('\n')}\n`;
}

function block(name: string, bytes: Uint8Array): string[] {
  const lines = wrap(bytes, 64).split('\n');
  return [`${name}: ${lines.length}`, ...lines];
}

function wrap(bytes: Uint8Array, width: number): string {
  return Buffer.from(bytes)
    .toString('base64')
    .replace(new RegExp(`.{${width}}(?=.)`, 'g'), '$&\n');
}

/** The numbers of a private key; those that its type lacks are empty. */
function members(key: KeyObject): Record<'d' | 'p' | 'q' | 'qi' | 'x', Buffer> {
  const jwk = key.export({ format: 'jwk' });
  const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : '', 'base64url');
  return { d: bytes(jwk.d), p: bytes(jwk.p), q: bytes(jwk.q), qi: bytes(jwk.qi), x: bytes(jwk.x) };
}
