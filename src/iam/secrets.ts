import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { settings } from '../api/settings.ts';
import { UserError } from '../config/user-error.ts';
import { readPresent, writePrivate } from '../state/private-file.ts';
import type { State } from '../state/state.ts';

/** Keeps secrets unreadable in the database and its backups: whoever has the database alone learns none. */
export interface Secrets {
  /**
   * AES-256-GCM under the key file's key.
   * @param about what the secret belongs to (an access key's id); it opens only with the same again, so that a sealed
   *   text that is moved to another row is of no use there.
   */
  seal(text: string, about?: string): string;
  /** @throws Error when the text was sealed under another key or about something else, or was changed. */
  open(sealed: string, about?: string): string;
  /** A key of 32 bytes for one purpose, the same as long as the key file is; knowing one tells nothing of another. */
  subkey(purpose: string): Uint8Array;
}

const version = 's1.';
const ivLength = 12;
const tagLength = 16;

/** @param key 32 bytes */
export function createSecrets(key: Uint8Array): Secrets {
  const subkey = (purpose: string) => new Uint8Array(hkdfSync('sha256', key, '', `fogbank/${purpose}`, 32));
  const sealing = subkey('seal');
  return {
    subkey,
    seal(text, about = '') {
      const iv = randomBytes(ivLength);
      const cipher = createCipheriv('aes-256-gcm', sealing, iv).setAAD(Buffer.from(about));
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return version + Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url');
    },
    open(sealed, about = '') {
      if (!isSealed(sealed)) throw new Error('this text is not sealed');
      const bytes = Buffer.from(sealed.slice(version.length), 'base64url');
      const decipher = createDecipheriv('aes-256-gcm', sealing, bytes.subarray(0, ivLength), {
        authTagLength: tagLength,
      });
      decipher.setAAD(Buffer.from(about)).setAuthTag(bytes.subarray(ivLength, ivLength + tagLength));
      return decipher.update(bytes.subarray(ivLength + tagLength), undefined, 'utf8') + decipher.final('utf8');
    },
  };
}

/** Whether a text has the form that `seal` makes. */
export function isSealed(text: string): boolean {
  return text.startsWith(version);
}

/** A text that only the right key opens: tells a lost or exchanged key file before it does harm. */
const checkSetting = 'secrets-check';
const checkText = 'fogbank';

/**
 * The secrets of a data folder. Its key is in `secrets.key` (mode 0600, 32 bytes in hexadecimal), made at the first start.
 * @throws UserError when the file is damaged, or is not the one that the database was written with.
 */
export function openSecrets(dataDir: string, state: State): Secrets {
  const file = join(dataDir, 'secrets.key');
  const check = state.get(settings, checkSetting);
  const key = readKey(file) ?? (check === undefined ? makeKey(file) : undefined);
  if (key === undefined) {
    throw new UserError(
      `${file} is missing, and secrets in the database cannot be read without it`,
      'Restore it from the backup that the database is from.',
    );
  }
  const secrets = createSecrets(key);
  if (check === undefined) {
    state.write(tx => tx.put(settings, { name: checkSetting, value: secrets.seal(checkText, checkSetting) }));
  } else if (!opens(secrets, check.value)) {
    throw new UserError(
      `${file} is not the key that the database's secrets were sealed under`,
      'Restore it from the backup that the database is from.',
    );
  }
  return secrets;
}

function opens(secrets: Secrets, sealed: string): boolean {
  try {
    return secrets.open(sealed, checkSetting) === checkText;
  } catch {
    return false;
  }
}

function readKey(file: string): Buffer | undefined {
  const text = readPresent(file);
  if (text === undefined) return undefined;
  if (!/^[0-9a-f]{64}\n?$/.test(text)) {
    throw new UserError(`${file} is damaged`, 'It must hold 64 hexadecimal digits. Restore it from a backup.');
  }
  return Buffer.from(text.trim(), 'hex');
}

/** The key must be on the disk, whole, before anything is sealed under it. */
function makeKey(file: string): Buffer {
  const key = randomBytes(32);
  writePrivate(file, `${key.toString('hex')}\n`, 'keep');
  return key;
}
