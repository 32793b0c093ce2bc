import type { CreateNetworkInterfaceResult, DescribeInstancesResult, DescribeSubnetsResult } from '@aws-sdk/client-ec2';
import { expect, test } from 'vitest';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import { recordRunning, recordStopped } from '../instances/outcomes.ts';
import { makeNatGateway } from '../nat-gateways/testing.ts';
import { launch } from '../testing.ts';

/** Has EFA; whether the machine could hold it is not asked here. */
const withEfa = { InstanceType: 'c5n.18xlarge' };

async function efa(api: TestApi): Promise<{ SubnetId: string; NetworkInterfaceId: string }> {
  const subnets = await api.call<DescribeSubnetsResult>('DescribeSubnets');
  const SubnetId = subnets.Subnets?.[0]?.SubnetId ?? '';
  const input = { SubnetId, InterfaceType: 'efa' };
  const made = await api.call<CreateNetworkInterfaceResult>('CreateNetworkInterface', input);
  expect(made.NetworkInterface?.InterfaceType).toBe('efa');
  return { SubnetId, NetworkInterfaceId: made.NetworkInterface?.NetworkInterfaceId ?? '' };
}

test('an EFA is launched with types that have it, one of them', async () => {
  const api = createTestApi();
  const one = { DeviceIndex: 0, InterfaceType: 'efa' };
  const [made] = await launch(api, { ...withEfa, NetworkInterfaces: [one] });
  const seen = await api.call<DescribeInstancesResult>('DescribeInstances', { InstanceIds: [made?.InstanceId] });
  expect(seen.Reservations?.[0]?.Instances?.[0]?.NetworkInterfaces?.[0]?.InterfaceType).toBe('efa');
  const refused = async (input: object) =>
    launch(api, input).then(
      () => undefined,
      (error: { code: string }) => error.code,
    );
  expect(await refused({ NetworkInterfaces: [one] })).toBe('InvalidParameterCombination');
  const two = [one, { DeviceIndex: 1, InterfaceType: 'efa' }];
  expect(await refused({ ...withEfa, NetworkInterfaces: two })).toBe('AttachmentLimitExceeded');
  const other = [{ DeviceIndex: 0, InterfaceType: 'efa-only' }];
  expect(await refused({ ...withEfa, NetworkInterfaces: other })).toBe('UnsupportedOperation');
  expect(await refused({ NetworkInterfaces: [{ DeviceIndex: 0, InterfaceType: 'x' }] })).toBe('InvalidParameterValue');
});

test('an EFA comes and goes while its instance is stopped, which keeps a type that has it', async () => {
  const api = createTestApi();
  const { SubnetId, NetworkInterfaceId } = await efa(api);
  const [made] = await launch(api, { ...withEfa, SubnetId });
  const InstanceId = made?.InstanceId ?? '';
  api.state.write(tx => recordRunning(tx, InstanceId, api.clock.now(), true));
  const attach = { InstanceId, NetworkInterfaceId, DeviceIndex: 1 };
  expect((await api.fail('AttachNetworkInterface', attach)).code).toBe('IncorrectInstanceState');
  const stop = async () => {
    await api.call('StopInstances', { InstanceIds: [InstanceId] });
    api.state.write(tx => recordStopped(tx, InstanceId, api.clock.now()));
  };
  await stop();
  const { AttachmentId } = await api.call<{ AttachmentId: string }>('AttachNetworkInterface', attach);
  const change = { InstanceId, InstanceType: { Value: 't3.micro' } };
  expect((await api.fail('ModifyInstanceAttribute', change)).code).toBe('InvalidParameterCombination');
  await api.call('StartInstances', { InstanceIds: [InstanceId] });
  api.state.write(tx => recordRunning(tx, InstanceId, api.clock.now(), true));
  expect((await api.fail('DetachNetworkInterface', { AttachmentId })).code).toBe('IncorrectInstanceState');
  await stop();
  await api.call('DetachNetworkInterface', { AttachmentId });
  await api.call('ModifyInstanceAttribute', change);
  expect((await api.fail('AttachNetworkInterface', attach)).code).toBe('InvalidParameterCombination');
});

test('the interface of a NAT gateway is not for instances', async () => {
  const api = createTestApi();
  const { SubnetId } = await efa(api);
  const { NatGatewayId } = await makeNatGateway(api, { SubnetId, ConnectivityType: 'private' });
  const described = await api.call<{
    NatGateways: { NatGatewayAddresses: { NetworkInterfaceId: string }[] }[];
  }>('DescribeNatGateways', { NatGatewayIds: [NatGatewayId] });
  const NetworkInterfaceId = described.NatGateways[0]?.NatGatewayAddresses[0]?.NetworkInterfaceId;
  const NetworkInterfaces = [{ DeviceIndex: 0, NetworkInterfaceId }];
  await expect(launch(api, { NetworkInterfaces })).rejects.toMatchObject({ code: 'OperationNotPermitted' });
});
