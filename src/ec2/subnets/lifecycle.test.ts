import type {
  AssociateSubnetCidrBlockResult,
  CreateSubnetCidrReservationResult,
  DescribeNetworkAclsResult,
  DescribeSubnetsResult,
  GetSubnetCidrReservationsResult,
  Subnet,
} from '@aws-sdk/client-ec2';
import { describe, expect, test } from 'vitest';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import { launch } from '../testing.ts';
import { makeSubnet, makeVpc } from '../vpcs/testing.ts';

const seen = async (api: TestApi, SubnetId: string): Promise<Subnet | undefined> =>
  (await api.call<DescribeSubnetsResult>('DescribeSubnets', { SubnetIds: [SubnetId] })).Subnets?.[0];

describe('CreateSubnet', () => {
  test('makes a subnet in a zone, with the default network ACL', async () => {
    const api = createTestApi();
    const { VpcId } = await makeVpc(api);
    const { SubnetId } = await makeSubnet(api, VpcId, {
      CidrBlock: '10.0.1.7/28',
      AvailabilityZoneId: 'use1-az2',
      TagSpecifications: [{ ResourceType: 'subnet', Tags: [{ Key: 'Name', Value: 's' }] }],
    });
    expect(await seen(api, SubnetId)).toMatchObject({
      VpcId,
      CidrBlock: '10.0.1.0/28',
      AvailabilityZone: 'us-east-1b',
      AvailableIpAddressCount: 11,
      DefaultForAz: false,
      MapPublicIpOnLaunch: false,
      State: 'available',
      Tags: [{ Key: 'Name', Value: 's' }],
    });
    const Filters = [{ Name: 'association.subnet-id', Values: [SubnetId] }];
    const { NetworkAcls } = await api.call<DescribeNetworkAclsResult>('DescribeNetworkAcls', { Filters });
    expect(NetworkAcls).toMatchObject([{ VpcId, IsDefault: true }]);
  });

  test.each([
    [{ CidrBlock: '10.0.0.128/25' }, 'InvalidSubnet.Conflict'],
    [{ CidrBlock: '10.0.0.0/16' }, 'InvalidSubnet.Conflict'],
    [{ CidrBlock: '10.1.0.0/24' }, 'InvalidSubnet.Range'],
    [{ CidrBlock: '10.0.9.0/29' }, 'InvalidSubnet.Range'],
    [{ CidrBlock: '10.0.9.0' }, 'InvalidParameterValue'],
    [{ CidrBlock: undefined }, 'MissingParameter'],
    [{ CidrBlock: '10.0.9.0/24', AvailabilityZone: 'eu-west-1a' }, 'InvalidParameterValue'],
    [{ CidrBlock: '10.0.9.0/24', Ipv6CidrBlock: 'fdf0:9ba0::/64' }, 'InvalidSubnet.Range'],
    [{ CidrBlock: '10.0.9.0/24', Ipv6Native: true }, 'UnsupportedOperation'],
    [{ CidrBlock: '10.0.9.0/24', OutpostArn: 'arn:aws:outposts:x' }, 'UnsupportedOperation'],
    [{ CidrBlock: '10.0.9.0/24', VpcId: 'vpc-00000000000000009' }, 'InvalidVpcID.NotFound'],
  ])('%j answers %s', async (input, code) => {
    const api = createTestApi();
    const { VpcId } = await makeVpc(api);
    await makeSubnet(api, VpcId);
    expect((await api.fail('CreateSubnet', { VpcId, ...input })).code).toBe(code);
    const Filters = [{ Name: 'vpc-id', Values: [VpcId] }];
    expect((await api.call<DescribeSubnetsResult>('DescribeSubnets', { Filters })).Subnets).toHaveLength(1);
  });

  test('200 subnets in a VPC and no more', async () => {
    const api = createTestApi();
    const { VpcId } = await makeVpc(api);
    for (let index = 0; index < 200; index++) await makeSubnet(api, VpcId, { CidrBlock: `10.0.${index}.0/24` });
    expect((await api.fail('CreateSubnet', { VpcId, CidrBlock: '10.0.255.0/24' })).code).toBe('SubnetLimitExceeded');
  });
});

test('DeleteSubnet refuses while an interface is in it; with it go its associations', async () => {
  const api = createTestApi();
  const { VpcId } = await makeVpc(api);
  const { SubnetId } = await makeSubnet(api, VpcId);
  await launch(api, { SubnetId });
  expect((await api.fail('DeleteSubnet', { SubnetId })).code).toBe('DependencyViolation');
  const empty = await makeSubnet(api, VpcId, { CidrBlock: '10.0.1.0/24' });
  await api.call('DeleteSubnet', { SubnetId: empty.SubnetId });
  expect((await api.fail('DescribeSubnets', { SubnetIds: [empty.SubnetId] })).code).toBe('InvalidSubnetID.NotFound');
  const Filters = [{ Name: 'association.subnet-id', Values: [empty.SubnetId] }];
  expect(await api.call('DescribeNetworkAcls', { Filters })).toEqual({ NetworkAcls: [] });
  expect((await api.fail('DeleteSubnet', { SubnetId }, { account: '111111111111' })).code).toBe(
    'InvalidSubnetID.NotFound',
  );
});

describe('ModifySubnetAttribute', () => {
  test('decides what launches get', async () => {
    const api = createTestApi();
    const { VpcId } = await makeVpc(api);
    const { SubnetId } = await makeSubnet(api, VpcId);
    expect((await launch(api, { SubnetId }))[0]?.PrivateDnsName).toMatch(/^ip-10-0-0-/);
    await api.call('ModifySubnetAttribute', { SubnetId, PrivateDnsHostnameTypeOnLaunch: 'resource-name' });
    const [instance] = await launch(api, { SubnetId });
    expect(instance?.PrivateDnsName).toBe(`${instance?.InstanceId}.ec2.internal`);
    await api.call('ModifySubnetAttribute', { SubnetId, MapPublicIpOnLaunch: { Value: true } });
    await api.call('ModifySubnetAttribute', { SubnetId, EnableResourceNameDnsARecordOnLaunch: { Value: true } });
    await api.call('ModifySubnetAttribute', { SubnetId, EnableDns64: { Value: false } });
    expect(await seen(api, SubnetId)).toMatchObject({
      MapPublicIpOnLaunch: true,
      PrivateDnsNameOptionsOnLaunch: { HostnameType: 'resource-name', EnableResourceNameDnsARecord: true },
    });
    expect((await launch(api, { SubnetId }))[0]?.PublicIpAddress).toMatch(/^198\.18\./);
  });

  test.each([
    [{}, 'MissingParameter'],
    [{ MapPublicIpOnLaunch: { Value: true }, EnableDns64: { Value: false } }, 'InvalidParameterCombination'],
    [{ AssignIpv6AddressOnCreation: { Value: true } }, 'InvalidParameterValue'],
    [{ PrivateDnsHostnameTypeOnLaunch: 'x' }, 'InvalidParameterValue'],
    [{ EnableDns64: { Value: true } }, 'UnsupportedOperation'],
    [{ EnableLniAtDeviceIndex: 1 }, 'UnsupportedOperation'],
  ])('%j answers %s', async (input, code) => {
    const api = createTestApi();
    const { SubnetId } = await makeSubnet(api, (await makeVpc(api)).VpcId);
    expect((await api.fail('ModifySubnetAttribute', { SubnetId, ...input })).code).toBe(code);
  });
});

test('an IPv6 block of the VPC can be associated with one subnet', async () => {
  const api = createTestApi();
  const { VpcId, Ipv6CidrBlockAssociationSet: blocks } = await makeVpc(api, { AmazonProvidedIpv6CidrBlock: true });
  const Ipv6CidrBlock = blocks?.[0]?.Ipv6CidrBlock?.replace('/56', '/64');
  const { SubnetId } = await makeSubnet(api, VpcId);
  const other = await makeSubnet(api, VpcId, { CidrBlock: '10.0.1.0/24' });
  const added = await api.call<AssociateSubnetCidrBlockResult>('AssociateSubnetCidrBlock', { SubnetId, Ipv6CidrBlock });
  const AssociationId = added.Ipv6CidrBlockAssociation?.AssociationId;
  await api.call('ModifySubnetAttribute', { SubnetId, AssignIpv6AddressOnCreation: { Value: true } });
  expect(await seen(api, SubnetId)).toMatchObject({
    AssignIpv6AddressOnCreation: true,
    Ipv6CidrBlockAssociationSet: [{ AssociationId, Ipv6CidrBlock, Ipv6CidrBlockState: { State: 'associated' } }],
  });
  const code = async (input: object) => (await api.fail('AssociateSubnetCidrBlock', input)).code;
  expect(await code({ SubnetId, Ipv6CidrBlock })).toBe('CidrLimitExceeded');
  expect(await code({ SubnetId: other.SubnetId, Ipv6CidrBlock })).toBe('InvalidSubnet.Conflict');
  expect(await code({ SubnetId: other.SubnetId, Ipv6CidrBlock: blocks?.[0]?.Ipv6CidrBlock })).toBe(
    'InvalidSubnet.Range',
  );
  expect(await code({ SubnetId: other.SubnetId })).toBe('MissingParameter');
  await api.call('DisassociateSubnetCidrBlock', { AssociationId });
  expect(await seen(api, SubnetId)).toMatchObject({
    AssignIpv6AddressOnCreation: false,
    Ipv6CidrBlockAssociationSet: [],
  });
  expect((await api.fail('DisassociateSubnetCidrBlock', { AssociationId })).code).toBe(
    'InvalidSubnetCidrBlockAssociationID.NotFound',
  );
});

describe('CIDR reservations', () => {
  test('addresses are not chosen from them, but can be asked for', async () => {
    const api = createTestApi();
    const { SubnetId } = await makeSubnet(api, (await makeVpc(api)).VpcId, { CidrBlock: '10.0.0.0/28' });
    const reserve = { SubnetId, Cidr: '10.0.0.8/29', ReservationType: 'explicit', Description: 'mine' };
    const made = await api.call<CreateSubnetCidrReservationResult>('CreateSubnetCidrReservation', {
      ...reserve,
      TagSpecifications: [{ ResourceType: 'subnet-cidr-reservation', Tags: [{ Key: 'a', Value: 'b' }] }],
    });
    const SubnetCidrReservationId = made.SubnetCidrReservation?.SubnetCidrReservationId;
    expect(made.SubnetCidrReservation).toMatchObject({ ...reserve, Tags: [{ Key: 'a', Value: 'b' }] });
    const instances = await launch(api, { SubnetId, MinCount: 4, MaxCount: 4 });
    expect(instances.map(one => one.PrivateIpAddress).sort()).toEqual(['10.0.0.4', '10.0.0.5', '10.0.0.6', '10.0.0.7']);
    expect((await launch(api, { SubnetId, PrivateIpAddress: '10.0.0.9' }))[0]?.PrivateIpAddress).toBe('10.0.0.9');
    const listed = await api.call<GetSubnetCidrReservationsResult>('GetSubnetCidrReservations', { SubnetId });
    expect(listed).toMatchObject({
      SubnetIpv4CidrReservations: [{ SubnetCidrReservationId }],
      SubnetIpv6CidrReservations: [],
    });
    const Filters = [{ Name: 'reservationType', Values: ['prefix'] }];
    const none = await api.call<GetSubnetCidrReservationsResult>('GetSubnetCidrReservations', { SubnetId, Filters });
    expect(none.SubnetIpv4CidrReservations).toEqual([]);
    await api.call('DeleteSubnetCidrReservation', { SubnetCidrReservationId });
    await launch(api, { SubnetId, MinCount: 6, MaxCount: 6 });
    expect((await api.fail('DeleteSubnetCidrReservation', { SubnetCidrReservationId })).code).toBe(
      'InvalidSubnetCidrReservationID.NotFound',
    );
  });

  test.each([
    [{ Cidr: '10.0.1.0/28', ReservationType: 'prefix' }, 'InvalidParameterValue'],
    [{ Cidr: '10.0.0.16/29', ReservationType: 'prefix' }, 'InvalidParameterValue'],
    [{ Cidr: 'fdf0:9ba0::/80', ReservationType: 'prefix' }, 'InvalidParameterValue'],
    [{ Cidr: 'x', ReservationType: 'prefix' }, 'InvalidParameterValue'],
    [{ Cidr: '10.0.0.64/28', ReservationType: 'x' }, 'InvalidParameterValue'],
  ])('%j answers %s', async (input, code) => {
    const api = createTestApi();
    const { SubnetId } = await makeSubnet(api, (await makeVpc(api)).VpcId);
    await api.call('CreateSubnetCidrReservation', { SubnetId, Cidr: '10.0.0.16/28', ReservationType: 'prefix' });
    expect((await api.fail('CreateSubnetCidrReservation', { SubnetId, ...input })).code).toBe(code);
  });
});
