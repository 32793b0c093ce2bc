import type { DescribeInstancesResult, DescribeNetworkInterfacesResult, RouteTable } from '@aws-sdk/client-ec2';
import { expect, test } from 'vitest';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import { recordRunning, recordStopped } from '../instances/outcomes.ts';
import { makePublicSubnet } from '../nat-gateways/testing.ts';
import { launch } from '../testing.ts';
import { makeSubnet, makeVpc } from '../vpcs/testing.ts';

async function running(api: TestApi, input: object = {}) {
  const [made] = await launch(api, input);
  const InstanceId = made?.InstanceId ?? '';
  api.state.write(tx => recordRunning(tx, InstanceId, api.clock.now(), true));
  return { InstanceId, NetworkInterfaceId: made?.NetworkInterfaces?.[0]?.NetworkInterfaceId ?? '' };
}

const instance = async (api: TestApi, InstanceId: string) =>
  (await api.call<DescribeInstancesResult>('DescribeInstances', { InstanceIds: [InstanceId] })).Reservations?.[0]
    ?.Instances?.[0];

test('the public address of a running instance comes and goes; an Elastic one stays', async () => {
  const api = createTestApi();
  const { SubnetId } = await makePublicSubnet(api);
  const { InstanceId, NetworkInterfaceId } = await running(api, { SubnetId });
  const address = async () => (await instance(api, InstanceId))?.PublicIpAddress;
  const set = (AssociatePublicIpAddress: boolean) =>
    api.call('ModifyNetworkInterfaceAttribute', { NetworkInterfaceId, AssociatePublicIpAddress });
  expect(await address()).toBeUndefined();
  await set(true);
  expect(await address()).toMatch(/^198\.18\./);
  await set(false);
  expect(await address()).toBeUndefined();
  const { AllocationId, PublicIp } = await api.call<{ AllocationId: string; PublicIp: string }>('AllocateAddress');
  await api.call('AssociateAddress', { AllocationId, InstanceId });
  await set(true);
  await set(false);
  expect(await address()).toBe(PublicIp);
  await api.call('DisassociateAddress', { PublicIp });
  // It is kept for the next start.
  await api.call('StopInstances', { InstanceIds: [InstanceId] });
  api.state.write(tx => recordStopped(tx, InstanceId, api.clock.now()));
  await set(true);
  expect(await address()).toBeUndefined();
  await api.call('StartInstances', { InstanceIds: [InstanceId] });
  expect(await address()).toMatch(/^198\.18\./);
});

test('a primary IPv6 address stays while its interface is attached', async () => {
  const api = createTestApi();
  const vpc = await makeVpc(api, { AmazonProvidedIpv6CidrBlock: true });
  const block = vpc.Ipv6CidrBlockAssociationSet?.[0]?.Ipv6CidrBlock?.replace('/56', '/64');
  const { SubnetId } = await makeSubnet(api, vpc.VpcId, { Ipv6CidrBlock: block });
  const { InstanceId, NetworkInterfaceId } = await running(api, {
    SubnetId,
    Ipv6AddressCount: 1,
    EnablePrimaryIpv6: true,
  });
  const addresses = async () => (await instance(api, InstanceId))?.NetworkInterfaces?.[0]?.Ipv6Addresses ?? [];
  const [first] = await addresses();
  expect(first?.IsPrimaryIpv6).toBe(true);
  const unassign = { NetworkInterfaceId, Ipv6Addresses: [first?.Ipv6Address] };
  expect((await api.fail('UnassignIpv6Addresses', unassign)).code).toBe('InvalidParameterValue');
  const off = { NetworkInterfaceId, EnablePrimaryIpv6: false };
  expect((await api.fail('ModifyNetworkInterfaceAttribute', off)).code).toBe('InvalidParameterValue');
  await api.call('AssignIpv6Addresses', { NetworkInterfaceId, Ipv6AddressCount: 1 });
  expect((await addresses()).map(one => one.IsPrimaryIpv6)).toEqual([true, false]);
  await api.call('UnassignIpv6Addresses', { ...unassign, Ipv6Addresses: [(await addresses())[1]?.Ipv6Address] });

  const made = await api.call<{ NetworkInterface: { NetworkInterfaceId: string } }>('CreateNetworkInterface', {
    SubnetId,
    Ipv6AddressCount: 1,
  });
  const other = made.NetworkInterface.NetworkInterfaceId;
  await api.call('ModifyNetworkInterfaceAttribute', { NetworkInterfaceId: other, EnablePrimaryIpv6: true });
  const seen = await api.call<DescribeNetworkInterfacesResult>('DescribeNetworkInterfaces', {
    NetworkInterfaceIds: [other],
  });
  expect(seen.NetworkInterfaces?.[0]?.Ipv6Addresses?.[0]?.IsPrimaryIpv6).toBe(true);
  expect((await api.fail('CreateNetworkInterface', { SubnetId, EnablePrimaryIpv6: true })).code).toBe(
    'InvalidParameterValue',
  );
});

test('the table of a gateway leads to network interfaces only', async () => {
  const api = createTestApi();
  const { VpcId, InternetGatewayId: GatewayId } = await makePublicSubnet(api);
  const made = await api.call<{ RouteTable: RouteTable }>('CreateRouteTable', { VpcId });
  const RouteTableId = made.RouteTable.RouteTableId;
  await api.call('AssociateRouteTable', { RouteTableId, GatewayId });
  const route = { RouteTableId, DestinationCidrBlock: '0.0.0.0/0', GatewayId };
  expect((await api.fail('CreateRoute', route)).code).toBe('InvalidParameterValue');
  const endpoint = { VpcId, ServiceName: 'com.amazonaws.us-east-1.s3', RouteTableIds: [RouteTableId] };
  expect((await api.fail('CreateVpcEndpoint', endpoint)).code).toBe('InvalidParameter');
});
