import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { ApiError } from '../../api/errors.ts';
import { SshReader, sshMpint, sshString } from './ssh-wire.ts';

export type KeyType = 'rsa' | 'ed25519';

export interface PublicKey {
  readonly keyType: KeyType;
  /** `ssh-rsa` or `ssh-ed25519` and the key, in SSH's wire format. */
  readonly blob: Buffer;
  readonly key: KeyObject;
}

const rsaModulusLengths = [1024, 2048, 4096];

/**
 * Reads a public key as ImportKeyPair takes it: an OpenSSH line, RFC 4716, base64 DER, or PEM; RSA with 1024, 2048
 * or 4096 bits, or Ed25519.
 * @throws ApiError `InvalidKey.Format`
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/create-key-pairs.html#how-to-generate-your-own-key-and-import-it-to-aws
 */
export function parsePublicKey(material: Uint8Array): PublicKey {
  const text = Buffer.from(material).toString('utf8').trim();
  let key: PublicKey;
  try {
    key = fromText(text);
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw invalid('Key is not in valid OpenSSH public key format');
  }
  const bits = key.key.asymmetricKeyDetails?.modulusLength;
  if (bits !== undefined && !rsaModulusLengths.includes(bits)) {
    throw invalid(`The RSA key has ${bits} bits. Use 1024, 2048 or 4096.`);
  }
  return key;
}

function fromText(text: string): PublicKey {
  if (text.includes('PRIVATE KEY')) throw invalid('The key is a private key. Import its public key.');
  if (text.startsWith('---- BEGIN SSH2 PUBLIC KEY ----')) return fromSshBlob(base64(rfc4716Body(text)));
  if (text.startsWith('-----BEGIN')) return fromKeyObject(createPublicKey(text));
  const [first = '', second] = text.split(/[ \t]+/);
  if (second !== undefined && /^[a-z]/.test(first)) return fromOpenSshLine(first, second);
  const bytes = base64(text.replace(/\s+/g, ''));
  // DER begins with the tag of a SEQUENCE, an SSH blob with the length of its type's name.
  if (bytes[0] !== 0x30) return fromSshBlob(bytes);
  return fromKeyObject(createPublicKey({ key: bytes, format: 'der', type: 'spki' }));
}

function fromOpenSshLine(type: string, body: string): PublicKey {
  if (type !== 'ssh-rsa' && type !== 'ssh-ed25519') {
    throw invalid(`Key type '${type.slice(0, 64)}' is not supported. Use RSA or ED25519.`);
  }
  const key = fromSshBlob(base64(body));
  if (type !== `ssh-${key.keyType}`) throw invalid(`The key says '${type}' but is of type '${key.keyType}'.`);
  return key;
}

function fromSshBlob(blob: Buffer): PublicKey {
  const reader = new SshReader(blob);
  const type = reader.string().toString('latin1');
  let key: KeyObject;
  if (type === 'ssh-rsa') {
    const e = reader.mpint().toString('base64url');
    const n = reader.mpint().toString('base64url');
    key = createPublicKey({ format: 'jwk', key: { kty: 'RSA', e, n } });
  } else if (type === 'ssh-ed25519') {
    const x = reader.string().toString('base64url');
    key = createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x } });
  } else {
    throw invalid('The key is neither RSA nor ED25519.');
  }
  if (!reader.atEnd) throw new RangeError('data follows the key');
  return fromKeyObject(key);
}

/** @throws ApiError `InvalidKey.Format` for types other than RSA and Ed25519. */
export function fromKeyObject(key: KeyObject): PublicKey {
  const jwk = key.export({ format: 'jwk' });
  if (jwk.kty === 'RSA') {
    const numbers = [sshMpint(base64url(jwk.e)), sshMpint(base64url(jwk.n))];
    return { keyType: 'rsa', key, blob: Buffer.concat([sshString('ssh-rsa'), ...numbers]) };
  }
  if (jwk.crv === 'Ed25519') {
    return { keyType: 'ed25519', key, blob: Buffer.concat([sshString('ssh-ed25519'), sshString(base64url(jwk.x))]) };
  }
  throw invalid('The key is neither RSA nor ED25519.');
}

function base64url(value: unknown): Buffer {
  if (typeof value !== 'string') throw new TypeError('the key lacks a member');
  return Buffer.from(value, 'base64url');
}

/** Refuses what Node's lenient decoder would skip. */
function base64(text: string): Buffer {
  if (text === '' || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) throw new RangeError('not base64');
  return Buffer.from(text, 'base64');
}

/** The base64 between the lines of RFC 4716, without its headers, which a backslash at a line's end continues. */
function rfc4716Body(text: string): string {
  const lines = text.split(/\r?\n/);
  const end = lines.findIndex(line => line.startsWith('---- END SSH2 PUBLIC KEY ----'));
  if (end < 0) throw new RangeError('the RFC 4716 key has no end');
  let body = '';
  let inHeader = false;
  for (const line of lines.slice(1, end)) {
    const isHeader: boolean = inHeader || line.includes(':');
    inHeader = isHeader && line.endsWith('\\');
    if (!isHeader) body += line.trim();
  }
  return body;
}

/** One line in OpenSSH's format, as the metadata service and `IncludePublicKey` give it. No line end. */
export function openSshLine(key: PublicKey, comment: string): string {
  return `ssh-${key.keyType} ${key.blob.toString('base64')} ${comment}`;
}

/**
 * The fingerprint of an imported key, or of any ED25519 key: MD5 of the DER SubjectPublicKeyInfo for RSA, base64 of
 * the wire format's SHA-256 for ED25519.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/verify-keys.html
 */
export function publicKeyFingerprint(key: PublicKey): string {
  if (key.keyType === 'ed25519') return createHash('sha256').update(key.blob).digest('base64');
  return colons(
    createHash('md5')
      .update(key.key.export({ format: 'der', type: 'spki' }))
      .digest(),
  );
}

/** `1f:51:ae:…` */
export function colons(digest: Buffer): string {
  return digest.toString('hex').replace(/..(?=.)/g, '$&:');
}

function invalid(message: string): ApiError {
  return new ApiError('InvalidKey.Format', message);
}
