import type { DescribeInternetGatewaysResult, DescribeVpcsResult } from '@aws-sdk/client-ec2';
import { expect, test } from 'vitest';
import { createTestApi } from '../../api/testing.ts';

test('the default VPC has an internet gateway', async () => {
  const api = createTestApi();
  const vpcId = (await api.call<DescribeVpcsResult>('DescribeVpcs')).Vpcs?.[0]?.VpcId ?? '';
  const list = async (input: object = {}) =>
    (await api.call<DescribeInternetGatewaysResult>('DescribeInternetGateways', input)).InternetGateways ?? [];
  const all = await list();
  expect(all).toMatchObject([
    { Attachments: [{ VpcId: vpcId, State: 'available' }], OwnerId: '000000000000', Tags: [] },
  ]);
  expect(await list({ Filters: [{ Name: 'attachment.vpc-id', Values: [vpcId] }] })).toEqual(all);
  expect(await list({ Filters: [{ Name: 'attachment.state', Values: ['available'] }] })).toEqual(all);
  expect(await list({ Filters: [{ Name: 'attachment.vpc-id', Values: ['vpc-00000001'] }] })).toEqual([]);
  expect(await list({ InternetGatewayIds: [all[0]?.InternetGatewayId] })).toEqual(all);
});

test.each([
  [{ InternetGatewayIds: ['igw'] }, 'InvalidInternetGatewayId.Malformed'],
  [{ InternetGatewayIds: ['igw-00000001'] }, 'InvalidInternetGatewayID.NotFound'],
  [{ Filters: [{ Name: 'vpc-id', Values: ['x'] }] }, 'InvalidParameterValue'],
  [{ MaxResults: 4 }, 'InvalidParameterValue'],
])('%j answers %s', async (input, code) => {
  expect((await createTestApi().fail('DescribeInternetGateways', input)).code).toBe(code);
});
