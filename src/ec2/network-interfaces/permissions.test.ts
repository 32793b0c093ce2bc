import type {
  AllocateAddressResult,
  CreateNetworkInterfacePermissionResult,
  CreateNetworkInterfaceResult,
  DescribeNetworkInterfacePermissionsResult,
  DescribeNetworkInterfacesResult,
  DescribeSubnetsResult,
} from '@aws-sdk/client-ec2';
import { expect, test } from 'vitest';
import { createTestApi } from '../../api/testing.ts';
import { recordRunning } from '../instances/outcomes.ts';
import { launch } from '../testing.ts';

const other = { account: '111111111111' };

async function setUp() {
  const api = createTestApi();
  const subnets = await api.call<DescribeSubnetsResult>('DescribeSubnets');
  const made = await api.call<CreateNetworkInterfaceResult>('CreateNetworkInterface', {
    SubnetId: subnets.Subnets?.[0]?.SubnetId,
  });
  const NetworkInterfaceId = made.NetworkInterface?.NetworkInterfaceId ?? '';
  const grant = async (Permission: string) =>
    (
      await api.call<CreateNetworkInterfacePermissionResult>('CreateNetworkInterfacePermission', {
        NetworkInterfaceId,
        AwsAccountId: other.account,
        Permission,
      })
    ).InterfacePermission?.NetworkInterfacePermissionId ?? '';
  return { api, NetworkInterfaceId, grant };
}

test('another account may associate its address with an interface while it is permitted', async () => {
  const { api, NetworkInterfaceId, grant } = await setUp();
  const { AllocationId, PublicIp } = await api.call<AllocateAddressResult>('AllocateAddress', {}, other);
  const associate = { AllocationId, NetworkInterfaceId };
  expect((await api.fail('AssociateAddress', associate, other)).code).toBe('InvalidNetworkInterfaceID.NotFound');
  const id = await grant('EIP-ASSOCIATE');
  const listed = async (input: object = {}) =>
    (await api.call<DescribeNetworkInterfacePermissionsResult>('DescribeNetworkInterfacePermissions', input))
      .NetworkInterfacePermissions;
  expect(await listed()).toEqual([
    {
      NetworkInterfacePermissionId: id,
      NetworkInterfaceId,
      AwsAccountId: other.account,
      Permission: 'EIP-ASSOCIATE',
      PermissionState: { State: 'granted' },
    },
  ]);
  const named = (Name: string, value: string) => ({
    Filters: [{ Name: `network-interface-permission.${Name}`, Values: [value] }],
  });
  expect(await listed(named('network-interface-id', NetworkInterfaceId))).toHaveLength(1);
  expect(await listed(named('permission', 'INSTANCE-ATTACH'))).toEqual([]);
  const { AssociationId } = await api.call<{ AssociationId: string }>('AssociateAddress', associate, other);
  const seen = await api.call<DescribeNetworkInterfacesResult>('DescribeNetworkInterfaces', {
    NetworkInterfaceIds: [NetworkInterfaceId],
  });
  expect(seen.NetworkInterfaces?.[0]?.Association).toMatchObject({ PublicIp, IpOwnerId: other.account });
  const revoke = { NetworkInterfacePermissionId: id };
  expect((await api.fail('DeleteNetworkInterfacePermission', revoke)).code).toBe('OperationNotPermitted');
  expect((await api.fail('DeleteNetworkInterfacePermission', revoke, other)).code).toBe(
    'InvalidNetworkInterfacePermissionID.NotFound',
  );
  await api.call('DisassociateAddress', { AssociationId }, other);
  await api.call('DeleteNetworkInterfacePermission', revoke);
  expect((await api.fail('AssociateAddress', associate, other)).code).toBe('InvalidNetworkInterfaceID.NotFound');
});

test('a permission to attach shows the interface to the account, whose instances are in other VPCs', async () => {
  const { api, NetworkInterfaceId, grant } = await setUp();
  const [instance] = await launch(api, {}, other);
  const InstanceId = instance?.InstanceId ?? '';
  api.state.write(tx => recordRunning(tx, InstanceId, api.clock.now(), true));
  const attach = { InstanceId, NetworkInterfaceId, DeviceIndex: 1 };
  expect((await api.fail('AttachNetworkInterface', attach, other)).code).toBe('InvalidNetworkInterfaceID.NotFound');
  await grant('INSTANCE-ATTACH');
  expect((await api.fail('AttachNetworkInterface', attach, other)).code).not.toBe('InvalidNetworkInterfaceID.NotFound');
  await api.call('DeleteNetworkInterface', { NetworkInterfaceId });
  expect(await api.call('DescribeNetworkInterfacePermissions')).toEqual({ NetworkInterfacePermissions: [] });
});

test.each([
  [{ AwsAccountId: undefined }, 'MissingParameter'],
  [{ AwsAccountId: '1' }, 'InvalidParameterValue'],
  [{ AwsAccountId: '000000000000' }, 'InvalidParameterValue'],
  [{ AwsAccountId: '222222222222' }, 'OperationNotPermitted'],
  [{ AwsService: 'x.amazonaws.com' }, 'UnsupportedOperation'],
  [{ Permission: 'X' }, 'InvalidParameterValue'],
  [{}, 'InvalidPermission.Duplicate'],
  [{ NetworkInterfaceId: 'eni-00000001' }, 'InvalidNetworkInterfaceID.NotFound'],
])('CreateNetworkInterfacePermission %j answers %s', async (input, code) => {
  const { api, NetworkInterfaceId, grant } = await setUp();
  await grant('INSTANCE-ATTACH');
  const wanted = { NetworkInterfaceId, AwsAccountId: other.account, Permission: 'INSTANCE-ATTACH', ...input };
  expect((await api.fail('CreateNetworkInterfacePermission', wanted)).code).toBe(code);
});

test('an interface is no permission', async () => {
  const { api, NetworkInterfaceId } = await setUp();
  const input = { NetworkInterfacePermissionIds: [NetworkInterfaceId] };
  expect((await api.fail('DescribeNetworkInterfacePermissions', input)).code).toBe(
    'InvalidNetworkInterfacePermissionId.Malformed',
  );
});
