import type {
  AssociateRouteTableResult,
  CreateInternetGatewayResult,
  CreateRouteTableResult,
  DescribeInternetGatewaysResult,
  DescribeRouteTablesResult,
  Route,
  RouteTable,
} from '@aws-sdk/client-ec2';
import { describe, expect, test } from 'vitest';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import { vpcIntent } from '../intents.ts';
import { launch } from '../testing.ts';
import { makeSubnet, makeVpc } from '../vpcs/testing.ts';

async function attachedGateway(api: TestApi, VpcId: string): Promise<string> {
  const made = await api.call<CreateInternetGatewayResult>('CreateInternetGateway');
  const InternetGatewayId = made.InternetGateway?.InternetGatewayId ?? '';
  await api.call('AttachInternetGateway', { InternetGatewayId, VpcId });
  return InternetGatewayId;
}

async function newTable(api: TestApi, VpcId: string): Promise<string> {
  const made = await api.call<CreateRouteTableResult>('CreateRouteTable', { VpcId });
  return made.RouteTable?.RouteTableId ?? '';
}

const table = async (api: TestApi, id: string): Promise<RouteTable | undefined> =>
  (await api.call<DescribeRouteTablesResult>('DescribeRouteTables', { RouteTableIds: [id] })).RouteTables?.[0];

const routes = async (api: TestApi, id: string): Promise<Route[]> => (await table(api, id))?.Routes ?? [];

async function setUp() {
  const api = createTestApi();
  const { VpcId } = await makeVpc(api, { AmazonProvidedIpv6CidrBlock: true });
  const { SubnetId } = await makeSubnet(api, VpcId);
  const RouteTableId = await newTable(api, VpcId);
  return { api, VpcId, SubnetId, RouteTableId };
}

describe('routes', () => {
  test('to an internet gateway: made, replaced, deleted; a detached gateway is a blackhole', async () => {
    const { api, VpcId, RouteTableId, SubnetId } = await setUp();
    const GatewayId = await attachedGateway(api, VpcId);
    const to = { RouteTableId, DestinationCidrBlock: '0.0.0.0/0' };
    expect((await api.fail('ReplaceRoute', { ...to, GatewayId })).code).toBe('InvalidParameterValue');
    expect(await api.call('CreateRoute', { ...to, GatewayId })).toEqual({ Return: true });
    expect((await api.fail('CreateRoute', { ...to, GatewayId })).code).toBe('RouteAlreadyExists');
    await api.call('CreateRoute', { RouteTableId, DestinationIpv6CidrBlock: '::/0', GatewayId });
    expect((await routes(api, RouteTableId)).slice(2)).toMatchObject([
      { DestinationCidrBlock: '0.0.0.0/0', GatewayId, State: 'active', Origin: 'CreateRoute' },
      { DestinationIpv6CidrBlock: '::/0', GatewayId, State: 'active' },
    ]);
    await api.call('AssociateRouteTable', { RouteTableId, SubnetId });
    const intended = () => vpcIntent(api.state, VpcId).subnets[0]?.routes[0];
    expect(intended()).toEqual({ destination: '0.0.0.0/0', target: 'internet-gateway' });
    await api.call('DetachInternetGateway', { InternetGatewayId: GatewayId, VpcId });
    expect((await routes(api, RouteTableId))[2]?.State).toBe('blackhole');
    expect(intended()).toEqual({ destination: '0.0.0.0/0', target: 'blackhole' });
    await api.call('DeleteInternetGateway', { InternetGatewayId: GatewayId });
    await api.call('DeleteRoute', to);
    expect(await routes(api, RouteTableId)).toHaveLength(3);
    expect((await api.fail('DeleteRoute', to)).code).toBe('InvalidRoute.NotFound');
  });

  test('to an instance and its interface; a blackhole once it is gone', async () => {
    const { api, SubnetId, RouteTableId } = await setUp();
    const [instance] = await launch(api, { SubnetId });
    const InstanceId = instance?.InstanceId;
    const NetworkInterfaceId = instance?.NetworkInterfaces?.[0]?.NetworkInterfaceId;
    await api.call('CreateRoute', { RouteTableId, DestinationCidrBlock: '192.168.0.0/16', InstanceId });
    await api.call('CreateRoute', { RouteTableId, DestinationCidrBlock: '192.169.0.0/16', NetworkInterfaceId });
    const expected = { InstanceId, NetworkInterfaceId, InstanceOwnerId: '000000000000', State: 'active' };
    expect((await routes(api, RouteTableId)).slice(2)).toMatchObject([expected, expected]);
    const inside = { RouteTableId, DestinationCidrBlock: '10.0.7.0/24' };
    await api.call('CreateRoute', { ...inside, NetworkInterfaceId });
    const found = await api.call<DescribeRouteTablesResult>('DescribeRouteTables', {
      Filters: [{ Name: 'route.instance-id', Values: [InstanceId] }],
    });
    expect(found.RouteTables).toHaveLength(1);
  });

  test('the local route can lead to an interface, and be local again', async () => {
    const { api, SubnetId, RouteTableId } = await setUp();
    const [instance] = await launch(api, { SubnetId });
    const NetworkInterfaceId = instance?.NetworkInterfaces?.[0]?.NetworkInterfaceId;
    const local = { RouteTableId, DestinationCidrBlock: '10.0.0.0/16' };
    await api.call('ReplaceRoute', { ...local, NetworkInterfaceId });
    const own = async () => (await routes(api, RouteTableId)).filter(one => one.DestinationCidrBlock === '10.0.0.0/16');
    expect(await own()).toMatchObject([{ NetworkInterfaceId }]);
    await api.call('ReplaceRoute', { ...local, LocalTarget: true });
    expect(await own()).toMatchObject([{ GatewayId: 'local' }]);
    expect((await api.fail('DeleteRoute', local)).code).toBe('InvalidParameterValue');
    expect((await api.fail('CreateRoute', { ...local, NetworkInterfaceId })).code).toBe('RouteAlreadyExists');
  });

  test.each([
    [{}, 'MissingParameter'],
    [{ DestinationCidrBlock: '0.0.0.0/0' }, 'MissingParameter'],
    [{ DestinationCidrBlock: 'x', GatewayId: 'igw-00000001' }, 'InvalidParameterValue'],
    [{ DestinationIpv6CidrBlock: 'x', GatewayId: 'igw-00000001' }, 'InvalidParameterValue'],
    [{ DestinationCidrBlock: '0.0.0.0/0', GatewayId: 'igw-00000001' }, 'InvalidInternetGatewayID.NotFound'],
    [{ DestinationCidrBlock: '0.0.0.0/0', GatewayId: 'vgw-00000001' }, 'InvalidVpnGatewayID.NotFound'],
    [{ DestinationCidrBlock: '0.0.0.0/0', GatewayId: 'x' }, 'InvalidParameterValue'],
    [{ DestinationCidrBlock: '0.0.0.0/0', GatewayId: 'local' }, 'InvalidParameterValue'],
    [{ DestinationCidrBlock: '0.0.0.0/0', InstanceId: 'i-00000001' }, 'InvalidInstanceID.NotFound'],
    [{ DestinationCidrBlock: '0.0.0.0/0', TransitGatewayId: 'tgw-00000001' }, 'UnsupportedOperation'],
    [{ DestinationCidrBlock: '0.0.0.0/0', GatewayId: 'a', InstanceId: 'b' }, 'InvalidParameterCombination'],
    [
      { DestinationCidrBlock: '0.0.0.0/0', DestinationIpv6CidrBlock: '::/0', GatewayId: 'a' },
      'InvalidParameterCombination',
    ],
    [{ DestinationPrefixListId: 'pl-00000001', GatewayId: 'igw-00000001' }, 'InvalidPrefixListID.NotFound'],
  ])('CreateRoute %j answers %s', async (input, code) => {
    const { api, RouteTableId } = await setUp();
    expect((await api.fail('CreateRoute', { RouteTableId, ...input })).code).toBe(code);
    expect(await routes(api, RouteTableId)).toHaveLength(2);
  });

  test('refuse gateways of other VPCs, and gateways for what is inside the VPC', async () => {
    const { api, VpcId, RouteTableId } = await setUp();
    const { InternetGateways } = await api.call<DescribeInternetGatewaysResult>('DescribeInternetGateways');
    const foreign = InternetGateways?.[0]?.InternetGatewayId;
    const code = async (input: object) => (await api.fail('CreateRoute', { RouteTableId, ...input })).code;
    expect(await code({ DestinationCidrBlock: '0.0.0.0/0', GatewayId: foreign })).toBe('InvalidParameterValue');
    const GatewayId = await attachedGateway(api, VpcId);
    expect(await code({ DestinationCidrBlock: '10.0.1.0/24', GatewayId })).toBe('InvalidParameterValue');
  });

  test('50 in a table and no more', async () => {
    const { api, VpcId, RouteTableId } = await setUp();
    const GatewayId = await attachedGateway(api, VpcId);
    for (let index = 0; index < 50; index++)
      await api.call('CreateRoute', { RouteTableId, DestinationCidrBlock: `192.168.${index}.0/24`, GatewayId });
    const more = { RouteTableId, DestinationCidrBlock: '192.168.99.0/24', GatewayId };
    expect((await api.fail('CreateRoute', more)).code).toBe('RouteLimitExceeded');
  });
});

test('an egress-only internet gateway: one a VPC, for IPv6 routes', async () => {
  const { api, VpcId, RouteTableId } = await setUp();
  type Made = { EgressOnlyInternetGateway?: { EgressOnlyInternetGatewayId?: string } };
  const TagSpecifications = [{ ResourceType: 'egress-only-internet-gateway', Tags: [{ Key: 'a', Value: 'b' }] }];
  const made = await api.call<Made>('CreateEgressOnlyInternetGateway', { VpcId, TagSpecifications });
  const EgressOnlyInternetGatewayId = made.EgressOnlyInternetGateway?.EgressOnlyInternetGatewayId;
  expect(made.EgressOnlyInternetGateway).toMatchObject({
    Attachments: [{ VpcId, State: 'attached' }],
    Tags: [{ Key: 'a', Value: 'b' }],
  });
  expect((await api.fail('CreateEgressOnlyInternetGateway', { VpcId })).code).toBe(
    'EgressOnlyInternetGatewayLimitExceeded',
  );
  const to = { RouteTableId, EgressOnlyInternetGatewayId };
  expect((await api.fail('CreateRoute', { ...to, DestinationCidrBlock: '0.0.0.0/0' })).code).toBe(
    'InvalidParameterCombination',
  );
  await api.call('CreateRoute', { ...to, DestinationIpv6CidrBlock: '::/0' });
  expect((await routes(api, RouteTableId))[2]).toMatchObject({ EgressOnlyInternetGatewayId, State: 'active' });
  expect(await api.call('DescribeEgressOnlyInternetGateways', { Filters: [{ Name: 'tag:a', Values: ['b'] }] })).toEqual(
    {
      EgressOnlyInternetGateways: [made.EgressOnlyInternetGateway],
    },
  );
  expect((await api.fail('DeleteVpc', { VpcId })).code).toBe('DependencyViolation');
  const other = await api.fail('DeleteEgressOnlyInternetGateway', to, { account: '111111111111' });
  expect(other.code).toBe('InvalidEgressOnlyInternetGatewayId.NotFound');
  const gone = await api.call('DeleteEgressOnlyInternetGateway', { EgressOnlyInternetGatewayId });
  expect(gone).toEqual({ ReturnCode: true });
  expect((await routes(api, RouteTableId))[2]?.State).toBe('blackhole');
});

describe('associations', () => {
  test('of a subnet: explicit, moved, and back to the main table', async () => {
    const { api, VpcId, SubnetId, RouteTableId } = await setUp();
    const made = await api.call<AssociateRouteTableResult>('AssociateRouteTable', { RouteTableId, SubnetId });
    expect(await api.call('AssociateRouteTable', { RouteTableId, SubnetId })).toEqual(made);
    const other = await newTable(api, VpcId);
    expect((await api.fail('AssociateRouteTable', { RouteTableId: other, SubnetId })).code).toBe(
      'Resource.AlreadyAssociated',
    );
    expect((await api.fail('DeleteRouteTable', { RouteTableId })).code).toBe('DependencyViolation');
    const AssociationId = made.AssociationId;
    type Replaced = { NewAssociationId?: string };
    const moved = await api.call<Replaced>('ReplaceRouteTableAssociation', { AssociationId, RouteTableId: other });
    expect((await table(api, other))?.Associations).toMatchObject([
      { SubnetId, Main: false, RouteTableAssociationId: moved.NewAssociationId },
    ]);
    expect((await table(api, RouteTableId))?.Associations).toEqual([]);
    expect((await api.fail('DisassociateRouteTable', { AssociationId })).code).toBe('InvalidAssociationID.NotFound');
    await api.call('DisassociateRouteTable', { AssociationId: moved.NewAssociationId });
    await api.call('DeleteRouteTable', { RouteTableId: other });
    expect((await api.fail('DeleteRouteTable', { RouteTableId: other })).code).toBe('InvalidRouteTableID.NotFound');
  });

  test('of the VPC: another table becomes the main one', async () => {
    const { api, VpcId, SubnetId, RouteTableId } = await setUp();
    const GatewayId = await attachedGateway(api, VpcId);
    await api.call('CreateRoute', { RouteTableId, DestinationCidrBlock: '0.0.0.0/0', GatewayId });
    const main = async () => {
      const Filters = [
        { Name: 'association.main', Values: ['true'] },
        { Name: 'vpc-id', Values: [VpcId] },
      ];
      return (await api.call<DescribeRouteTablesResult>('DescribeRouteTables', { Filters })).RouteTables?.[0];
    };
    const before = await main();
    const AssociationId = before?.Associations?.[0]?.RouteTableAssociationId;
    expect((await api.fail('DisassociateRouteTable', { AssociationId })).code).toBe('InvalidParameterValue');
    await api.call('ReplaceRouteTableAssociation', { AssociationId, RouteTableId });
    expect((await main())?.RouteTableId).toBe(RouteTableId);
    const subnet = vpcIntent(api.state, VpcId).subnets.find(one => one.subnetId === SubnetId);
    expect(subnet?.routes).toEqual([{ destination: '0.0.0.0/0', target: 'internet-gateway' }]);
    await api.call('DeleteRouteTable', { RouteTableId: before?.RouteTableId });
  });

  test('of an internet gateway: its table leads to interfaces only', async () => {
    const { api, VpcId, RouteTableId } = await setUp();
    const GatewayId = await attachedGateway(api, VpcId);
    const withRoute = await newTable(api, VpcId);
    await api.call('CreateRoute', { RouteTableId: withRoute, DestinationCidrBlock: '0.0.0.0/0', GatewayId });
    expect((await api.fail('AssociateRouteTable', { RouteTableId: withRoute, GatewayId })).code).toBe(
      'InvalidParameterValue',
    );
    await api.call('AssociateRouteTable', { RouteTableId, GatewayId });
    expect((await table(api, RouteTableId))?.Associations).toMatchObject([{ GatewayId, Main: false }]);
    await api.call('DetachInternetGateway', { InternetGatewayId: GatewayId, VpcId });
    expect((await table(api, RouteTableId))?.Associations).toEqual([]);
  });

  test.each([
    [{}, 'MissingParameter'],
    [{ SubnetId: 'subnet-00000001' }, 'InvalidSubnetID.NotFound'],
    [{ GatewayId: 'igw-00000001' }, 'InvalidInternetGatewayID.NotFound'],
    [{ SubnetId: 'subnet-00000001', GatewayId: 'igw-00000001' }, 'InvalidParameterCombination'],
  ])('%j answers %s', async (input, code) => {
    const { api, RouteTableId } = await setUp();
    expect((await api.fail('AssociateRouteTable', { RouteTableId, ...input })).code).toBe(code);
  });

  test('not with subnets of other VPCs', async () => {
    const { api, RouteTableId } = await setUp();
    const { SubnetId } = await makeSubnet(api, (await makeVpc(api)).VpcId);
    expect((await api.fail('AssociateRouteTable', { RouteTableId, SubnetId })).code).toBe('InvalidParameterValue');
  });
});

test('route propagation needs a virtual private gateway, and there are none', async () => {
  const { api, RouteTableId } = await setUp();
  const input = { RouteTableId, GatewayId: 'vgw-00000001' };
  expect((await api.fail('EnableVgwRoutePropagation', input)).code).toBe('InvalidVpnGatewayID.NotFound');
  expect((await api.fail('DisableVgwRoutePropagation', input)).code).toBe('InvalidVpnGatewayID.NotFound');
});
