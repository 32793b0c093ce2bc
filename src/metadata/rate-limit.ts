import type { Clock } from '../api/clock.ts';

/** Counts requests by key and second. */
export interface RateLimit {
  /** Counts a request; false when its key had all of this second's. */
  admit(key: string): boolean;
}

/** At most `perSecond` requests a key in each second of the clock; keeps nothing longer than a second. */
export function createRateLimit(clock: Clock, perSecond: number): RateLimit {
  const counts = new Map<string, number>();
  let second = Number.NaN;
  return {
    admit(key) {
      const now = Math.floor(clock.now() / 1000);
      if (now !== second) {
        counts.clear();
        second = now;
      }
      const count = (counts.get(key) ?? 0) + 1;
      counts.set(key, count);
      return count <= perSecond;
    },
  };
}
