import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, type ProcessId, processorSeconds } from './process.ts';

/**
 * Besides one guest for each processor, one more comes up: each of them waits now and then. Many more would wait for
 * locks that each other's processors hold: with ten on two processors, a start took twice the processor time.
 */
const MORE_TURNS = 1;
const SAMPLE_MS = 1_000;
/** Of a second of one processor: what a guest that has nothing more to start uses. */
const CALM = 0.1;
const CALM_SAMPLES = 3;
/** A guest that has used so much processor time (a boot of Debian takes 40 s without KVM) works for somebody. */
const LONGEST_PROCESSOR_S = 90;
/** One that is not calm by now hangs: others need not wait for it. */
const LONGEST_MS = 600_000;

/**
 * Guests that are launched together start one after the other, as many at once as the processors can serve. All of them
 * are ready no later than if they took each other's time slices, half of them much earlier; and the memory that a start
 * takes for a while is not taken by all of them at the same moment.
 */
export class Turns {
  readonly #limit: number;
  readonly #queue: (() => void)[] = [];
  #taken = 0;

  constructor(limit: number = cpus().length + MORE_TURNS) {
    this.#limit = limit;
  }

  take(): Turn {
    const ready = this.#taken < this.#limit;
    let admit: (() => void) | undefined;
    const admitted = new Promise<void>(resolve => {
      admit = resolve;
    });
    const enter = () => {
      this.#taken++;
      admit?.();
    };
    let ended = false;
    if (ready) enter();
    else this.#queue.push(enter);
    return {
      ready,
      admitted,
      end: () => {
        if (ended) return;
        ended = true;
        const place = this.#queue.indexOf(enter);
        if (place >= 0) this.#queue.splice(place, 1);
        else this.#leave();
      },
    };
  }

  #leave(): void {
    this.#taken--;
    while (this.#taken < this.#limit && this.#queue.length > 0) this.#queue.shift()?.();
  }
}

export interface Turn {
  /** The guest may run at once. */
  readonly ready: boolean;
  /** Resolves when it may. */
  readonly admitted: Promise<void>;
  /** Lets the next one start. */
  end(): void;
}

/** Resolves when a guest has done what a start brings with it, has worked for very long, or is gone. */
export async function calm(process: ProcessId): Promise<void> {
  const until = performance.now() + LONGEST_MS;
  const first = await processorSeconds(process);
  let before = first;
  for (let quiet = 0; quiet < CALM_SAMPLES && performance.now() < until; ) {
    await sleep(SAMPLE_MS, undefined, { ref: false });
    const now = await processorSeconds(process);
    if (now === undefined || !(await isAlive(process))) return;
    if (now - (first ?? now) > LONGEST_PROCESSOR_S) return;
    quiet = now - (before ?? now) < CALM * (SAMPLE_MS / 1000) ? quiet + 1 : 0;
    before = now;
  }
}
