import type {
  CreateNetworkAclResult,
  DescribeNetworkAclsResult,
  NetworkAcl,
  ReplaceNetworkAclAssociationResult,
} from '@aws-sdk/client-ec2';
import { describe, expect, test } from 'vitest';
import { createTestApi } from '../../api/testing.ts';
import { vpcIntent } from '../intents.ts';
import { makeSubnet, makeVpc } from '../vpcs/testing.ts';

async function setUp() {
  const api = createTestApi();
  const { VpcId } = await makeVpc(api);
  const { SubnetId } = await makeSubnet(api, VpcId);
  const made = await api.call<CreateNetworkAclResult>('CreateNetworkAcl', { VpcId });
  const NetworkAclId = made.NetworkAcl?.NetworkAclId ?? '';
  const acl = async (id = NetworkAclId): Promise<NetworkAcl | undefined> =>
    (await api.call<DescribeNetworkAclsResult>('DescribeNetworkAcls', { NetworkAclIds: [id] })).NetworkAcls?.[0];
  const ofSubnet = async () => {
    const Filters = [{ Name: 'association.subnet-id', Values: [SubnetId] }];
    return (await api.call<DescribeNetworkAclsResult>('DescribeNetworkAcls', { Filters })).NetworkAcls?.[0];
  };
  const associationId = async () =>
    (await ofSubnet())?.Associations?.find(one => one.SubnetId === SubnetId)?.NetworkAclAssociationId;
  return { api, VpcId, SubnetId, NetworkAclId, acl, ofSubnet, associationId };
}

const web = {
  RuleNumber: 100,
  Protocol: 'tcp',
  RuleAction: 'allow',
  Egress: false,
  CidrBlock: '0.0.0.0/0',
  PortRange: { From: 80, To: 443 },
};

test('a new ACL denies everything; rules are made, replaced and deleted', async () => {
  const { api, NetworkAclId, acl } = await setUp();
  expect((await acl())?.Entries?.map(one => [one.Egress, one.RuleAction, one.RuleNumber])).toEqual([
    [true, 'deny', 32767],
    [false, 'deny', 32767],
  ]);
  await api.call('CreateNetworkAclEntry', { NetworkAclId, ...web });
  await api.call('CreateNetworkAclEntry', { NetworkAclId, ...web, Egress: true });
  await api.call('CreateNetworkAclEntry', {
    NetworkAclId,
    ...{ RuleNumber: 90, Protocol: '1', RuleAction: 'deny', Egress: false, CidrBlock: '10.0.0.9/8' },
    IcmpTypeCode: { Type: 8, Code: -1 },
  });
  await api.call('CreateNetworkAclEntry', {
    NetworkAclId,
    ...{ RuleNumber: 95, Protocol: '-1', RuleAction: 'allow', Egress: false, Ipv6CidrBlock: '::/0' },
  });
  const inbound = async () => (await acl())?.Entries?.filter(one => one.Egress === false);
  expect(await inbound()).toEqual([
    {
      ...{ RuleNumber: 90, Protocol: '1', RuleAction: 'deny', Egress: false, CidrBlock: '10.0.0.0/8' },
      IcmpTypeCode: { Type: 8, Code: -1 },
    },
    { RuleNumber: 95, Protocol: '-1', RuleAction: 'allow', Egress: false, Ipv6CidrBlock: '::/0' },
    { ...web, Protocol: '6' },
    { RuleNumber: 32767, Protocol: '-1', RuleAction: 'deny', Egress: false, CidrBlock: '0.0.0.0/0' },
  ]);
  expect((await api.fail('CreateNetworkAclEntry', { NetworkAclId, ...web })).code).toBe('NetworkAclEntryAlreadyExists');
  await api.call('ReplaceNetworkAclEntry', { NetworkAclId, ...web, RuleAction: 'deny' });
  expect((await inbound())?.[2]).toMatchObject({ RuleNumber: 100, RuleAction: 'deny' });
  await api.call('DeleteNetworkAclEntry', { NetworkAclId, RuleNumber: 100, Egress: false });
  expect(await inbound()).toHaveLength(3);
  const code = async (operation: string, input: object) => (await api.fail(operation, { NetworkAclId, ...input })).code;
  expect(await code('DeleteNetworkAclEntry', { RuleNumber: 100, Egress: false })).toBe(
    'InvalidNetworkAclEntry.NotFound',
  );
  expect(await code('ReplaceNetworkAclEntry', web)).toBe('InvalidNetworkAclEntry.NotFound');
  expect(await code('DeleteNetworkAclEntry', { RuleNumber: 32767, Egress: false })).toBe('InvalidParameterValue');
});

describe('CreateNetworkAclEntry', () => {
  test.each([
    [{ ...web, RuleNumber: 0 }, 'InvalidParameterValue'],
    [{ ...web, RuleNumber: 32767 }, 'InvalidParameterValue'],
    [{ ...web, RuleAction: 'x' }, 'InvalidParameterValue'],
    [{ ...web, Protocol: 'x' }, 'InvalidParameterValue'],
    [{ ...web, Protocol: '256' }, 'InvalidParameterValue'],
    [{ ...web, PortRange: undefined }, 'MissingParameter'],
    [{ ...web, PortRange: { From: 9, To: 8 } }, 'InvalidParameterValue'],
    [{ ...web, CidrBlock: 'x' }, 'InvalidParameterValue'],
    [{ ...web, CidrBlock: undefined }, 'MissingParameter'],
    [{ ...web, Ipv6CidrBlock: '::/0' }, 'InvalidParameterCombination'],
    [{ ...web, Protocol: 'icmp' }, 'MissingParameter'],
    [{ ...web, Protocol: 'icmp', IcmpTypeCode: { Type: -1, Code: 3 } }, 'InvalidParameterValue'],
    [{ ...web, NetworkAclId: 'acl-00000001' }, 'InvalidNetworkAclID.NotFound'],
  ])('%j answers %s', async (input, code) => {
    const { api, NetworkAclId, acl } = await setUp();
    expect((await api.fail('CreateNetworkAclEntry', { NetworkAclId, ...input })).code).toBe(code);
    expect((await acl())?.Entries).toHaveLength(2);
  });

  test('20 rules in each direction and no more', async () => {
    const { api, NetworkAclId } = await setUp();
    for (let RuleNumber = 1; RuleNumber <= 20; RuleNumber++)
      await api.call('CreateNetworkAclEntry', { NetworkAclId, ...web, RuleNumber });
    const more = { NetworkAclId, ...web, RuleNumber: 21 };
    expect((await api.fail('CreateNetworkAclEntry', more)).code).toBe('NetworkAclEntryLimitExceeded');
    await api.call('CreateNetworkAclEntry', { ...more, Egress: true });
  });
});

test('a subnet changes its ACL, and packets meet the new one', async () => {
  const { api, VpcId, SubnetId, NetworkAclId, ofSubnet, associationId } = await setUp();
  const standard = await ofSubnet();
  expect(vpcIntent(api.state, VpcId)).not.toHaveProperty('networkAcls');
  const AssociationId = await associationId();
  const replaced = await api.call<ReplaceNetworkAclAssociationResult>('ReplaceNetworkAclAssociation', {
    AssociationId,
    NetworkAclId,
  });
  expect(replaced.NewAssociationId).not.toBe(AssociationId);
  expect((await ofSubnet())?.NetworkAclId).toBe(NetworkAclId);
  await api.call('CreateNetworkAclEntry', { NetworkAclId, ...web });
  expect(vpcIntent(api.state, VpcId)).toMatchObject({
    subnets: [{ subnetId: SubnetId, networkAclId: NetworkAclId }],
    networkAcls: [
      {
        networkAclId: NetworkAclId,
        ingress: [{ ruleNumber: 100, allow: true, cidrBlock: '0.0.0.0/0', protocol: 6, fromPort: 80, toPort: 443 }],
        egress: [],
      },
    ],
  });
  expect((await api.fail('DeleteNetworkAcl', { NetworkAclId })).code).toBe('DependencyViolation');
  expect((await api.fail('DeleteNetworkAcl', { NetworkAclId: standard?.NetworkAclId })).code).toBe(
    'InvalidParameterValue',
  );
  const stale = { AssociationId, NetworkAclId };
  expect((await api.fail('ReplaceNetworkAclAssociation', stale)).code).toBe('InvalidAssociationID.NotFound');
  const back = { AssociationId: replaced.NewAssociationId, NetworkAclId: standard?.NetworkAclId };
  await api.call('ReplaceNetworkAclAssociation', back);
  await api.call('DeleteNetworkAcl', { NetworkAclId });
  expect((await api.fail('DeleteNetworkAcl', { NetworkAclId })).code).toBe('InvalidNetworkAclID.NotFound');
});

test('an ACL of another VPC cannot be used', async () => {
  const { api, associationId } = await setUp();
  const other = await makeVpc(api);
  const made = await api.call<CreateNetworkAclResult>('CreateNetworkAcl', { VpcId: other.VpcId });
  const input = { AssociationId: await associationId(), NetworkAclId: made.NetworkAcl?.NetworkAclId };
  expect((await api.fail('ReplaceNetworkAclAssociation', input)).code).toBe('InvalidParameterValue');
});
