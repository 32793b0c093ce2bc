import type {
  AssociateVpcCidrBlockResult,
  CreateDefaultSubnetResult,
  CreateDefaultVpcResult,
  DescribeNetworkAclsResult,
  DescribeRouteTablesResult,
  DescribeSecurityGroupsResult,
  DescribeSubnetsResult,
  DescribeVpcsResult,
  Vpc,
} from '@aws-sdk/client-ec2';
import { describe, expect, test } from 'vitest';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import { makeSubnet, makeVpc } from './testing.ts';

const seen = async (api: TestApi, VpcId: string): Promise<Vpc | undefined> =>
  (await api.call<DescribeVpcsResult>('DescribeVpcs', { VpcIds: [VpcId] })).Vpcs?.[0];

async function defaultVpcId(api: TestApi): Promise<string> {
  const Filters = [{ Name: 'is-default', Values: ['true'] }];
  return (await api.call<DescribeVpcsResult>('DescribeVpcs', { Filters })).Vpcs?.[0]?.VpcId ?? '';
}

/** Deletes everything in a VPC, then it. */
async function emptyVpc(api: TestApi, vpcId: string): Promise<void> {
  const ofVpc = { Filters: [{ Name: 'vpc-id', Values: [vpcId] }] };
  const { Subnets = [] } = await api.call<DescribeSubnetsResult>('DescribeSubnets', ofVpc);
  for (const { SubnetId } of Subnets) await api.call('DeleteSubnet', { SubnetId });
  const gateways = await api.call<{ InternetGateways?: { InternetGatewayId?: string }[] }>('DescribeInternetGateways', {
    Filters: [{ Name: 'attachment.vpc-id', Values: [vpcId] }],
  });
  for (const { InternetGatewayId } of gateways.InternetGateways ?? [])
    await api.call('DetachInternetGateway', { InternetGatewayId, VpcId: vpcId });
}

describe('CreateVpc', () => {
  test('makes a VPC with what every VPC comes with', async () => {
    const api = createTestApi();
    const TagSpecifications = [{ ResourceType: 'vpc', Tags: [{ Key: 'Name', Value: 'a' }] }];
    const { VpcId } = await makeVpc(api, { CidrBlock: '10.1.2.3/16', TagSpecifications });
    expect(await seen(api, VpcId)).toMatchObject({
      CidrBlock: '10.1.0.0/16',
      IsDefault: false,
      InstanceTenancy: 'default',
      State: 'available',
      Tags: [{ Key: 'Name', Value: 'a' }],
    });
    const ofVpc = { Filters: [{ Name: 'vpc-id', Values: [VpcId] }] };
    const tables = await api.call<DescribeRouteTablesResult>('DescribeRouteTables', ofVpc);
    expect(tables.RouteTables).toMatchObject([
      { Associations: [{ Main: true }], Routes: [{ DestinationCidrBlock: '10.1.0.0/16', GatewayId: 'local' }] },
    ]);
    const acls = await api.call<DescribeNetworkAclsResult>('DescribeNetworkAcls', ofVpc);
    expect(acls.NetworkAcls).toMatchObject([{ IsDefault: true, Associations: [] }]);
    const groups = await api.call<DescribeSecurityGroupsResult>('DescribeSecurityGroups', ofVpc);
    expect(groups.SecurityGroups?.map(one => one.GroupName)).toEqual(['default']);
    const hostnames = await api.call('DescribeVpcAttribute', { VpcId, Attribute: 'enableDnsHostnames' });
    expect(hostnames).toMatchObject({ EnableDnsHostnames: { Value: false } });
  });

  test('VPCs may overlap, and belong to one account and Region', async () => {
    const api = createTestApi();
    const mine = await makeVpc(api);
    const other = await makeVpc(api, {}, { account: '111111111111' });
    await makeVpc(api);
    const code = async (operation: string, input: object, options: object) =>
      (await api.fail(operation, input, options)).code;
    for (const options of [{ account: '111111111111' }, { region: 'eu-west-1' }]) {
      expect(await code('DescribeVpcs', { VpcIds: [mine.VpcId] }, options)).toBe('InvalidVpcID.NotFound');
      expect(await code('DeleteVpc', { VpcId: mine.VpcId }, options)).toBe('InvalidVpcID.NotFound');
      const subnet = { VpcId: mine.VpcId, CidrBlock: '10.0.0.0/24' };
      expect(await code('CreateSubnet', subnet, options)).toBe('InvalidVpcID.NotFound');
    }
    expect(await seen(api, mine.VpcId)).toBeDefined();
    expect(await code('ModifyVpcTenancy', { VpcId: other.VpcId, InstanceTenancy: 'default' }, {})).toBe(
      'InvalidVpcID.NotFound',
    );
  });

  test.each([
    [{}, 'MissingParameter'],
    [{ CidrBlock: 'x' }, 'InvalidParameterValue'],
    [{ CidrBlock: '10.0.0.0/15' }, 'InvalidVpc.Range'],
    [{ CidrBlock: '10.0.0.0/29' }, 'InvalidVpc.Range'],
    [{ CidrBlock: '127.0.0.0/16' }, 'InvalidVpc.Range'],
    [{ CidrBlock: '169.254.0.0/24' }, 'InvalidVpc.Range'],
    [{ CidrBlock: '224.0.0.0/16' }, 'InvalidVpc.Range'],
    [{ CidrBlock: '10.0.0.0/16', InstanceTenancy: 'dedicated' }, 'UnsupportedOperation'],
    [{ CidrBlock: '10.0.0.0/16', InstanceTenancy: 'x' }, 'InvalidParameterValue'],
    [{ Ipv4IpamPoolId: 'ipam-pool-1' }, 'UnsupportedOperation'],
    [{ CidrBlock: '10.0.0.0/16', Ipv6Pool: 'ipv6pool-ec2-1' }, 'InvalidPoolID.NotFound'],
    [{ CidrBlock: '10.0.0.0/16', DryRun: true }, 'DryRunOperation'],
  ])('%j answers %s', async (input, code) => {
    const api = createTestApi();
    expect((await api.fail('CreateVpc', input)).code).toBe(code);
    expect((await api.call<DescribeVpcsResult>('DescribeVpcs')).Vpcs).toHaveLength(1);
  });

  test('five VPCs and no more', async () => {
    const api = createTestApi();
    for (let index = 0; index < 4; index++) await makeVpc(api);
    expect((await api.fail('CreateVpc', { CidrBlock: '10.0.0.0/16' })).code).toBe('VpcLimitExceeded');
  });
});

describe('DeleteVpc', () => {
  test('removes it with its parts, once nothing else is in it', async () => {
    const api = createTestApi();
    const { VpcId } = await makeVpc(api);
    const { SubnetId } = await makeSubnet(api, VpcId);
    expect((await api.fail('DeleteVpc', { VpcId })).code).toBe('DependencyViolation');
    await api.call('DeleteSubnet', { SubnetId });
    const group = { GroupName: 'g', Description: 'd', VpcId };
    const { GroupId } = await api.call<{ GroupId?: string }>('CreateSecurityGroup', group);
    expect((await api.fail('DeleteVpc', { VpcId })).message).toContain(GroupId);
    await api.call('DeleteSecurityGroup', { GroupId });
    await api.call('DeleteVpc', { VpcId });
    expect((await api.fail('DeleteVpc', { VpcId })).code).toBe('InvalidVpcID.NotFound');
    const ofVpc = { Filters: [{ Name: 'vpc-id', Values: [VpcId] }] };
    expect(await api.call('DescribeRouteTables', ofVpc)).toEqual({ RouteTables: [] });
    expect(await api.call('DescribeNetworkAcls', ofVpc)).toEqual({ NetworkAcls: [] });
    expect(await api.call('DescribeSecurityGroups', ofVpc)).toEqual({ SecurityGroups: [] });
  });

  test('a default VPC that was deleted can be made again, and single default subnets', async () => {
    const api = createTestApi();
    const VpcId = await defaultVpcId(api);
    expect((await api.fail('CreateDefaultVpc')).code).toBe('DefaultVpcAlreadyExists');
    expect((await api.fail('CreateDefaultSubnet', { AvailabilityZone: 'us-east-1a' })).code).toBe(
      'DefaultSubnetAlreadyExistsInAvailabilityZone',
    );
    await emptyVpc(api, VpcId);
    const { Subnet } = await api.call<CreateDefaultSubnetResult>('CreateDefaultSubnet', {
      AvailabilityZone: 'us-east-1b',
    });
    expect(Subnet).toMatchObject({ CidrBlock: '172.31.0.0/20', DefaultForAz: true, MapPublicIpOnLaunch: true });
    await api.call('DeleteSubnet', { SubnetId: Subnet?.SubnetId });
    await api.call('DeleteVpc', { VpcId });
    expect(await defaultVpcId(api)).toBe('');
    expect((await api.fail('CreateDefaultSubnet', { AvailabilityZone: 'us-east-1a' })).code).toBe(
      'DefaultVpcDoesNotExist',
    );
    const made = await api.call<CreateDefaultVpcResult>('CreateDefaultVpc');
    expect(made.Vpc).toMatchObject({ CidrBlock: '172.31.0.0/16', IsDefault: true });
    const { Subnets } = await api.call<DescribeSubnetsResult>('DescribeSubnets');
    expect(Subnets?.map(one => one.CidrBlock)).toEqual(['172.31.0.0/20', '172.31.16.0/20', '172.31.32.0/20']);
  });
});

test('ModifyVpcAttribute turns DNS on and off, one attribute at a time', async () => {
  const api = createTestApi();
  const { VpcId } = await makeVpc(api);
  await api.call('ModifyVpcAttribute', { VpcId, EnableDnsHostnames: { Value: true } });
  expect(await api.call('DescribeVpcAttribute', { VpcId, Attribute: 'enableDnsHostnames' })).toMatchObject({
    EnableDnsHostnames: { Value: true },
  });
  await api.call('ModifyVpcAttribute', { VpcId, EnableDnsHostnames: { Value: false } });
  await api.call('ModifyVpcAttribute', { VpcId, EnableDnsSupport: { Value: false } });
  const on = { Value: true };
  const code = async (input: object) => (await api.fail('ModifyVpcAttribute', { VpcId, ...input })).code;
  expect(await code({ EnableDnsHostnames: on })).toBe('InvalidParameterCombination');
  expect(await code({ EnableDnsHostnames: on, EnableDnsSupport: on })).toBe('InvalidParameterCombination');
  expect(await code({})).toBe('InvalidParameterCombination');
  expect(await code({ EnableNetworkAddressUsageMetrics: on })).toBe('UnsupportedOperation');
});

test('ModifyVpcTenancy leaves the only tenancy there is', async () => {
  const api = createTestApi();
  const { VpcId } = await makeVpc(api);
  expect(await api.call('ModifyVpcTenancy', { VpcId, InstanceTenancy: 'default' })).toEqual({ ReturnValue: true });
  expect((await api.fail('ModifyVpcTenancy', { VpcId, InstanceTenancy: 'host' })).code).toBe('InvalidParameterValue');
});

describe('CIDR blocks', () => {
  test('a second block can be added, used and removed', async () => {
    const api = createTestApi();
    const { VpcId } = await makeVpc(api);
    const added = await api.call<AssociateVpcCidrBlockResult>('AssociateVpcCidrBlock', {
      VpcId,
      CidrBlock: '100.64.0.0/16',
    });
    const AssociationId = added.CidrBlockAssociation?.AssociationId;
    expect((await seen(api, VpcId))?.CidrBlockAssociationSet?.map(one => one.CidrBlock)).toEqual([
      '10.0.0.0/16',
      '100.64.0.0/16',
    ]);
    const { SubnetId } = await makeSubnet(api, VpcId, { CidrBlock: '100.64.1.0/24' });
    const tables = await api.call<DescribeRouteTablesResult>('DescribeRouteTables', {
      Filters: [{ Name: 'vpc-id', Values: [VpcId] }],
    });
    expect(tables.RouteTables?.[0]?.Routes?.map(one => one.DestinationCidrBlock)).toContain('100.64.0.0/16');
    expect((await api.fail('DisassociateVpcCidrBlock', { AssociationId })).code).toBe('DependencyViolation');
    await api.call('DeleteSubnet', { SubnetId });
    const gone = await api.call('DisassociateVpcCidrBlock', { AssociationId });
    expect(gone).toMatchObject({ VpcId, CidrBlockAssociation: { CidrBlockState: { State: 'disassociating' } } });
    expect((await seen(api, VpcId))?.CidrBlockAssociationSet).toHaveLength(1);
    expect((await api.fail('DisassociateVpcCidrBlock', { AssociationId })).code).toBe(
      'InvalidVpcCidrBlockAssociationID.NotFound',
    );
  });

  test('the primary block stays', async () => {
    const api = createTestApi();
    const { CidrBlockAssociationSet } = await makeVpc(api);
    const AssociationId = CidrBlockAssociationSet?.[0]?.AssociationId;
    expect((await api.fail('DisassociateVpcCidrBlock', { AssociationId })).code).toBe('OperationNotPermitted');
    expect((await api.fail('DisassociateVpcCidrBlock', { AssociationId }, { account: '111111111111' })).code).toBe(
      'InvalidVpcCidrBlockAssociationID.NotFound',
    );
  });

  test.each([
    ['10.0.0.0/16', '10.0.128.0/17', 'CidrConflict'],
    ['10.0.0.0/16', '10.1.0.0/16', undefined],
    ['10.0.0.0/16', '172.16.0.0/16', 'InvalidVpc.Range'],
    ['10.0.0.0/16', '192.168.0.0/16', 'InvalidVpc.Range'],
    ['10.0.0.0/16', '198.19.0.0/16', 'InvalidVpc.Range'],
    ['10.0.0.0/16', '52.0.0.0/16', undefined],
    ['172.20.0.0/16', '172.21.0.0/16', undefined],
    ['172.20.0.0/16', '10.0.0.0/16', 'InvalidVpc.Range'],
    ['100.64.0.0/16', '10.0.0.0/16', 'InvalidVpc.Range'],
    ['100.64.0.0/16', '100.65.0.0/16', undefined],
  ])('a VPC %s with %s: %s', async (CidrBlock, second, code) => {
    const api = createTestApi();
    const { VpcId } = await makeVpc(api, { CidrBlock });
    const input = { VpcId, CidrBlock: second };
    if (code === undefined) expect(await api.call('AssociateVpcCidrBlock', input)).toMatchObject({ VpcId });
    else expect((await api.fail('AssociateVpcCidrBlock', input)).code).toBe(code);
  });

  test('five blocks and no more; one of the two kinds in a request', async () => {
    const api = createTestApi();
    const { VpcId } = await makeVpc(api);
    for (let index = 1; index < 5; index++)
      await api.call('AssociateVpcCidrBlock', { VpcId, CidrBlock: `10.${index}.0.0/16` });
    const code = async (input: object) => (await api.fail('AssociateVpcCidrBlock', { VpcId, ...input })).code;
    expect(await code({ CidrBlock: '10.9.0.0/16' })).toBe('CidrLimitExceeded');
    expect(await code({})).toBe('MissingParameter');
    const both = { CidrBlock: '10.9.0.0/16', AmazonProvidedIpv6CidrBlock: true };
    expect(await code(both)).toBe('InvalidParameterCombination');
  });

  test('an IPv6 block opens what is open for IPv4', async () => {
    const api = createTestApi();
    const { VpcId } = await makeVpc(api);
    const other = await makeVpc(api, { AmazonProvidedIpv6CidrBlock: true });
    const added = await api.call<AssociateVpcCidrBlockResult>('AssociateVpcCidrBlock', {
      VpcId,
      AmazonProvidedIpv6CidrBlock: true,
    });
    const block = added.Ipv6CidrBlockAssociation?.Ipv6CidrBlock ?? '';
    expect(block).toMatch(/^fdf0:9ba0:[0-9a-f:]+::\/56$|^fdf0:9ba0::\/56$/);
    expect(other.Ipv6CidrBlockAssociationSet?.[0]?.Ipv6CidrBlock).not.toBe(block);
    expect((await seen(api, VpcId))?.Ipv6CidrBlockAssociationSet).toMatchObject([
      { Ipv6CidrBlock: block, Ipv6Pool: 'Amazon', Ipv6CidrBlockState: { State: 'associated' } },
    ]);
    const Filters = [{ Name: 'ipv6-cidr-block-association.ipv6-cidr-block', Values: [block] }];
    expect((await api.call<DescribeVpcsResult>('DescribeVpcs', { Filters })).Vpcs).toHaveLength(1);
    const ofVpc = { Filters: [{ Name: 'vpc-id', Values: [VpcId] }] };
    const acls = await api.call<DescribeNetworkAclsResult>('DescribeNetworkAcls', ofVpc);
    expect(acls.NetworkAcls?.[0]?.Entries?.map(one => one.RuleNumber)).toEqual([
      100, 101, 32767, 32768, 100, 101, 32767, 32768,
    ]);
    const groups = await api.call<DescribeSecurityGroupsResult>('DescribeSecurityGroups', ofVpc);
    expect(groups.SecurityGroups?.[0]?.IpPermissionsEgress?.[0]).toMatchObject({
      IpRanges: [{ CidrIp: '0.0.0.0/0' }],
      Ipv6Ranges: [{ CidrIpv6: '::/0' }],
    });
    const tables = await api.call<DescribeRouteTablesResult>('DescribeRouteTables', ofVpc);
    expect(tables.RouteTables?.[0]?.Routes).toMatchObject([
      {},
      { DestinationIpv6CidrBlock: block, GatewayId: 'local' },
    ]);
    const AssociationId = added.Ipv6CidrBlockAssociation?.AssociationId;
    const { SubnetId } = await makeSubnet(api, VpcId, { Ipv6CidrBlock: block.replace('/56', '/64') });
    expect((await api.fail('DisassociateVpcCidrBlock', { AssociationId })).code).toBe('DependencyViolation');
    await api.call('DeleteSubnet', { SubnetId });
    await api.call('DisassociateVpcCidrBlock', { AssociationId });
    expect((await seen(api, VpcId))?.Ipv6CidrBlockAssociationSet).toBeUndefined();
  });
});
