import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, type ProcessId, processorSeconds } from './process.ts';

/** Share of a processor below which a guest has nothing to do; one at rest uses a tenth of this. */
const CALM = 0.05;
/** Looks that must find it calm, so that a pause is not taken for the end of its work. */
const CALM_LOOKS = 3;

const LOOK_MS = 1_000;
/** A guest that has used so much processor time (a boot of Debian takes 40 s without KVM) works for somebody. */
const LONGEST_PROCESSOR_S = 90;
/** One that is not calm by now hangs: others need not wait for it. */
const LONGEST_MS = 600_000;

/** Notices, looked at every now and then, when a machine comes to rest after it worked. */
export class Calmness {
  #seconds: number | undefined;
  #at = 0;
  #looks = 0;
  #worked = true;

  /** True once, when the machine has come to rest. */
  async cameToRest(process: ProcessId): Promise<boolean> {
    const seconds = await processorSeconds(process);
    const now = performance.now();
    const before = this.#seconds;
    const share = before === undefined ? 1 : ((seconds ?? before) - before) / ((now - this.#at) / 1000);
    this.#seconds = seconds;
    this.#at = now;
    if (share >= CALM) {
      this.#worked = true;
      this.#looks = 0;
    } else this.#looks++;
    if (!this.#worked || this.#looks < CALM_LOOKS) return false;
    this.#worked = false;
    return true;
  }
}

/** Resolves when a guest has done what a start brings with it, has worked for very long, or is gone. */
export async function calm(process: ProcessId): Promise<void> {
  const until = performance.now() + LONGEST_MS;
  const calmness = new Calmness();
  const first = (await processorSeconds(process)) ?? 0;
  while (performance.now() < until) {
    if (await calmness.cameToRest(process)) return;
    await sleep(LOOK_MS, undefined, { ref: false });
    if (!(await isAlive(process))) return;
    if (((await processorSeconds(process)) ?? first) - first > LONGEST_PROCESSOR_S) return;
  }
}
