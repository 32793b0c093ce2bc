import { expect, it } from 'vitest';
import { ComingUp } from './coming-up.ts';
import { Turns } from './turns.ts';

const gone = { pid: 0, startTicks: 0 };

it('waits when others come up, and has not run until it is told so', () => {
  const turns = new Turns(1);
  const [first, second] = [new ComingUp(turns), new ComingUp(turns)];
  first.begin();
  second.begin();
  expect([first.waits, first.neverRan, first.underWay]).toEqual([false, false, true]);
  expect([second.waits, second.neverRan, second.underWay]).toEqual([true, true, true]);
  // A guest that continues from its hibernation does not wait for its turn.
  second.runs();
  expect([second.waits, second.neverRan, second.underWay]).toEqual([false, false, true]);
});

it('waits when it was found standing still, though it may have run before', () => {
  const found = new ComingUp(new Turns(1));
  found.beginAgain();
  expect([found.waits, found.neverRan]).toEqual([true, false]);
});

it('runs when its turn has come, rests when it has come up, and lets the next one only then', async () => {
  const turns = new Turns(1);
  const [first, second] = [new ComingUp(turns), new ComingUp(turns)];
  const seen: string[] = [];
  const note = (what: string) => async () => {
    seen.push(what);
  };
  first.begin();
  second.begin();
  const later = second.follow(gone, note('second runs'), note('second rests'));
  await first.follow(gone, note('first runs'), note('first rests'));
  await later;
  expect(seen).toEqual(['first rests', 'second runs', 'second rests']);
  expect([first.underWay, second.underWay]).toEqual([false, false]);
});

it('gives its place to the next one when it ends, or when it could not be let run', async () => {
  const turns = new Turns(1);
  const [first, second, third] = [new ComingUp(turns), new ComingUp(turns), new ComingUp(turns)];
  first.begin();
  second.begin();
  third.begin();
  const broken = second.follow(
    gone,
    () => Promise.reject(new Error('no QEMU')),
    async () => {},
  );
  let runs = false;
  const followed = third.follow(
    gone,
    async () => {
      runs = true;
    },
    async () => {},
  );
  first.end();
  await expect(broken).rejects.toThrow('no QEMU');
  await followed;
  expect(runs).toBe(true);
});
