import type {
  AllocateAddressResult,
  AssociateVpcCidrBlockResult,
  ByoipCidr,
  CreateVpcResult,
  DescribeAddressesResult,
  DescribeByoipCidrsResult,
  DescribeIpv6PoolsResult,
  DescribePublicIpv4PoolsResult,
  GetAssociatedIpv6PoolCidrsResult,
  ProvisionByoipCidrResult,
} from '@aws-sdk/client-ec2';
import { expect, test } from 'vitest';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import { portIntent } from '../intents.ts';
import { makePublicSubnet } from '../nat-gateways/testing.ts';
import { byoipController } from './controller.ts';
import { byoipCidrs } from './model.ts';

const Cidr = '198.18.77.0/24';

async function settle(api: TestApi): Promise<void> {
  const controller = byoipController(api.state, api.clock);
  for (const { row } of [...api.state.entries(byoipCidrs)]) await controller.reconcile(row.poolId);
}

const seen = async (api: TestApi): Promise<ByoipCidr | undefined> =>
  (await api.call<DescribeByoipCidrsResult>('DescribeByoipCidrs', { MaxResults: 10 })).ByoipCidrs?.[0];

const pools = async (api: TestApi, input: object = {}) =>
  (await api.call<DescribePublicIpv4PoolsResult>('DescribePublicIpv4Pools', input)).PublicIpv4Pools ?? [];

/** Brings the range; returns its pool. */
async function bring(api: TestApi, input: object = {}): Promise<string> {
  const made = await api.call<ProvisionByoipCidrResult>('ProvisionByoipCidr', { Cidr, ...input });
  expect(made.ByoipCidr?.State).toBe('pending-provision');
  await settle(api);
  return made.ByoipCidr?.PoolId ?? '';
}

test('a range is provisioned, advertised, withdrawn and deprovisioned; its addresses lead somewhere in between', async () => {
  const api = createTestApi();
  const PoolTagSpecifications = [{ ResourceType: 'ipv4pool-ec2', Tags: [{ Key: 'Name', Value: 'own' }] }];
  const pool = await bring(api, { Description: 'of the office', PoolTagSpecifications });
  expect(await seen(api)).toMatchObject({ Cidr, Description: 'of the office', State: 'provisioned', PoolId: pool });
  expect(await pools(api, { Filters: [{ Name: 'tag:Name', Values: ['own'] }] })).toEqual([
    {
      PoolId: pool,
      Description: 'of the office',
      PoolAddressRanges: [
        { FirstAddress: '198.18.77.0', LastAddress: '198.18.77.255', AddressCount: 256, AvailableAddressCount: 256 },
      ],
      TotalAddressCount: 256,
      TotalAvailableAddressCount: 256,
      NetworkBorderGroup: 'us-east-1',
      Tags: [{ Key: 'Name', Value: 'own' }],
    },
  ]);
  // They do not count for the limit of five.
  for (let index = 0; index < 6; index++) await api.call('AllocateAddress', { PublicIpv4Pool: pool });
  for (let index = 0; index < 5; index++) {
    const amazon = await api.call<AllocateAddressResult>('AllocateAddress');
    expect(amazon.PublicIp).not.toMatch(/^198\.18\.77\./);
  }
  expect((await api.fail('AllocateAddress')).code).toBe('AddressLimitExceeded');
  const wanted = { PublicIpv4Pool: pool, Address: '198.18.77.200' };
  const { AllocationId, PublicIp, PublicIpv4Pool } = await api.call<AllocateAddressResult>('AllocateAddress', wanted);
  expect({ PublicIp, PublicIpv4Pool }).toEqual({ PublicIp: '198.18.77.200', PublicIpv4Pool: pool });
  expect((await api.fail('AllocateAddress', wanted)).code).toBe('InvalidAddress.NotFound');
  expect((await pools(api))[0]?.TotalAvailableAddressCount).toBe(249);

  const { SubnetId } = await makePublicSubnet(api);
  const made = await api.call<{ NetworkInterface: { NetworkInterfaceId: string; PrivateIpAddress: string } }>(
    'CreateNetworkInterface',
    { SubnetId },
  );
  const { NetworkInterfaceId, PrivateIpAddress } = made.NetworkInterface;
  await api.call('AssociateAddress', { AllocationId, NetworkInterfaceId });
  const mapped = () => portIntent(api.state, NetworkInterfaceId, 1).publicIpAddresses;
  expect(mapped()).toEqual({});
  expect((await api.fail('WithdrawByoipCidr', { Cidr })).code).toBe('IncorrectState');
  await api.call('AdvertiseByoipCidr', { Cidr });
  expect((await seen(api))?.State).toBe('pending-advertising');
  await settle(api);
  expect((await seen(api))?.State).toBe('advertised');
  expect(mapped()).toEqual({ [PrivateIpAddress]: '198.18.77.200' });
  expect((await api.fail('DeprovisionByoipCidr', { Cidr })).code).toBe('IncorrectState');
  await api.call('WithdrawByoipCidr', { Cidr });
  expect((await seen(api))?.State).toBe('pending-withdrawal');
  await settle(api);
  expect(mapped()).toEqual({});
  // Nothing of it may be allocated when it goes.
  expect((await api.fail('DeprovisionByoipCidr', { Cidr })).code).toBe('IncorrectState');
  await api.call('DeleteNetworkInterface', { NetworkInterfaceId });
  const all = await api.call<DescribeAddressesResult>('DescribeAddresses');
  for (const one of all.Addresses ?? [])
    if (one.PublicIpv4Pool === pool) await api.call('ReleaseAddress', { AllocationId: one.AllocationId });
  await api.call('DeprovisionByoipCidr', { Cidr });
  await settle(api);
  expect((await seen(api))?.State).toBe('deprovisioned');
  expect(await pools(api)).toEqual([]);
  expect((await api.fail('AllocateAddress', { PublicIpv4Pool: pool })).code).toBe('IncorrectState');
  await bring(api);
  api.clock.advance(3_600_000);
  await settle(api);
  expect(await seen(api)).toMatchObject({ State: 'provisioned' });
});

test('an authorization that is not for this account and range makes it fail', async () => {
  const api = createTestApi();
  const sign = (message: string) => ({ CidrAuthorizationContext: { Message: message, Signature: 'A'.repeat(40) } });
  const good = `1|aws|000000000000|${Cidr}|20261231|SHA256|RSAPSS`;
  for (const message of [
    'x',
    good.replace('000000000000', '111111111111'),
    good.replace('77.0', '78.0'),
    good.replace('2026', '2019'),
  ]) {
    await bring(api, sign(message));
    const failed = await seen(api);
    expect(failed).toMatchObject({ State: 'failed-provision', StatusMessage: expect.any(String) });
    await api.call('DeprovisionByoipCidr', { Cidr });
    await settle(api);
    api.clock.advance(3_600_000);
    await settle(api);
    expect(await seen(api)).toBeUndefined();
  }
  await bring(api, sign(good));
  expect((await seen(api))?.State).toBe('provisioned');
});

test.each([
  [{ Cidr: 'x' }, 'InvalidParameterValue'],
  [{ Cidr: '198.18.77.0/25' }, 'InvalidParameterValue'],
  [{ Cidr: '203.0.113.0/24' }, 'InvalidParameterValue'],
  [{ Cidr: '198.18.0.0/24' }, 'InvalidParameterValue'],
  [{ Cidr: '198.18.255.0/24' }, 'InvalidParameterValue'],
  [{ Cidr: '2001:db8::/48' }, 'InvalidParameterValue'],
  [{ Cidr: 'fdf0:9ba0::/32' }, 'InvalidParameterValue'],
  [{ Cidr: 'fdf0:9ba0:1::/56' }, 'InvalidParameterValue'],
  [{ MultiRegion: true }, 'UnsupportedOperation'],
  [{ PubliclyAdvertisable: false }, 'UnsupportedOperation'],
  [{ NetworkBorderGroup: 'x' }, 'InvalidParameterValue'],
])('ProvisionByoipCidr %j answers %s', async (input, code) => {
  const api = createTestApi();
  expect((await api.fail('ProvisionByoipCidr', { Cidr, ...input })).code).toBe(code);
  expect(await seen(api)).toBeUndefined();
});

test('VPCs have blocks of an IPv6 range while it is advertised', async () => {
  const api = createTestApi();
  const range = { Cidr: 'fdf0:9ba0:aaaa::/48' };
  const Ipv6Pool = await bring(api, range);
  const list = async () => (await api.call<DescribeIpv6PoolsResult>('DescribeIpv6Pools')).Ipv6Pools;
  expect(await list()).toEqual([{ PoolId: Ipv6Pool, Description: '', PoolCidrBlocks: [range], Tags: [] }]);
  expect(await pools(api)).toEqual([]);
  const wanted = { CidrBlock: '10.0.0.0/16', Ipv6Pool, Ipv6CidrBlock: 'fdf0:9ba0:aaaa:7700::/56' };
  expect((await api.fail('CreateVpc', wanted)).code).toBe('IncorrectState');
  await api.call('AdvertiseByoipCidr', range);
  await settle(api);
  const { Vpc } = await api.call<CreateVpcResult>('CreateVpc', wanted);
  expect(Vpc?.Ipv6CidrBlockAssociationSet).toMatchObject([
    { Ipv6CidrBlock: wanted.Ipv6CidrBlock, Ipv6Pool, IpSource: 'byoip' },
  ]);
  const VpcId = Vpc?.VpcId;
  const second = { VpcId, Ipv6Pool };
  for (const [input, code] of [
    [{ ...second, Ipv6CidrBlock: wanted.Ipv6CidrBlock }, 'CidrConflict'],
    [{ ...second, Ipv6CidrBlock: 'fdf0:9ba0:bbbb::/56' }, 'InvalidParameterValue'],
    [{ ...second, Ipv6CidrBlock: 'fdf0:9ba0:aaaa::/64' }, 'InvalidParameterValue'],
    [{ ...second, AmazonProvidedIpv6CidrBlock: true }, 'InvalidParameterCombination'],
    [{ VpcId, Ipv6CidrBlock: 'fdf0:9ba0:aaaa::/56' }, 'InvalidParameterCombination'],
    [{ VpcId, Ipv6Pool: 'ipv6pool-ec2-00000001' }, 'InvalidPoolID.NotFound'],
  ] as const)
    expect((await api.fail('AssociateVpcCidrBlock', input)).code, JSON.stringify(input)).toBe(code);
  const added = await api.call<AssociateVpcCidrBlockResult>('AssociateVpcCidrBlock', second);
  expect(added.Ipv6CidrBlockAssociation?.Ipv6CidrBlock).toMatch(/^fdf0:9ba0:aaaa:[0-9a-f]{0,4}:?:\/56$/);
  const used = await api.call<GetAssociatedIpv6PoolCidrsResult>('GetAssociatedIpv6PoolCidrs', { PoolId: Ipv6Pool });
  expect(used.Ipv6CidrAssociations?.map(one => one.AssociatedResource)).toEqual([VpcId, VpcId]);
  expect((await api.fail('WithdrawByoipCidr', range)).code).toBe('IncorrectState');
  await api.call('DeleteVpc', { VpcId });
  await api.call('WithdrawByoipCidr', range);
  await settle(api);
  await api.call('DeprovisionByoipCidr', range);
  await settle(api);
  expect(await list()).toEqual([]);
});

test('ranges are one account’s, do not overlap, and nobody may have an address of them before', async () => {
  const api = createTestApi();
  const other = { account: '111111111111' };
  const { AllocationId } = await api.call<AllocateAddressResult>('AllocateAddress', { Address: '198.18.77.9' }, other);
  expect((await api.fail('ProvisionByoipCidr', { Cidr })).code).toBe('InvalidParameterValue');
  await api.call('ReleaseAddress', { AllocationId }, other);
  const pool = await bring(api);
  expect((await api.fail('ProvisionByoipCidr', { Cidr: '198.18.76.0/23' }, other)).code).toBe('InvalidParameterValue');
  expect((await api.fail('AdvertiseByoipCidr', { Cidr }, other)).code).toBe('InvalidParameterValue');
  expect((await api.fail('AllocateAddress', { PublicIpv4Pool: pool }, other)).code).toBe(
    'InvalidPublicIpv4PoolID.NotFound',
  );
  expect((await api.fail('AllocateAddress', { Address: '198.18.77.9' }, other)).code).toBe('InvalidAddress.NotFound');
  expect((await api.fail('DescribePublicIpv4Pools', { PoolIds: ['x'] })).code).toBe('InvalidPublicIpv4PoolID.NotFound');
  for (let index = 0; index < 4; index++) await api.call('ProvisionByoipCidr', { Cidr: `198.18.${80 + index}.0/24` });
  expect((await api.fail('ProvisionByoipCidr', { Cidr: '198.18.90.0/24' })).code).toBe('ResourceLimitExceeded');
  const owned = await api.call<AllocateAddressResult>('AllocateAddress', { PublicIpv4Pool: pool });
  const transfer = { AllocationId: owned.AllocationId, TransferAccountId: other.account };
  expect((await api.fail('EnableAddressTransfer', transfer)).code).toBe('UnsupportedOperation');
});
