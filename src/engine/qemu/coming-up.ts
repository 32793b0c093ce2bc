import { calm } from './calmness.ts';
import type { ProcessId } from './process.ts';
import type { Turn, Turns } from './turns.ts';

/** One machine's way from its start to the moment when its guest has come up; one that waits does not run yet. */
export class ComingUp {
  readonly #turns: Turns;
  #turn: Turn | undefined;
  #waits = false;
  #fresh = false;

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  /** Its process is there, and its guest must not run yet. */
  get waits(): boolean {
    return this.#waits;
  }

  /** It waits, and nothing of it has ever run: nothing is lost when it ends. */
  get neverRan(): boolean {
    return this.#waits && this.#fresh;
  }

  /** Its guest waits, or is coming up. */
  get underWay(): boolean {
    return this.#turn !== undefined;
  }

  /** Its process is about to be started. */
  begin(): void {
    this.end();
    this.#turn = this.#turns.take();
    this.#waits = !this.#turn.ready;
    this.#fresh = true;
  }

  /** Its process was found with a guest that stands still: one that waited, or that was about to be hibernated. */
  beginAgain(): void {
    this.begin();
    this.#waits = true;
    this.#fresh = false;
  }

  /** The guest runs, whether its turn had come or not. */
  runs(): void {
    this.#waits = false;
  }

  /** Does `run` when the guest's turn has come, `rest` when it has come up, and only then lets the next one. */
  async follow(process: ProcessId, run: () => Promise<void>, rest: () => Promise<void>): Promise<void> {
    const turn = this.#turn;
    if (!turn) return;
    try {
      if (this.#waits) {
        await turn.admitted;
        await run();
      }
      await calm(process);
      await rest();
    } finally {
      turn.end();
      if (this.#turn === turn) this.#turn = undefined;
    }
  }

  /** The machine has ended. */
  end(): void {
    this.#turn?.end();
    this.#turn = undefined;
    this.#waits = false;
  }
}
