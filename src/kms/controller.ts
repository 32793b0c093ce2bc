import type { Clock } from '../api/clock.ts';
import type { Controller } from '../controllers/controllers.ts';
import type { Secrets } from '../iam/secrets.ts';
import type { State, Tx } from '../state/state.ts';
import { aliases, aliasKey } from './aliases/model.ts';
import { newMaterial } from './cryptography/material.ts';
import { grants } from './grants/model.ts';
import { type KeyRow, keys } from './keys/model.ts';
import { automaticRotation } from './keys/rotation.ts';
import { day } from './keys/states.ts';

/**
 * Deletes keys whose waiting period is over, with their material, and rotates those that are due. Timers are set for a
 * day at most, since they cannot be set for months.
 */
export function keyController(state: State, secrets: Secrets, clock: Clock): Controller {
  return {
    name: 'kms-keys',
    watch: change => (change.table === keys.name && change.after !== undefined ? [change.key] : []),
    initial: () => [...state.entries(keys)].map(entry => entry.key),
    reconcile: async id => {
      const now = clock.now();
      const next = state.write(tx => settle(tx, secrets, id, now));
      return next === undefined ? undefined : Math.min(next - now, day);
    },
  };
}

/** Does to a key what is due. @returns when to look again */
function settle(tx: Tx, secrets: Secrets, id: string, now: number): number | undefined {
  const row = tx.get(keys, id);
  if (row === undefined) return undefined;
  if (row.state === 'PendingDeletion') {
    if (row.deletionDate !== undefined && row.deletionDate > now) return row.deletionDate;
    remove(tx, row);
    return undefined;
  }
  const { rotation } = row;
  if (rotation === undefined) return undefined;
  if (rotation.next > now) return rotation.next;
  // A disabled key is not rotated; it is when it is enabled again.
  if (row.state === 'Disabled') return undefined;
  const next = automaticRotation(now, rotation.period);
  const material = newMaterial(secrets, id, now, 'AUTOMATIC');
  tx.put(keys, { ...row, materials: [...row.materials, material], rotation: next });
  return next.next;
}

function remove(tx: Tx, row: KeyRow): void {
  for (const alias of tx.by(aliases, 'keyId', row.keyId)) tx.delete(aliases, aliasKey(alias.owner, alias.name));
  for (const grant of tx.by(grants, 'keyId', row.keyId)) tx.delete(grants, grant.grantId);
  tx.delete(keys, row.keyId);
}
