import type { DescribeInstanceTypeOfferingsResult, DescribeInstanceTypesResult } from '@aws-sdk/client-ec2';
import { describe, expect, test } from 'vitest';
import { createTestApi } from '../../api/testing.ts';
import { instanceTypeFilters } from './filters.ts';

const api = createTestApi();
const describeTypes = (input: object = {}) => api.call<DescribeInstanceTypesResult>('DescribeInstanceTypes', input);
const filtered = async (Name: string, ...Values: string[]) => {
  const names: string[] = [];
  let NextToken: string | undefined;
  do {
    const page: DescribeInstanceTypesResult = await describeTypes({ Filters: [{ Name, Values }], NextToken });
    names.push(...(page.InstanceTypes ?? []).map(type => type.InstanceType ?? ''));
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  return names;
};

describe('DescribeInstanceTypes', () => {
  test('pages through all types, each once', async () => {
    const names: (string | undefined)[] = [];
    let NextToken: string | undefined;
    do {
      const page: DescribeInstanceTypesResult = await describeTypes({ NextToken });
      expect(page.InstanceTypes?.length).toBeLessThanOrEqual(100);
      names.push(...(page.InstanceTypes ?? []).map(type => type.InstanceType));
      NextToken = page.NextToken;
    } while (NextToken !== undefined);
    expect(names).toHaveLength(1373);
    expect(new Set(names).size).toBe(1373);
  });

  test('describes the types that were asked for', async () => {
    const { InstanceTypes, NextToken } = await describeTypes({ InstanceTypes: ['t3.micro', 'm5.large', 't3.micro'] });
    expect(
      InstanceTypes?.map(type => [type.InstanceType, type.VCpuInfo?.DefaultVCpus, type.MemoryInfo?.SizeInMiB]),
    ).toEqual([
      ['t3.micro', 2, 1024],
      ['m5.large', 2, 8192],
    ]);
    expect(NextToken).toBeUndefined();
  });

  test.each([
    ['instance-type', ['t3.*'], 't3.micro', 'm5.large'],
    ['vcpu-info.default-vcpus', ['2'], 't3.micro', 'm5.xlarge'],
    ['memory-info.size-in-mib', ['8192', '1024'], 'm5.large', 'm5.xlarge'],
    ['processor-info.supported-architecture', ['arm64'], 'm6g.large', 'm5.large'],
    ['bare-metal', ['true'], 'c5.metal', 'c5.large'],
    ['free-tier-eligible', ['true'], 't3.micro', 'm5.large'],
    ['network-info.efa-supported', ['true'], 'p5.48xlarge', 't3.micro'],
    ['instance-storage-info.disk.type', ['hdd'], 'd2.xlarge', 'i3.large'],
    ['vcpu-info.valid-threads-per-core', ['2'], 'm5.large', 'm6g.large'],
    ['ebs-info.ebs-optimized-info.maximum-iops', ['18750'], 'm5.large', 't2.micro'],
    ['supported-usage-class', ['capacity-block'], 'p5.48xlarge', 't3.micro'],
    ['hypervisor', ['xen'], 't2.micro', 't3.micro'],
  ])('filter %s', async (name, values, inside, outside) => {
    const names = await filtered(name, ...values);
    expect(names).toContain(inside);
    expect(names).not.toContain(outside);
  });

  test('every documented filter is accepted, others are not', async () => {
    for (const name of Object.keys(instanceTypeFilters))
      await describeTypes({ Filters: [{ Name: name, Values: ['no-such-value'] }] });
    expect((await api.fail('DescribeInstanceTypes', { Filters: [{ Name: 'colour', Values: ['red'] }] })).code).toBe(
      'InvalidParameterValue',
    );
  });

  test.each([
    [{ InstanceTypes: ['t3.micro', 't3.giant'] }, 'InvalidInstanceType'],
    [{ InstanceTypes: ['t3.micro'], MaxResults: 5 }, 'InvalidParameterCombination'],
    [{ InstanceTypes: Array.from({ length: 101 }, () => 't3.micro') }, 'InvalidParameterValue'],
    [{ MaxResults: 101 }, 'InvalidParameterValue'],
    [{ MaxResults: 4 }, 'InvalidParameterValue'],
    [{ NextToken: 'forged' }, 'InvalidNextToken'],
    [{ DryRun: true }, 'DryRunOperation'],
  ])('refuses %j', async (input, code) => {
    expect((await api.fail('DescribeInstanceTypes', input)).code).toBe(code);
  });

  test('a token serves only the request that it came from', async () => {
    const { NextToken } = await describeTypes({ Filters: [{ Name: 'bare-metal', Values: ['false'] }] });
    expect(NextToken).toBeDefined();
    expect((await api.fail('DescribeInstanceTypes', { NextToken })).code).toBe('InvalidNextToken');
  });
});

describe('DescribeInstanceTypeOfferings', () => {
  const offerings = async (input: object, region = 'us-east-1') =>
    (await api.call<DescribeInstanceTypeOfferingsResult>('DescribeInstanceTypeOfferings', input, { region }))
      .InstanceTypeOfferings ?? [];
  const only = [{ Name: 'instance-type', Values: ['t3.micro'] }];

  test('by Region, zone and zone id', async () => {
    expect(await offerings({ Filters: only })).toEqual([
      { InstanceType: 't3.micro', LocationType: 'region', Location: 'us-east-1' },
    ]);
    expect(
      (await offerings({ Filters: only, LocationType: 'availability-zone' }, 'eu-west-3')).map(one => one.Location),
    ).toEqual(['eu-west-3a', 'eu-west-3b', 'eu-west-3c']);
    const inZone = [...only, { Name: 'location', Values: ['use1-az2'] }];
    expect(await offerings({ Filters: inZone, LocationType: 'availability-zone-id' })).toHaveLength(1);
    expect(await offerings({ Filters: [{ Name: 'location', Values: ['eu-west-1'] }] })).toEqual([]);
    expect(await offerings({ LocationType: 'outpost' })).toEqual([]);
  });

  test('pages', async () => {
    const first = await api.call<DescribeInstanceTypeOfferingsResult>('DescribeInstanceTypeOfferings', {});
    expect(first.InstanceTypeOfferings).toHaveLength(1000);
    const second = await api.call<DescribeInstanceTypeOfferingsResult>('DescribeInstanceTypeOfferings', {
      NextToken: first.NextToken,
    });
    expect(second.InstanceTypeOfferings).toHaveLength(373);
    expect(second.NextToken).toBeUndefined();
  });

  test.each([
    [{ LocationType: 'planet' }, 'InvalidParameterValue'],
    [{ Filters: [{ Name: 'zone', Values: ['a'] }] }, 'InvalidParameterValue'],
    [{ DryRun: true }, 'DryRunOperation'],
  ])('refuses %j', async (input, code) => {
    expect((await api.fail('DescribeInstanceTypeOfferings', input)).code).toBe(code);
  });
});
