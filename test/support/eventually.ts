import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Asks again until the answer is not `undefined`.
 * @param what named in the error, as in "no answer by ssh within 60 s"
 * @throws Error with what was last known, after `seconds`.
 */
export async function eventually<T>(
  what: string,
  seconds: number,
  ask: () => Promise<T | undefined>,
  pause = 200,
): Promise<T> {
  const until = performance.now() + seconds * 1000;
  let last: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      last = error;
    }
    if (performance.now() > until) {
      const reason = last instanceof Error ? `: ${last.message}` : '';
      throw new Error(`no ${what} within ${seconds} s${reason}`, { cause: last });
    }
    await sleep(pause);
  }
}
