import type {
  AuthorizeSecurityGroupIngressResult,
  CreateSecurityGroupResult,
  DescribeSecurityGroupRulesResult,
  DescribeSecurityGroupsResult,
  RevokeSecurityGroupIngressResult,
} from '@aws-sdk/client-ec2';
import { describe, expect, test } from 'vitest';
import { createTestApi } from '../../api/testing.ts';
import { resourceTags } from '../tags/model.ts';
import { vpcs } from '../vpcs/model.ts';

async function setUp() {
  const api = createTestApi();
  const create = async (GroupName: string, VpcId?: string) =>
    (await api.call<CreateSecurityGroupResult>('CreateSecurityGroup', { GroupName, Description: 'd', VpcId }))
      .GroupId ?? '';
  const GroupId = await create('web');
  const authorize = (input: object) =>
    api.call<AuthorizeSecurityGroupIngressResult>('AuthorizeSecurityGroupIngress', { GroupId, ...input });
  const group = async () => {
    const answer = await api.call<DescribeSecurityGroupsResult>('DescribeSecurityGroups', { GroupIds: [GroupId] });
    return answer.SecurityGroups?.[0];
  };
  const rules = async (input: object = { Filters: [{ Name: 'group-id', Values: [GroupId] }] }) =>
    (await api.call<DescribeSecurityGroupRulesResult>('DescribeSecurityGroupRules', input)).SecurityGroupRules ?? [];
  return { api, create, GroupId, authorize, group, rules };
}

const ssh = (...blocks: string[]) => ({
  IpProtocol: 'tcp',
  FromPort: 22,
  ToPort: 22,
  IpRanges: blocks.map(CidrIp => ({ CidrIp })),
});

describe('authorize', () => {
  test('answers the new rules with their tags; the group shows one permission for each protocol and port range', async () => {
    const { authorize, group, GroupId } = await setUp();
    const answer = await authorize({
      IpPermissions: [
        {
          ...ssh('10.0.0.0/8'),
          IpRanges: [{ CidrIp: '10.0.0.0/8', Description: 'office' }],
          Ipv6Ranges: [{ CidrIpv6: '2001:DB8::1/32' }],
        },
        { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, UserIdGroupPairs: [{ GroupId }] },
        { IpProtocol: '17', FromPort: 53, ToPort: 53, IpRanges: [{ CidrIp: '100.68.0.18/18' }] },
      ],
      TagSpecifications: [{ ResourceType: 'security-group-rule', Tags: [{ Key: 'k', Value: 'v' }] }],
    });
    expect(answer.Return).toBe(true);
    expect(answer.SecurityGroupRules).toMatchObject([
      {
        GroupId,
        IsEgress: false,
        IpProtocol: 'tcp',
        FromPort: 22,
        ToPort: 22,
        CidrIpv4: '10.0.0.0/8',
        Description: 'office',
        Tags: [{ Key: 'k', Value: 'v' }],
      },
      { CidrIpv6: '2001:db8::/32' },
      { ReferencedGroupInfo: { GroupId, UserId: '000000000000' } },
      { IpProtocol: 'udp', CidrIpv4: '100.68.0.0/18' },
    ]);
    expect((await group())?.IpPermissions).toEqual([
      {
        IpProtocol: 'tcp',
        FromPort: 22,
        ToPort: 22,
        IpRanges: [{ CidrIp: '10.0.0.0/8', Description: 'office' }],
        Ipv6Ranges: [{ CidrIpv6: '2001:db8::/32' }],
        PrefixListIds: [],
        UserIdGroupPairs: [{ GroupId, UserId: '000000000000' }],
      },
      {
        IpProtocol: 'udp',
        FromPort: 53,
        ToPort: 53,
        IpRanges: [{ CidrIp: '100.68.0.0/18' }],
        Ipv6Ranges: [],
        PrefixListIds: [],
        UserIdGroupPairs: [],
      },
    ]);
  });

  test('takes flat parameters, and names in the default VPC', async () => {
    const { api, create, rules } = await setUp();
    const web = await create('peer');
    await api.call('AuthorizeSecurityGroupIngress', {
      GroupName: 'web',
      IpProtocol: 'icmp',
      FromPort: -1,
      ToPort: -1,
      CidrIp: '0.0.0.0/0',
    });
    await api.call('AuthorizeSecurityGroupIngress', { GroupName: 'web', SourceSecurityGroupName: 'peer' });
    const ingress = (await rules()).filter(one => one.IsEgress === false);
    expect(
      ingress.map(one => [one.IpProtocol, one.FromPort, one.ToPort, one.CidrIpv4 ?? one.ReferencedGroupInfo?.GroupId]),
    ).toEqual([
      ['icmp', -1, -1, '0.0.0.0/0'],
      ['tcp', 0, 65535, web],
      ['udp', 0, 65535, web],
      ['icmp', -1, -1, web],
    ]);
  });

  test('ports of other protocols are dropped', async () => {
    const { authorize, group } = await setUp();
    const answer = await authorize({ IpPermissions: [{ ...ssh('0.0.0.0/0'), IpProtocol: '50' }] });
    expect(answer.SecurityGroupRules).toMatchObject([{ IpProtocol: '50', FromPort: -1, ToPort: -1 }]);
    expect((await group())?.IpPermissions?.[0]).not.toHaveProperty('FromPort');
  });

  test('egress rules are apart', async () => {
    const { api, GroupId, group } = await setUp();
    await api.call('AuthorizeSecurityGroupEgress', { GroupId, IpPermissions: [ssh('10.0.0.0/8')] });
    expect((await group())?.IpPermissions).toEqual([]);
    expect((await group())?.IpPermissionsEgress).toHaveLength(2);
  });

  const blocks = (count: number, from = 0) => Array.from({ length: count }, (_, index) => `10.0.${from + index}.0/24`);

  test('60 rules a direction, IPv4 and IPv6 counted apart, references to groups in both', async () => {
    const { api, authorize, GroupId } = await setUp();
    await authorize({ IpPermissions: [ssh(...blocks(59))] });
    await authorize({ IpPermissions: [{ IpProtocol: '-1', UserIdGroupPairs: [{ GroupId }] }] });
    const ipv6 = {
      IpProtocol: '-1',
      Ipv6Ranges: Array.from({ length: 59 }, (_, index) => ({ CidrIpv6: `2001:db8:${index}::/48` })),
    };
    await authorize({ IpPermissions: [ipv6] });
    const refuse = async (permission: object) =>
      (await api.fail('AuthorizeSecurityGroupIngress', { GroupId, IpPermissions: [permission] })).code;
    expect(await refuse(ssh('10.1.0.0/24'))).toBe('RulesPerSecurityGroupLimitExceeded');
    expect(await refuse({ IpProtocol: '-1', Ipv6Ranges: [{ CidrIpv6: '::/0' }] })).toBe(
      'RulesPerSecurityGroupLimitExceeded',
    );
    await api.call('AuthorizeSecurityGroupEgress', { GroupId, IpPermissions: [ssh(...blocks(59))] });
    expect(
      (await api.fail('AuthorizeSecurityGroupEgress', { GroupId, IpPermissions: [ssh('10.1.0.0/24')] })).code,
    ).toBe('RulesPerSecurityGroupLimitExceeded');
  });
});

describe('revoke', () => {
  test('by id, or by what rules say whatever their description', async () => {
    const { api, authorize, GroupId, rules } = await setUp();
    const IpRanges = [{ CidrIp: '10.0.0.0/8', Description: 'office' }, { CidrIp: '10.0.0.0/9' }];
    const TagSpecifications = [{ ResourceType: 'security-group-rule', Tags: [{ Key: 'k', Value: 'v' }] }];
    const added =
      (await authorize({ IpPermissions: [{ ...ssh(), IpRanges }], TagSpecifications })).SecurityGroupRules ?? [];
    const byId = await api.call<RevokeSecurityGroupIngressResult>('RevokeSecurityGroupIngress', {
      GroupId,
      SecurityGroupRuleIds: [added[1]?.SecurityGroupRuleId],
    });
    expect(byId).toMatchObject({
      Return: true,
      RevokedSecurityGroupRules: [{ CidrIpv4: '10.0.0.0/9', GroupId, IsEgress: false }],
    });
    const bySaying = await api.call<RevokeSecurityGroupIngressResult>('RevokeSecurityGroupIngress', {
      GroupId,
      IpPermissions: [ssh('10.1.2.3/8')],
    });
    expect(bySaying).toMatchObject({
      UnknownIpPermissions: [],
      RevokedSecurityGroupRules: [{ Description: 'office' }],
    });
    expect((await rules()).map(one => one.IsEgress)).toEqual([true]);
    expect(api.state.count(resourceTags)).toBe(0);
  });

  test('the default VPC answers unknown permissions; other VPCs refuse them and revoke nothing', async () => {
    const { api, authorize, GroupId, group, create } = await setUp();
    await authorize({ IpPermissions: [ssh('10.0.0.0/8')] });
    const IpPermissions = [ssh('10.0.0.0/8', '11.0.0.0/8')];
    const answer = await api.call<RevokeSecurityGroupIngressResult>('RevokeSecurityGroupIngress', {
      GroupId,
      IpPermissions,
    });
    expect(answer.RevokedSecurityGroupRules).toHaveLength(1);
    expect(answer.UnknownIpPermissions).toMatchObject([
      { IpProtocol: 'tcp', FromPort: 22, IpRanges: [{ CidrIp: '11.0.0.0/8' }] },
    ]);
    const vpc = api.state.get(vpcs, (await group())?.VpcId ?? '');
    if (vpc === undefined) throw new Error('no VPC');
    const vpcId = 'vpc-00000000000000002';
    api.state.write(tx => tx.put(vpcs, { ...vpc, vpcId, isDefault: false }));
    const other = await create('web', vpcId);
    await api.call('AuthorizeSecurityGroupIngress', { GroupId: other, IpPermissions: [ssh('10.0.0.0/8')] });
    expect((await api.fail('RevokeSecurityGroupIngress', { GroupId: other, IpPermissions })).code).toBe(
      'InvalidPermission.NotFound',
    );
    const left = await api.call<DescribeSecurityGroupsResult>('DescribeSecurityGroups', { GroupIds: [other] });
    expect(left.SecurityGroups?.[0]?.IpPermissions).toHaveLength(1);
  });

  test('the egress rule that every group begins with can be revoked', async () => {
    const { api, GroupId, group } = await setUp();
    await api.call('RevokeSecurityGroupEgress', {
      GroupId,
      IpPermissions: [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
    });
    expect((await group())?.IpPermissionsEgress).toEqual([]);
  });
});

describe('change', () => {
  test('ModifySecurityGroupRules replaces what a rule says; its id and tags stay', async () => {
    const { api, authorize, GroupId, rules } = await setUp();
    const TagSpecifications = [{ ResourceType: 'security-group-rule', Tags: [{ Key: 'k', Value: 'v' }] }];
    const IpRanges = [{ CidrIp: '10.0.0.0/8', Description: 'office' }];
    const added = await authorize({ IpPermissions: [{ ...ssh(), IpRanges }, ssh('11.0.0.0/8')], TagSpecifications });
    const [first, second] = (added.SecurityGroupRules ?? []).map(one => one.SecurityGroupRuleId);
    const SecurityGroupRule = { IpProtocol: 'udp', FromPort: 1, ToPort: 2, ReferencedGroupId: GroupId };
    const modify = { GroupId, SecurityGroupRules: [{ SecurityGroupRuleId: first, SecurityGroupRule }] };
    expect(await api.call('ModifySecurityGroupRules', modify)).toEqual({ Return: true });
    const [changed] = await rules({ SecurityGroupRuleIds: [first] });
    expect(changed).toMatchObject({
      IpProtocol: 'udp',
      FromPort: 1,
      ToPort: 2,
      ReferencedGroupInfo: { GroupId },
      Tags: [{ Key: 'k' }],
    });
    expect(changed?.Description).toBeUndefined();
    expect(changed?.CidrIpv4).toBeUndefined();
    // Two rules may trade places in one request, but not become the same.
    const swap = (rule: object) => ({
      GroupId,
      SecurityGroupRules: [{ SecurityGroupRuleId: second, SecurityGroupRule: rule }],
    });
    expect((await api.fail('ModifySecurityGroupRules', swap(SecurityGroupRule))).code).toBe(
      'InvalidPermission.Duplicate',
    );
    const both = [
      { SecurityGroupRuleId: second, SecurityGroupRule },
      {
        SecurityGroupRuleId: first,
        SecurityGroupRule: { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, CidrIpv4: '11.0.0.0/8' },
      },
    ];
    await api.call('ModifySecurityGroupRules', { GroupId, SecurityGroupRules: both });
    expect((await rules({ SecurityGroupRuleIds: [first, second] })).map(one => one.IpProtocol)).toEqual(['tcp', 'udp']);
  });

  test('descriptions change by id or by what rules say, and go away', async () => {
    const { api, authorize, GroupId, rules } = await setUp();
    const added = await authorize({ IpPermissions: [ssh('10.0.0.0/8')] });
    const id = added.SecurityGroupRules?.[0]?.SecurityGroupRuleId;
    const description = async () => (await rules({ SecurityGroupRuleIds: [id] }))[0]?.Description;
    const IpRanges = [{ CidrIp: '10.0.0.0/8', Description: 'one' }];
    await api.call('UpdateSecurityGroupRuleDescriptionsIngress', { GroupId, IpPermissions: [{ ...ssh(), IpRanges }] });
    expect(await description()).toBe('one');
    const update = (Description?: string) =>
      api.call('UpdateSecurityGroupRuleDescriptionsIngress', {
        GroupId,
        SecurityGroupRuleDescriptions: [{ SecurityGroupRuleId: id, Description }],
      });
    await update('two');
    expect(await description()).toBe('two');
    await update();
    expect(await description()).toBeUndefined();
    const egress = { GroupId, SecurityGroupRuleDescriptions: [{ SecurityGroupRuleId: id, Description: 'x' }] };
    expect((await api.fail('UpdateSecurityGroupRuleDescriptionsEgress', egress)).code).toBe(
      'InvalidSecurityGroupRuleId.NotFound',
    );
  });
});

describe('DescribeSecurityGroupRules', () => {
  test('filters by group, id and tag, and pages', async () => {
    const { api, authorize, GroupId, rules } = await setUp();
    const TagSpecifications = [{ ResourceType: 'security-group-rule', Tags: [{ Key: 'k', Value: 'v' }] }];
    const added = await authorize({ IpPermissions: [ssh('10.0.0.0/8', '11.0.0.0/8')], TagSpecifications });
    await authorize({ IpPermissions: [ssh('12.0.0.0/8', '13.0.0.0/8', '14.0.0.0/8')] });
    const id = added.SecurityGroupRules?.[0]?.SecurityGroupRuleId ?? '';
    const count = async (Name: string, value: string) => (await rules({ Filters: [{ Name, Values: [value] }] })).length;
    expect(await count('group-id', GroupId)).toBe(6);
    expect(await count('security-group-rule-id', id)).toBe(1);
    expect(await count('tag:k', 'v')).toBe(2);
    expect(await count('tag-key', 'k')).toBe(2);
    const Filters = [{ Name: 'group-id', Values: [GroupId] }];
    const page: DescribeSecurityGroupRulesResult = await api.call('DescribeSecurityGroupRules', {
      Filters,
      MaxResults: 5,
    });
    expect(page.SecurityGroupRules).toHaveLength(5);
    const last: DescribeSecurityGroupRulesResult = await api.call('DescribeSecurityGroupRules', {
      Filters,
      MaxResults: 5,
      NextToken: page.NextToken,
    });
    expect(last.SecurityGroupRules).toHaveLength(1);
    expect(last.NextToken).toBeUndefined();
  });
});
