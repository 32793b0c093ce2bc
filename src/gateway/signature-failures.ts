import { setTimeout as sleep } from 'node:timers/promises';
import type { SignatureFault } from './signature-claim.ts';

/** Refusals that a guess at a key, a secret or a token leads to. */
const guesses: ReadonlySet<SignatureFault> = new Set(['unknown-key', 'mismatch', 'bad-token']);

/** So many failures are answered at once: mistakes, not attacks. */
const tolerated = 10;
/** Milliseconds that each further one adds to the wait, and the longest wait. */
const step = 50;
const longest = 1_000;
/** After so many milliseconds half of the failures are forgotten. */
const halfLife = 60_000;
const maximumAddresses = 10_000;

/**
 * Slows down who keeps failing to sign: from the eleventh failure of an address on, its failures are answered later
 * and later, up to a second. Calls that are signed well never wait, whoever else shares their address.
 */
export class SignatureFailures {
  readonly #failures = new Map<string, { count: number; since: number }>();
  readonly #wait: (milliseconds: number) => Promise<unknown>;

  constructor(wait: (milliseconds: number) => Promise<unknown> = milliseconds => sleep(milliseconds)) {
    this.#wait = wait;
  }

  /** Counts a refusal, and resolves when it may be answered. @param now milliseconds since the epoch */
  async hold(fault: SignatureFault, address: string, now: number): Promise<void> {
    if (!guesses.has(fault)) return;
    const milliseconds = Math.min(longest, Math.max(0, this.#count(address, now) - tolerated) * step);
    if (milliseconds > 0) await this.#wait(milliseconds);
  }

  #count(address: string, now: number): number {
    const before = this.#failures.get(address);
    const halvings = before === undefined ? 0 : Math.floor(Math.max(0, now - before.since) / halfLife);
    const count = 1 + Math.floor((before?.count ?? 0) / 2 ** halvings);
    const since = before === undefined || halvings > 0 ? now : before.since;
    // The longest unheard address is forgotten first.
    this.#failures.delete(address);
    if (this.#failures.size >= maximumAddresses) {
      const [oldest] = this.#failures.keys();
      if (oldest !== undefined) this.#failures.delete(oldest);
    }
    this.#failures.set(address, { count, since });
    return count;
  }
}
