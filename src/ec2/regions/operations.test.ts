import type {
  DescribeAccountAttributesResult,
  DescribeAvailabilityZonesResult,
  DescribeRegionsResult,
} from '@aws-sdk/client-ec2';
import { describe, expect, test } from 'vitest';
import { accounts } from '../../accounts/model.ts';
import { setOptIn } from '../../accounts/regions.ts';
import { createTestApi } from '../../api/testing.ts';
import { vpcs } from '../vpcs/model.ts';

const api = createTestApi();
const regions = async (input: object = {}) =>
  (await api.call<DescribeRegionsResult>('DescribeRegions', input)).Regions ?? [];
const zones = async (input: object = {}, region = 'us-east-1') =>
  (await api.call<DescribeAvailabilityZonesResult>('DescribeAvailabilityZones', input, { region })).AvailabilityZones ??
  [];

describe('DescribeRegions', () => {
  test('shows the Regions with endpoint and opt-in status', async () => {
    const all = await regions();
    expect(all).toContainEqual({
      RegionName: 'eu-west-1',
      Endpoint: 'ec2.eu-west-1.amazonaws.com',
      OptInStatus: 'opt-in-not-required',
      Geography: [{ Name: 'Ireland' }],
    });
    expect(all.filter(region => region.OptInStatus === 'opt-in-not-required')).toHaveLength(17);
    expect(await regions({ AllRegions: true })).toEqual(all);
  });

  test('by name and by filter', async () => {
    expect((await regions({ RegionNames: ['us-west-2', 'eu-north-1'] })).map(region => region.RegionName)).toEqual([
      'eu-north-1',
      'us-west-2',
    ]);
    expect(
      (await regions({ Filters: [{ Name: 'region-name', Values: ['us-*'] }] })).map(region => region.RegionName),
    ).toHaveLength(4);
    expect(await regions({ Filters: [{ Name: 'opt-in-status', Values: ['not-opted-in'] }] })).toEqual([]);
    expect(await regions({ Filters: [{ Name: 'endpoint', Values: ['ec2.us-east-1.amazonaws.com'] }] })).toHaveLength(1);
  });

  test('hides those that the account opted out of, unless it asks for all of them', async () => {
    const local = createTestApi();
    local.state.write(tx => {
      for (const accountId of ['000000000000', '111122223333'])
        tx.put(accounts, { accountId, name: accountId, created: 0 });
      setOptIn(tx, '000000000000', 'af-south-1', false);
    });
    const seen = async (input: object = {}, account = '000000000000') => {
      const { Regions = [] } = await local.call<DescribeRegionsResult>('DescribeRegions', input, { account });
      return Regions.find(region => region.RegionName === 'af-south-1')?.OptInStatus;
    };
    expect(await seen()).toBeUndefined();
    expect(await seen({ AllRegions: true })).toBe('not-opted-in');
    expect(await seen({ RegionNames: ['af-south-1'] })).toBe('not-opted-in');
    expect(await seen({}, '111122223333')).toBe('opted-in');
    local.state.write(tx => setOptIn(tx, '000000000000', 'af-south-1', true));
    expect(await seen()).toBe('opted-in');
    for (const region of ['us-east-1', 'mars-1'])
      expect(() => local.state.write(tx => setOptIn(tx, '000000000000', region, false))).toThrow(
        expect.objectContaining({ code: 'ValidationError' }),
      );
  });

  test('refuses unknown names and filters', async () => {
    expect((await api.fail('DescribeRegions', { RegionNames: ['us-east-1', 'mars-1'] })).message).toContain('[mars-1]');
    expect((await api.fail('DescribeRegions', { RegionNames: ['mars-1'] })).code).toBe('InvalidParameterValue');
    expect((await api.fail('DescribeRegions', { Filters: [{ Name: 'name', Values: ['x'] }] })).code).toBe(
      'InvalidParameterValue',
    );
  });
});

describe('DescribeAvailabilityZones', () => {
  test('shows the three zones of the Region that was called', async () => {
    expect((await zones()).map(zone => [zone.ZoneName, zone.ZoneId])).toEqual([
      ['us-east-1a', 'use1-az1'],
      ['us-east-1b', 'use1-az2'],
      ['us-east-1c', 'use1-az3'],
    ]);
    expect(await zones({ AllAvailabilityZones: true }, 'ap-southeast-2')).toContainEqual({
      ZoneName: 'ap-southeast-2b',
      ZoneId: 'apse2-az2',
      RegionName: 'ap-southeast-2',
      State: 'available',
      ZoneType: 'availability-zone',
      OptInStatus: 'opt-in-not-required',
      GroupName: 'ap-southeast-2-zg-1',
      GroupLongName: 'Asia Pacific (Sydney) 1',
      NetworkBorderGroup: 'ap-southeast-2',
      Geography: [{ Name: 'Australia' }],
      Messages: [],
    });
  });

  test('by name, id, both, and filters', async () => {
    const names = async (input: object) => (await zones(input)).map(zone => zone.ZoneName);
    expect(await names({ ZoneNames: ['us-east-1c'] })).toEqual(['us-east-1c']);
    expect(await names({ ZoneIds: ['use1-az1', 'use1-az2'] })).toEqual(['us-east-1a', 'us-east-1b']);
    expect(await names({ ZoneIds: ['use1-az1'], ZoneNames: ['us-east-1b'] })).toEqual([]);
    expect(await names({ Filters: [{ Name: 'zone-id', Values: ['*-az3'] }] })).toEqual(['us-east-1c']);
    expect(await names({ Filters: [{ Name: 'zone-type', Values: ['local-zone'] }] })).toEqual([]);
    expect(
      await names({
        Filters: [
          { Name: 'state', Values: ['available'] },
          { Name: 'parent-zone-id', Values: ['*'] },
        ],
      }),
    ).toEqual([]);
  });

  test('refuses zones of other Regions', async () => {
    for (const input of [{ ZoneNames: ['eu-west-1a'] }, { ZoneIds: ['euw1-az1'] }]) {
      expect(await api.fail('DescribeAvailabilityZones', input)).toMatchObject({
        code: 'InvalidParameterValue',
        status: 400,
      });
    }
  });
});

describe('DescribeAccountAttributes', () => {
  const attributes = async (input: object = {}, region = 'us-east-1') => {
    const result = await api.call<DescribeAccountAttributesResult>('DescribeAccountAttributes', input, { region });
    return Object.fromEntries(
      (result.AccountAttributes ?? []).map(one => [
        one.AttributeName,
        one.AttributeValues?.map(value => value.AttributeValue),
      ]),
    );
  };

  test('shows the default VPC of the Region and the limits', async () => {
    const all = await attributes();
    expect(all).toMatchObject({
      'supported-platforms': ['VPC'],
      'max-instances': ['20'],
      'vpc-max-security-groups-per-interface': ['5'],
    });
    const vpc = api.state.firstBy(vpcs, 'default', '000000000000/us-east-1');
    expect(all['default-vpc']).toEqual([vpc?.vpcId]);
    expect((await attributes({}, 'eu-west-1'))['default-vpc']).not.toEqual(all['default-vpc']);
    expect(await attributes({ AttributeNames: ['supported-platforms'] })).toEqual({ 'supported-platforms': ['VPC'] });
  });

  test('says none when there is no default VPC', async () => {
    await attributes({}, 'sa-east-1');
    const vpc = api.state.firstBy(vpcs, 'default', '000000000000/sa-east-1');
    api.state.write(tx => tx.delete(vpcs, vpc?.vpcId ?? ''));
    expect((await attributes({}, 'sa-east-1'))['default-vpc']).toEqual(['none']);
  });

  test('refuses unknown attributes', async () => {
    expect((await api.fail('DescribeAccountAttributes', { AttributeNames: ['toString'] })).code).toBe(
      'InvalidParameterValue',
    );
  });
});

test('a dry run of each says that it would have succeeded', async () => {
  for (const operation of ['DescribeRegions', 'DescribeAvailabilityZones', 'DescribeAccountAttributes']) {
    expect(await api.fail(operation, { DryRun: true })).toMatchObject({ code: 'DryRunOperation', status: 412 });
  }
});
