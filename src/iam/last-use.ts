import type { Call } from '../api/call.ts';
import type { Reader, State, Tx } from '../state/state.ts';
import { accessKeys, type LastUseRow, lastUses } from './keys/model.ts';
import { roles } from './roles/model.ts';

/**
 * When access keys and roles last signed a call. Kept in memory and written in batches, since a commit for each call
 * would cost more than the call; what was not written when the server is killed is lost, as AWS's, too, come late.
 */
export class LastUse {
  readonly #pending = new Map<string, LastUseRow>();

  /** Notes that a call was signed. @param now milliseconds since the epoch */
  record({ principal, service, region }: Pick<Call, 'principal' | 'service' | 'region'>, now: number): void {
    if (principal.type === 'anonymous') return;
    const id = principal.type === 'assumed-role' ? principal.roleId : principal.accessKeyId;
    // Temporary keys of users and of root are not reported by IAM.
    if (principal.type !== 'assumed-role' && principal.session !== undefined) return;
    this.#pending.set(id, { id, date: now, service, region });
  }

  /** The last use of a key or role; undefined when there was none since it was made. */
  of(db: Reader, id: string): LastUseRow | undefined {
    return this.#pending.get(id) ?? db.get(lastUses, id);
  }

  /** Writes down what was noted; to be called every minute or so, and at the end. */
  flush(state: State): void {
    if (this.#pending.size === 0) return;
    const rows = [...this.#pending.values()];
    this.#pending.clear();
    state.write(tx => {
      // What was deleted since has no last use any more.
      for (const row of rows) if (exists(tx, row.id)) tx.put(lastUses, row);
    });
  }
}

function exists(tx: Tx, id: string): boolean {
  return tx.get(accessKeys, id) !== undefined || tx.get(roles, id) !== undefined;
}
