import type {
  AttachNetworkInterfaceResult,
  CreateNetworkInterfaceResult,
  DescribeInstancesResult,
  DescribeNetworkInterfacesResult,
  NetworkInterface,
} from '@aws-sdk/client-ec2';
import { afterEach, describe, expect, test } from 'vitest';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import type { Engine } from '../../engine/engine.ts';
import { createSimulator } from '../../engine/simulator/simulator.ts';
import { recordRunning } from '../instances/outcomes.ts';
import { portIntent } from '../intents.ts';
import { ec2Controllers } from '../service.ts';
import { launch } from '../testing.ts';
import { makeSubnet, makeVpc } from '../vpcs/testing.ts';

const other = { account: '111111111111' };

async function setUp(engine?: Engine) {
  const api = createTestApi(engine);
  const { VpcId, Ipv6CidrBlockAssociationSet: blocks } = await makeVpc(api, { AmazonProvidedIpv6CidrBlock: true });
  const block = blocks?.[0]?.Ipv6CidrBlock ?? '';
  const { SubnetId } = await makeSubnet(api, VpcId, { Ipv6CidrBlock: block.replace('/56', '/64') });
  return { api, VpcId, SubnetId, prefix: block.replace('::/56', '') };
}

async function create(api: TestApi, input: object): Promise<NetworkInterface & { NetworkInterfaceId: string }> {
  const made = await api.call<CreateNetworkInterfaceResult>('CreateNetworkInterface', input);
  return { ...made.NetworkInterface, NetworkInterfaceId: made.NetworkInterface?.NetworkInterfaceId ?? '' };
}

const seen = async (api: TestApi, id: string): Promise<NetworkInterface | undefined> =>
  (await api.call<DescribeNetworkInterfacesResult>('DescribeNetworkInterfaces', { NetworkInterfaceIds: [id] }))
    .NetworkInterfaces?.[0];

describe('CreateNetworkInterface', () => {
  test('with what is asked for', async () => {
    const { api, SubnetId, VpcId, prefix } = await setUp();
    const made = await create(api, {
      SubnetId,
      Description: 'second',
      PrivateIpAddresses: [{ PrivateIpAddress: '10.0.0.10', Primary: true }, { PrivateIpAddress: '10.0.0.11' }],
      Ipv6Addresses: [{ Ipv6Address: `${prefix}::0010` }],
      Ipv4PrefixCount: 1,
      Ipv6PrefixCount: 1,
      TagSpecifications: [{ ResourceType: 'network-interface', Tags: [{ Key: 'a', Value: 'b' }] }],
    });
    expect(await seen(api, made.NetworkInterfaceId)).toMatchObject({
      SubnetId,
      VpcId,
      Description: 'second',
      Status: 'available',
      PrivateIpAddress: '10.0.0.10',
      PrivateIpAddresses: [{ Primary: true }, { PrivateIpAddress: '10.0.0.11', Primary: false }],
      Ipv6Addresses: [{ Ipv6Address: `${prefix}::10` }],
      Ipv4Prefixes: [{ Ipv4Prefix: expect.stringMatching(/^10\.0\.0\.\d+\/28$/) }],
      Ipv6Prefixes: [{ Ipv6Prefix: expect.stringMatching(/\/80$/) }],
      Groups: [{ GroupName: 'default' }],
      SourceDestCheck: true,
      TagSet: [{ Key: 'a', Value: 'b' }],
    });
    expect(portIntent(api.state, made.NetworkInterfaceId, 1)).toMatchObject({
      privateIpAddresses: ['10.0.0.10', '10.0.0.11'],
      ipv6Addresses: [`${prefix}::10`],
    });
    await api.call('DeleteNetworkInterface', { NetworkInterfaceId: made.NetworkInterfaceId });
    const gone = await api.fail('DeleteNetworkInterface', { NetworkInterfaceId: made.NetworkInterfaceId });
    expect(gone.code).toBe('InvalidNetworkInterfaceID.NotFound');
  });

  test('where the subnet gives each interface an IPv6 address', async () => {
    const { api, SubnetId, prefix } = await setUp();
    await api.call('ModifySubnetAttribute', { SubnetId, AssignIpv6AddressOnCreation: { Value: true } });
    expect((await create(api, { SubnetId })).Ipv6Addresses?.[0]?.Ipv6Address).toContain(prefix);
    const [instance] = await launch(api, { SubnetId });
    expect(instance?.Ipv6Address).toContain(prefix);
    expect((await api.fail('DisassociateSubnetCidrBlock', await ipv6Association(api, SubnetId))).code).toBe(
      'DependencyViolation',
    );
  });

  test.each([
    [{ PrivateIpAddress: '10.0.0.3' }, 'InvalidParameterValue'],
    [{ PrivateIpAddress: '10.0.1.9' }, 'InvalidParameterValue'],
    [
      { PrivateIpAddress: '10.0.0.9', PrivateIpAddresses: [{ PrivateIpAddress: '10.0.0.8', Primary: true }] },
      'InvalidParameterCombination',
    ],
    [
      { PrivateIpAddresses: [{ PrivateIpAddress: '10.0.0.8' }], SecondaryPrivateIpAddressCount: 1 },
      'InvalidParameterCombination',
    ],
    [{ Ipv6Addresses: [{ Ipv6Address: 'fd00::1' }] }, 'InvalidParameterValue'],
    [{ Ipv4Prefixes: [{ Ipv4Prefix: '10.0.0.0/28' }] }, 'InvalidIPAddress.InUse'],
    [{ Ipv4Prefixes: [{ Ipv4Prefix: '10.0.0.32/27' }] }, 'InvalidParameterValue'],
    [{ Groups: ['sg-00000001'] }, 'InvalidGroup.NotFound'],
    [{ InterfaceType: 'efa-only' }, 'UnsupportedOperation'],
    [{ SubnetId: 'subnet-00000001' }, 'InvalidSubnetID.NotFound'],
    [{ SecondaryPrivateIpAddressCount: -1 }, 'InvalidParameterValue'],
  ])('%j answers %s', async (input, code) => {
    const { api, SubnetId } = await setUp();
    expect((await api.fail('CreateNetworkInterface', { SubnetId, ...input })).code).toBe(code);
    expect(await api.call('DescribeNetworkInterfaces')).toEqual({ NetworkInterfaces: [] });
  });
});

async function ipv6Association(api: TestApi, SubnetId: string): Promise<object> {
  type Subnets = { Subnets?: { Ipv6CidrBlockAssociationSet?: { AssociationId?: string }[] }[] };
  const { Subnets } = await api.call<Subnets>('DescribeSubnets', { SubnetIds: [SubnetId] });
  return { AssociationId: Subnets?.[0]?.Ipv6CidrBlockAssociationSet?.[0]?.AssociationId };
}

describe('addresses of an interface', () => {
  test('are assigned, moved and unassigned', async () => {
    const { api, SubnetId } = await setUp();
    const first = await create(api, { SubnetId });
    const second = await create(api, { SubnetId });
    const of = (one: NetworkInterface, input: object) => ({ NetworkInterfaceId: one.NetworkInterfaceId, ...input });
    const assigned = await api.call('AssignPrivateIpAddresses', of(first, { PrivateIpAddresses: ['10.0.0.50'] }));
    expect(assigned).toMatchObject({ AssignedPrivateIpAddresses: [{ PrivateIpAddress: '10.0.0.50' }] });
    const take = of(second, { PrivateIpAddresses: ['10.0.0.50'] });
    expect((await api.fail('AssignPrivateIpAddresses', take)).code).toBe('InvalidParameterValue');
    await api.call('AssignPrivateIpAddresses', { ...take, AllowReassignment: true });
    expect((await seen(api, first.NetworkInterfaceId))?.PrivateIpAddresses).toHaveLength(1);
    expect((await seen(api, second.NetworkInterfaceId))?.PrivateIpAddresses?.[1]?.PrivateIpAddress).toBe('10.0.0.50');
    const primary = of(second, { PrivateIpAddresses: [first.PrivateIpAddress], AllowReassignment: true });
    expect((await api.fail('AssignPrivateIpAddresses', primary)).code).toBe('InvalidParameterValue');
    await api.call('AssignPrivateIpAddresses', of(first, { SecondaryPrivateIpAddressCount: 2 }));
    await api.call('AssignPrivateIpAddresses', of(first, { Ipv4PrefixCount: 1 }));
    const Ipv4Prefix = (await seen(api, first.NetworkInterfaceId))?.Ipv4Prefixes?.[0]?.Ipv4Prefix;
    await api.call('UnassignPrivateIpAddresses', of(first, { Ipv4Prefixes: [Ipv4Prefix] }));
    expect((await seen(api, first.NetworkInterfaceId))?.PrivateIpAddresses).toHaveLength(3);
    await api.call('UnassignPrivateIpAddresses', take);
    expect((await seen(api, second.NetworkInterfaceId))?.PrivateIpAddresses).toHaveLength(1);
    const code = async (input: object) => (await api.fail('UnassignPrivateIpAddresses', of(first, input))).code;
    expect(await code({ PrivateIpAddresses: [first.PrivateIpAddress] })).toBe('InvalidParameterValue');
    expect(await code({})).toBe('MissingParameter');
  });

  test('of IPv6 as well', async () => {
    const { api, SubnetId, prefix } = await setUp();
    const { NetworkInterfaceId } = await create(api, { SubnetId });
    const Ipv6Addresses = [`${prefix}::99`];
    expect(await api.call('AssignIpv6Addresses', { NetworkInterfaceId, Ipv6Addresses })).toMatchObject({
      AssignedIpv6Addresses: Ipv6Addresses,
    });
    await api.call('AssignIpv6Addresses', { NetworkInterfaceId, Ipv6AddressCount: 2 });
    expect((await seen(api, NetworkInterfaceId))?.Ipv6Addresses).toHaveLength(3);
    const again = await api.fail('AssignIpv6Addresses', { NetworkInterfaceId, Ipv6Addresses });
    expect(again.code).toBe('InvalidIPAddress.InUse');
    const both = { NetworkInterfaceId, Ipv6Addresses, Ipv6AddressCount: 1 };
    expect((await api.fail('AssignIpv6Addresses', both)).code).toBe('InvalidParameterCombination');
    await api.call('UnassignIpv6Addresses', { NetworkInterfaceId, Ipv6Addresses });
    expect((await api.fail('UnassignIpv6Addresses', { NetworkInterfaceId, Ipv6Addresses })).code).toBe(
      'InvalidParameterValue',
    );
  });

  test('are limited by the type of the instance', async () => {
    const { api, SubnetId } = await setUp();
    const [instance] = await launch(api, { SubnetId });
    const NetworkInterfaceId = instance?.NetworkInterfaces?.[0]?.NetworkInterfaceId;
    // t3.micro: two addresses of each family.
    const ipv4 = { NetworkInterfaceId, SecondaryPrivateIpAddressCount: 2 };
    expect((await api.fail('AssignPrivateIpAddresses', ipv4)).code).toBe('PrivateIpAddressLimitExceeded');
    const ipv6 = { NetworkInterfaceId, Ipv6AddressCount: 3 };
    expect((await api.fail('AssignIpv6Addresses', ipv6)).code).toBe('InvalidInterface.IpAddressLimitExceeded');
    const mine = await api.fail('AssignIpv6Addresses', ipv6, other);
    expect(mine.code).toBe('InvalidNetworkInterfaceID.NotFound');
  });
});

describe('attachments', () => {
  const running: { close: () => Promise<void> }[] = [];
  afterEach(async () => {
    await Promise.all(running.splice(0).map(one => one.close()));
  });

  /** With controllers, so that machines run and interfaces are really plugged into them. */
  async function withMachines() {
    const engine = createSimulator();
    const set = await setUp(engine);
    const { controllers } = ec2Controllers({ state: set.api.state, engine, clock: set.api.clock, log: () => {} });
    controllers.start();
    running.push(controllers);
    const settle = async () => {
      await set.api.state.settled();
      await controllers.idle();
      await set.api.state.settled();
      await controllers.idle();
    };
    const [instance] = await launch(set.api, { SubnetId: set.SubnetId });
    await settle();
    return { ...set, engine, settle, InstanceId: instance?.InstanceId ?? '' };
  }

  test('an interface is plugged into a running machine, and taken out', async () => {
    const { api, engine, settle, InstanceId, SubnetId } = await withMachines();
    const { NetworkInterfaceId } = await create(api, { SubnetId });
    const input = { InstanceId, NetworkInterfaceId, DeviceIndex: 1 };
    const { AttachmentId } = await api.call<AttachNetworkInterfaceResult>('AttachNetworkInterface', input);
    await settle();
    expect(await engine.machines.listNics(InstanceId)).toContain(NetworkInterfaceId);
    expect(await seen(api, NetworkInterfaceId)).toMatchObject({
      Status: 'in-use',
      Attachment: { Status: 'attached', DeviceIndex: 1, InstanceId, DeleteOnTermination: false },
    });
    const { Reservations } = await api.call<DescribeInstancesResult>('DescribeInstances', {
      InstanceIds: [InstanceId],
    });
    expect(Reservations?.[0]?.Instances?.[0]?.NetworkInterfaces?.map(one => one.Attachment?.DeviceIndex)).toEqual([
      0, 1,
    ]);
    expect((await api.fail('DeleteNetworkInterface', { NetworkInterfaceId })).code).toBe('InvalidParameterValue');
    await api.call('DetachNetworkInterface', { AttachmentId });
    await settle();
    expect(await engine.machines.listNics(InstanceId)).not.toContain(NetworkInterfaceId);
    expect(await seen(api, NetworkInterfaceId)).toMatchObject({ Status: 'available' });
    await api.call('DeleteNetworkInterface', { NetworkInterfaceId });
  });

  test('until the machine has it, or has let go of it, an interface says so', async () => {
    const { api, SubnetId } = await setUp();
    const [instance] = await launch(api, { SubnetId });
    const InstanceId = instance?.InstanceId ?? '';
    api.state.write(tx => recordRunning(tx, InstanceId, api.clock.now(), true));
    const { NetworkInterfaceId } = await create(api, { SubnetId });
    const input = { InstanceId, NetworkInterfaceId, DeviceIndex: 1 };
    const { AttachmentId } = await api.call<AttachNetworkInterfaceResult>('AttachNetworkInterface', input);
    expect((await seen(api, NetworkInterfaceId))?.Attachment?.Status).toBe('attaching');
    await api.call('DetachNetworkInterface', { AttachmentId });
    expect((await seen(api, NetworkInterfaceId))?.Attachment?.Status).toBe('detaching');
  });

  test('an interface moves with its addresses to another instance', async () => {
    const { api, settle, InstanceId, SubnetId } = await withMachines();
    const [second] = await launch(api, { SubnetId });
    await settle();
    const { NetworkInterfaceId, PrivateIpAddress } = await create(api, { SubnetId });
    const attach = (id?: string) =>
      api.call<AttachNetworkInterfaceResult>('AttachNetworkInterface', {
        ...{ InstanceId: id, NetworkInterfaceId, DeviceIndex: 1 },
      });
    const { AttachmentId } = await attach(InstanceId);
    await settle();
    await api.call('DetachNetworkInterface', { AttachmentId, Force: true });
    await settle();
    await attach(second?.InstanceId);
    await settle();
    expect(await seen(api, NetworkInterfaceId)).toMatchObject({
      PrivateIpAddress,
      Attachment: { InstanceId: second?.InstanceId, Status: 'attached' },
    });
  });

  test('a stopped instance has and loses interfaces at once', async () => {
    const { api, settle, InstanceId, SubnetId } = await withMachines();
    await api.call('StopInstances', { InstanceIds: [InstanceId] });
    await settle();
    const { NetworkInterfaceId } = await create(api, { SubnetId });
    const input = { InstanceId, NetworkInterfaceId, DeviceIndex: 1 };
    const { AttachmentId } = await api.call<AttachNetworkInterfaceResult>('AttachNetworkInterface', input);
    expect((await seen(api, NetworkInterfaceId))?.Attachment?.Status).toBe('attached');
    await api.call('DetachNetworkInterface', { AttachmentId });
    expect((await seen(api, NetworkInterfaceId))?.Status).toBe('available');
  });

  test('refusals', async () => {
    const { api, VpcId, settle, InstanceId, SubnetId } = await withMachines();
    const { NetworkInterfaceId } = await create(api, { SubnetId });
    const code = async (input: object) =>
      (await api.fail('AttachNetworkInterface', { InstanceId, NetworkInterfaceId, DeviceIndex: 1, ...input })).code;
    expect(await code({ DeviceIndex: 0 })).toBe('InvalidParameterValue');
    expect(await code({ NetworkCardIndex: 1 })).toBe('UnsupportedOperation');
    expect(await code({ InstanceId: 'i-00000001' })).toBe('InvalidInstanceID.NotFound');
    const far = { CidrBlock: '10.0.9.0/24', AvailabilityZone: 'us-east-1b' };
    const away = await create(api, { SubnetId: (await makeSubnet(api, VpcId, far)).SubnetId });
    expect(await code({ NetworkInterfaceId: away.NetworkInterfaceId })).toBe('InvalidParameterCombination');
    const large = await create(api, { SubnetId, SecondaryPrivateIpAddressCount: 5 });
    expect(await code({ NetworkInterfaceId: large.NetworkInterfaceId })).toBe('PrivateIpAddressLimitExceeded');
    await api.call('AttachNetworkInterface', { InstanceId, NetworkInterfaceId, DeviceIndex: 1 });
    await settle();
    expect(await code({})).toBe('InvalidNetworkInterface.InUse');
    // t3.micro may have two.
    const third = await create(api, { SubnetId });
    expect(await code({ NetworkInterfaceId: third.NetworkInterfaceId, DeviceIndex: 2 })).toBe(
      'AttachmentLimitExceeded',
    );
    const detach = async (AttachmentId?: string, options = {}) =>
      (await api.fail('DetachNetworkInterface', { AttachmentId }, options)).code;
    expect(await detach('x')).toBe('InvalidNetworkInterfaceAttachmentId.Malformed');
    expect(await detach('eni-attach-00000001')).toBe('InvalidAttachmentID.NotFound');
    const Filters = [{ Name: 'attachment.device-index', Values: ['0'] }];
    const all = await api.call<DescribeNetworkInterfacesResult>('DescribeNetworkInterfaces', { Filters });
    const primary = all.NetworkInterfaces?.[0]?.Attachment?.AttachmentId;
    expect(await detach(primary)).toBe('OperationNotPermitted');
    expect(await detach(primary, other)).toBe('InvalidAttachmentID.NotFound');
  });
});
