import type { Journal } from '../../state/state.ts';
import type { EventQuery, EventReader, StoredEvent } from './reader.ts';

/** A record of calls that forgets: for tests of operations. */
export class MemoryEvents implements Journal, EventReader {
  readonly #lines: string[] = [];

  get last(): number {
    return this.#lines.length;
  }

  append(lines: readonly string[]): void {
    this.#lines.push(...lines);
  }

  *candidates({ before = Number.MAX_SAFE_INTEGER }: EventQuery): Generator<StoredEvent> {
    for (let at = Math.min(this.last, before - 1); at > 0; at--)
      yield { sequence: at, text: this.#lines[at - 1] ?? '' };
  }

  *following(after: number, through: number): Generator<StoredEvent> {
    for (let at = after + 1; at <= Math.min(this.last, through); at++)
      yield { sequence: at, text: this.#lines[at - 1] ?? '' };
  }

  async sync(): Promise<number> {
    return this.last;
  }
}
