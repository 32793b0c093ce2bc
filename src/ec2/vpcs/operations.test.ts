import type { DescribeVpcsResult } from '@aws-sdk/client-ec2';
import { expect, test } from 'vitest';
import { createTestApi } from '../../api/testing.ts';

const list = async (api: ReturnType<typeof createTestApi>, input: object = {}) =>
  (await api.call<DescribeVpcsResult>('DescribeVpcs', input)).Vpcs ?? [];

test('a new account finds its default VPC', async () => {
  const vpcs = await list(createTestApi());
  expect(vpcs).toHaveLength(1);
  expect(vpcs[0]).toMatchObject({
    CidrBlock: '172.31.0.0/16',
    CidrBlockAssociationSet: [{ CidrBlock: '172.31.0.0/16', CidrBlockState: { State: 'associated' } }],
    InstanceTenancy: 'default',
    IsDefault: true,
    OwnerId: '000000000000',
    State: 'available',
  });
});

test.each([
  ['is-default', 'true', 1],
  ['isDefault', 'true', 1],
  ['is-default', 'false', 0],
  ['cidr', '172.31.0.0/16', 1],
  ['cidr', '172.31.*', 1],
  ['cidr-block-association.cidr-block', '172.31.0.0/16', 1],
  ['owner-id', '000000000000', 1],
  ['owner-id', '111111111111', 0],
  ['state', 'available', 1],
  ['tag:Name', 'x', 0],
])('filter %s=%s finds %d', async (Name, value, count) => {
  expect(await list(createTestApi(), { Filters: [{ Name, Values: [value] }] })).toHaveLength(count);
});

test('attributes say what the VPC does', async () => {
  const api = createTestApi();
  const [vpc] = await list(api);
  const attribute = (Attribute: string) => api.call('DescribeVpcAttribute', { VpcId: vpc?.VpcId, Attribute });
  expect(await attribute('enableDnsSupport')).toEqual({ VpcId: vpc?.VpcId, EnableDnsSupport: { Value: true } });
  expect(await attribute('enableDnsHostnames')).toEqual({ VpcId: vpc?.VpcId, EnableDnsHostnames: { Value: true } });
  expect(await attribute('enableNetworkAddressUsageMetrics')).toEqual({
    VpcId: vpc?.VpcId,
    EnableNetworkAddressUsageMetrics: { Value: false },
  });
  expect((await api.fail('DescribeVpcAttribute', { VpcId: vpc?.VpcId, Attribute: 'x' })).code).toBe(
    'InvalidParameterValue',
  );
});

test.each([
  ['DescribeVpcs', { VpcIds: ['vpc-zz'] }, 'InvalidVpcID.Malformed'],
  ['DescribeVpcs', { VpcIds: ['vpc-00000000000000009'] }, 'InvalidVpcID.NotFound'],
  ['DescribeVpcs', { Filters: [{ Name: 'vpcid', Values: ['x'] }] }, 'InvalidParameterValue'],
  ['DescribeVpcs', { Filters: [{ Name: 'vpc-id', Values: [] }] }, 'InvalidParameterValue'],
  ['DescribeVpcs', { MaxResults: 1001 }, 'InvalidParameterValue'],
  ['DescribeVpcs', { DryRun: true }, 'DryRunOperation'],
  ['DescribeVpcAttribute', { VpcId: 'x', Attribute: 'enableDnsSupport' }, 'InvalidVpcID.Malformed'],
])('%s %j answers %s', async (operation, input, code) => {
  expect((await createTestApi().fail(operation, input)).code).toBe(code);
});
