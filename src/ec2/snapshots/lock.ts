import type { SnapshotLock, SnapshotRow } from './model.ts';

export const day = 86_400_000;
const hour = 3_600_000;

/** @see https://docs.aws.amazon.com/ebs/latest/userguide/snapshot-lock-concepts.html */
export type LockState = 'governance' | 'compliance' | 'compliance-cooloff' | 'expired';

export function lockStateOf(lock: SnapshotLock, now: number): LockState {
  if (lock.expiresOn !== undefined && now >= lock.expiresOn) return 'expired';
  const coolOff = coolOffExpiresOn(lock);
  return coolOff !== undefined && now < coolOff ? 'compliance-cooloff' : lock.mode;
}

export function coolOffExpiresOn({ coolOffHours, coolOffFrom }: SnapshotLock): number | undefined {
  return coolOffHours === undefined || coolOffFrom === undefined ? undefined : coolOffFrom + coolOffHours * hour;
}

/** Whether a snapshot cannot be deleted. */
export function isLocked({ lock }: SnapshotRow, now: number): boolean {
  return lock !== undefined && lockStateOf(lock, now) !== 'expired';
}

/** The lock of a snapshot that is complete: its duration runs. */
export function begun(lock: SnapshotLock, now: number): SnapshotLock {
  if (lock.startedOn !== undefined) return lock;
  return { ...lock, startedOn: now, expiresOn: lock.expiresOn ?? now + lock.durationDays * day };
}
