import { randomBytes } from 'node:crypto';
import type { Secrets } from '../iam/secrets.ts';
import type { Reader } from '../state/state.ts';
import { keyIdOf, open, seal } from './cryptography/ciphertext.ts';
import { keyArn, lookUpKey, type Place } from './keys/find.ts';
import { type KeyRow, keys } from './keys/model.ts';

/*
 * What other services use keys for: keys of their data, kept beside the data under a key of KMS. Whether the caller may
 * use the key is for them to ask.
 */

export interface DataKey {
  /** 32 bytes, never to be kept. */
  readonly plaintext: Uint8Array;
  /** The same, encrypted under the key: Base64. */
  readonly wrapped: string;
  readonly keyArn: string;
}

/** Why a key cannot be used; the message is for the log, and names the key. */
export class KeyUnavailableError extends Error {
  /** `refused`: the caller for whom it was to be used may not. */
  readonly reason: 'disabled' | 'pending-deletion' | 'missing' | 'refused';
  constructor(reason: KeyUnavailableError['reason'], key: string) {
    super(`the KMS key ${key} is ${reason.replace('-', ' ')}`);
    this.name = 'KeyUnavailableError';
    this.reason = reason;
  }
}

/** Tells data keys from what users encrypt: neither can be taken for the other. */
const purpose = { 'fogbank:purpose': 'data-key' };

/**
 * A new data key under the key that an identifier names (id, alias, or ARN of either).
 * @throws KeyUnavailableError
 */
export function newDataKey(db: Reader, secrets: Secrets, place: Place, identifier: string): DataKey {
  const row = lookUpKey(db, place, identifier);
  if (row === undefined) throw new KeyUnavailableError('missing', identifier);
  checkUsable(row);
  const plaintext = randomBytes(32);
  return { plaintext, wrapped: seal(secrets, row, plaintext, purpose).toString('base64'), keyArn: keyArn(row) };
}

/** The data key again. @throws KeyUnavailableError */
export function unwrap(db: Reader, secrets: Secrets, wrapped: string): Uint8Array {
  const ciphertext = Buffer.from(wrapped, 'base64');
  const id = keyIdOf(ciphertext);
  if (id === undefined) throw new Error('this is no wrapped data key');
  const row = db.get(keys, id);
  if (row === undefined) throw new KeyUnavailableError('missing', id);
  checkUsable(row);
  const opened = open(secrets, row, ciphertext, purpose);
  if (opened === undefined) throw new Error(`a data key under ${keyArn(row)} cannot be read: it was changed`);
  return opened.plaintext;
}

/** @throws KeyUnavailableError */
function checkUsable(row: KeyRow): void {
  if (row.state === 'Disabled') throw new KeyUnavailableError('disabled', keyArn(row));
  if (row.state === 'PendingDeletion') throw new KeyUnavailableError('pending-deletion', keyArn(row));
}
