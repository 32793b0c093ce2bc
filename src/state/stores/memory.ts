import type { Commit, Store, StoredNote, StoredRow } from './store.ts';

/** A store that forgets: for tests of operations. `failNext` makes the next commit fail as a full disk would. */
export class MemoryStore implements Store {
  readonly #rows = new Map<number, StoredRow>();
  #notes: StoredNote[] = [];
  failNext = false;

  load(): Iterable<StoredRow> {
    return [...this.#rows.values()].sort((a, b) => a.sequence - b.sequence);
  }

  notes(): readonly StoredNote[] {
    return this.#notes;
  }

  commit({ changes, note }: Commit): void {
    if (this.failNext) {
      this.failNext = false;
      throw new Error('database or disk is full');
    }
    for (const change of changes) {
      if (change.data === undefined) this.#rows.delete(change.sequence);
      else this.#rows.set(change.sequence, change);
    }
    if (note !== undefined) this.#notes.push(note);
  }

  forgetNotes(through: number): void {
    this.#notes = this.#notes.filter(note => note.number > through);
  }

  close(): void {}
}
