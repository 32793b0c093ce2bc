import type { DescribeLockedSnapshotsResult, LockSnapshotResult, Snapshot } from '@aws-sdk/client-ec2';
import { describe, expect, it, test } from 'vitest';
import { makeUser } from '../../api/access-testing.ts';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import { addSnapshot, addVolume, createSnapshotWorld } from './testing.ts';

const day = 86_400_000;
const hour = 3_600_000;

async function setUp() {
  const api = createTestApi();
  const SnapshotId = await addSnapshot(api);
  const lock = (input: object) => api.call<LockSnapshotResult>('LockSnapshot', { SnapshotId, ...input });
  const refused = async (input: object) => (await api.fail('LockSnapshot', { SnapshotId, ...input })).code;
  const shown = async (input: object = {}) =>
    (await api.call<DescribeLockedSnapshotsResult>('DescribeLockedSnapshots', input)).Snapshots ?? [];
  return { api, SnapshotId, lock, refused, shown };
}

const deletion = async (api: TestApi, SnapshotId: string) => (await api.fail('DeleteSnapshot', { SnapshotId })).code;

describe('a lock in governance mode', () => {
  it('keeps a snapshot from being deleted until it expires', async () => {
    const { api, SnapshotId, lock, shown } = await setUp();
    const now = api.clock.now();
    const locked = await lock({ LockMode: 'governance', LockDuration: 2 });
    expect(locked).toEqual({
      SnapshotId,
      LockState: 'governance',
      LockDuration: 2,
      LockCreatedOn: new Date(now),
      LockDurationStartTime: new Date(now),
      LockExpiresOn: new Date(now + 2 * day),
    });
    expect(await deletion(api, SnapshotId)).toBe('SnapshotLocked');
    api.clock.advance(2 * day - 1);
    expect(await deletion(api, SnapshotId)).toBe('SnapshotLocked');
    api.clock.advance(1);
    expect(await shown()).toMatchObject([{ SnapshotId, LockState: 'expired', OwnerId: '000000000000' }]);
    await api.call('DeleteSnapshot', { SnapshotId });
  });

  it('can be changed and taken off', async () => {
    const { api, SnapshotId, lock, shown } = await setUp();
    await lock({ LockMode: 'governance', LockDuration: 20 });
    const ExpirationDate = new Date(api.clock.now() + 3 * day);
    expect(await lock({ LockMode: 'governance', ExpirationDate })).toMatchObject({
      LockDuration: 3,
      LockExpiresOn: ExpirationDate,
    });
    expect(await shown({ Filters: [{ Name: 'lock-state', Values: ['governance'] }] })).toHaveLength(1);
    expect(await shown({ Filters: [{ Name: 'lock-state', Values: ['compliance'] }] })).toHaveLength(0);
    expect(await api.call('UnlockSnapshot', { SnapshotId })).toEqual({ SnapshotId });
    expect(await shown({ SnapshotIds: [SnapshotId] })).toEqual([]);
    expect((await api.fail('UnlockSnapshot', { SnapshotId })).code).toBe('IncorrectState');
    await api.call('DeleteSnapshot', { SnapshotId });
  });
});

describe('a lock in compliance mode', () => {
  it('can be taken off while it cools off, and not any more then', async () => {
    const { api, SnapshotId, lock, refused } = await setUp();
    const start = api.clock.now();
    const inMode = { LockMode: 'compliance', LockDuration: 30, CoolOffPeriod: 24 };
    expect(await lock(inMode)).toMatchObject({
      LockState: 'compliance-cooloff',
      CoolOffPeriod: 24,
      CoolOffPeriodExpiresOn: new Date(start + 24 * hour),
    });
    await api.call('UnlockSnapshot', { SnapshotId });
    await lock(inMode);
    api.clock.advance(10 * hour);
    // The period counts from when it began.
    expect(await lock({ ...inMode, CoolOffPeriod: 12, LockDuration: 10 })).toMatchObject({
      CoolOffPeriodExpiresOn: new Date(start + 12 * hour),
    });
    expect(await deletion(api, SnapshotId)).toBe('SnapshotLocked');
    api.clock.advance(2 * hour);
    expect((await api.fail('UnlockSnapshot', { SnapshotId })).code).toBe('SnapshotLocked');
    expect(await refused({ LockMode: 'governance', LockDuration: 100 })).toBe('SnapshotLocked');
    expect(await refused({ LockMode: 'compliance', LockDuration: 9 })).toBe('SnapshotLocked');
    expect(await refused({ LockMode: 'compliance', LockDuration: 100, CoolOffPeriod: 1 })).toBe('SnapshotLocked');
    expect(await lock({ LockMode: 'compliance', LockDuration: 100 })).toMatchObject({
      LockState: 'compliance',
      LockDuration: 100,
      LockCreatedOn: new Date(start),
    });
    api.clock.advance(100 * day);
    await api.call('DeleteSnapshot', { SnapshotId });
  });

  it('is final at once without a cooling-off period', async () => {
    const { api, SnapshotId, lock } = await setUp();
    expect(await lock({ LockMode: 'compliance', LockDuration: 1 })).toMatchObject({ LockState: 'compliance' });
    expect((await api.fail('UnlockSnapshot', { SnapshotId })).code).toBe('SnapshotLocked');
  });
});

it('begins when the snapshot is complete', async () => {
  const api = createTestApi();
  const { volumeId: VolumeId } = addVolume(api);
  const { SnapshotId = '' } = await api.call<Snapshot>('CreateSnapshot', { VolumeId });
  const locked = await api.call<LockSnapshotResult>('LockSnapshot', {
    SnapshotId,
    LockMode: 'governance',
    LockDuration: 1,
  });
  expect(locked.LockExpiresOn).toBeUndefined();
  expect(await deletion(api, SnapshotId)).toBe('SnapshotLocked');
  api.clock.advance(5 * day);
  await createSnapshotWorld(api).settle();
  const { Snapshots } = await api.call<DescribeLockedSnapshotsResult>('DescribeLockedSnapshots');
  expect(Snapshots).toMatchObject([
    {
      LockState: 'governance',
      LockExpiresOn: new Date(api.clock.now() + day),
      LockDurationStartTime: new Date(api.clock.now()),
    },
  ]);
});

test.each([
  [{ LockMode: 'strict', LockDuration: 1 }, 'InvalidParameterValue'],
  [{ LockMode: 'governance' }, 'MissingParameter'],
  [{ LockMode: 'governance', LockDuration: 0 }, 'InvalidParameterValue'],
  [{ LockMode: 'governance', LockDuration: 36_501 }, 'InvalidParameterValue'],
  [{ LockMode: 'governance', ExpirationDate: new Date(0) }, 'InvalidParameterValue'],
  [{ LockMode: 'governance', LockDuration: 1, ExpirationDate: new Date('2027-01-01') }, 'InvalidParameterCombination'],
  [{ LockMode: 'governance', LockDuration: 1, CoolOffPeriod: 1 }, 'InvalidParameterCombination'],
  [{ LockMode: 'compliance', LockDuration: 1, CoolOffPeriod: 73 }, 'InvalidParameterValue'],
])('LockSnapshot %j answers %s', async (input, code) => {
  const { refused, shown } = await setUp();
  expect(await refused(input)).toBe(code);
  expect(await shown()).toEqual([]);
});

it('can be limited by policies', async () => {
  const { api, SnapshotId } = await setUp();
  const as = await makeUser(api, 'alice', [
    { Action: 'ec2:LockSnapshot', Condition: { NumericLessThanEquals: { 'ec2:SnapshotLockDuration': '7' } } },
  ]);
  const input = { SnapshotId, LockMode: 'governance' };
  expect((await api.fail('LockSnapshot', { ...input, LockDuration: 8 }, { as })).code).toBe('UnauthorizedOperation');
  await api.call('LockSnapshot', { ...input, LockDuration: 7 }, { as });
});
