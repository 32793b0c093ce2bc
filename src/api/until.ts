import type { Reader, State } from '../state/state.ts';

/** Resolves when `reached` holds, or after so many milliseconds. */
export type Until = (reached: (db: Reader) => boolean, milliseconds: number) => Promise<void>;

/** Waits for what controllers do to the state. */
export function createUntil(state: State): Until {
  const waiting = new Set<() => void>();
  state.onCommit(() => {
    for (const look of waiting) look();
  });
  return (reached, milliseconds) => {
    if (reached(state)) return Promise.resolve();
    return new Promise(resolve => {
      const end = () => {
        clearTimeout(timer);
        waiting.delete(look);
        resolve();
      };
      const look = () => {
        if (reached(state)) end();
      };
      const timer = setTimeout(end, milliseconds);
      waiting.add(look);
    });
  };
}
