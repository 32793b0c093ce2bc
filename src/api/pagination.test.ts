import type { DescribeInstancesResult } from '@aws-sdk/client-ec2';
import { beforeEach, describe, expect, it } from 'vitest';
import { instances } from '../ec2/instances/model.ts';
import { launch } from '../ec2/testing.ts';
import { createTestApi, type TestApi } from './testing.ts';

let api: TestApi;
let all: string[];

beforeEach(async () => {
  api = createTestApi();
  all = (await launch(api, { MinCount: 23, MaxCount: 23 })).map(one => one.InstanceId ?? '');
});

const page = (input: object) => api.call<DescribeInstancesResult>('DescribeInstances', input);
const ids = (result: DescribeInstancesResult) =>
  (result.Reservations ?? []).flatMap(one => one.Instances ?? []).map(one => one.InstanceId ?? '');

describe('paging', () => {
  it('serves every row once, in order, and no token at the end', async () => {
    const seen: string[] = [];
    const sizes: number[] = [];
    let NextToken: string | undefined;
    do {
      const result = await page({ MaxResults: 10, NextToken });
      sizes.push(ids(result).length);
      seen.push(...ids(result));
      NextToken = result.NextToken;
    } while (NextToken !== undefined);
    expect(sizes).toEqual([10, 10, 3]);
    expect(seen).toEqual(all);
  });

  it('ends without an empty page when the rows fit exactly', async () => {
    const first = await page({ MaxResults: 23 });
    expect(ids(first)).toHaveLength(23);
    expect(first.NextToken).toBeUndefined();
  });

  it('neither repeats nor hides rows while others come and go', async () => {
    const first = await page({ MaxResults: 10 });
    api.state.write(tx => {
      for (const id of [...all.slice(0, 4), ...all.slice(8, 12)]) tx.delete(instances, id);
    });
    const [added] = await launch(api);
    const second = await page({ MaxResults: 10, NextToken: first.NextToken });
    const third = await page({ MaxResults: 10, NextToken: second.NextToken });
    expect([...ids(second), ...ids(third)]).toEqual([...all.slice(12), added?.InstanceId]);
  });

  it('pages what filters leave', async () => {
    await api.call('CreateTags', {
      Resources: all.filter((_, i) => i % 2 === 0),
      Tags: [{ Key: 'even', Value: 'yes' }],
    });
    const Filters = [{ Name: 'tag:even', Values: ['yes'] }];
    const first = await page({ MaxResults: 7, Filters });
    const second = await page({ MaxResults: 7, Filters, NextToken: first.NextToken });
    expect([...ids(first), ...ids(second)]).toEqual(all.filter((_, i) => i % 2 === 0));
  });

  it.each([4, 1001, 0, -1, 5.5])('refuses MaxResults %d', async MaxResults => {
    expect((await api.fail('DescribeInstances', { MaxResults })).code).toBe('InvalidParameterValue');
  });

  it('refuses MaxResults together with ids', async () => {
    expect((await api.fail('DescribeInstances', { MaxResults: 5, InstanceIds: [all[0]] })).code).toBe(
      'InvalidParameterCombination',
    );
  });

  it('refuses tokens that it did not make, or made for another request', async () => {
    const { NextToken = '' } = await page({ MaxResults: 10 });
    const flipped = Buffer.from(NextToken, 'base64url');
    flipped[3] = (flipped[3] ?? 0) ^ 1;
    const refused = [
      { MaxResults: 10, NextToken: 'nonsense' },
      { MaxResults: 10, NextToken: `${NextToken}A` },
      { MaxResults: 10, NextToken: NextToken.slice(0, -1) },
      { MaxResults: 10, NextToken: flipped.toString('base64url') },
      { MaxResults: 10, NextToken, Filters: [{ Name: 'instance-type', Values: ['t3.micro'] }] },
    ];
    for (const input of refused) expect((await api.fail('DescribeInstances', input)).code).toBe('InvalidNextToken');
    expect((await api.fail('DescribeVolumes', { MaxResults: 10, NextToken })).code).toBe('InvalidNextToken');
    expect((await api.fail('DescribeInstances', { MaxResults: 10, NextToken }, { region: 'eu-west-1' })).code).toBe(
      'InvalidNextToken',
    );
    expect((await api.fail('DescribeInstances', { MaxResults: 10, NextToken }, { account: '111111111111' })).code).toBe(
      'InvalidNextToken',
    );
  });
});
