import type { DescribeSubnetsResult, DescribeTagsResult, DescribeVpcsResult } from '@aws-sdk/client-ec2';
import { describe, expect, test } from 'vitest';
import { createTestApi } from '../../api/testing.ts';
import { snapshots } from '../snapshots/model.ts';
import { resourceTypes } from './resource-types.ts';

async function setUp() {
  const api = createTestApi();
  const vpc = (await api.call<DescribeVpcsResult>('DescribeVpcs')).Vpcs?.[0]?.VpcId ?? '';
  const subnets = (await api.call<DescribeSubnetsResult>('DescribeSubnets')).Subnets ?? [];
  const [a = '', b = ''] = subnets.map(one => one.SubnetId);
  const create = (Resources: string[], tags: Record<string, string>) =>
    api.call('CreateTags', { Resources, Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) });
  const list = async (input: object = {}) => (await api.call<DescribeTagsResult>('DescribeTags', input)).Tags ?? [];
  const shown = async (input: object = {}) =>
    (await list(input)).map(one => `${one.ResourceType} ${one.Key}=${one.Value}`);
  return { api, vpc, a, b, create, list, shown };
}

describe('CreateTags', () => {
  test('adds and replaces tags of several resources, which their Describe shows and filters by', async () => {
    const { api, vpc, a, b, create, shown } = await setUp();
    await create([vpc, a], { Name: 'x', env: '' });
    await create([a, b], { Name: 'y' });
    expect(await shown()).toEqual(['vpc Name=x', 'vpc env=', 'subnet Name=y', 'subnet env=', 'subnet Name=y']);
    const find = async (Name: string, ...Values: string[]) =>
      (await api.call<DescribeSubnetsResult>('DescribeSubnets', { Filters: [{ Name, Values }] })).Subnets?.map(
        one => one.SubnetId,
      );
    expect(await find('tag:Name', 'y')).toEqual([a, b]);
    expect(await find('tag:Name', '?')).toEqual([a, b]);
    expect(await find('tag:Name', 'x')).toEqual([]);
    expect(await find('tag:env', '')).toEqual([a]);
    expect(await find('tag-key', 'env')).toEqual([a]);
  });

  test('all or nothing', async () => {
    const { api, vpc, list } = await setUp();
    const Tags = [{ Key: 'a', Value: 'b' }];
    const error = await api.fail('CreateTags', { Resources: [vpc, 'subnet-00000000000000009'], Tags });
    expect(error.code).toBe('InvalidSubnetID.NotFound');
    expect(await list()).toEqual([]);
  });

  test('50 tags are the limit', async () => {
    const { api, vpc, a, create, list } = await setUp();
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`k${index}`, 'v']));
    await create([vpc], many);
    await create([vpc], { k0: 'changed' });
    const Tags = [{ Key: 'more', Value: '' }];
    expect((await api.fail('CreateTags', { Resources: [a, vpc], Tags })).code).toBe('TagLimitExceeded');
    expect(await list()).toHaveLength(50);
  });

  const vpcPlace = 'VPC';
  test.each<[object, string]>([
    [{ Resources: [] }, 'MissingParameter'],
    [{ Tags: [] }, 'MissingParameter'],
    [{ Resources: ['nonsense'] }, 'InvalidID'],
    [{ Resources: ['xyz-00000001'] }, 'InvalidID'],
    [{ Resources: ['i-1'] }, 'InvalidInstanceID.Malformed'],
    [{ Resources: ['i-00000000000000009'] }, 'InvalidInstanceID.NotFound'],
    [{ Resources: ['vol-00000000000000009'] }, 'InvalidVolume.NotFound'],
    [{ Resources: ['ami-00000000000000009'] }, 'InvalidAMIID.NotFound'],
    [{ Resources: Array.from({ length: 1001 }, () => vpcPlace) }, 'InvalidParameterValue'],
    [{ Tags: [{ Key: '', Value: 'x' }] }, 'InvalidParameterValue'],
    [{ Tags: [{ Key: 'x'.repeat(128), Value: '' }] }, 'InvalidParameterValue'],
    [{ Tags: [{ Key: 'x', Value: 'x'.repeat(256) }] }, 'InvalidParameterValue'],
    [{ Tags: [{ Key: 'aws:x', Value: '' }] }, 'InvalidParameterValue'],
    [{ Tags: [{ Key: 'x' }, { Key: 'x' }] }, 'InvalidParameterValue'],
    [{ DryRun: true }, 'DryRunOperation'],
  ])('%j answers %s', async (input, code) => {
    const { api, vpc, list } = await setUp();
    const request = { Resources: [vpcPlace], Tags: [{ Key: 'a', Value: 'b' }], ...input };
    const error = await api.fail('CreateTags', JSON.parse(JSON.stringify(request).replaceAll(vpcPlace, vpc)));
    expect(error.code).toBe(code);
    expect(await list()).toEqual([]);
  });

  test("another account's resources do not exist, and public ones cannot be tagged yet", async () => {
    const { api, vpc } = await setUp();
    const Tags = [{ Key: 'a', Value: 'b' }];
    const options = { account: '111111111111' };
    expect((await api.fail('CreateTags', { Resources: [vpc], Tags }, options)).code).toBe('InvalidVpcID.NotFound');
    const snapshotId = 'snap-00000000000000001';
    api.state.write(tx =>
      tx.put(snapshots, {
        snapshotId,
        owner: '222222222222/us-east-1',
        ownerAlias: 'amazon',
        volumeId: 'vol-ffffffff',
        volumeSize: 1,
        state: 'completed',
        description: '',
        encrypted: false,
        startTime: 0,
      }),
    );
    expect((await api.fail('CreateTags', { Resources: [snapshotId], Tags }, options)).code).toBe(
      'UnsupportedOperation',
    );
  });
});

describe('DeleteTags', () => {
  test('by key, by key and value, or all', async () => {
    const { api, vpc, a, create, shown } = await setUp();
    await create([vpc, a], { one: '1', two: '2', three: '' });
    const remove = (Resources: string[], Tags?: object[]) => api.call('DeleteTags', { Resources, Tags });
    await remove([vpc, a], [{ Key: 'one' }, { Key: 'two', Value: 'x' }, { Key: 'nobody' }]);
    expect(await shown()).toEqual(['vpc two=2', 'vpc three=', 'subnet two=2', 'subnet three=']);
    await remove(
      [vpc],
      [
        { Key: 'two', Value: '2' },
        { Key: 'three', Value: '' },
      ],
    );
    await remove([vpc]);
    expect(await shown()).toEqual(['subnet two=2', 'subnet three=']);
    await remove([a]);
    expect(await shown()).toEqual([]);
  });

  test.each([
    [{ Resources: [] }, 'MissingParameter'],
    [{ Resources: ['x'] }, 'InvalidID'],
    [{ Resources: ['sg-00000000000000009'] }, 'InvalidGroup.NotFound'],
    [{ Resources: ['subnet-1'], Tags: [{ Key: '' }] }, 'InvalidParameterValue'],
  ])('%j answers %s', async (input, code) => {
    expect((await createTestApi().fail('DeleteTags', input)).code).toBe(code);
  });
});

describe('DescribeTags', () => {
  test('filters', async () => {
    const { vpc, a, create, shown } = await setUp();
    await create([vpc], { Name: 'net', env: 'prod' });
    await create([a], { Name: 'first' });
    const find = (Name: string, ...Values: string[]) => shown({ Filters: [{ Name, Values }] });
    expect(await find('resource-id', a)).toEqual(['subnet Name=first']);
    expect(await find('resource-id', a, vpc)).toHaveLength(3);
    expect(await find('resource-id', 'subnet-*')).toEqual(['subnet Name=first']);
    expect(await find('resource-type', 'vpc')).toEqual(['vpc Name=net', 'vpc env=prod']);
    expect(await find('key', 'Name')).toEqual(['vpc Name=net', 'subnet Name=first']);
    expect(await find('value', 'p*')).toEqual(['vpc env=prod']);
    expect(await find('tag:env', 'prod')).toEqual(['vpc env=prod']);
    expect(await find('tag:env', 'test')).toEqual([]);
  });

  test('pages within and across resources', async () => {
    const { api, vpc, a, b, create } = await setUp();
    const tags = Object.fromEntries(Array.from({ length: 7 }, (_, index) => [`k${index}`, 'v']));
    await create([vpc, a, b], tags);
    const seen: string[] = [];
    let NextToken: string | undefined;
    do {
      const page: DescribeTagsResult = await api.call('DescribeTags', { MaxResults: 5, NextToken });
      expect(page.Tags?.length).toBeLessThanOrEqual(5);
      seen.push(...(page.Tags ?? []).map(one => `${one.ResourceId} ${one.Key}`));
      NextToken = page.NextToken;
    } while (NextToken !== undefined);
    expect(seen).toEqual([vpc, a, b].flatMap(id => Object.keys(tags).map(key => `${id} ${key}`)));
  });

  test.each([
    [{ Filters: [{ Name: 'nope', Values: ['x'] }] }, 'InvalidParameterValue'],
    [{ MaxResults: 4 }, 'InvalidParameterValue'],
    [{ NextToken: 'AAAA' }, 'InvalidNextToken'],
  ])('%j answers %s', async (input, code) => {
    expect((await createTestApi().fail('DescribeTags', input)).code).toBe(code);
  });
});

test('no two resource types share a prefix or a name', () => {
  expect(new Set(resourceTypes.map(one => one.kind.prefix)).size).toBe(resourceTypes.length);
  expect(new Set(resourceTypes.map(one => one.name)).size).toBe(resourceTypes.length);
});
