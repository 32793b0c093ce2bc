import { type ProcessId, processorSeconds } from './process.ts';

/** Share of a processor below which a guest has nothing to do. */
const CALM = 0.05;
/** Looks that must find it calm, so that a pause is not taken for the end of its work. */
const CALM_LOOKS = 3;

/** Notices, looked at every few seconds, when a machine comes to rest after it worked. */
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
