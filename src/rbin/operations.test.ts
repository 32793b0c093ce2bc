import type { DescribeSnapshotsResult, ListSnapshotsInRecycleBinResult } from '@aws-sdk/client-ec2';
import { describe, expect, it, test } from 'vitest';
import { makeUser } from '../api/access-testing.ts';
import { createTestApi } from '../api/testing.ts';
import { addSnapshot, createSnapshotWorld } from '../ec2/snapshots/testing.ts';
import type { Rule, Tag } from './shapes.ts';

const day = 86_400_000;
const rbin = { service: 'rbin' };
const days = (RetentionPeriodValue: number) => ({
  RetentionPeriod: { RetentionPeriodValue, RetentionPeriodUnit: 'DAYS' },
});
const snapshotsFor = (value: number) => ({ ResourceType: 'EBS_SNAPSHOT', ...days(value) });
const delay = (UnlockDelayValue: number) => ({
  LockConfiguration: { UnlockDelay: { UnlockDelayValue, UnlockDelayUnit: 'DAYS' } },
});

function setUp() {
  const api = createTestApi();
  const world = createSnapshotWorld(api);
  const call = <Output>(operation: string, input: object, options: object = {}) =>
    api.call<Output>(operation, input, { ...rbin, ...options });
  const code = async (operation: string, input: object, options: object = {}) => {
    const error = await api.fail(operation, input, { ...rbin, ...options });
    return `${error.code} ${error.members.Reason ?? ''}`.trim();
  };
  const create = (input: object) => call<Rule & { Tags: Tag[] }>('CreateRule', input);
  const inBin = async (input: object = {}, options: object = {}) =>
    (await api.call<ListSnapshotsInRecycleBinResult>('ListSnapshotsInRecycleBin', input, options)).Snapshots ?? [];
  const shown = async () => {
    const { Snapshots } = await api.call<DescribeSnapshotsResult>('DescribeSnapshots', { OwnerIds: ['self'] });
    return (Snapshots ?? []).map(one => one.SnapshotId);
  };
  return { api, world, call, code, create, inBin, shown };
}

describe('retention rules', () => {
  it('are made, shown, changed and deleted', async () => {
    const { call, code, create } = setUp();
    const made = await create({
      ...snapshotsFor(7),
      Description: 'keep all',
      Tags: [{ Key: 'a', Value: 'b' }],
      ExcludeResourceTags: [{ ResourceTagKey: 'scratch' }],
    });
    const { Identifier, RuleArn } = made;
    expect(Identifier).toMatch(/^[0-9A-Za-z]{11}$/);
    expect(made).toMatchObject({
      ...snapshotsFor(7),
      Description: 'keep all',
      Status: 'available',
      Tags: [{ Key: 'a', Value: 'b' }],
      ResourceTags: [],
      ExcludeResourceTags: [{ ResourceTagKey: 'scratch' }],
      RuleArn: `arn:aws:rbin:us-east-1:000000000000:rule/${Identifier}`,
    });
    expect(made.LockState).toBeUndefined();
    await call('UpdateRule', { Identifier, ...days(9), Description: 'longer' });
    expect(await call('GetRule', { Identifier })).toMatchObject({ ...days(9), Description: 'longer' });
    expect(await code('UpdateRule', { Identifier, ResourceType: 'EC2_IMAGE' })).toBe(
      'ValidationException INVALID_PARAMETER_VALUE',
    );
    const list = { ResourceType: 'EBS_SNAPSHOT' };
    const ids = async (more: object = {}) =>
      (await call<{ Rules: Rule[] }>('ListRules', { ...list, ...more })).Rules.map(rule => rule.Identifier);
    expect(await ids()).toEqual([Identifier]);
    expect(await ids({ ExcludeResourceTags: [{ ResourceTagKey: 'scratch' }] })).toEqual([Identifier]);
    expect(await ids({ ExcludeResourceTags: [{ ResourceTagKey: 'other' }] })).toEqual([]);
    expect(await ids({ ResourceType: 'EC2_IMAGE' })).toEqual([]);
    await call('TagResource', { ResourceArn: RuleArn, Tags: [{ Key: 'c', Value: 'd' }] });
    await call('UntagResource', { ResourceArn: RuleArn, TagKeys: ['a'] });
    expect(await call('ListTagsForResource', { ResourceArn: RuleArn })).toEqual({ Tags: [{ Key: 'c', Value: 'd' }] });
    expect(await code('GetRule', { Identifier }, { account: '111111111111' })).toBe(
      'ResourceNotFoundException RULE_NOT_FOUND',
    );
    await call('DeleteRule', { Identifier });
    expect(await code('GetRule', { Identifier })).toBe('ResourceNotFoundException RULE_NOT_FOUND');
  });

  it('are listed in pages', async () => {
    const { call, code, create } = setUp();
    for (let made = 0; made < 3; made++) await create(snapshotsFor(1));
    const list = { ResourceType: 'EBS_SNAPSHOT', MaxResults: 2 };
    const first = await call<{ Rules: Rule[]; NextToken?: string }>('ListRules', list);
    expect(first.Rules).toHaveLength(2);
    const second = await call<{ Rules: Rule[] }>('ListRules', { ...list, NextToken: first.NextToken });
    expect(second.Rules).toHaveLength(1);
    expect(await code('ListRules', { ...list, NextToken: 'x' })).toBe('ValidationException INVALID_PAGE_TOKEN');
  });

  it('are locked, and can be changed some days after they are unlocked', async () => {
    const { api, call, code, create } = setUp();
    const { Identifier } = await create(snapshotsFor(7));
    expect(await call('LockRule', { Identifier, ...delay(7) })).toMatchObject({ LockState: 'locked', ...delay(7) });
    const wrong = 'ConflictException INVALID_RULE_STATE';
    expect(await code('DeleteRule', { Identifier })).toBe(wrong);
    expect(await code('UpdateRule', { Identifier, ...days(1) })).toBe(wrong);
    expect(await code('LockRule', { Identifier, ...delay(7) })).toBe(wrong);
    const LockEndTime = new Date(api.clock.now() + 7 * day);
    expect(await call('UnlockRule', { Identifier })).toMatchObject({ LockState: 'pending_unlock', LockEndTime });
    expect(await code('DeleteRule', { Identifier })).toBe(wrong);
    expect(await code('UnlockRule', { Identifier })).toBe(wrong);
    api.clock.advance(7 * day);
    expect(await call('GetRule', { Identifier })).toMatchObject({ LockState: 'unlocked' });
    await call('DeleteRule', { Identifier });
    expect(await create({ ...snapshotsFor(7), ...delay(30) })).toMatchObject({ LockState: 'locked' });
  });

  test.each([
    [{ ...snapshotsFor(0) }, 'ValidationException INVALID_PARAMETER_VALUE'],
    [{ ...snapshotsFor(366) }, 'ValidationException INVALID_PARAMETER_VALUE'],
    [{ ...snapshotsFor(1), ResourceType: 'VPC' }, 'ValidationException INVALID_PARAMETER_VALUE'],
    [{ ...snapshotsFor(1), ResourceType: 'EBS_VOLUME' }, 'UnsupportedOperation'],
    [{ ...snapshotsFor(1), Description: 'x'.repeat(256) }, 'ValidationException INVALID_PARAMETER_VALUE'],
    [{ ...snapshotsFor(1), ...delay(6) }, 'ValidationException INVALID_PARAMETER_VALUE'],
    [
      { ...snapshotsFor(1), ...delay(7), ResourceTags: [{ ResourceTagKey: 'a' }] },
      'ValidationException INVALID_PARAMETER_VALUE',
    ],
    [
      { ...snapshotsFor(1), ResourceTags: [{ ResourceTagKey: 'a' }], ExcludeResourceTags: [{ ResourceTagKey: 'b' }] },
      'ValidationException INVALID_PARAMETER_VALUE',
    ],
    [{ ...snapshotsFor(1), Tags: [{ Key: 'aws:a', Value: '' }] }, 'ValidationException INVALID_PARAMETER_VALUE'],
  ])('%j answers %s', async (input, expected) => {
    expect(await setUp().code('CreateRule', input)).toBe(expected);
  });

  it('need permission by their tags', async () => {
    const { api, call, code, create } = setUp();
    const { Identifier } = await create({ ...snapshotsFor(1), Tags: [{ Key: 'team', Value: 'blue' }] });
    const other = await create(snapshotsFor(1));
    const as = await makeUser(api, 'alice', [
      { Action: 'rbin:*', Condition: { StringEquals: { 'aws:ResourceTag/team': 'blue' } } },
    ]);
    await call('GetRule', { Identifier }, { as });
    expect(await code('GetRule', { Identifier: other.Identifier }, { as })).toBe('AccessDenied');
  });
});

describe('the Recycle Bin', () => {
  it('keeps deleted snapshots for a time, out of sight', async () => {
    const { api, world, create, inBin, shown } = setUp();
    await create(snapshotsFor(3));
    await create(snapshotsFor(5));
    const SnapshotId = await addSnapshot(api, world);
    await api.call('DeleteSnapshot', { SnapshotId });
    await world.settle();
    const now = api.clock.now();
    expect(await inBin()).toMatchObject([
      {
        SnapshotId,
        RecycleBinEnterTime: new Date(now),
        // The longer one of two rules.
        RecycleBinExitTime: new Date(now + 5 * day),
      },
    ]);
    expect(await inBin({}, { account: '111111111111' })).toEqual([]);
    expect(await shown()).toEqual([]);
    const missing = async (operation: string, input: object) => (await api.fail(operation, input)).code;
    expect(await missing('DescribeSnapshots', { SnapshotIds: [SnapshotId] })).toBe('InvalidSnapshot.NotFound');
    expect(await missing('DeleteSnapshot', { SnapshotId })).toBe('InvalidSnapshot.NotFound');
    expect(await missing('CreateTags', { Resources: [SnapshotId], Tags: [{ Key: 'a', Value: 'b' }] })).toBe(
      'InvalidSnapshot.NotFound',
    );
    expect(await world.disks.listSnapshots()).toEqual([SnapshotId]);
    api.clock.advance(5 * day - 1);
    await world.settle();
    expect(await inBin({ SnapshotIds: [SnapshotId] })).toHaveLength(1);
    api.clock.advance(1);
    const controllers = world.start();
    await controllers.idle();
    await api.state.settled();
    await controllers.idle();
    await controllers.close();
    expect(await inBin()).toEqual([]);
    expect(await world.disks.listSnapshots()).toEqual([]);
  });

  it('gives snapshots back as they were', async () => {
    const { api, world, create, inBin, shown } = setUp();
    const SnapshotId = await addSnapshot(api, world);
    await api.call('CreateTags', { Resources: [SnapshotId], Tags: [{ Key: 'keep', Value: 'me' }] });
    await create({ ...snapshotsFor(1), ResourceTags: [{ ResourceTagKey: 'keep', ResourceTagValue: 'me' }] });
    await api.call('DeleteSnapshot', { SnapshotId });
    expect(await api.call('RestoreSnapshotFromRecycleBin', { SnapshotId })).toMatchObject({
      SnapshotId,
      VolumeSize: 8,
      OwnerId: '000000000000',
    });
    expect(await inBin()).toEqual([]);
    expect(await shown()).toEqual([SnapshotId]);
    expect((await api.fail('RestoreSnapshotFromRecycleBin', { SnapshotId })).code).toBe('InvalidSnapshot.NotFound');
    api.clock.advance(10 * day);
    await world.settle();
    expect(await shown()).toEqual([SnapshotId]);
  });

  it('keeps only what a rule is for', async () => {
    const { api, world, create, inBin } = setUp();
    const [kept, lost] = [await addSnapshot(api, world), await addSnapshot(api, world)];
    await api.call('CreateTags', { Resources: [kept], Tags: [{ Key: 'stage', Value: 'live' }] });
    await api.call('CreateTags', { Resources: [lost], Tags: [{ Key: 'stage', Value: 'test' }] });
    await create({ ...snapshotsFor(1), ResourceTags: [{ ResourceTagKey: 'stage', ResourceTagValue: 'live' }] });
    for (const SnapshotId of [kept, lost]) await api.call('DeleteSnapshot', { SnapshotId });
    expect((await inBin()).map(one => one.SnapshotId)).toEqual([kept]);
    const scratch = await addSnapshot(api, world);
    await api.call('CreateTags', { Resources: [scratch], Tags: [{ Key: 'scratch', Value: '' }] });
    await create({ ...snapshotsFor(1), ExcludeResourceTags: [{ ResourceTagKey: 'scratch' }] });
    await api.call('DeleteSnapshot', { SnapshotId: scratch });
    expect((await inBin()).map(one => one.SnapshotId)).toEqual([kept]);
  });
});
