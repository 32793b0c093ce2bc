import { describe, expect, it } from 'vitest';
import { State } from './state.ts';
import { MemoryStore } from './stores/memory.ts';
import { defineTable } from './table.ts';

interface Pet {
  readonly id: string;
  readonly kind: string;
  readonly nicknames: readonly string[];
}

const pets = defineTable<Pet>()({
  name: 'pets',
  key: pet => pet.id,
  indexes: { kind: pet => pet.kind, nickname: pet => pet.nicknames },
});

const pet = (id: string, kind = 'cat', ...nicknames: string[]): Pet => ({ id, kind, nicknames });
const open = (store = new MemoryStore()) => ({ store, state: new State(store, [pets]) });

describe('State', () => {
  it('finds rows by key and by index, oldest first', () => {
    const { state } = open();
    state.write(tx => {
      tx.put(pets, pet('b'));
      tx.put(pets, pet('a'));
      tx.put(pets, pet('c', 'dog', 'rex', 'max'));
    });
    expect(state.get(pets, 'a')?.kind).toBe('cat');
    expect(state.by(pets, 'kind', 'cat').map(row => row.id)).toEqual(['b', 'a']);
    expect(state.firstBy(pets, 'nickname', 'max')?.id).toBe('c');
    expect(state.countBy(pets, 'kind', 'cat')).toBe(2);
    expect(state.by(pets, 'kind', 'bird')).toEqual([]);
  });

  it('moves rows between index values and keeps their place', () => {
    const { state } = open();
    for (const id of ['1', '2', '3']) state.write(tx => tx.put(pets, pet(id)));
    state.write(tx => tx.put(pets, pet('2', 'dog')));
    expect(state.by(pets, 'kind', 'cat').map(row => row.id)).toEqual(['1', '3']);
    state.write(tx => tx.put(pets, pet('2', 'cat')));
    expect(state.by(pets, 'kind', 'cat').map(row => row.id)).toEqual(['1', '2', '3']);
  });

  it('undoes everything when a write throws', () => {
    const { state } = open();
    state.write(tx => tx.put(pets, pet('a', 'cat', 'tom')));
    expect(() =>
      state.write(tx => {
        tx.put(pets, pet('a', 'dog'));
        tx.put(pets, pet('b'));
        tx.delete(pets, 'a');
        tx.put(pets, pet('a', 'bird'));
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(state.get(pets, 'a')).toEqual(pet('a', 'cat', 'tom'));
    expect(state.get(pets, 'b')).toBeUndefined();
    expect(state.by(pets, 'kind', 'dog')).toEqual([]);
    expect(state.firstBy(pets, 'nickname', 'tom')?.id).toBe('a');
  });

  it('answers from the store after a restart, in the same order', async () => {
    const { state, store } = open();
    for (let i = 0; i < 50; i++) state.write(tx => tx.put(pets, pet(String(i))));
    state.write(tx => tx.delete(pets, '7'));
    await state.settled();
    const again = new State(store, [pets]);
    expect(again.by(pets, 'kind', 'cat')).toEqual(state.by(pets, 'kind', 'cat'));
    expect(again.get(pets, '7')).toBeUndefined();
  });

  it('keeps the later one of a row that is deleted and made again in one turn', async () => {
    const { state, store } = open();
    state.write(tx => tx.put(pets, pet('a', 'cat')));
    await state.settled();
    state.write(tx => tx.delete(pets, 'a'));
    state.write(tx => tx.put(pets, pet('a', 'dog')));
    await state.settled();
    const again = new State(store, [pets]);
    expect([...store.load()]).toHaveLength(1);
    expect(again.get(pets, 'a')?.kind).toBe('dog');
  });

  it('stores several writes of one turn in one commit', async () => {
    const { state, store } = open();
    let commits = 0;
    const commit = store.commit.bind(store);
    store.commit = changes => {
      commits++;
      commit(changes);
    };
    for (let i = 0; i < 20; i++) state.write(tx => tx.put(pets, pet('same', `kind${i}`)));
    expect(state.isSettled).toBe(false);
    await state.settled();
    expect(commits).toBe(1);
    expect(state.isSettled).toBe(true);
  });

  it('takes back what could not be stored, and says so to those who wait', async () => {
    const { state, store } = open();
    state.write(tx => tx.put(pets, pet('kept')));
    await state.settled();
    store.failNext = true;
    state.write(tx => tx.put(pets, pet('lost')));
    state.write(tx => tx.put(pets, pet('kept', 'dog')));
    await expect(state.settled()).rejects.toThrow('full');
    expect(state.get(pets, 'lost')).toBeUndefined();
    expect(state.get(pets, 'kept')?.kind).toBe('cat');
    state.write(tx => tx.put(pets, pet('later')));
    await state.settled();
    expect(new State(store, [pets]).get(pets, 'later')).toBeDefined();
  });

  it('tells listeners what changed, once it is durable', async () => {
    const { state } = open();
    const heard: [string, boolean, boolean][] = [];
    state.onCommit(changes => {
      for (const change of changes) heard.push([change.key, change.before !== undefined, change.after !== undefined]);
    });
    state.write(tx => tx.put(pets, pet('a')));
    state.write(tx => {
      tx.put(pets, pet('never'));
      tx.delete(pets, 'never');
    });
    expect(heard).toEqual([]);
    await state.settled();
    expect(heard).toEqual([['a', false, true]]);
    state.write(tx => tx.delete(pets, 'a'));
    await state.settled();
    expect(heard[1]).toEqual(['a', true, false]);
  });

  it('refuses writes inside writes, after the end, and asynchronous ones', async () => {
    const { state } = open();
    expect(() => state.write(() => state.write(() => {}))).toThrow('inside another');
    expect(() => state.write(async () => {})).toThrow('synchronous');
    let leaked: Parameters<Parameters<typeof state.write>[0]>[0] | undefined;
    state.write(tx => {
      leaked = tx;
    });
    expect(() => leaked?.put(pets, pet('x'))).toThrow('ended');
    state.close();
    expect(() => state.write(() => {})).toThrow('closed');
  });

  it('walks on from a place although rows before and behind it come and go', () => {
    const { state } = open();
    for (let i = 0; i < 100; i++) state.write(tx => tx.put(pets, pet(String(i))));
    const seen: string[] = [];
    let place = -1;
    for (const entry of state.entries(pets, 'kind', 'cat', place)) {
      if (seen.length === 40) break;
      seen.push(entry.row.id);
      place = entry.sequence;
    }
    state.write(tx => {
      for (let i = 0; i < 60; i += 2) tx.delete(pets, String(i));
      tx.put(pets, pet('new'));
    });
    for (const entry of state.entries(pets, 'kind', 'cat', place)) seen.push(entry.row.id);
    const expected = Array.from({ length: 100 }, (_, i) => String(i)).filter(
      id => Number(id) < 40 || Number(id) >= 60 || Number(id) % 2 === 1,
    );
    expect(seen).toEqual([...expected, 'new']);
  });

  it('agrees with a plain list under random changes', () => {
    const { state } = open();
    const model = new Map<string, Pet>();
    let seed = 7;
    const random = (n: number) => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return seed % n;
    };
    for (let step = 0; step < 4000; step++) {
      const id = String(random(80));
      if (random(3) === 0) {
        state.write(tx => tx.delete(pets, id));
        model.delete(id);
      } else {
        const row = pet(id, `kind${random(4)}`, `nick${random(5)}`, `nick${5 + random(5)}`);
        state.write(tx => tx.put(pets, row));
        model.set(id, row);
      }
    }
    for (const kind of ['kind0', 'kind1', 'kind2', 'kind3']) {
      const expected = [...model.values()].filter(row => row.kind === kind);
      expect(new Set(state.by(pets, 'kind', kind))).toEqual(new Set(expected));
      expect(state.countBy(pets, 'kind', kind)).toBe(expected.length);
    }
    expect(state.count(pets)).toBe(model.size);
  });
});
