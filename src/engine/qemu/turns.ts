import { cpus } from 'node:os';

/**
 * Besides one guest for each processor, one more comes up: each of them waits now and then. Many more would wait for
 * locks that each other's processors hold: with ten on two processors, a start took twice the processor time.
 */
const MORE_TURNS = 1;

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
