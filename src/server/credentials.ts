import { join } from 'node:path';
import { UserError } from '../config/user-error.ts';
import { newAccessKeyId, newSecretAccessKey } from '../iam/ids.ts';
import { readPresent, writePrivate } from '../state/private-file.ts';

/** The root access key of a data folder, in `credentials.json` (mode 0600). */
export interface RootCredentials {
  readonly accountId: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface ConfiguredCredentials {
  readonly accountId?: string | undefined;
  readonly rootAccessKeyId?: string | undefined;
  readonly rootSecretAccessKey?: string | undefined;
}

/**
 * The root key: the configured one, else the one that the folder has, else a new one. Written back when it changed.
 * @throws UserError a half-configured key, a bad account id, or another one than the folder's.
 */
export function rootCredentials(dataDir: string, configured: ConfiguredCredentials): RootCredentials {
  const { accountId, rootAccessKeyId, rootSecretAccessKey } = configured;
  if (accountId !== undefined && !/^\d{12}$/.test(accountId)) {
    throw new UserError(`'${accountId}' is not an account id`, 'Use twelve digits, for example 000000000000.');
  }
  if ((rootAccessKeyId === undefined) !== (rootSecretAccessKey === undefined)) {
    throw new UserError(
      'only half of the root access key is configured',
      'Set both FOGBANK_ROOT_ACCESS_KEY_ID and FOGBANK_ROOT_SECRET_ACCESS_KEY, or neither.',
    );
  }
  const file = join(dataDir, 'credentials.json');
  const present = presentCredentials(file);
  if (present !== undefined && accountId !== undefined && present.accountId !== accountId) {
    throw new UserError(
      `the data folder ${dataDir} belongs to account ${present.accountId}, not ${accountId}`,
      'Leave the account id out, or choose another folder with --data.',
    );
  }
  const credentials: RootCredentials = {
    accountId: accountId ?? present?.accountId ?? '000000000000',
    accessKeyId: rootAccessKeyId ?? present?.accessKeyId ?? newAccessKeyId(),
    secretAccessKey: rootSecretAccessKey ?? present?.secretAccessKey ?? newSecretAccessKey(),
  };
  if (JSON.stringify(present) !== JSON.stringify(credentials)) {
    writePrivate(file, `${JSON.stringify(credentials, null, 2)}\n`, 'replace');
  }
  return credentials;
}

function presentCredentials(file: string): RootCredentials | undefined {
  const text = readPresent(file);
  if (text === undefined) return undefined;
  try {
    const { accountId, accessKeyId, secretAccessKey } = JSON.parse(text);
    if ([accountId, accessKeyId, secretAccessKey].every(value => typeof value === 'string' && value !== '')) {
      return { accountId, accessKeyId, secretAccessKey };
    }
  } catch {
    // Falls through to the message below.
  }
  throw new UserError(`${file} cannot be read`, 'Restore it, or delete it to get a new root access key.');
}
