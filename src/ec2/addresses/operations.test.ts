import type {
  AllocateAddressResult,
  AssociateAddressResult,
  DescribeAddressesResult,
  DescribeAddressTransfersResult,
  DescribeInstancesResult,
  DescribeNetworkInterfacesResult,
  Instance,
} from '@aws-sdk/client-ec2';
import { describe, expect, test } from 'vitest';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import { recordRunning, recordStopped, recordTerminated } from '../instances/outcomes.ts';
import { portIntent } from '../intents.ts';
import { launch } from '../testing.ts';
import { makeSubnet, makeVpc } from '../vpcs/testing.ts';

const other = { account: '111111111111' };

async function allocate(api: TestApi, input: object = {}, options = {}) {
  const made = await api.call<AllocateAddressResult>('AllocateAddress', { Domain: 'vpc', ...input }, options);
  return { AllocationId: made.AllocationId ?? '', PublicIp: made.PublicIp ?? '' };
}

async function running(api: TestApi, input: object = {}): Promise<Instance & { InstanceId: string }> {
  const [instance] = await launch(api, input);
  const InstanceId = instance?.InstanceId ?? '';
  api.state.write(tx => recordRunning(tx, InstanceId, api.clock.now(), true));
  return { ...instance, InstanceId };
}

const seen = async (api: TestApi, InstanceId: string): Promise<Instance | undefined> =>
  (await api.call<DescribeInstancesResult>('DescribeInstances', { InstanceIds: [InstanceId] })).Reservations?.[0]
    ?.Instances?.[0];

const address = async (api: TestApi, AllocationId: string) =>
  (await api.call<DescribeAddressesResult>('DescribeAddresses', { AllocationIds: [AllocationId] })).Addresses?.[0];

const cardOf = (instance: Instance | undefined) => instance?.NetworkInterfaces?.[0]?.NetworkInterfaceId ?? '';

describe('allocation', () => {
  test('gives an address of the pool, and takes it back', async () => {
    const api = createTestApi();
    const TagSpecifications = [{ ResourceType: 'elastic-ip', Tags: [{ Key: 'Name', Value: 'a' }] }];
    const { AllocationId, PublicIp } = await allocate(api, { TagSpecifications });
    expect(PublicIp).toMatch(/^198\.18\./);
    expect(await address(api, AllocationId)).toEqual({
      AllocationId,
      PublicIp,
      Domain: 'vpc',
      PublicIpv4Pool: 'amazon',
      NetworkBorderGroup: 'us-east-1',
      Tags: [{ Key: 'Name', Value: 'a' }],
    });
    const byAddress = await api.call<DescribeAddressesResult>('DescribeAddresses', { PublicIps: [PublicIp] });
    expect(byAddress.Addresses).toHaveLength(1);
    expect(await api.call('DescribeAddresses', {}, other)).toEqual({ Addresses: [] });
    expect((await api.fail('ReleaseAddress', { AllocationId }, other)).code).toBe('InvalidAllocationID.NotFound');
    expect((await api.fail('ReleaseAddress', { PublicIp })).code).toBe('InvalidParameterValue');
    await api.call('ReleaseAddress', { AllocationId });
    expect((await api.fail('ReleaseAddress', { AllocationId })).code).toBe('InvalidAllocationID.NotFound');
    // An address that was given back can be asked for while nobody has it.
    expect((await allocate(api, { Address: PublicIp })).PublicIp).toBe(PublicIp);
    expect((await api.fail('AllocateAddress', { Address: PublicIp })).code).toBe('InvalidAddress.NotFound');
  });

  test('five in a Region and no more', async () => {
    const api = createTestApi();
    for (let index = 0; index < 5; index++) await allocate(api);
    expect((await api.fail('AllocateAddress')).code).toBe('AddressLimitExceeded');
    await allocate(api, {}, { region: 'eu-west-1' });
    await allocate(api, {}, other);
  });

  test.each([
    [{ Domain: 'standard' }, 'UnsupportedOperation'],
    [{ Domain: 'x' }, 'InvalidParameterValue'],
    [{ NetworkBorderGroup: 'us-east-1-wl1' }, 'InvalidParameterValue'],
    [{ PublicIpv4Pool: 'ipv4pool-ec2-1' }, 'InvalidPublicIpv4PoolID.NotFound'],
    [{ CustomerOwnedIpv4Pool: 'x' }, 'UnsupportedOperation'],
    [{ Address: '10.0.0.1' }, 'InvalidAddress.NotFound'],
  ])('%j answers %s', async (input, code) => {
    expect((await createTestApi().fail('AllocateAddress', input)).code).toBe(code);
  });

  test('no launch gets an address that is allocated', async () => {
    const api = createTestApi();
    const { PublicIp } = await allocate(api);
    const instances = await launch(api, { MinCount: 50, MaxCount: 50 });
    expect(instances.map(one => one.PublicIpAddress)).not.toContain(PublicIp);
  });
});

describe('association', () => {
  test('replaces the auto-assigned address, stays over a stop, and ends', async () => {
    const api = createTestApi();
    const { InstanceId, PublicIpAddress } = await running(api);
    const { AllocationId, PublicIp } = await allocate(api);
    const made = await api.call<AssociateAddressResult>('AssociateAddress', { InstanceId, AllocationId });
    const now = await seen(api, InstanceId);
    expect(now).toMatchObject({
      PublicIpAddress: PublicIp,
      PublicDnsName: `ec2-${PublicIp.replaceAll('.', '-')}.compute-1.amazonaws.com`,
      NetworkInterfaces: [{ Association: { PublicIp, IpOwnerId: '000000000000' } }],
    });
    expect(portIntent(api.state, cardOf(now), 1).publicIpAddresses).toEqual({
      [now?.PrivateIpAddress ?? '']: PublicIp,
    });
    expect(await address(api, AllocationId)).toMatchObject({
      AssociationId: made.AssociationId,
      InstanceId,
      NetworkInterfaceId: cardOf(now),
      PrivateIpAddress: now?.PrivateIpAddress,
    });
    const found = await api.call<DescribeNetworkInterfacesResult>('DescribeNetworkInterfaces', {
      Filters: [{ Name: 'association.allocation-id', Values: [AllocationId] }],
    });
    expect(found.NetworkInterfaces?.[0]?.Association).toMatchObject({
      AllocationId,
      AssociationId: made.AssociationId,
    });
    await api.call('StopInstances', { InstanceIds: [InstanceId] });
    api.state.write(tx => recordStopped(tx, InstanceId, api.clock.now()));
    await api.call('StartInstances', { InstanceIds: [InstanceId] });
    expect((await seen(api, InstanceId))?.PublicIpAddress).toBe(PublicIp);
    await api.call('DisassociateAddress', { AssociationId: made.AssociationId });
    expect((await seen(api, InstanceId))?.PublicIpAddress).toBeUndefined();
    expect((await address(api, AllocationId))?.AssociationId).toBeUndefined();
    expect((await api.fail('DisassociateAddress', { AssociationId: made.AssociationId })).code).toBe(
      'InvalidAssociationID.NotFound',
    );
    expect(PublicIpAddress).not.toBe(PublicIp);
  });

  test('moves to another instance, unless that is forbidden', async () => {
    const api = createTestApi();
    const first = await running(api);
    const second = await running(api);
    const { AllocationId, PublicIp } = await allocate(api);
    const to = (one: { InstanceId: string }, input = {}) => ({ InstanceId: one.InstanceId, AllocationId, ...input });
    const one = await api.call<AssociateAddressResult>('AssociateAddress', to(first));
    expect(await api.call('AssociateAddress', to(first))).toEqual(one);
    expect((await api.fail('AssociateAddress', to(second, { AllowReassociation: false }))).code).toBe(
      'Resource.AlreadyAssociated',
    );
    await api.call('AssociateAddress', to(second));
    expect((await seen(api, first.InstanceId))?.PublicIpAddress).toBeUndefined();
    expect((await seen(api, second.InstanceId))?.PublicIpAddress).toBe(PublicIp);
    const another = await allocate(api);
    await api.call('AssociateAddress', { PublicIp: another.PublicIp, NetworkInterfaceId: cardOf(second) });
    expect((await seen(api, second.InstanceId))?.PublicIpAddress).toBe(another.PublicIp);
    expect((await address(api, AllocationId))?.AssociationId).toBeUndefined();
    await api.call('DisassociateAddress', { PublicIp: another.PublicIp });
  });

  test('with a secondary private address', async () => {
    const api = createTestApi();
    const NetworkInterfaces = [{ DeviceIndex: 0, SecondaryPrivateIpAddressCount: 1 }];
    const instance = await running(api, { NetworkInterfaces });
    const PrivateIpAddress = instance.NetworkInterfaces?.[0]?.PrivateIpAddresses?.[1]?.PrivateIpAddress;
    const { AllocationId, PublicIp } = await allocate(api);
    const NetworkInterfaceId = cardOf(instance);
    await api.call('AssociateAddress', { AllocationId, NetworkInterfaceId, PrivateIpAddress });
    const now = await seen(api, instance.InstanceId);
    expect(now?.NetworkInterfaces?.[0]?.PrivateIpAddresses?.map(one => one.Association?.PublicIp)).toEqual([
      instance.PublicIpAddress,
      PublicIp,
    ]);
    expect(now?.PublicIpAddress).toBe(instance.PublicIpAddress);
    const wrong = { AllocationId, NetworkInterfaceId, PrivateIpAddress: '10.9.9.9' };
    expect((await api.fail('AssociateAddress', wrong)).code).toBe('InvalidParameterValue');
  });

  test('ends with the instance; the address stays allocated', async () => {
    const api = createTestApi();
    const { InstanceId } = await running(api);
    const { AllocationId } = await allocate(api);
    await api.call('AssociateAddress', { InstanceId, AllocationId });
    await api.call('TerminateInstances', { InstanceIds: [InstanceId] });
    api.state.write(tx => recordTerminated(tx, InstanceId, api.clock.now()));
    expect((await address(api, AllocationId))?.AssociationId).toBeUndefined();
  });

  test('refusals', async () => {
    const api = createTestApi();
    const [pending] = await launch(api);
    const { AllocationId, PublicIp } = await allocate(api);
    const code = async (input: object, options = {}) => (await api.fail('AssociateAddress', input, options)).code;
    expect(await code({ AllocationId })).toBe('MissingParameter');
    expect(await code({ InstanceId: pending?.InstanceId })).toBe('MissingParameter');
    expect(await code({ AllocationId, PublicIp, InstanceId: pending?.InstanceId })).toBe('InvalidParameterCombination');
    expect(await code({ AllocationId, InstanceId: pending?.InstanceId })).toBe('IncorrectInstanceState');
    expect(await code({ AllocationId, InstanceId: 'i-00000001' })).toBe('InvalidInstanceID.NotFound');
    expect(await code({ PublicIp: '198.18.9.9', InstanceId: 'i-00000001' })).toBe('InvalidAddress.NotFound');
    expect(await code({ AllocationId, InstanceId: 'i-00000001' }, other)).toBe('InvalidAllocationID.NotFound');
    const { SubnetId } = await makeSubnet(api, (await makeVpc(api)).VpcId);
    const isolated = await running(api, { SubnetId });
    expect(await code({ AllocationId, InstanceId: isolated.InstanceId })).toBe('Gateway.NotAttached');
    expect((await api.fail('DisassociateAddress')).code).toBe('MissingParameter');
    expect((await api.fail('DisassociateAddress', { PublicIp })).code).toBe('InvalidAssociationID.NotFound');
  });

  test('a release ends it in the default VPC only', async () => {
    const api = createTestApi();
    const standard = await running(api);
    const first = await allocate(api);
    await api.call('AssociateAddress', { AllocationId: first.AllocationId, InstanceId: standard.InstanceId });
    await api.call('ReleaseAddress', { AllocationId: first.AllocationId });
    expect((await seen(api, standard.InstanceId))?.PublicIpAddress).toBeUndefined();
    const { VpcId } = await makeVpc(api);
    const { SubnetId } = await makeSubnet(api, VpcId);
    type Made = { InternetGateway?: { InternetGatewayId?: string } };
    const { InternetGateway } = await api.call<Made>('CreateInternetGateway');
    await api.call('AttachInternetGateway', { VpcId, InternetGatewayId: InternetGateway?.InternetGatewayId });
    const own = await running(api, { SubnetId });
    const { AllocationId } = await allocate(api);
    await api.call('AssociateAddress', { AllocationId, InstanceId: own.InstanceId });
    expect((await api.fail('ReleaseAddress', { AllocationId })).code).toBe('InvalidIPAddress.InUse');
  });
});

test('the name for reverse DNS is set, shown and reset', async () => {
  const api = createTestApi();
  const { AllocationId, PublicIp } = await allocate(api);
  const changed = await api.call('ModifyAddressAttribute', { AllocationId, DomainName: 'mail.example.com' });
  expect(changed).toEqual({ Address: { AllocationId, PublicIp, PtrRecord: 'mail.example.com.' } });
  const Attribute = 'domain-name';
  expect(await api.call('DescribeAddressesAttribute', { AllocationIds: [AllocationId], Attribute })).toMatchObject({
    Addresses: [{ PtrRecord: 'mail.example.com.' }],
  });
  const offer = { AllocationId, TransferAccountId: other.account };
  expect((await api.fail('EnableAddressTransfer', offer)).code).toBe('InvalidTransfer.AddressCustomPtrSet');
  expect((await api.fail('ModifyAddressAttribute', { AllocationId, DomainName: 'a b' })).code).toBe(
    'InvalidParameterValue',
  );
  await api.call('ResetAddressAttribute', { AllocationId, Attribute });
  expect(await api.call('DescribeAddressesAttribute')).toEqual({ Addresses: [{ AllocationId, PublicIp }] });
});

describe('transfers', () => {
  test('an address goes to another account that accepts it within a week', async () => {
    const api = createTestApi();
    const { AllocationId, PublicIp } = await allocate(api);
    const offer = { AllocationId, TransferAccountId: other.account };
    await api.call('EnableAddressTransfer', offer);
    await api.call('DisableAddressTransfer', { AllocationId });
    expect((await api.fail('AcceptAddressTransfer', { Address: PublicIp }, other)).code).toBe(
      'InvalidTransfer.NotFound',
    );
    await api.call('EnableAddressTransfer', offer);
    expect((await api.fail('AcceptAddressTransfer', { Address: PublicIp }, { account: '222222222222' })).code).toBe(
      'InvalidTransfer.NotFound',
    );
    await api.call('AcceptAddressTransfer', { Address: PublicIp }, other);
    expect(await api.call('DescribeAddresses')).toEqual({ Addresses: [] });
    const theirs = await api.call<DescribeAddressesResult>('DescribeAddresses', {}, other);
    expect(theirs.Addresses).toMatchObject([{ PublicIp }]);
    expect(theirs.Addresses?.[0]?.AllocationId).not.toBe(AllocationId);
    const shown = await api.call<DescribeAddressTransfersResult>('DescribeAddressTransfers');
    expect(shown.AddressTransfers).toMatchObject([{ AllocationId, AddressTransferStatus: 'accepted' }]);
  });

  test('an offer ends after a week, and an associated address cannot be offered', async () => {
    const api = createTestApi();
    const { AllocationId, PublicIp } = await allocate(api);
    const offer = { AllocationId, TransferAccountId: other.account };
    await api.call('EnableAddressTransfer', offer);
    api.clock.advance(7 * 86_400_000);
    expect((await api.fail('AcceptAddressTransfer', { Address: PublicIp }, other)).code).toBe(
      'InvalidTransfer.NotFound',
    );
    const { InstanceId } = await running(api);
    await api.call('AssociateAddress', { AllocationId, InstanceId });
    expect((await api.fail('EnableAddressTransfer', offer)).code).toBe('InvalidTransfer.AddressAssociated');
    expect((await api.fail('EnableAddressTransfer', { AllocationId, TransferAccountId: '1' })).code).toBe(
      'InvalidParameterValue',
    );
  });
});

test('nothing is on its way from EC2-Classic', async () => {
  expect(await createTestApi().call('DescribeMovingAddresses')).toEqual({ MovingAddressStatuses: [] });
});

test.each([
  [{ AllocationIds: ['eipalloc-00000001'] }, 'InvalidAllocationID.NotFound'],
  [{ PublicIps: ['198.18.0.9'] }, 'InvalidAddress.NotFound'],
  [{ PublicIps: ['198.18.0'] }, 'InvalidAddress.Malformed'],
  [{ Filters: [{ Name: 'x', Values: ['y'] }] }, 'InvalidParameterValue'],
])('%j answers %s', async (input, code) => {
  expect((await createTestApi().fail('DescribeAddresses', input)).code).toBe(code);
});
