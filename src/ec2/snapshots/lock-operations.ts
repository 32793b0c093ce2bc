import type {
  DescribeLockedSnapshotsRequest,
  DescribeLockedSnapshotsResult,
  LockedSnapshotsInfo,
  LockSnapshotRequest,
  LockSnapshotResult,
  UnlockSnapshotRequest,
  UnlockSnapshotResult,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { compileFilters, type FilterTable } from '../../api/filters.ts';
import { findByIds, idKinds } from '../../api/ids.ts';
import { type AnyOperation, readOperation, type WriteContext, writeOperation } from '../../api/operation.ts';
import { accountOf } from '../../api/owner.ts';
import { paginateEntries } from '../../api/pagination.ts';
import { entriesOf, sorted } from '../describe.ts';
import { ownSnapshot } from './access.ts';
import { begun, coolOffExpiresOn, day, lockStateOf } from './lock.ts';
import { type SnapshotLock, type SnapshotRow, snapshots } from './model.ts';
import { dateOf } from './render.ts';

const longestDays = 36_500;
const longestCoolOff = 72;

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_LockSnapshot.html */
const lockSnapshot = writeOperation<LockSnapshotRequest, LockSnapshotResult>({
  service: 'ec2',
  name: 'LockSnapshot',
  resources: (input, context) => [
    {
      arn: arn(context, 'snapshot', input.SnapshotId),
      keys: { 'ec2:SnapshotLockDuration': input.LockDuration, 'ec2:SnapshotCoolOffPeriod': input.CoolOffPeriod },
    },
  ],
  run: (input, context) => {
    const { db, now } = context;
    const row = ownSnapshot(context, input.SnapshotId);
    if (row.state === 'error') {
      throw new ApiError('IncorrectState', `The snapshot ${row.snapshotId} is in state error; it cannot be locked.`);
    }
    const asked = newLock(input, context);
    const lock = row.state === 'completed' ? begun(asked, now) : asked;
    const changed = row.lock === undefined ? lock : changedLock(row.snapshotId, row.lock, lock, now);
    db.put(snapshots, { ...row, lock: changed });
    const { OwnerId: _owner, ...shown } = renderLock(row, changed, now);
    return shown;
  },
});

/** @throws ApiError `InvalidParameterValue`, `InvalidParameterCombination`, `MissingParameter` */
function newLock(input: LockSnapshotRequest, { now }: WriteContext): SnapshotLock {
  const { LockDuration: days, ExpirationDate: date, CoolOffPeriod: coolOffHours } = input;
  const mode: string | undefined = input.LockMode;
  if (mode !== 'governance' && mode !== 'compliance') throw invalid(mode, 'LockMode', 'Use governance or compliance.');
  if (days !== undefined && date !== undefined) {
    throw new ApiError('InvalidParameterCombination', 'Give either LockDuration or ExpirationDate, not both.');
  }
  if (days === undefined && date === undefined)
    throw new ApiError('MissingParameter', 'The request must contain the parameter LockDuration or ExpirationDate');
  if (days !== undefined && (days < 1 || days > longestDays))
    throw invalid(days, 'LockDuration', `Give 1 to ${longestDays} days.`);
  const expiresOn = date?.getTime();
  if (expiresOn !== undefined && !(expiresOn > now && expiresOn <= now + longestDays * day))
    throw invalid(String(date), 'ExpirationDate', `It must be in the future, and at most ${longestDays} days away.`);
  if (coolOffHours !== undefined) {
    if (mode === 'governance') {
      throw new ApiError(
        'InvalidParameterCombination',
        'A lock in governance mode has no cooling-off period. Leave out CoolOffPeriod.',
      );
    }
    if (coolOffHours < 1 || coolOffHours > longestCoolOff)
      throw invalid(coolOffHours, 'CoolOffPeriod', `Give 1 to ${longestCoolOff} hours.`);
  }
  return {
    mode,
    createdOn: now,
    durationDays: days ?? Math.ceil(((expiresOn ?? now) - now) / day),
    ...(expiresOn !== undefined && { expiresOn }),
    ...(coolOffHours !== undefined && { coolOffHours, coolOffFrom: now }),
  };
}

/** @throws ApiError `SnapshotLocked` where the lock that is there forbids it. */
function changedLock(snapshotId: string, present: SnapshotLock, lock: SnapshotLock, now: number): SnapshotLock {
  const state = lockStateOf(present, now);
  if (state === 'expired') return lock;
  const { createdOn, coolOffFrom } = present;
  if (state !== 'compliance') {
    return { ...lock, createdOn, ...(lock.coolOffHours !== undefined && { coolOffFrom: coolOffFrom ?? now }) };
  }
  const forbidden = (what: string) =>
    new ApiError(
      'SnapshotLocked',
      `The snapshot ${snapshotId} is locked in compliance mode and its cooling-off period is over: ${what}.`,
    );
  if (lock.mode === 'governance') throw forbidden('the mode cannot be changed');
  if (lock.coolOffHours !== undefined) throw forbidden('leave out CoolOffPeriod');
  const endOf = (one: SnapshotLock) => one.expiresOn ?? now + one.durationDays * day;
  if (endOf(lock) < endOf(present)) throw forbidden('it can be made longer, not shorter');
  const { coolOffHours } = present;
  return { ...lock, createdOn, ...(coolOffHours !== undefined && { coolOffHours, coolOffFrom }) };
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_UnlockSnapshot.html */
const unlockSnapshot = writeOperation<UnlockSnapshotRequest, UnlockSnapshotResult>({
  service: 'ec2',
  name: 'UnlockSnapshot',
  resources: (input, context) => [arn(context, 'snapshot', input.SnapshotId)],
  run: (input, context) => {
    const { db, now } = context;
    const row = ownSnapshot(context, input.SnapshotId);
    const state = row.lock === undefined ? 'expired' : lockStateOf(row.lock, now);
    if (state === 'expired') throw new ApiError('IncorrectState', `The snapshot ${row.snapshotId} is not locked.`);
    if (state === 'compliance') {
      throw new ApiError(
        'SnapshotLocked',
        `The snapshot ${row.snapshotId} is locked in compliance mode: nobody can unlock it before the lock expires.`,
      );
    }
    const { lock: _lock, ...rest } = row;
    db.put(snapshots, rest);
    return { SnapshotId: row.snapshotId };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeLockedSnapshots.html */
const describeLockedSnapshots = readOperation<DescribeLockedSnapshotsRequest, DescribeLockedSnapshotsResult>({
  service: 'ec2',
  name: 'DescribeLockedSnapshots',
  resources: () => ['*'],
  run: (input, context) => {
    const { db, owner, now } = context;
    const filters: FilterTable<SnapshotRow> = {
      'lock-state': ({ lock }) => lock && lockStateOf(lock, now),
    };
    const filtered = compileFilters(input.Filters, filters);
    const visible = (row: SnapshotRow) => row.owner === owner && row.recycleBin === undefined;
    const ids = input.SnapshotIds ?? [];
    const named = findByIds(context, snapshots, idKinds.snapshot, ids, visible).map(row => row.snapshotId);
    const page = paginateEntries<SnapshotRow>(context, input, {
      matches: row => visible(row) && row.lock !== undefined && (filtered?.(row) ?? true),
      entries: after =>
        ids.length > 0
          ? sorted(entriesOf(context, snapshots, named))(after)
          : db.entries(snapshots, 'locked', owner, after),
    });
    const Snapshots = page.rows.flatMap(row => (row.lock === undefined ? [] : [renderLock(row, row.lock, now)]));
    return { Snapshots, NextToken: page.nextToken };
  },
});

function renderLock(row: SnapshotRow, lock: SnapshotLock, now: number): LockedSnapshotsInfo {
  return {
    OwnerId: accountOf(row.owner),
    SnapshotId: row.snapshotId,
    LockState: lockStateOf(lock, now),
    LockDuration: lock.durationDays,
    CoolOffPeriod: lock.coolOffHours,
    CoolOffPeriodExpiresOn: dateOf(coolOffExpiresOn(lock)),
    LockCreatedOn: new Date(lock.createdOn),
    LockDurationStartTime: dateOf(lock.startedOn),
    LockExpiresOn: dateOf(lock.expiresOn),
  };
}

function invalid(value: unknown, name: string, advice: string): ApiError {
  return new ApiError('InvalidParameterValue', `Value (${value}) for parameter ${name} is invalid. ${advice}`);
}

export const snapshotLockOperations: readonly AnyOperation[] = [lockSnapshot, unlockSnapshot, describeLockedSnapshots];
