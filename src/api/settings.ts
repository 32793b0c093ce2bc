import { randomBytes } from 'node:crypto';
import type { State } from '../state/state.ts';
import { defineTable } from '../state/table.ts';

/** A small fact about this installation, such as the key that signs page tokens. */
export interface SettingRow {
  readonly name: string;
  readonly value: string;
}

export const settings = defineTable<SettingRow>()({ name: 'settings', key: row => row.name, indexes: {} });

/** A secret of 32 random bytes, made when first asked for and the same ever after. */
export function secretSetting(state: State, name: string): Uint8Array {
  const present = state.get(settings, name);
  if (present !== undefined) return Buffer.from(present.value, 'base64');
  const secret = randomBytes(32);
  state.write(tx => tx.put(settings, { name, value: secret.toString('base64') }));
  return secret;
}
