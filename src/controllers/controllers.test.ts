import { describe, expect, it, vi } from 'vitest';
import { State } from '../state/state.ts';
import { MemoryStore } from '../state/stores/memory.ts';
import { defineTable } from '../state/table.ts';
import { type Controller, Controllers } from './controllers.ts';
import { KeyedLock } from './keyed-lock.ts';

const things = defineTable<{ readonly id: string; readonly n: number }>()({
  name: 'things',
  key: row => row.id,
  indexes: {},
});

function start(controller: Partial<Controller>) {
  const state = new State(new MemoryStore(), [things]);
  const log: string[] = [];
  const controllers = new Controllers(
    state,
    [
      {
        name: 'test',
        watch: change => [change.key],
        initial: () => [],
        reconcile: async () => undefined,
        ...controller,
      },
    ],
    line => log.push(line),
  );
  controllers.start();
  return { state, controllers, log, put: (id: string, n: number) => state.write(tx => tx.put(things, { id, n })) };
}

describe('Controllers', () => {
  it('looks at what is there at the start and at what changes', async () => {
    const seen: string[] = [];
    const { put, state, controllers } = start({
      initial: () => ['old'],
      reconcile: async id => {
        seen.push(id);
        return undefined;
      },
    });
    put('new', 1);
    await state.settled();
    await controllers.idle();
    expect(seen).toEqual(['old', 'new']);
  });

  it('works on one id once at a time, and again when it changed meanwhile', async () => {
    let active = 0;
    let most = 0;
    const values: (number | undefined)[] = [];
    const { put, state, controllers } = start({
      reconcile: async id => {
        most = Math.max(most, ++active);
        values.push(state.get(things, id)?.n);
        await new Promise(resolve => setTimeout(resolve, 5));
        active--;
        return undefined;
      },
    });
    for (const n of [1, 2, 3]) {
      put('a', n);
      await state.settled();
    }
    await controllers.idle();
    expect(most).toBe(1);
    expect(values).toEqual([1, 3]);
  });

  it('bounds how many ids it works on at once', async () => {
    let active = 0;
    let most = 0;
    const { controllers } = start({
      concurrency: 3,
      initial: () => Array.from({ length: 20 }, (_, i) => String(i)),
      reconcile: async () => {
        most = Math.max(most, ++active);
        await new Promise(resolve => setImmediate(resolve));
        active--;
        return undefined;
      },
    });
    await controllers.idle();
    expect(most).toBe(3);
  });

  it('tries a failure again, later each time, and tells of each', async () => {
    vi.useFakeTimers();
    try {
      const told: number[] = [];
      let calls = 0;
      const { log } = start({
        initial: () => ['x'],
        reconcile: async () => {
          if (++calls < 4) throw new Error('not yet');
          return undefined;
        },
        failed: (_id, _error, attempt) => told.push(attempt),
      });
      await vi.advanceTimersByTimeAsync(249);
      expect(calls).toBe(1);
      await vi.advanceTimersByTimeAsync(1);
      expect(calls).toBe(2);
      await vi.advanceTimersByTimeAsync(499);
      expect(calls).toBe(2);
      await vi.advanceTimersByTimeAsync(1 + 1000 + 60_000);
      expect(calls).toBe(4);
      expect(told).toEqual([1, 2, 3]);
      expect(log[0]).toContain('not yet');
    } finally {
      vi.useRealTimers();
    }
  });

  it('looks again after the time that was asked for', async () => {
    vi.useFakeTimers();
    try {
      let calls = 0;
      start({ initial: () => ['x'], reconcile: async () => (++calls < 3 ? 1000 : undefined) });
      await vi.advanceTimersByTimeAsync(1001);
      expect(calls).toBe(2);
      await vi.advanceTimersByTimeAsync(10_000);
      expect(calls).toBe(3);
    } finally {
      vi.useRealTimers();
    }
  });

  it('takes no work after its end, and waits for what runs', async () => {
    let ended = false;
    const { controllers } = start({
      initial: () => ['x'],
      reconcile: async () => {
        await new Promise(resolve => setTimeout(resolve, 10));
        ended = true;
        return 1;
      },
    });
    await controllers.close();
    expect(ended).toBe(true);
  });
});

describe('KeyedLock', () => {
  it('runs tasks of one key in order, others beside them, and goes on after a failure', async () => {
    const lock = new KeyedLock();
    const order: string[] = [];
    const task = (name: string, milliseconds: number) => async () => {
      await new Promise(resolve => setTimeout(resolve, milliseconds));
      order.push(name);
    };
    const failing = lock.run('a', () => Promise.reject(new Error('no')));
    await Promise.all([
      failing.catch(() => {}),
      lock.run('a', task('a1', 15)),
      lock.run('a', task('a2', 0)),
      lock.run('b', task('b', 0)),
    ]);
    expect(order).toEqual(['b', 'a1', 'a2']);
  });
});
