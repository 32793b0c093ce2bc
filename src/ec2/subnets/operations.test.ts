import type { DescribeSubnetsResult } from '@aws-sdk/client-ec2';
import { expect, test } from 'vitest';
import { createTestApi } from '../../api/testing.ts';
import { createNetworkInterface } from '../network-interfaces/lifecycle.ts';
import { chooseSubnet } from './choose.ts';

const list = async (api: ReturnType<typeof createTestApi>, input: object = {}, options: object = {}) =>
  (await api.call<DescribeSubnetsResult>('DescribeSubnets', input, options)).Subnets ?? [];

test('each zone has its default subnet', async () => {
  const subnets = await list(createTestApi(), {}, { region: 'eu-west-1' });
  expect(subnets.map(one => [one.AvailabilityZone, one.AvailabilityZoneId, one.CidrBlock])).toEqual([
    ['eu-west-1a', 'euw1-az1', '172.31.0.0/20'],
    ['eu-west-1b', 'euw1-az2', '172.31.16.0/20'],
    ['eu-west-1c', 'euw1-az3', '172.31.32.0/20'],
  ]);
  for (const one of subnets) {
    expect(one).toMatchObject({
      AvailableIpAddressCount: 4091,
      DefaultForAz: true,
      MapPublicIpOnLaunch: true,
      State: 'available',
    });
    expect(one.SubnetArn).toBe(`arn:aws:ec2:eu-west-1:000000000000:subnet/${one.SubnetId}`);
  }
});

test('an interface takes an address', async () => {
  const api = createTestApi();
  await list(api);
  const now = api.clock.now();
  const context = { owner: '000000000000/us-east-1', region: 'us-east-1', now };
  const subnet = chooseSubnet({ ...context, db: api.state }, { availabilityZone: 'us-east-1b' });
  api.state.write(db => createNetworkInterface({ ...context, db }, { subnet, groupIds: [], associatePublicIp: false }));
  expect((await list(api)).map(one => one.AvailableIpAddressCount)).toEqual([4091, 4090, 4091]);
  expect(await list(api, { Filters: [{ Name: 'available-ip-address-count', Values: ['4090'] }] })).toMatchObject([
    { SubnetId: subnet.subnetId },
  ]);
});

test.each([
  ['availability-zone', 'us-east-1b', 1],
  ['availabilityZone', 'us-east-1?', 3],
  ['availability-zone-id', 'use1-az3', 1],
  ['cidr-block', '172.31.16.0/20', 1],
  ['cidr', '172.31.*', 3],
  ['default-for-az', 'true', 3],
  ['map-public-ip-on-launch', 'false', 0],
  ['state', 'pending', 0],
  ['ipv6-native', 'false', 3],
  ['subnet-arn', 'arn:aws:ec2:us-east-1:000000000000:subnet/*', 3],
])('filter %s=%s finds %d', async (Name, value, count) => {
  expect(await list(createTestApi(), { Filters: [{ Name, Values: [value] }] })).toHaveLength(count);
});

test.each([
  [{ SubnetIds: ['subnet-1'] }, 'InvalidSubnetID.Malformed'],
  [{ SubnetIds: ['vpc-00000001'] }, 'InvalidSubnetID.Malformed'],
  [{ SubnetIds: ['subnet-00000000000000009'] }, 'InvalidSubnetID.NotFound'],
  [{ Filters: [{ Name: 'zone', Values: ['a'] }] }, 'InvalidParameterValue'],
  [{ MaxResults: 0 }, 'InvalidParameterValue'],
  [{ NextToken: 'x' }, 'InvalidNextToken'],
])('%j answers %s', async (input, code) => {
  expect((await createTestApi().fail('DescribeSubnets', input)).code).toBe(code);
});
