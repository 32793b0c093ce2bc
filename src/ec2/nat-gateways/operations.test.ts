import type {
  AssignPrivateNatGatewayAddressResult,
  AssociateNatGatewayAddressResult,
  CreateNatGatewayResult,
  DescribeAddressesResult,
  DescribeNatGatewaysResult,
  DescribeNetworkInterfacesResult,
  DescribeRouteTablesResult,
  NatGateway,
} from '@aws-sdk/client-ec2';
import { describe, expect, test } from 'vitest';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import { vpcIntent } from '../intents.ts';
import { makeSubnet } from '../vpcs/testing.ts';
import { natGatewayController } from './controller.ts';
import { allocate, makeNatGateway, makePublicSubnet, settleNatGateways } from './testing.ts';

const seen = async (api: TestApi, id: string): Promise<NatGateway | undefined> =>
  (await api.call<DescribeNatGatewaysResult>('DescribeNatGateways', { NatGatewayIds: [id] })).NatGateways?.[0];

const card = async (api: TestApi, SubnetId: string) =>
  (
    await api.call<DescribeNetworkInterfacesResult>('DescribeNetworkInterfaces', {
      Filters: [{ Name: 'subnet-id', Values: [SubnetId] }],
    })
  ).NetworkInterfaces?.[0];

async function setUp() {
  const api = createTestApi();
  return { api, ...(await makePublicSubnet(api)) };
}

describe('a public NAT gateway', () => {
  test('comes with an interface of its own and its Elastic IP address, and goes with them', async () => {
    const { api, VpcId, SubnetId, InternetGatewayId } = await setUp();
    const { AllocationId, PublicIp } = await allocate(api);
    const TagSpecifications = [{ ResourceType: 'natgateway', Tags: [{ Key: 'Name', Value: 'out' }] }];
    const made = await api.call<CreateNatGatewayResult>('CreateNatGateway', {
      SubnetId,
      AllocationId,
      TagSpecifications,
    });
    const id = made.NatGateway?.NatGatewayId ?? '';
    expect(made.NatGateway).toMatchObject({ State: 'pending', NatGatewayAddresses: [{ Status: 'associating' }] });
    await settleNatGateways(api);
    const own = await card(api, SubnetId);
    const privateIp = own?.PrivateIpAddress;
    expect(await seen(api, id)).toEqual({
      NatGatewayId: id,
      VpcId,
      SubnetId,
      ConnectivityType: 'public',
      AvailabilityMode: 'zonal',
      State: 'available',
      NatGatewayAddresses: [
        {
          AllocationId,
          AssociationId: own?.Association?.AssociationId,
          NetworkInterfaceId: own?.NetworkInterfaceId,
          PrivateIp: privateIp,
          PublicIp,
          IsPrimary: true,
          Status: 'succeeded',
        },
      ],
      CreateTime: new Date(api.clock.now()),
      Tags: [{ Key: 'Name', Value: 'out' }],
    });
    expect(own).toMatchObject({
      InterfaceType: 'nat_gateway',
      RequesterManaged: true,
      SourceDestCheck: false,
      Status: 'in-use',
      Groups: [],
      Description: `Interface for NAT Gateway ${id}`,
      Attachment: { InstanceOwnerId: 'amazon-aws', Status: 'attached' },
      Association: { PublicIp },
    });
    const NetworkInterfaceId = own?.NetworkInterfaceId;
    // What belongs to the gateway is nobody's to change, and holds what it is in.
    const association = { AssociationId: own?.Association?.AssociationId };
    for (const [operation, input, code] of [
      ['DeleteNetworkInterface', { NetworkInterfaceId }, 'OperationNotPermitted'],
      [
        'ModifyNetworkInterfaceAttribute',
        { NetworkInterfaceId, SourceDestCheck: { Value: true } },
        'OperationNotPermitted',
      ],
      ['DisassociateAddress', association, 'OperationNotPermitted'],
      ['ReleaseAddress', { AllocationId }, 'InvalidIPAddress.InUse'],
      ['DeleteSubnet', { SubnetId }, 'DependencyViolation'],
      ['DeleteVpc', { VpcId }, 'DependencyViolation'],
      ['DetachInternetGateway', { InternetGatewayId, VpcId }, 'DependencyViolation'],
    ] as const)
      expect((await api.fail(operation, input)).code, operation).toBe(code);
    expect(await api.call('DeleteNatGateway', { NatGatewayId: id })).toEqual({ NatGatewayId: id });
    expect((await seen(api, id))?.State).toBe('deleting');
    expect((await api.fail('DeleteSubnet', { SubnetId })).code).toBe('DependencyViolation');
    await settleNatGateways(api);
    expect(await seen(api, id)).toMatchObject({
      State: 'deleted',
      DeleteTime: new Date(api.clock.now()),
      NatGatewayAddresses: [{ AllocationId, PublicIp, PrivateIp: privateIp }],
    });
    expect(await card(api, SubnetId)).toBeUndefined();
    const free = await api.call<DescribeAddressesResult>('DescribeAddresses', { AllocationIds: [AllocationId] });
    expect(free.Addresses?.[0]?.AssociationId).toBeUndefined();
    expect((await api.fail('DeleteNatGateway', { NatGatewayId: id })).code).toBe('NatGatewayNotFound');
    await api.call('DeleteSubnet', { SubnetId });
    api.clock.advance(3_600_000);
    await settleNatGateways(api);
    expect((await api.fail('DescribeNatGateways', { NatGatewayIds: [id] })).code).toBe('NatGatewayNotFound');
  });

  test('is what routes lead to, in the fabric as well', async () => {
    const { api, VpcId, SubnetId } = await setUp();
    const { SubnetId: inner } = await makeSubnet(api, VpcId, { CidrBlock: '10.0.1.0/24' });
    const { AllocationId, PublicIp } = await allocate(api);
    const { NatGatewayId } = await makeNatGateway(api, { SubnetId, AllocationId, PrivateIpAddress: '10.0.0.50' });
    const tables = async () =>
      (
        await api.call<DescribeRouteTablesResult>('DescribeRouteTables', {
          Filters: [{ Name: 'vpc-id', Values: [VpcId] }],
        })
      ).RouteTables ?? [];
    const RouteTableId = (await tables())[0]?.RouteTableId;
    const to = { RouteTableId, DestinationCidrBlock: '0.0.0.0/0' };
    await api.call('CreateRoute', { ...to, NatGatewayId });
    const route = async () => (await tables())[0]?.Routes?.find(one => one.NatGatewayId === NatGatewayId);
    expect(await route()).toMatchObject({ DestinationCidrBlock: '0.0.0.0/0', State: 'active' });
    const own = await card(api, SubnetId);
    const intent = vpcIntent(api.state, VpcId);
    expect(intent.natGateways).toEqual([
      {
        natGatewayId: NatGatewayId,
        networkInterfaceId: own?.NetworkInterfaceId,
        subnetId: SubnetId,
        mac: own?.MacAddress,
        privateIpAddresses: ['10.0.0.50'],
        publicIpAddresses: { '10.0.0.50': PublicIp },
      },
    ]);
    const routesOf = (id: string) => vpcIntent(api.state, VpcId).subnets.find(one => one.subnetId === id)?.routes;
    expect(routesOf(inner)).toEqual([{ destination: '0.0.0.0/0', target: { natGatewayId: NatGatewayId } }]);
    const refused = [
      [{ ...to, DestinationCidrBlock: '10.9.0.0/16', NatGatewayId: 'nat-00000001' }, 'InvalidNatGatewayID.NotFound'],
      [{ ...to, DestinationCidrBlock: '10.9.0.0/16', NatGatewayId: 'x' }, 'NatGatewayMalformed'],
      [{ RouteTableId, DestinationIpv6CidrBlock: '64:ff9b::/96', NatGatewayId }, 'UnsupportedOperation'],
    ] as const;
    for (const [input, code] of refused) expect((await api.fail('CreateRoute', input)).code).toBe(code);
    await api.call('DeleteNatGateway', { NatGatewayId });
    expect((await route())?.State).toBe('blackhole');
    expect(routesOf(inner)).toEqual([{ destination: '0.0.0.0/0', target: 'blackhole' }]);
    expect(vpcIntent(api.state, VpcId).natGateways).toBeUndefined();
  });

  test('gets and gives back secondary addresses', async () => {
    const { api, SubnetId } = await setUp();
    const first = await allocate(api);
    const second = await allocate(api);
    const third = await allocate(api);
    const { NatGatewayId } = await makeNatGateway(api, {
      SubnetId,
      AllocationId: first.AllocationId,
      PrivateIpAddress: '10.0.0.50',
    });
    const added = await api.call<AssociateNatGatewayAddressResult>('AssociateNatGatewayAddress', {
      NatGatewayId,
      AllocationIds: [second.AllocationId],
      PrivateIpAddresses: ['10.0.0.77'],
    });
    expect(added.NatGatewayAddresses).toMatchObject([
      { PublicIp: second.PublicIp, PrivateIp: '10.0.0.77', IsPrimary: false, Status: 'associating' },
    ]);
    const addresses = (await seen(api, NatGatewayId))?.NatGatewayAddresses ?? [];
    expect(addresses.map(one => one.PublicIp)).toEqual([first.PublicIp, second.PublicIp]);
    const more = { NatGatewayId, AllocationIds: [third.AllocationId] };
    expect((await api.fail('AssociateNatGatewayAddress', more)).code).toBe('AddressLimitExceeded');
    const again = { NatGatewayId, AllocationIds: [second.AllocationId] };
    expect((await api.fail('AssociateNatGatewayAddress', again)).code).toBe('Resource.AlreadyAssociated');
    const dissociate = (index: number, input: object = {}) => ({
      NatGatewayId,
      AssociationIds: [addresses[index]?.AssociationId],
      ...input,
    });
    expect((await api.fail('DisassociateNatGatewayAddress', dissociate(0))).code).toBe('InvalidParameterValue');
    const slowly = dissociate(1, { MaxDrainDurationSeconds: 60 });
    expect((await api.fail('DisassociateNatGatewayAddress', slowly)).code).toBe('UnsupportedOperation');
    await api.call('DisassociateNatGatewayAddress', dissociate(1));
    expect((await seen(api, NatGatewayId))?.NatGatewayAddresses).toHaveLength(1);
    expect((await api.fail('DisassociateNatGatewayAddress', dissociate(1))).code).toBe('InvalidAssociationID.NotFound');
    await api.call('AssociateNatGatewayAddress', more);
    const assign = { NatGatewayId, PrivateIpAddressCount: 1 };
    expect((await api.fail('AssignPrivateNatGatewayAddress', assign)).code).toBe('InvalidParameter');
  });

  test('fails where it cannot work, says why, and can be deleted', async () => {
    const api = createTestApi();
    const { SubnetId, VpcId, InternetGatewayId } = await makePublicSubnet(api, {}, { CidrBlock: '10.0.0.0/28' });
    const [first, second] = [await allocate(api), await allocate(api)];
    await makeNatGateway(api, { SubnetId, AllocationId: first.AllocationId });
    const failure = async (input: object) => {
      const { NatGatewayId } = await makeNatGateway(api, { SubnetId, ...input });
      const found = await seen(api, NatGatewayId);
      expect(found).toMatchObject({ State: 'failed', FailureMessage: expect.any(String) });
      await api.call('DeleteNatGateway', { NatGatewayId });
      expect((await seen(api, NatGatewayId))?.State).toBe('deleted');
      return found?.FailureCode;
    };
    expect(await failure({ AllocationId: first.AllocationId })).toBe('Resource.AlreadyAssociated');
    for (let left = 10; left > 0; left--) await api.call('CreateNetworkInterface', { SubnetId });
    expect(await failure({ AllocationId: second.AllocationId })).toBe('InsufficientFreeAddressesInSubnet');
    const { VpcId: other } = await makePublicSubnet(api, { CidrBlock: '10.5.0.0/16' }, { CidrBlock: '10.5.0.0/24' });
    expect(other).not.toBe(VpcId);
    const lonely = await makeSubnet(api, other, { CidrBlock: '10.5.1.0/24' });
    const gateways = await api.call<{ InternetGateways: { InternetGatewayId: string }[] }>('DescribeInternetGateways', {
      Filters: [{ Name: 'attachment.vpc-id', Values: [other] }],
    });
    const id = gateways.InternetGateways[0]?.InternetGatewayId;
    expect(id).not.toBe(InternetGatewayId);
    await api.call('DetachInternetGateway', { InternetGatewayId: id, VpcId: other });
    const detached = { SubnetId: lonely.SubnetId, AllocationId: second.AllocationId };
    expect(await failure(detached)).toBe('Gateway.NotAttached');
  });

  test('has failed when the fabric does not take it', async () => {
    const { api, SubnetId } = await setUp();
    const { AllocationId } = await allocate(api);
    const made = await api.call<CreateNatGatewayResult>('CreateNatGateway', { SubnetId, AllocationId });
    const id = made.NatGateway?.NatGatewayId ?? '';
    const network = { reconcileVpc: () => Promise.reject(new Error('no')) };
    const controller = natGatewayController({ state: api.state, clock: api.clock, network });
    await expect(controller.reconcile(id)).rejects.toThrow('no');
    controller.failed?.(id, new Error('no'), 1);
    expect((await seen(api, id))?.State).toBe('pending');
    controller.failed?.(id, new Error('no'), 5);
    expect(await seen(api, id)).toMatchObject({ State: 'failed', FailureCode: 'InternalError' });
    expect(await card(api, SubnetId)).toBeUndefined();
  });
});

test('a private NAT gateway needs no internet gateway and has up to eight addresses', async () => {
  const { api, VpcId, SubnetId } = await setUp();
  const { NatGatewayId } = await makeNatGateway(api, {
    SubnetId,
    ConnectivityType: 'private',
    PrivateIpAddress: '10.0.0.50',
    SecondaryPrivateIpAddresses: ['10.0.0.51'],
  });
  const addresses = async () => (await seen(api, NatGatewayId))?.NatGatewayAddresses ?? [];
  expect((await addresses()).map(one => [one.PrivateIp, one.PublicIp, one.IsPrimary])).toEqual([
    ['10.0.0.50', undefined, true],
    ['10.0.0.51', undefined, false],
  ]);
  const { NatGatewayId: counted } = await makeNatGateway(api, {
    SubnetId: (await makeSubnet(api, VpcId, { CidrBlock: '10.0.1.0/24' })).SubnetId,
    ConnectivityType: 'private',
    SecondaryPrivateIpAddressCount: 2,
  });
  expect((await seen(api, counted))?.NatGatewayAddresses).toHaveLength(3);
  const given = await api.call<AssignPrivateNatGatewayAddressResult>('AssignPrivateNatGatewayAddress', {
    NatGatewayId,
    PrivateIpAddresses: ['10.0.0.99'],
  });
  expect(given.NatGatewayAddresses).toMatchObject([{ PrivateIp: '10.0.0.99', Status: 'assigning', IsPrimary: false }]);
  const many = { NatGatewayId, PrivateIpAddressCount: 6 };
  expect((await api.fail('AssignPrivateNatGatewayAddress', many)).code).toBe('PrivateIpAddressLimitExceeded');
  const none = { NatGatewayId, PrivateIpAddresses: ['10.0.0.98'] };
  expect((await api.fail('UnassignPrivateNatGatewayAddress', none)).code).toBe('InvalidParameterValue');
  await api.call('UnassignPrivateNatGatewayAddress', { NatGatewayId, PrivateIpAddresses: ['10.0.0.99'] });
  expect((await addresses()).map(one => one.PrivateIp)).not.toContain('10.0.0.99');
});

test('five in a zone and no more; those that are gone do not count', async () => {
  const { api, SubnetId } = await setUp();
  const wanted = { SubnetId, ConnectivityType: 'private' };
  const ids: string[] = [];
  for (let index = 0; index < 5; index++) ids.push((await makeNatGateway(api, wanted)).NatGatewayId);
  expect((await api.fail('CreateNatGateway', wanted)).code).toBe('NatGatewayLimitExceeded');
  await api.call('DeleteNatGateway', { NatGatewayId: ids[0] });
  await settleNatGateways(api);
  await makeNatGateway(api, wanted);
  const available = await api.call<DescribeNatGatewaysResult>('DescribeNatGateways', {
    Filter: [{ Name: 'state', Values: ['available'] }],
  });
  expect(available.NatGateways).toHaveLength(5);
  const page = await api.call<DescribeNatGatewaysResult>('DescribeNatGateways', { MaxResults: 5 });
  expect(page.NextToken).toBeDefined();
  const foreign = await api.call<DescribeNatGatewaysResult>('DescribeNatGateways', {}, { account: '111111111111' });
  expect(foreign.NatGateways).toEqual([]);
});

test.each([
  [{}, 'MissingParameter'],
  [{ SubnetId: 'subnet-00000001' }, 'InvalidSubnetID.NotFound'],
  [{ SubnetId: 'own' }, 'MissingParameter'],
  [{ SubnetId: 'own', ConnectivityType: 'x' }, 'InvalidParameterValue'],
  [{ SubnetId: 'own', AllocationId: 'eipalloc-00000001' }, 'InvalidAllocationID.NotFound'],
  [{ SubnetId: 'own', AvailabilityMode: 'regional' }, 'UnsupportedOperation'],
  [{ SubnetId: 'own', ConnectivityType: 'private', AllocationId: 'allocated' }, 'InvalidParameterCombination'],
  [{ SubnetId: 'own', ConnectivityType: 'private', PrivateIpAddress: '10.7.0.1' }, 'InvalidParameterValue'],
  [{ SubnetId: 'own', ConnectivityType: 'private', PrivateIpAddress: '10.0.0.1' }, 'InvalidParameterValue'],
  [
    { SubnetId: 'own', ConnectivityType: 'private', SecondaryPrivateIpAddressCount: 8 },
    'PrivateIpAddressLimitExceeded',
  ],
  [{ SubnetId: 'own', AllocationId: 'allocated', SecondaryPrivateIpAddressCount: 1 }, 'InvalidParameterCombination'],
  [
    { SubnetId: 'own', AllocationId: 'allocated', SecondaryPrivateIpAddresses: ['10.0.0.9'] },
    'InvalidParameterCombination',
  ],
])('CreateNatGateway %j answers %s and makes nothing', async (input, code) => {
  const { api, SubnetId } = await setUp();
  const { AllocationId } = await allocate(api);
  const filled = {
    ...input,
    ...('SubnetId' in input && input.SubnetId === 'own' ? { SubnetId } : {}),
    ...('AllocationId' in input && input.AllocationId === 'allocated' ? { AllocationId } : {}),
  };
  expect((await api.fail('CreateNatGateway', filled)).code).toBe(code);
  expect((await api.call<DescribeNatGatewaysResult>('DescribeNatGateways')).NatGateways).toEqual([]);
  expect(await card(api, SubnetId)).toBeUndefined();
});
