import type { CreateSecurityGroupResult } from '@aws-sdk/client-ec2';
import { describe, expect, test } from 'vitest';
import { createTestApi } from '../../api/testing.ts';

const any = { IpRanges: [{ CidrIp: '0.0.0.0/0' }] };
const tcp = { IpProtocol: 'tcp', FromPort: 22, ToPort: 22 };
const elsewhere = 'sg-00000000000000009';

async function setUp() {
  const api = createTestApi();
  const { GroupId } = await api.call<CreateSecurityGroupResult>('CreateSecurityGroup', {
    GroupName: 'web',
    Description: 'd',
  });
  await api.call('AuthorizeSecurityGroupIngress', { GroupId, IpPermissions: [{ ...tcp, ...any }] });
  return { api, GroupId };
}

async function expectRefused(operation: string, input: object, code: string) {
  const { api, GroupId } = await setUp();
  const before = await api.call('DescribeSecurityGroupRules');
  const error = await api.fail(operation, { GroupId, ...input });
  expect(error.code).toBe(code);
  expect(error.status).toBe(400);
  expect(error.message).not.toBe('');
  expect(await api.call('DescribeSecurityGroupRules')).toEqual(before);
}

describe('a permission that is refused changes nothing', () => {
  test.each<[object, string]>([
    [{ ...any }, 'InvalidParameterValue'],
    [{ IpProtocol: '', ...any }, 'InvalidParameterValue'],
    [{ IpProtocol: 'sctp', ...any }, 'InvalidParameterValue'],
    [{ IpProtocol: '256', ...any }, 'InvalidParameterValue'],
    [{ IpProtocol: '-2', ...any }, 'InvalidParameterValue'],
    [{ IpProtocol: 'constructor', ...any }, 'InvalidParameterValue'],
    [{ IpProtocol: 'tcp', ...any }, 'InvalidParameterValue'],
    [{ IpProtocol: 'tcp', FromPort: 1, ...any }, 'InvalidParameterValue'],
    [{ IpProtocol: 'udp', ToPort: 1, ...any }, 'InvalidParameterValue'],
    [{ IpProtocol: 'tcp', FromPort: 2, ToPort: 1, ...any }, 'InvalidParameterValue'],
    [{ IpProtocol: 'tcp', FromPort: -1, ToPort: -1, ...any }, 'InvalidParameterValue'],
    [{ IpProtocol: 'tcp', FromPort: 0, ToPort: 65536, ...any }, 'InvalidParameterValue'],
    [{ IpProtocol: 'tcp', FromPort: 1.5, ToPort: 2, ...any }, 'InvalidParameterValue'],
    [{ IpProtocol: 'icmp', ...any }, 'InvalidParameterValue'],
    [{ IpProtocol: 'icmp', FromPort: -1, ToPort: 0, ...any }, 'InvalidParameterValue'],
    [{ IpProtocol: 'icmp', FromPort: 256, ToPort: 0, ...any }, 'InvalidParameterValue'],
    [{ IpProtocol: 'icmp', FromPort: 8, ToPort: 256, ...any }, 'InvalidParameterValue'],
    [{ IpProtocol: 'icmpv6', FromPort: 8, ...any }, 'InvalidParameterValue'],
    [tcp, 'MissingParameter'],
    [{ ...tcp, IpRanges: [{}] }, 'InvalidParameterValue'],
    [{ ...tcp, IpRanges: [{ CidrIp: '1.2.3.4' }] }, 'InvalidParameterValue'],
    [{ ...tcp, IpRanges: [{ CidrIp: '1.2.3.4/33' }] }, 'InvalidParameterValue'],
    [{ ...tcp, IpRanges: [{ CidrIp: '::/0' }] }, 'InvalidParameterValue'],
    [{ ...tcp, Ipv6Ranges: [{ CidrIpv6: '10.0.0.0/8' }] }, 'InvalidParameterValue'],
    [{ ...tcp, Ipv6Ranges: [{ CidrIpv6: '::/129' }] }, 'InvalidParameterValue'],
    [{ ...tcp, IpRanges: [{ CidrIp: '1.0.0.0/8', Description: 'ö' }] }, 'InvalidParameterValue'],
    [{ ...tcp, IpRanges: [{ CidrIp: '1.0.0.0/8', Description: 'x'.repeat(256) }] }, 'InvalidParameterValue'],
    [{ ...tcp, PrefixListIds: [{ PrefixListId: 'x' }] }, 'InvalidPrefixListId.Malformed'],
    [{ ...tcp, PrefixListIds: [{ PrefixListId: 'pl-00000001' }] }, 'InvalidPrefixListID.NotFound'],
    [{ ...tcp, UserIdGroupPairs: [{}] }, 'MissingParameter'],
    [{ ...tcp, UserIdGroupPairs: [{ GroupId: 'x' }] }, 'InvalidGroupId.Malformed'],
    [{ ...tcp, UserIdGroupPairs: [{ GroupId: elsewhere }] }, 'InvalidGroup.NotFound'],
    [{ ...tcp, UserIdGroupPairs: [{ GroupName: 'nobody' }] }, 'InvalidGroup.NotFound'],
    [{ ...tcp, UserIdGroupPairs: [{ GroupName: 'web', UserId: '111111111111' }] }, 'InvalidGroup.NotFound'],
    [
      { ...tcp, UserIdGroupPairs: [{ GroupId: elsewhere, VpcPeeringConnectionId: 'pcx-00000001' }] },
      'InvalidVpcPeeringConnectionID.NotFound',
    ],
    [{ ...tcp, ...any }, 'InvalidPermission.Duplicate'],
    [{ ...tcp, IpProtocol: '6', IpRanges: [{ CidrIp: '9.9.9.9/0' }] }, 'InvalidPermission.Duplicate'],
    [{ ...tcp, IpRanges: [{ CidrIp: '1.0.0.0/8' }, { CidrIp: '1.2.3.4/8' }] }, 'InvalidParameterValue'],
  ])('%j answers %s', async (permission, code) => {
    await expectRefused(
      'AuthorizeSecurityGroupIngress',
      { IpPermissions: [{ ...tcp, IpRanges: [{ CidrIp: '5.0.0.0/8' }] }, permission] },
      code,
    );
  });
});

const known = [{ ...tcp, ...any }];
const rule = { IpProtocol: '-1', CidrIpv4: '1.0.0.0/8' };
const missing = 'sgr-00000000000000009';

test.each<[string, object, string]>([
  ['AuthorizeSecurityGroupIngress', {}, 'MissingParameter'],
  ['AuthorizeSecurityGroupIngress', { IpPermissions: [] }, 'MissingParameter'],
  ['AuthorizeSecurityGroupIngress', { IpPermissions: known, CidrIp: '1.0.0.0/8' }, 'InvalidParameterCombination'],
  ['AuthorizeSecurityGroupIngress', { CidrIp: '1.0.0.0/8' }, 'InvalidParameterValue'],
  ['AuthorizeSecurityGroupIngress', { ...tcp }, 'MissingParameter'],
  ['AuthorizeSecurityGroupIngress', { SourceSecurityGroupName: 'nobody' }, 'InvalidGroup.NotFound'],
  [
    'AuthorizeSecurityGroupIngress',
    { SourceSecurityGroupName: 'web', CidrIp: '1.0.0.0/8' },
    'InvalidParameterCombination',
  ],
  ['AuthorizeSecurityGroupIngress', { SourceSecurityGroupOwnerId: '1' }, 'MissingParameter'],
  ['AuthorizeSecurityGroupIngress', { GroupName: 'web', IpPermissions: known }, 'InvalidParameterCombination'],
  ['AuthorizeSecurityGroupIngress', { GroupId: elsewhere, IpPermissions: known }, 'InvalidGroup.NotFound'],
  ['AuthorizeSecurityGroupIngress', { GroupId: 'sg', IpPermissions: known }, 'InvalidGroupId.Malformed'],
  [
    'AuthorizeSecurityGroupIngress',
    { IpPermissions: known, TagSpecifications: [{ ResourceType: 'vpc', Tags: [{ Key: 'a', Value: 'b' }] }] },
    'InvalidParameterValue',
  ],
  ['AuthorizeSecurityGroupEgress', { ...tcp, CidrIp: '1.0.0.0/8' }, 'InvalidParameterValue'],
  ['RevokeSecurityGroupIngress', {}, 'MissingParameter'],
  ['RevokeSecurityGroupIngress', { SecurityGroupRuleIds: ['x'] }, 'InvalidSecurityGroupRuleId.Malformed'],
  ['RevokeSecurityGroupIngress', { SecurityGroupRuleIds: [missing] }, 'InvalidSecurityGroupRuleId.NotFound'],
  [
    'RevokeSecurityGroupIngress',
    { SecurityGroupRuleIds: [missing], IpPermissions: known },
    'InvalidParameterCombination',
  ],
  ['ModifySecurityGroupRules', { SecurityGroupRules: [] }, 'MissingParameter'],
  ['ModifySecurityGroupRules', { SecurityGroupRules: [{ SecurityGroupRule: rule }] }, 'MissingParameter'],
  ['ModifySecurityGroupRules', { SecurityGroupRules: [{ SecurityGroupRuleId: missing }] }, 'MissingParameter'],
  [
    'ModifySecurityGroupRules',
    { SecurityGroupRules: [{ SecurityGroupRuleId: missing, SecurityGroupRule: rule }] },
    'InvalidSecurityGroupRuleId.NotFound',
  ],
  [
    'ModifySecurityGroupRules',
    { SecurityGroupRules: [{ SecurityGroupRuleId: missing, SecurityGroupRule: { IpProtocol: '-1' } }] },
    'MissingParameter',
  ],
  [
    'ModifySecurityGroupRules',
    { SecurityGroupRules: [{ SecurityGroupRuleId: missing, SecurityGroupRule: { ...rule, CidrIpv6: '::/0' } }] },
    'InvalidParameterCombination',
  ],
  ['UpdateSecurityGroupRuleDescriptionsIngress', {}, 'MissingParameter'],
  [
    'UpdateSecurityGroupRuleDescriptionsIngress',
    { IpPermissions: [{ ...tcp, IpRanges: [{ CidrIp: '9.0.0.0/8' }] }] },
    'InvalidPermission.NotFound',
  ],
  ['UpdateSecurityGroupRuleDescriptionsEgress', { IpPermissions: known }, 'InvalidPermission.NotFound'],
  [
    'UpdateSecurityGroupRuleDescriptionsIngress',
    { SecurityGroupRuleDescriptions: [{ Description: 'x' }] },
    'MissingParameter',
  ],
  [
    'UpdateSecurityGroupRuleDescriptionsIngress',
    { SecurityGroupRuleDescriptions: [{ SecurityGroupRuleId: missing }] },
    'InvalidSecurityGroupRuleId.NotFound',
  ],
  ['DescribeSecurityGroupRules', { SecurityGroupRuleIds: ['sgr-'] }, 'InvalidSecurityGroupRuleId.Malformed'],
  ['DescribeSecurityGroupRules', { SecurityGroupRuleIds: [missing] }, 'InvalidSecurityGroupRuleId.NotFound'],
  ['DescribeSecurityGroupRules', { Filters: [{ Name: 'cidr', Values: ['x'] }] }, 'InvalidParameterValue'],
])('%s %j answers %s', expectRefused);
