import type { Change, State } from '../state/state.ts';

/**
 * A level-triggered loop over the ids of one kind of resource. `reconcile` compares what the state wants with what
 * is, takes a step, and may be killed anywhere and run again: it is called for every id at start, whenever a watched
 * row changes, and after a failure.
 */
export interface Controller {
  readonly name: string;
  /** Ids to look at because of a committed change. */
  readonly watch: (change: Change) => Iterable<string>;
  /** Ids to look at when the server starts. */
  readonly initial: () => Iterable<string>;
  /** Resolves to the milliseconds after which to look again, or undefined. A rejection is retried with back-off. */
  readonly reconcile: (id: string) => Promise<number | undefined>;
  /** Told of each failed attempt, so that it shows in the resource's state reason. `attempt` counts from 1. */
  readonly failed?: (id: string, error: unknown, attempt: number) => void;
  /** How many ids at once; 8 unless given. */
  readonly concurrency?: number;
}

const firstDelay = 250;
const longestDelay = 30_000;

/** Runs controllers: one key at a time each, a bounded number of keys at once, back-off on failure. */
export class Controllers {
  readonly #loops: Loop[];

  constructor(state: State, controllers: readonly Controller[], log: (line: string) => void) {
    this.#loops = controllers.map(controller => new Loop(controller, log));
    state.onCommit(changes => {
      for (const loop of this.#loops)
        for (const change of changes) for (const id of loop.controller.watch(change)) loop.add(id);
    });
  }

  start(): void {
    for (const loop of this.#loops) {
      loop.open();
      for (const id of loop.controller.initial()) loop.add(id);
    }
  }

  /** Makes a controller look at an id now, e.g. because the engine reported an event. */
  wake(controller: string, id: string): void {
    for (const loop of this.#loops) if (loop.controller.name === controller) loop.add(id);
  }

  /** Resolves when no id waits or is being worked on (back-off and timed looks not counted). For tests and `close`. */
  async idle(): Promise<void> {
    for (;;) {
      const busy = this.#loops.find(loop => loop.busy);
      if (busy === undefined) return;
      await busy.whenIdle();
    }
  }

  /** Takes no more work and waits for what runs. */
  async close(): Promise<void> {
    await Promise.all(this.#loops.map(loop => loop.close()));
  }
}

class Loop {
  readonly controller: Controller;
  readonly #log: (line: string) => void;
  readonly #waiting = new Set<string>();
  readonly #running = new Set<string>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #attempts = new Map<string, number>();
  #idle: (() => void)[] = [];
  #open = false;

  constructor(controller: Controller, log: (line: string) => void) {
    this.controller = controller;
    this.#log = log;
  }

  get busy(): boolean {
    return this.#running.size > 0 || (this.#open && this.#waiting.size > 0);
  }

  open(): void {
    this.#open = true;
    this.#fill();
  }

  add(id: string): void {
    const timer = this.#timers.get(id);
    if (timer !== undefined) {
      clearTimeout(timer);
      this.#timers.delete(id);
    }
    this.#waiting.add(id);
    this.#fill();
  }

  whenIdle(): Promise<void> {
    return this.busy ? new Promise(resolve => this.#idle.push(resolve)) : Promise.resolve();
  }

  async close(): Promise<void> {
    this.#open = false;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    await this.whenIdle();
  }

  #fill(): void {
    if (!this.#open) return;
    const limit = this.controller.concurrency ?? 8;
    for (const id of this.#waiting) {
      if (this.#running.size >= limit) return;
      if (this.#running.has(id)) continue;
      this.#waiting.delete(id);
      this.#running.add(id);
      void this.#run(id);
    }
  }

  async #run(id: string): Promise<void> {
    let again: number | undefined;
    try {
      again = await this.controller.reconcile(id);
      this.#attempts.delete(id);
    } catch (error) {
      const attempt = (this.#attempts.get(id) ?? 0) + 1;
      this.#attempts.set(id, attempt);
      again = Math.min(firstDelay * 2 ** (attempt - 1), longestDelay);
      this.#log(
        `${this.controller.name} ${id}: attempt ${attempt} failed: ${error instanceof Error ? error.message : String(error)}`,
      );
      try {
        this.controller.failed?.(id, error, attempt);
      } catch (second) {
        this.#log(`${this.controller.name} ${id}: ${second instanceof Error ? second.message : String(second)}`);
      }
    }
    this.#running.delete(id);
    if (again !== undefined && this.#open && !this.#waiting.has(id)) {
      const timer = setTimeout(() => this.add(id), again);
      timer.unref();
      this.#timers.set(id, timer);
    }
    this.#fill();
    if (!this.busy) {
      const idle = this.#idle;
      this.#idle = [];
      for (const resolve of idle) resolve();
    }
  }
}
