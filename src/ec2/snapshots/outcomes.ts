import type { State, Tx } from '../../state/state.ts';
import { begun } from './lock.ts';
import { type SnapshotRow, snapshots } from './model.ts';

/** Its content is there. */
export function recordCompleted(tx: Tx, snapshotId: string, now: number, fullBytes: number): void {
  const row = tx.get(snapshots, snapshotId);
  if (row === undefined || row.state !== 'pending') return;
  const lock = row.lock && { lock: begun(row.lock, now) };
  tx.put(snapshots, { ...settled(row), ...lock, state: 'completed', completionTime: now, fullBytes });
}

/** @param done from 0 to 1; kept by the percent */
export function recordProgress(state: State, snapshotId: string, done: number): void {
  const progress = Math.min(99, Math.floor(done * 100));
  const row = state.get(snapshots, snapshotId);
  if (row === undefined || row.state !== 'pending' || (row.progress ?? 0) >= progress) return;
  state.write(tx => tx.put(snapshots, { ...row, progress }));
}

/** It cannot be made. */
export function recordFailed(tx: Tx, snapshotId: string, message: string): void {
  const row = tx.get(snapshots, snapshotId);
  if (row === undefined || row.state !== 'pending') return;
  tx.put(snapshots, { ...settled(row), state: 'error', stateMessage: message });
}

function settled(row: SnapshotRow): SnapshotRow {
  const { making: _making, progress: _progress, ...rest } = row;
  return rest;
}
