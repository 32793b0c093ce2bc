import type { DescribeNetworkAclsResult } from '@aws-sdk/client-ec2';
import { expect, test } from 'vitest';
import { createTestApi } from '../../api/testing.ts';

test('the default network ACL lets everything pass in all subnets', async () => {
  const api = createTestApi();
  const list = async (input: object = {}) =>
    (await api.call<DescribeNetworkAclsResult>('DescribeNetworkAcls', input)).NetworkAcls ?? [];
  const all = await list();
  expect(all).toHaveLength(1);
  expect(all[0]?.IsDefault).toBe(true);
  expect(all[0]?.Associations).toHaveLength(3);
  for (const egress of [true, false]) {
    const entries = all[0]?.Entries?.filter(one => one.Egress === egress);
    expect(entries).toEqual([
      { CidrBlock: '0.0.0.0/0', Egress: egress, Protocol: '-1', RuleAction: 'allow', RuleNumber: 100 },
      { CidrBlock: '0.0.0.0/0', Egress: egress, Protocol: '-1', RuleAction: 'deny', RuleNumber: 32767 },
    ]);
  }
  const finds = async (Name: string, value: string) => (await list({ Filters: [{ Name, Values: [value] }] })).length;
  expect(await finds('default', 'true')).toBe(1);
  expect(await finds('entry.rule-number', '32767')).toBe(1);
  expect(await finds('entry.rule-number', '200')).toBe(0);
  expect(await finds('entry.egress', 'true')).toBe(1);
  expect(await finds('association.subnet-id', all[0]?.Associations?.[1]?.SubnetId ?? '')).toBe(1);
  expect(await finds('vpc-id', all[0]?.VpcId ?? '')).toBe(1);
});

test.each([
  [{ NetworkAclIds: ['acl'] }, 'InvalidNetworkAclId.Malformed'],
  [{ NetworkAclIds: ['acl-00000001'] }, 'InvalidNetworkAclID.NotFound'],
  [{ Filters: [{ Name: 'entry', Values: ['x'] }] }, 'InvalidParameterValue'],
])('%j answers %s', async (input, code) => {
  expect((await createTestApi().fail('DescribeNetworkAcls', input)).code).toBe(code);
});
