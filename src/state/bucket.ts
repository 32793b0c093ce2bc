import type { Entry } from './table.ts';

/**
 * Entries in order of their sequence. Rows are nearly always added at the end, so this is an array with binary
 * search; removed entries leave a hole until half of the array is holes.
 */
export class Bucket<Row> {
  #sequences: number[] = [];
  #entries: (Entry<Row> | undefined)[] = [];
  #holes = 0;

  get size(): number {
    return this.#entries.length - this.#holes;
  }

  add(entry: Entry<Row>): void {
    const last = this.#sequences.length - 1;
    if (last < 0 || entry.sequence > (this.#sequences[last] ?? 0)) {
      this.#sequences.push(entry.sequence);
      this.#entries.push(entry);
      return;
    }
    const at = this.#lowerBound(entry.sequence);
    if (this.#sequences[at] === entry.sequence) {
      if (this.#entries[at] === undefined) this.#holes--;
      this.#entries[at] = entry;
      return;
    }
    this.#sequences.splice(at, 0, entry.sequence);
    this.#entries.splice(at, 0, entry);
  }

  remove(entry: Entry<Row>): void {
    const at = this.#lowerBound(entry.sequence);
    if (this.#sequences[at] !== entry.sequence || this.#entries[at] === undefined) return;
    this.#entries[at] = undefined;
    this.#holes++;
    if (this.#holes > 16 && this.#holes * 2 > this.#entries.length) this.#compact();
  }

  /** Entries whose sequence is greater than `after`, in order. Tolerates removals while it runs. */
  *after(after: number): Generator<Entry<Row>> {
    let at = this.#lowerBound(after + 1);
    let previous = after;
    while (at < this.#entries.length) {
      const entry = this.#entries[at];
      const sequence = this.#sequences[at] ?? 0;
      if (sequence <= previous) {
        at++;
        continue;
      }
      previous = sequence;
      if (entry !== undefined) {
        yield entry;
        // The array may have been compacted by a removal meanwhile.
        if (this.#sequences[at] !== sequence) at = this.#lowerBound(sequence + 1) - 1;
      }
      at++;
    }
  }

  #lowerBound(sequence: number): number {
    let low = 0;
    let high = this.#sequences.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sequences[middle] ?? 0) < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #compact(): void {
    const sequences: number[] = [];
    const entries: Entry<Row>[] = [];
    for (const entry of this.#entries) {
      if (entry === undefined) continue;
      sequences.push(entry.sequence);
      entries.push(entry);
    }
    this.#sequences = sequences;
    this.#entries = entries;
    this.#holes = 0;
  }
}
