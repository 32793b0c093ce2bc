import { randomBytes } from 'node:crypto';
import { randomHex } from '../api/random.ts';

/**
 * What a unique id begins with.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-prefixes
 */
export const uniqueIdPrefixes = {
  user: 'AIDA',
  group: 'AGPA',
  role: 'AROA',
  policy: 'ANPA',
  instanceProfile: 'AIPA',
  accessKey: 'AKIA',
  temporaryKey: 'ASIA',
} as const;

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

function base32(bytes: Uint8Array): string {
  return Array.from(bytes, byte => alphabet[byte & 31]).join('');
}

/** `AIDA` and 17 letters or digits, 21 characters in all; for what is not an access key. */
export function newUniqueId(kind: 'user' | 'group' | 'role' | 'policy' | 'instanceProfile'): string {
  return uniqueIdPrefixes[kind] + base32(Buffer.from(randomHex(17), 'hex'));
}

/** `AKIA` or `ASIA` and 16 letters or digits. */
export function newAccessKeyId(kind: 'accessKey' | 'temporaryKey' = 'accessKey'): string {
  return uniqueIdPrefixes[kind] + base32(randomBytes(16));
}

/** 40 characters of base64. */
export function newSecretAccessKey(): string {
  return randomBytes(30).toString('base64');
}
