import type {
  CreateSecurityGroupResult,
  DescribeSecurityGroupsResult,
  GetSecurityGroupsForVpcResult,
  SecurityGroup,
} from '@aws-sdk/client-ec2';
import { describe, expect, test } from 'vitest';
import { createTestApi } from '../../api/testing.ts';
import { createNetworkInterface } from '../network-interfaces/lifecycle.ts';
import { chooseSubnet } from '../subnets/choose.ts';
import { resourceTags } from '../tags/model.ts';
import { makeVpc } from '../vpcs/testing.ts';
import { securityGroupRules } from './model.ts';

const owner = '000000000000/us-east-1';

function setUp() {
  const api = createTestApi();
  const create = async (GroupName: string, input: object = {}) => {
    const answer = await api.call<CreateSecurityGroupResult>('CreateSecurityGroup', {
      GroupName,
      Description: 'd',
      ...input,
    });
    return answer.GroupId ?? '';
  };
  const list = async (input: object = {}, options: object = {}): Promise<SecurityGroup[]> =>
    (await api.call<DescribeSecurityGroupsResult>('DescribeSecurityGroups', input, options)).SecurityGroups ?? [];
  const names = async (input: object) => (await list(input)).map(one => one.GroupName);
  return { api, create, list, names };
}

describe('CreateSecurityGroup', () => {
  test('makes a group of the default VPC that lets everything out and nothing in', async () => {
    const { api, list } = setUp();
    const TagSpecifications = [{ ResourceType: 'security-group', Tags: [{ Key: 'Name', Value: 'web' }] }];
    const answer = await api.call<CreateSecurityGroupResult>('CreateSecurityGroup', {
      GroupName: 'web',
      Description: 'Web servers',
      TagSpecifications,
    });
    const Tags = [{ Key: 'Name', Value: 'web' }];
    expect(answer).toMatchObject({
      SecurityGroupArn: `arn:aws:ec2:us-east-1:000000000000:security-group/${answer.GroupId}`,
      Tags,
    });
    const [shown] = await list({ GroupIds: [answer.GroupId] });
    expect(shown).toMatchObject({
      GroupName: 'web',
      Description: 'Web servers',
      OwnerId: '000000000000',
      IpPermissions: [],
      Tags,
    });
    expect(shown?.IpPermissionsEgress).toEqual([
      {
        IpProtocol: '-1',
        IpRanges: [{ CidrIp: '0.0.0.0/0' }],
        Ipv6Ranges: [],
        PrefixListIds: [],
        UserIdGroupPairs: [],
      },
    ]);
  });

  test('drops spaces at the end of the name', async () => {
    const { create, names } = setUp();
    const id = await create('web  ');
    expect(await names({ GroupIds: [id] })).toEqual(['web']);
  });

  test.each<[object, string]>([
    [{ GroupName: 'web' }, 'InvalidGroup.Duplicate'],
    [{ GroupName: 'WEB' }, 'InvalidGroup.Duplicate'],
    [{ GroupName: 'default' }, 'InvalidParameterValue'],
    [{ GroupName: 'sg-web' }, 'InvalidParameterValue'],
    [{ GroupName: '' }, 'InvalidParameterValue'],
    [{ GroupName: '  ' }, 'InvalidParameterValue'],
    [{ GroupName: 'ä' }, 'InvalidParameterValue'],
    [{ GroupName: 'a"b' }, 'InvalidParameterValue'],
    [{ GroupName: 'x'.repeat(256) }, 'InvalidParameterValue'],
    [{ Description: '' }, 'InvalidParameterValue'],
    [{ Description: 'ü' }, 'InvalidParameterValue'],
    [{ Description: 'x'.repeat(256) }, 'InvalidParameterValue'],
    [{ VpcId: 'vpc-1' }, 'InvalidVpcID.Malformed'],
    [{ VpcId: 'vpc-00000000000000009' }, 'InvalidVpcID.NotFound'],
    [{ TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'a', Value: 'b' }] }] }, 'InvalidParameterValue'],
    [{ DryRun: true }, 'DryRunOperation'],
  ])('%j answers %s and makes nothing', async (input, code) => {
    const { api, create, list } = setUp();
    await create('web');
    const error = await api.fail('CreateSecurityGroup', { GroupName: 'other', Description: 'd', ...input });
    expect(error.code).toBe(code);
    expect(await list()).toHaveLength(2);
    expect(api.state.count(securityGroupRules)).toBe(3);
  });

  test('2,500 groups are the limit of a Region', async () => {
    const { api, create } = setUp();
    for (let index = 1; index < 2500; index++) await create(`g${index}`);
    expect((await api.fail('CreateSecurityGroup', { GroupName: 'one-more', Description: 'd' })).code).toBe(
      'SecurityGroupLimitExceeded',
    );
  });
});

describe('DeleteSecurityGroup', () => {
  test('removes the group with its rules and tags, by id or by name', async () => {
    const { api, create, list } = setUp();
    const TagSpecifications = [{ ResourceType: 'security-group', Tags: [{ Key: 'k', Value: 'v' }] }];
    const a = await create('a', { TagSpecifications });
    await create('b');
    expect(await api.call('DeleteSecurityGroup', { GroupId: a })).toEqual({ Return: true, GroupId: a });
    await api.call('DeleteSecurityGroup', { GroupName: 'b' });
    expect((await list()).map(one => one.GroupName)).toEqual(['default']);
    expect(api.state.count(securityGroupRules)).toBe(2);
    expect(api.state.count(resourceTags)).toBe(0);
    expect((await api.fail('DeleteSecurityGroup', { GroupId: a })).code).toBe('InvalidGroup.NotFound');
  });

  test('not while an interface or a rule of another group depends on it', async () => {
    const { api, create } = setUp();
    const used = await create('used');
    const referred = await create('referred');
    const other = await create('other');
    api.state.write(tx => {
      const context = { db: tx, owner, region: 'us-east-1', now: 0 };
      createNetworkInterface(context, {
        subnet: chooseSubnet(context, {}),
        groupIds: [used],
        associatePublicIp: false,
      });
    });
    const permission = (GroupId: string) => ({ IpProtocol: '-1', UserIdGroupPairs: [{ GroupId }] });
    await api.call('AuthorizeSecurityGroupIngress', {
      GroupId: other,
      IpPermissions: [permission(referred), permission(other)],
    });
    for (const GroupId of [used, referred]) {
      expect((await api.fail('DeleteSecurityGroup', { GroupId })).code).toBe('DependencyViolation');
    }
    // Its reference to itself does not hold a group.
    await api.call('DeleteSecurityGroup', { GroupId: other });
    await api.call('DeleteSecurityGroup', { GroupId: referred });
  });

  test.each([
    [{}, 'MissingParameter'],
    [{ GroupName: 'default' }, 'CannotDelete'],
    [{ GroupName: 'nobody' }, 'InvalidGroup.NotFound'],
    [{ GroupId: 'sg-x' }, 'InvalidGroupId.Malformed'],
    [{ GroupId: 'sg-00000000000000009' }, 'InvalidGroup.NotFound'],
    [{ GroupId: 'sg-00000000000000009', GroupName: 'x' }, 'InvalidParameterCombination'],
  ])('%j answers %s', async (input, code) => {
    const { api, list } = setUp();
    expect((await api.fail('DeleteSecurityGroup', input)).code).toBe(code);
    expect(await list()).toHaveLength(1);
  });

  test("another account's group does not exist", async () => {
    const { api, create } = setUp();
    const GroupId = await create('mine');
    expect((await api.fail('DeleteSecurityGroup', { GroupId }, { account: '111111111111' })).code).toBe(
      'InvalidGroup.NotFound',
    );
  });
});

describe('DescribeSecurityGroups', () => {
  test('finds by what rules say', async () => {
    const { api, create, names } = setUp();
    const web = await create('web');
    const db = await create('db');
    const IpPermissions = [
      {
        IpProtocol: 'tcp',
        FromPort: 443,
        ToPort: 443,
        IpRanges: [{ CidrIp: '10.0.0.0/8' }],
        Ipv6Ranges: [{ CidrIpv6: '2001:db8::/32' }],
      },
    ];
    await api.call('AuthorizeSecurityGroupIngress', { GroupId: web, IpPermissions });
    const fromWeb = [{ IpProtocol: 'tcp', FromPort: 5432, ToPort: 5433, UserIdGroupPairs: [{ GroupId: web }] }];
    await api.call('AuthorizeSecurityGroupIngress', { GroupId: db, IpPermissions: fromWeb });
    const cases: [string, string, string[]][] = [
      ['ip-permission.cidr', '10.0.0.0/8', ['web']],
      ['ip-permission.ipv6-cidr', '2001:db8::/32', ['web']],
      ['ip-permission.from-port', '5432', ['db']],
      ['ip-permission.to-port', '5433', ['db']],
      ['ip-permission.to-port', '5432', []],
      ['ip-permission.protocol', 'tcp', ['web', 'db']],
      ['ip-permission.protocol', '-1', ['default']],
      ['ip-permission.group-id', web, ['db']],
      ['ip-permission.group-name', 'web', ['db']],
      ['ip-permission.user-id', '000000000000', ['default', 'db']],
      ['ip-permission.prefix-list-id', '*', []],
      ['egress.ip-permission.cidr', '0.0.0.0/0', ['default', 'web', 'db']],
      ['egress.ip-permission.from-port', '*', []],
      ['group-name', 'd*', ['default', 'db']],
      ['group-id', db, ['db']],
      ['description', 'default VPC security group', ['default']],
      ['owner-id', '000000000000', ['default', 'web', 'db']],
    ];
    for (const [Name, value, expected] of cases) {
      expect(await names({ Filters: [{ Name, Values: [value] }] }), `${Name}=${value}`).toEqual(expected);
    }
    expect(await names({ GroupNames: ['db'], GroupIds: [web] })).toEqual(['web', 'db']);
  });

  test('pages are complete while groups come and go', async () => {
    const { api, create, list } = setUp();
    const ids: string[] = [];
    for (let index = 0; index < 12; index++) ids.push(await create(`g${index}`));
    const seen: string[] = [];
    const first = await api.call<DescribeSecurityGroupsResult>('DescribeSecurityGroups', { MaxResults: 5 });
    seen.push(...(first.SecurityGroups ?? []).map(one => one.GroupName ?? ''));
    await api.call('DeleteSecurityGroup', { GroupId: ids[1] });
    await api.call('DeleteSecurityGroup', { GroupId: ids[6] });
    await create('late');
    let NextToken = first.NextToken;
    while (NextToken !== undefined) {
      const page: DescribeSecurityGroupsResult = await api.call('DescribeSecurityGroups', { MaxResults: 5, NextToken });
      seen.push(...(page.SecurityGroups ?? []).map(one => one.GroupName ?? ''));
      NextToken = page.NextToken;
    }
    expect(seen).toEqual(['default', 'g0', 'g1', 'g2', 'g3', 'g4', 'g5', 'g7', 'g8', 'g9', 'g10', 'g11', 'late']);
    expect(await list()).toHaveLength(12);
  });

  test.each([
    ['DescribeSecurityGroups', { GroupNames: ['nobody'] }, 'InvalidGroup.NotFound'],
    ['DescribeSecurityGroups', { GroupIds: ['x'] }, 'InvalidGroupId.Malformed'],
    ['DescribeSecurityGroups', { GroupIds: ['sg-00000000000000009'] }, 'InvalidGroup.NotFound'],
    ['DescribeSecurityGroups', { Filters: [{ Name: 'ip-permission', Values: ['x'] }] }, 'InvalidParameterValue'],
    ['DescribeSecurityGroups', { MaxResults: 1001 }, 'InvalidParameterValue'],
    ['DescribeSecurityGroups', { NextToken: 'abc' }, 'InvalidNextToken'],
    ['DescribeSecurityGroupReferences', { GroupId: [] }, 'MissingParameter'],
    ['DescribeSecurityGroupReferences', { GroupId: ['sg-00000000000000009'] }, 'InvalidGroup.NotFound'],
    ['DescribeStaleSecurityGroups', { VpcId: 'vpc-00000000000000009' }, 'InvalidVpcID.NotFound'],
  ])('%s %j answers %s', async (operation, input, code) => {
    expect((await setUp().api.fail(operation, input)).code).toBe(code);
  });

  test('without peering, nothing is referred to from elsewhere and nothing is stale', async () => {
    const { api, list } = setUp();
    const [group] = await list();
    expect(await api.call('DescribeSecurityGroupReferences', { GroupId: [group?.GroupId] })).toEqual({
      SecurityGroupReferenceSet: [],
    });
    expect(await api.call('DescribeStaleSecurityGroups', { VpcId: group?.VpcId })).toMatchObject({
      StaleSecurityGroupSet: [],
    });
  });
});

test('groups that interfaces of a VPC can have', async () => {
  const api = createTestApi();
  const { VpcId } = await makeVpc(api);
  for (const GroupName of ['a', 'b']) await api.call('CreateSecurityGroup', { GroupName, Description: 'd', VpcId });
  const list = async (input: object = {}) =>
    (await api.call<GetSecurityGroupsForVpcResult>('GetSecurityGroupsForVpc', { VpcId, ...input }))
      .SecurityGroupForVpcs ?? [];
  expect((await list()).map(one => one.GroupName)).toEqual(['default', 'a', 'b']);
  expect(await list({ Filters: [{ Name: 'group-name', Values: ['b'] }] })).toMatchObject([
    { GroupName: 'b', PrimaryVpcId: VpcId, OwnerId: '000000000000' },
  ]);
  expect((await api.fail('GetSecurityGroupsForVpc', { VpcId: 'vpc-00000001' })).code).toBe('InvalidVpcID.NotFound');
});
