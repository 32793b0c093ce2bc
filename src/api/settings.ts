import { randomBytes } from 'node:crypto';
import { isSealed, type Secrets } from '../iam/secrets.ts';
import type { State } from '../state/state.ts';
import { defineTable } from '../state/table.ts';

/** A small fact about this installation, such as the key that signs page tokens. */
export interface SettingRow {
  readonly name: string;
  readonly value: string;
}

export const settings = defineTable<SettingRow>()({ name: 'settings', key: row => row.name, indexes: {} });

/** A secret of 32 random bytes, made when first asked for and the same ever after. Kept sealed. */
export function secretSetting(state: State, secrets: Secrets, name: string): Uint8Array {
  const present = state.get(settings, name)?.value;
  if (present !== undefined && isSealed(present)) return Buffer.from(secrets.open(present, name), 'base64');
  // Earlier versions kept it as it is.
  const secret = present ?? randomBytes(32).toString('base64');
  state.write(tx => tx.put(settings, { name, value: secrets.seal(secret, name) }));
  return Buffer.from(secret, 'base64');
}
