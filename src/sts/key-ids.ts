import { randomBytes } from 'node:crypto';
import { uniqueIdPrefixes } from '../iam/ids.ts';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/**
 * An id of a temporary key, `ASIA` and 16 letters or digits: 40 bits say whose account it is, as in AWS's, the other
 * 40 are random.
 */
export function newSessionKeyId(account: string): string {
  const bytes = randomBytes(10);
  bytes.writeUIntBE(Number(account), 0, 5);
  let bits = BigInt(`0x${bytes.toString('hex')}`);
  let text = '';
  for (let at = 0; at < 16; at++) {
    text = (alphabet[Number(bits & 31n)] ?? '') + text;
    bits >>= 5n;
  }
  return uniqueIdPrefixes.temporaryKey + text;
}

/** The account of a temporary key; undefined for what is none. */
export function accountOfKeyId(accessKeyId: string): string | undefined {
  const [, text] = /^ASIA([A-Z2-7]{16})$/.exec(accessKeyId) ?? [];
  if (text === undefined) return undefined;
  let bits = 0n;
  for (const letter of text) bits = (bits << 5n) | BigInt(alphabet.indexOf(letter));
  const account = String(bits >> 40n).padStart(12, '0');
  return account.length === 12 ? account : undefined;
}
