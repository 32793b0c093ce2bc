import type {
  CreateVpcEndpointResult,
  DeleteVpcEndpointsResult,
  DescribeManagedPrefixListsResult,
  DescribePrefixListsResult,
  DescribeRouteTablesResult,
  DescribeVpcEndpointServicesResult,
  DescribeVpcEndpointsResult,
} from '@aws-sdk/client-ec2';
import { expect, test } from 'vitest';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import { groupIntent, vpcIntent } from '../intents.ts';
import { makeSubnet, makeVpc } from '../vpcs/testing.ts';

const s3 = 'com.amazonaws.us-east-1.s3';

async function setUp() {
  const api = createTestApi();
  const { VpcId } = await makeVpc(api);
  const tables = await api.call<DescribeRouteTablesResult>('DescribeRouteTables', {
    Filters: [{ Name: 'vpc-id', Values: [VpcId] }],
  });
  return { api, VpcId, RouteTableId: tables.RouteTables?.[0]?.RouteTableId ?? '' };
}

const routes = async (api: TestApi, id: string) =>
  (await api.call<DescribeRouteTablesResult>('DescribeRouteTables', { RouteTableIds: [id] })).RouteTables?.[0]?.Routes;

async function create(api: TestApi, input: object) {
  const made = await api.call<CreateVpcEndpointResult>('CreateVpcEndpoint', { ServiceName: s3, ...input });
  return { ...made.VpcEndpoint, VpcEndpointId: made.VpcEndpoint?.VpcEndpointId ?? '' };
}

const seen = async (api: TestApi, id: string) =>
  (await api.call<DescribeVpcEndpointsResult>('DescribeVpcEndpoints', { VpcEndpointIds: [id] })).VpcEndpoints?.[0];

const prefixLists = async (api: TestApi, input: object = {}, options: object = {}) =>
  (await api.call<DescribePrefixListsResult>('DescribePrefixLists', input, options)).PrefixLists ?? [];

test('a gateway endpoint has routes in its route tables, which come and go with it', async () => {
  const { api, VpcId, RouteTableId } = await setUp();
  const { SubnetId } = await makeSubnet(api, VpcId);
  const made = await create(api, {
    VpcId,
    RouteTableIds: [RouteTableId],
    TagSpecifications: [{ ResourceType: 'vpc-endpoint', Tags: [{ Key: 'Name', Value: 'store' }] }],
  });
  const { VpcEndpointId } = made;
  expect(await seen(api, VpcEndpointId)).toMatchObject({
    VpcEndpointType: 'Gateway',
    VpcId,
    ServiceName: s3,
    State: 'available',
    RouteTableIds: [RouteTableId],
    PolicyDocument: expect.stringContaining('"Principal":"*"'),
    CreationTimestamp: new Date(api.clock.now()),
    Tags: [{ Key: 'Name', Value: 'store' }],
    OwnerId: '000000000000',
  });
  const [list] = await prefixLists(api, { Filters: [{ Name: 'prefix-list-name', Values: [s3] }] });
  const route = { DestinationPrefixListId: list?.PrefixListId, GatewayId: VpcEndpointId, State: 'active' };
  expect(await routes(api, RouteTableId)).toMatchObject([{}, route]);
  // There is nothing behind it that packets could go to.
  expect(vpcIntent(api.state, VpcId).subnets.find(one => one.subnetId === SubnetId)?.routes).toEqual([]);
  const byHand = { RouteTableId, DestinationPrefixListId: list?.PrefixListId };
  for (const operation of ['DeleteRoute', 'ReplaceRoute', 'CreateRoute'])
    expect((await api.fail(operation, { ...byHand, GatewayId: VpcEndpointId })).code).toBe('InvalidParameterValue');
  const again = { VpcId, ServiceName: s3, RouteTableIds: [RouteTableId] };
  expect((await api.fail('CreateVpcEndpoint', again)).code).toBe('RouteAlreadyExists');
  expect((await api.fail('DeleteVpc', { VpcId })).code).toBe('DependencyViolation');
  await api.call('ModifyVpcEndpoint', { VpcEndpointId, RemoveRouteTableIds: [RouteTableId] });
  expect(await routes(api, RouteTableId)).toHaveLength(1);
  expect((await seen(api, VpcEndpointId))?.RouteTableIds).toEqual([]);
  await api.call('ModifyVpcEndpoint', { VpcEndpointId, AddRouteTableIds: [RouteTableId] });
  const gone = await api.call<DeleteVpcEndpointsResult>('DeleteVpcEndpoints', {
    VpcEndpointIds: [VpcEndpointId, 'vpce-00000001'],
  });
  expect(gone.Unsuccessful).toMatchObject([
    { ResourceId: 'vpce-00000001', Error: { Code: 'InvalidVpcEndpoint.NotFound' } },
  ]);
  expect(await routes(api, RouteTableId)).toHaveLength(1);
  expect((await api.fail('DescribeVpcEndpoints', { VpcEndpointIds: [VpcEndpointId] })).code).toBe(
    'InvalidVpcEndpointId.NotFound',
  );
});

test('its policy is kept, checked and taken back', async () => {
  const { api, VpcId } = await setUp();
  const PolicyDocument = '{"Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}]}';
  const { VpcEndpointId } = await create(api, { VpcId, PolicyDocument });
  expect((await seen(api, VpcEndpointId))?.PolicyDocument).toBe(PolicyDocument);
  const wrong = { VpcEndpointId, PolicyDocument: '{"Statement":' };
  expect((await api.fail('ModifyVpcEndpoint', wrong)).code).toBe('InvalidPolicyDocument');
  expect((await api.fail('CreateVpcEndpoint', { VpcId, ServiceName: s3, PolicyDocument: '[]' })).code).toBe(
    'InvalidPolicyDocument',
  );
  const both = { VpcEndpointId, PolicyDocument, ResetPolicy: true };
  expect((await api.fail('ModifyVpcEndpoint', both)).code).toBe('InvalidParameterCombination');
  await api.call('ModifyVpcEndpoint', { VpcEndpointId, ResetPolicy: true });
  expect((await seen(api, VpcEndpointId))?.PolicyDocument).toContain('2008-10-17');
  await api.call('ModifyVpcEndpoint', { VpcEndpointId, PolicyDocument });
  expect((await seen(api, VpcEndpointId))?.PolicyDocument).toBe(PolicyDocument);
});

test.each([
  [{ VpcEndpointType: 'Interface', ServiceName: 'com.amazonaws.us-east-1.ec2' }, 'UnsupportedOperation'],
  [{ ServiceName: 'com.amazonaws.us-east-1.ec2' }, 'InvalidServiceName'],
  [{ ServiceName: 'com.amazonaws.eu-west-1.s3' }, 'InvalidServiceName'],
  [{ ServiceName: undefined }, 'MissingParameter'],
  [{ SubnetIds: ['subnet-00000001'] }, 'InvalidParameter'],
  [{ PrivateDnsEnabled: true }, 'InvalidParameter'],
  [{ IpAddressType: 'dualstack' }, 'UnsupportedOperation'],
  [{ VpcId: 'vpc-00000001' }, 'InvalidVpcID.NotFound'],
  [{ RouteTableIds: ['rtb-00000001'] }, 'InvalidRouteTableID.NotFound'],
  [{ RouteTableIds: ['default'] }, 'InvalidParameter'],
])('CreateVpcEndpoint %j answers %s and makes nothing', async (input, code) => {
  const { api, VpcId } = await setUp();
  const all = await api.call<DescribeRouteTablesResult>('DescribeRouteTables');
  const other = all.RouteTables?.find(one => one.VpcId !== VpcId)?.RouteTableId;
  const tables = 'RouteTableIds' in input && input.RouteTableIds?.[0] === 'default' ? { RouteTableIds: [other] } : {};
  const wanted = { VpcId, ServiceName: s3, ...input, ...tables };
  expect((await api.fail('CreateVpcEndpoint', wanted)).code).toBe(code);
  expect(await api.call('DescribeVpcEndpoints')).toEqual({ VpcEndpoints: [] });
});

test('twenty in a Region and no more', async () => {
  const { api, VpcId } = await setUp();
  for (let index = 0; index < 20; index++) await create(api, { VpcId });
  expect((await api.fail('CreateVpcEndpoint', { VpcId, ServiceName: s3 })).code).toBe('VpcEndpointLimitExceeded');
  const filtered = await api.call<DescribeVpcEndpointsResult>('DescribeVpcEndpoints', {
    Filters: [{ Name: 'vpc-id', Values: [VpcId] }],
    MaxResults: 7,
  });
  expect(filtered.VpcEndpoints).toHaveLength(7);
  expect(filtered.NextToken).toBeDefined();
});

test('services of gateway endpoints, and their prefix lists', async () => {
  const { api, VpcId } = await setUp();
  const services = await api.call<DescribeVpcEndpointServicesResult>(
    'DescribeVpcEndpointServices',
    {},
    { region: 'eu-west-1' },
  );
  expect(services.ServiceNames).toEqual(['com.amazonaws.eu-west-1.s3', 'com.amazonaws.eu-west-1.dynamodb']);
  const named = await api.call<DescribeVpcEndpointServicesResult>('DescribeVpcEndpointServices', {
    ServiceNames: [s3],
  });
  expect(named.ServiceDetails).toMatchObject([
    { ServiceType: [{ ServiceType: 'Gateway' }], Owner: 'amazon', AcceptanceRequired: false },
  ]);
  const interfaces = { Filters: [{ Name: 'service-type', Values: ['Interface'] }] };
  expect(
    (await api.call<DescribeVpcEndpointServicesResult>('DescribeVpcEndpointServices', interfaces)).ServiceNames,
  ).toEqual([]);
  expect((await api.fail('DescribeVpcEndpointServices', { ServiceNames: ['x'] })).code).toBe('InvalidServiceName');
  const lists = await prefixLists(api);
  expect(lists.map(one => one.PrefixListName)).toEqual([s3, 'com.amazonaws.us-east-1.dynamodb']);
  expect(lists[0]?.PrefixListId).not.toBe((await prefixLists(api, {}, { region: 'eu-west-1' }))[0]?.PrefixListId);
  await api.call('CreateManagedPrefixList', { PrefixListName: 'own', AddressFamily: 'IPv4', MaxEntries: 5 });
  const page = async (input: object) =>
    await api.call<DescribeManagedPrefixListsResult>('DescribeManagedPrefixLists', { MaxResults: 2, ...input });
  const first = await page({});
  const second = await page({ NextToken: first.NextToken });
  const names = [first, second].flatMap(one => (one.PrefixLists ?? []).map(list => list.PrefixListName));
  expect(names).toEqual(['own', s3, 'com.amazonaws.us-east-1.dynamodb']);
  expect(second.NextToken).toBeUndefined();
  const ofAws = await page({ Filters: [{ Name: 'owner-id', Values: ['AWS'] }] });
  expect(ofAws.PrefixLists).toHaveLength(2);
  const PrefixListId = lists[0]?.PrefixListId;
  expect(await api.call('GetManagedPrefixListEntries', { PrefixListId })).toEqual({ Entries: [] });
  expect((await api.fail('DeleteManagedPrefixList', { PrefixListId })).code).toBe('InvalidPrefixListID.NotFound');
  // Groups may name them; nothing passes by such a rule.
  const group = { GroupName: 'g', Description: 'd', VpcId };
  const { GroupId = '' } = await api.call<{ GroupId?: string }>('CreateSecurityGroup', group);
  const IpPermissions = [{ IpProtocol: 'tcp', FromPort: 443, ToPort: 443, PrefixListIds: [{ PrefixListId }] }];
  await api.call('AuthorizeSecurityGroupIngress', { GroupId, IpPermissions });
  expect(groupIntent(api.state, GroupId).ingress).toEqual([]);
});
