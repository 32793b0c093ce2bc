import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { execPath } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { calm } from './calmness.ts';
import { identify } from './process.ts';
import { Turns } from './turns.ts';

/** Whether a promise has resolved by now. */
async function resolved(promise: Promise<void>): Promise<boolean> {
  return Promise.race([promise.then(() => true), sleep(5, false)]);
}

it('lets as many guests start at once as the limit says, the others in the order in which they came', async () => {
  const turns = new Turns(2);
  const all = [turns.take(), turns.take(), turns.take(), turns.take()];
  expect(all.map(turn => turn.ready)).toEqual([true, true, false, false]);
  all[0]?.end();
  expect(await Promise.all(all.map(turn => resolved(turn.admitted)))).toEqual([true, true, true, false]);
  all[1]?.end();
  expect(await Promise.all(all.map(turn => resolved(turn.admitted)))).toEqual([true, true, true, true]);
});

it('gives the place of one that ended while it waited to nobody, and that of one that ran once only', async () => {
  const turns = new Turns(1);
  const first = turns.take();
  const second = turns.take();
  const third = turns.take();
  const fourth = turns.take();
  second.end();
  expect(await resolved(third.admitted)).toBe(false);
  first.end();
  first.end();
  expect(await resolved(third.admitted)).toBe(true);
  expect(await resolved(second.admitted)).toBe(false);
  expect(await resolved(fourth.admitted)).toBe(false);
});

it('tells when a process has become calm, and when it is gone', async () => {
  const program = 'const end = Date.now() + 2500; while (Date.now() < end); setTimeout(() => {}, 60_000)';
  const busy = spawn(execPath, ['-e', program]);
  const process = await identify(busy.pid ?? 0);
  if (!process) throw new Error('the process has ended');
  const began = performance.now();
  await calm(process);
  // Two seconds of work, of which one at least is seen, and three of rest.
  expect(performance.now() - began).toBeGreaterThan(3_900);
  busy.kill();
  await once(busy, 'exit');
  const after = performance.now();
  await calm(process);
  expect(performance.now() - after).toBeLessThan(2_500);
});
