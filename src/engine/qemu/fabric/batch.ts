interface Waiting<T> {
  readonly item: T;
  resolve(): void;
  reject(error: unknown): void;
}

/** Collects items while earlier work runs, then works on all of them at once. */
export class Batch<T> {
  readonly #schedule: (task: () => Promise<void>) => Promise<void>;
  readonly #work: (items: readonly T[]) => Promise<void>;
  #waiting: Waiting<T>[] = [];

  constructor(schedule: (task: () => Promise<void>) => Promise<void>, work: (items: readonly T[]) => Promise<void>) {
    this.#schedule = schedule;
    this.#work = work;
  }

  /** Resolves when the work with this item in it is done. */
  add(item: T): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (this.#waiting.length === 1) void this.#schedule(() => this.#drain());
    });
  }

  /** When the work fails for all, it is tried for each alone, so that one bad item harms no other. */
  async #drain(): Promise<void> {
    const batch = this.#waiting;
    this.#waiting = [];
    try {
      await this.#work(batch.map(({ item }) => item));
      for (const { resolve } of batch) resolve();
    } catch {
      // Also a single item is tried again: what was believed to be there may have been out of date.
      for (const { item, resolve, reject } of batch) await this.#work([item]).then(resolve, reject);
    }
  }
}
