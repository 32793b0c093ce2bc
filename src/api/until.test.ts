import { expect, it } from 'vitest';
import { State } from '../state/state.ts';
import { MemoryStore } from '../state/stores/memory.ts';
import { settings } from './settings.ts';
import { createUntil } from './until.ts';

it('waits for a change, but no longer than it may', async () => {
  const state = new State(new MemoryStore(), [settings]);
  const until = createUntil(state);
  const isThere = () => state.get(settings, 'a') !== undefined;
  const seen: string[] = [];
  await until(isThere, 1).then(() => seen.push('time is over'));
  const waiting = until(isThere, 60_000).then(() => seen.push('changed'));
  state.write(tx => tx.put(settings, { name: 'b', value: '' }));
  await state.settled();
  expect(seen).toEqual(['time is over']);
  state.write(tx => tx.put(settings, { name: 'a', value: '' }));
  await waiting;
  await until(isThere, 60_000);
  expect(seen).toEqual(['time is over', 'changed']);
});
