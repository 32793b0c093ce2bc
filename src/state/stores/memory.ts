import type { Store, StoreChange, StoredRow } from './store.ts';

/** A store that forgets: for tests of operations. `failNext` makes the next commit fail as a full disk would. */
export class MemoryStore implements Store {
  readonly #rows = new Map<string, StoredRow>();
  failNext = false;

  load(): Iterable<StoredRow> {
    return [...this.#rows.values()].sort((a, b) => a.sequence - b.sequence);
  }

  commit(changes: readonly StoreChange[]): void {
    if (this.failNext) {
      this.failNext = false;
      throw new Error('database or disk is full');
    }
    for (const change of changes) {
      const id = `${change.table}\0${change.key}`;
      if (change.data === undefined) this.#rows.delete(id);
      else this.#rows.set(id, change);
    }
  }

  close(): void {}
}
