import type {
  CreateInternetGatewayResult,
  CreateManagedPrefixListResult,
  DescribeManagedPrefixListsResult,
  GetManagedPrefixListAssociationsResult,
  GetManagedPrefixListEntriesResult,
  ModifyManagedPrefixListResult,
} from '@aws-sdk/client-ec2';
import { describe, expect, test } from 'vitest';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import { groupIntent, vpcIntent } from '../intents.ts';
import { makeSubnet, makeVpc } from '../vpcs/testing.ts';

const wanted = {
  PrefixListName: 'offices',
  AddressFamily: 'IPv4',
  MaxEntries: 3,
  Entries: [{ Cidr: '192.0.2.7/24', Description: 'north' }, { Cidr: '198.51.100.0/24' }],
};

/** Lists that are not AWS's. */
async function own(api: TestApi) {
  const Filters = [{ Name: 'owner-id', Values: ['000000000000'] }];
  return (await api.call<DescribeManagedPrefixListsResult>('DescribeManagedPrefixLists', { Filters })).PrefixLists;
}

async function create(api: TestApi, input: object = {}): Promise<string> {
  const made = await api.call<CreateManagedPrefixListResult>('CreateManagedPrefixList', { ...wanted, ...input });
  return made.PrefixList?.PrefixListId ?? '';
}

const entries = async (api: TestApi, PrefixListId: string, input: object = {}) => {
  const all = { PrefixListId, ...input };
  const { Entries } = await api.call<GetManagedPrefixListEntriesResult>('GetManagedPrefixListEntries', all);
  return Entries?.map(one => one.Cidr);
};

test('a list has versions, which can be read and restored', async () => {
  const api = createTestApi();
  const PrefixListId = await create(api);
  expect(await entries(api, PrefixListId)).toEqual(['192.0.2.0/24', '198.51.100.0/24']);
  const changed = await api.call<ModifyManagedPrefixListResult>('ModifyManagedPrefixList', {
    PrefixListId,
    CurrentVersion: 1,
    AddEntries: [{ Cidr: '203.0.113.0/24' }],
    RemoveEntries: [{ Cidr: '192.0.2.0/24' }],
  });
  expect(changed.PrefixList).toMatchObject({ Version: 2, State: 'modify-complete' });
  expect(await entries(api, PrefixListId)).toEqual(['198.51.100.0/24', '203.0.113.0/24']);
  expect(await entries(api, PrefixListId, { TargetVersion: 1 })).toEqual(['192.0.2.0/24', '198.51.100.0/24']);
  await api.call('RestoreManagedPrefixListVersion', { PrefixListId, PreviousVersion: 1, CurrentVersion: 2 });
  expect(await entries(api, PrefixListId)).toEqual(['192.0.2.0/24', '198.51.100.0/24']);
  await api.call('ModifyManagedPrefixList', { PrefixListId, PrefixListName: 'sites' });
  const Filters = [{ Name: 'prefix-list-name', Values: ['sites'] }];
  const seen = await api.call<DescribeManagedPrefixListsResult>('DescribeManagedPrefixLists', { Filters });
  expect(seen.PrefixLists).toMatchObject([{ PrefixListId, Version: 3, MaxEntries: 3, AddressFamily: 'IPv4' }]);
});

describe('refusals', () => {
  test.each([
    [{ AddressFamily: 'x' }, 'InvalidParameterValue'],
    [{ MaxEntries: 0 }, 'InvalidParameterValue'],
    [{ MaxEntries: 1 }, 'PrefixListMaxEntriesExceeded'],
    [{ PrefixListName: 'com.amazonaws.x' }, 'InvalidParameterValue'],
    [{ Entries: [{ Cidr: '2001:db8::/32' }] }, 'InvalidParameterValue'],
    [{ Entries: [{ Cidr: '10.0.0.0/8' }, { Cidr: '10.0.0.1/8' }] }, 'InvalidParameterValue'],
  ])('CreateManagedPrefixList %j answers %s', async (input, code) => {
    const api = createTestApi();
    expect((await api.fail('CreateManagedPrefixList', { ...wanted, ...input })).code).toBe(code);
    expect(await own(api)).toEqual([]);
  });

  test.each([
    [{ AddEntries: [{ Cidr: '10.0.0.0/8' }] }, 'MissingParameter'],
    [{ AddEntries: [{ Cidr: '10.0.0.0/8' }], CurrentVersion: 2 }, 'PrefixListVersionMismatch'],
    [{ RemoveEntries: [{ Cidr: '10.0.0.0/8' }], CurrentVersion: 1 }, 'InvalidParameterValue'],
    [{ AddEntries: [{ Cidr: '10.0.0.0/8' }], MaxEntries: 9, CurrentVersion: 1 }, 'InvalidParameterCombination'],
    [{ MaxEntries: 1 }, 'PrefixListMaxEntriesExceeded'],
    [{ PrefixListId: 'pl-00000001', MaxEntries: 9 }, 'InvalidPrefixListID.NotFound'],
  ])('ModifyManagedPrefixList %j answers %s', async (input, code) => {
    const api = createTestApi();
    const PrefixListId = await create(api);
    expect((await api.fail('ModifyManagedPrefixList', { PrefixListId, ...input })).code).toBe(code);
    expect(await entries(api, PrefixListId)).toHaveLength(2);
  });

  test('lists of services do not exist, nor those of others', async () => {
    const api = createTestApi();
    const PrefixListId = await create(api);
    const code = async (operation: string, input: object, options = {}) =>
      (await api.fail(operation, input, options)).code;
    expect(await code('DescribePrefixLists', { PrefixListIds: ['pl-00000001'] })).toBe('InvalidPrefixListID.NotFound');
    const other = { account: '111111111111' };
    expect(await code('GetManagedPrefixListEntries', { PrefixListId }, other)).toBe('InvalidPrefixListID.NotFound');
    expect(await code('DeleteManagedPrefixList', { PrefixListId }, other)).toBe('InvalidPrefixListID.NotFound');
    const restore = { PrefixListId, PreviousVersion: 7, CurrentVersion: 1 };
    expect(await code('RestoreManagedPrefixListVersion', restore)).toBe('InvalidParameterValue');
  });
});

test('routes and rules of a list follow its entries; it stays while something refers to it', async () => {
  const api = createTestApi();
  const PrefixListId = await create(api);
  const { VpcId } = await makeVpc(api);
  await makeSubnet(api, VpcId);
  const made = await api.call<CreateInternetGatewayResult>('CreateInternetGateway');
  const GatewayId = made.InternetGateway?.InternetGatewayId;
  await api.call('AttachInternetGateway', { InternetGatewayId: GatewayId, VpcId });
  type Tables = { RouteTables?: { RouteTableId?: string }[] };
  const { RouteTables } = await api.call<Tables>('DescribeRouteTables', {
    Filters: [{ Name: 'vpc-id', Values: [VpcId] }],
  });
  const RouteTableId = RouteTables?.[0]?.RouteTableId;
  await api.call('CreateRoute', { RouteTableId, DestinationPrefixListId: PrefixListId, GatewayId });
  const group = { GroupName: 'g', Description: 'd', VpcId };
  const { GroupId = '' } = await api.call<{ GroupId?: string }>('CreateSecurityGroup', group);
  const IpPermissions = [{ IpProtocol: 'tcp', FromPort: 22, ToPort: 22, PrefixListIds: [{ PrefixListId }] }];
  await api.call('AuthorizeSecurityGroupIngress', { GroupId, IpPermissions });
  await api.call('ModifyManagedPrefixList', {
    PrefixListId,
    CurrentVersion: 1,
    AddEntries: [{ Cidr: '203.0.113.0/24' }],
  });
  expect(vpcIntent(api.state, VpcId).subnets[0]?.routes).toEqual(
    ['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24'].map(destination => ({
      destination,
      target: 'internet-gateway',
    })),
  );
  expect(groupIntent(api.state, GroupId).ingress.map(one => one.cidrIpv4)).toEqual([
    '192.0.2.0/24',
    '198.51.100.0/24',
    '203.0.113.0/24',
  ]);
  const users = await api.call<GetManagedPrefixListAssociationsResult>('GetManagedPrefixListAssociations', {
    PrefixListId,
  });
  expect(users.PrefixListAssociations?.map(one => one.ResourceId)).toEqual([GroupId, RouteTableId]);
  expect((await api.fail('DeleteManagedPrefixList', { PrefixListId })).code).toBe('DependencyViolation');
  await api.call('DeleteRoute', { RouteTableId, DestinationPrefixListId: PrefixListId });
  await api.call('RevokeSecurityGroupIngress', { GroupId, IpPermissions });
  await api.call('DeleteManagedPrefixList', { PrefixListId });
  expect(await own(api)).toEqual([]);
});

test('in a security group a list weighs as many rules as it may have entries', async () => {
  const api = createTestApi();
  const PrefixListId = await create(api, { MaxEntries: 61 });
  const { VpcId } = await makeVpc(api);
  const group = { GroupName: 'g', Description: 'd', VpcId };
  const { GroupId } = await api.call<{ GroupId?: string }>('CreateSecurityGroup', group);
  const IpPermissions = [{ IpProtocol: '-1', PrefixListIds: [{ PrefixListId }] }];
  expect((await api.fail('AuthorizeSecurityGroupIngress', { GroupId, IpPermissions })).code).toBe(
    'RulesPerSecurityGroupLimitExceeded',
  );
});
