import type { DescribeVolumesResult } from '@aws-sdk/client-ec2';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { createTestApi } from '../api/testing.ts';
import { Bucket } from '../state/bucket.ts';
import { mergeEntries } from './describe.ts';
import { addTags } from './tags/model.ts';
import { type VolumeRow, volumes } from './volumes/model.ts';

const owner = '000000000000/us-east-1';
const count = 100_000;
const walkAll = Bucket.prototype.after;
const id = (index: number) => `vol-0${index.toString(16).padStart(16, '0')}`;
const instance = (index: number) =>
  `i-0${Math.floor(index / 2)
    .toString(16)
    .padStart(16, '0')}`;

describe('among 100,000 rows', () => {
  const api = createTestApi();

  beforeAll(() => {
    api.state.write(tx => {
      for (let index = 0; index < count; index++) {
        const row: VolumeRow = {
          volumeId: id(index),
          owner,
          availabilityZone: 'us-east-1a',
          size: 8,
          volumeType: 'gp3',
          encrypted: false,
          state: 'in-use',
          createTime: 0,
          attachments: [
            {
              instanceId: instance(index),
              device: '/dev/xvda',
              attachTime: 0,
              deleteOnTermination: true,
              state: 'attached',
            },
          ],
        };
        tx.put(volumes, row);
        const tags = { Name: `n${index % 50_000}`, env: 'prod' };
        if (index < 60_000) addTags(tx, { resourceId: row.volumeId, resourceType: 'volume', owner }, tags);
      }
    });
  }, 60_000);

  const filter = (Name: string, ...Values: string[]) => ({ Filters: [{ Name, Values }] });

  test.each<[string, object, number]>([
    ['one id', { VolumeIds: [id(99_999)] }, 1],
    ['an id as a filter', filter('volume-id', id(99_999), 'vol-00000001'), 1],
    ['an indexed filter', filter('attachment.instance-id', instance(99_998), instance(5)), 4],
    ['a tag', filter('tag:Name', 'n7'), 2],
    ['a tag that most have, by page', { ...filter('tag:env', 'prod'), MaxResults: 100 }, 100],
    ['a page', { MaxResults: 100 }, 100],
    ['a filter that only a walk through all answers', filter('size', '9'), 0],
    ['two filters', { Filters: [...filter('status', 'in-use').Filters, ...filter('tag:Name', 'n9').Filters] }, 2],
  ])('%s looks at no more rows than it must', async (what, input, expected) => {
    const walk = vi.spyOn(Bucket.prototype, 'after');
    let looked = 0;
    walk.mockImplementation(function* (this: Bucket<object>, from: number) {
      for (const entry of walkAll.call(this, from)) {
        looked++;
        yield entry;
      }
    });
    const result = await api.call<DescribeVolumesResult>('DescribeVolumes', input);
    walk.mockRestore();
    expect(result.Volumes).toHaveLength(expected);
    // A page looks one row further, to know whether there is more.
    if (what.includes('only a walk')) expect(looked).toBeGreaterThanOrEqual(count);
    else expect(looked).toBeLessThan(1_000);
  });

  test('pages of a filter by index and by tag follow on', async () => {
    for (const [input, all] of [
      [filter('attachment.instance-id', ...[9, 7, 5].map(index => instance(index * 2))), 6],
      [filter('tag:Name', ...[1, 2, 3, 4].map(index => `n${index}`)), 8],
      [{ VolumeIds: [9, 8, 7, 6, 5, 4].map(id) }, 6],
    ] as const) {
      const seen: string[] = [];
      let NextToken: string | undefined;
      do {
        expect(seen.length).toBeLessThan(all);
        const page: DescribeVolumesResult = await api.call('DescribeVolumes', { ...input, MaxResults: 5, NextToken });
        seen.push(...(page.Volumes ?? []).map(one => one.VolumeId ?? ''));
        NextToken = page.NextToken;
      } while (NextToken !== undefined);
      expect(seen).toHaveLength(all);
      expect(seen).toEqual([...new Set(seen)].sort());
    }
  });
});

test('walks are merged in order, and what is in several comes once', () => {
  const walk = (...sequences: number[]) => sequences.map(sequence => ({ sequence, key: '', row: sequence }));
  const merged = [...mergeEntries([walk(1, 4, 9), walk(), walk(2, 4), walk(9)])];
  expect(merged.map(one => one.row)).toEqual([1, 2, 4, 9]);
});
