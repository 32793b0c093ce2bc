import type { Store, StoreChange, StoredRow } from './store.ts';

/** A store that forgets: for tests of operations. `failNext` makes the next commit fail as a full disk would. */
export class MemoryStore implements Store {
  readonly #rows = new Map<number, StoredRow>();
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
      if (change.data === undefined) this.#rows.delete(change.sequence);
      else this.#rows.set(change.sequence, change);
    }
  }

  close(): void {}
}
