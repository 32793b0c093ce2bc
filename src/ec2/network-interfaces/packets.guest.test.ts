import { randomBytes } from 'node:crypto';
import type {
  AllocateAddressResult,
  CreateInternetGatewayResult,
  CreateNatGatewayResult,
  CreateRouteTableResult,
  CreateSecurityGroupResult,
  DescribeInstancesResult,
  DescribeNatGatewaysResult,
  DescribeRouteTablesResult,
  Instance,
  ProvisionByoipCidrResult,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestApi } from '../../api/testing.ts';
import { Controllers } from '../../controllers/controllers.ts';
import { createFabric, type Fabric } from '../../engine/qemu/fabric/fabric.ts';
import { Guests } from '../../engine/qemu/fabric/test-guests.ts';
import { byoipController } from '../byoip/controller.ts';
import { recordRunning } from '../instances/outcomes.ts';
import { natGatewayController } from '../nat-gateways/controller.ts';
import { securityGroupController } from '../security-groups/controller.ts';
import { launch } from '../testing.ts';
import { askFor } from '../vpc-peering/testing.ts';
import { vpcController } from '../vpcs/controller.ts';
import { makeSubnet, makeVpc } from '../vpcs/testing.ts';
import { networkInterfaceController } from './controller.ts';
import { Network } from './network.ts';

/*
 * What API calls say is what packets do: calls, the controllers that follow them, the fabric with namespaces as guests.
 * Needs root; everything is removed at the end.
 */

const unique = randomBytes(3).toString('hex');
const publicPool = '198.19.232.0/22';
const brought = '198.19.234.0/24';
const guests = new Guests(`fbp${unique}`);
const api = createTestApi(undefined, publicPool);
const problems: string[] = [];

/** What a server is to its networks. */
interface Serving {
  readonly fabric: Fabric;
  readonly controllers: Controllers;
}

async function serve(): Promise<Serving> {
  const fabric = createFabric({ dataDir: `/tmp/fogbank-packets-${unique}`, publicPool, ports: guests.ports });
  await fabric.open({ onListening: () => undefined, onClosed: () => undefined });
  const network = new Network(api.state, fabric);
  const controllers = new Controllers(
    api.state,
    [
      networkInterfaceController(api.state, network),
      securityGroupController(api.state, network),
      vpcController(api.state, network),
      natGatewayController({ state: api.state, clock: api.clock, network }),
      byoipController(api.state, api.clock),
    ],
    line => problems.push(line),
  );
  await network.removeOrphans();
  controllers.start();
  await controllers.idle();
  return { fabric, controllers };
}

let serving: Serving;
const partner = { account: '111111111111' };
const worldAccount = { account: '333333333333' };
const refused = /^failed/;

/** Waits until the packets are as the calls said. */
async function settled(): Promise<void> {
  await api.state.settled();
  await serving.controllers.idle();
}

/** Launches an instance whose machine is a namespace with a server at port 22. */
async function start(input: object, options: object = {}): Promise<Instance & { guest: string }> {
  const [made] = await launch(api, input, options);
  const InstanceId = made?.InstanceId ?? '';
  const card = made?.NetworkInterfaces?.[0];
  const guest = await guests.prepare({
    networkInterfaceId: card?.NetworkInterfaceId ?? '',
    mac: card?.MacAddress ?? '',
  });
  api.state.write(tx => recordRunning(tx, InstanceId, api.clock.now(), true));
  await settled();
  await configure(guest, made?.PrivateIpAddress ?? '');
  await guests.serve(guest, 22);
  const seen = await api.call<DescribeInstancesResult>('DescribeInstances', { InstanceIds: [InstanceId] }, options);
  return { ...seen.Reservations?.[0]?.Instances?.[0], guest };
}

/** As DHCP would; subnets are /20. */
async function configure(guest: string, address: string): Promise<void> {
  const third = Number(address.split('.')[2]);
  await guests.configure(guest, address, address.replace(/\d+\.\d+$/, `${third - (third % 16)}.1`));
}

async function mainTable(VpcId: string, options: object = {}): Promise<string> {
  const Filters = [{ Name: 'vpc-id', Values: [VpcId] }];
  const tables = await api.call<DescribeRouteTablesResult>('DescribeRouteTables', { Filters }, options);
  return tables.RouteTables?.[0]?.RouteTableId ?? '';
}

async function openGroup(VpcId: string, pair: object, options: object = {}): Promise<string> {
  const group = { GroupName: `g${randomBytes(4).toString('hex')}`, Description: 'd', VpcId };
  const { GroupId = '' } = await api.call<CreateSecurityGroupResult>('CreateSecurityGroup', group, options);
  await api.call('AuthorizeSecurityGroupIngress', { GroupId, IpPermissions: [{ IpProtocol: '-1', ...pair }] }, options);
  return GroupId;
}

const anywhere = { IpRanges: [{ CidrIp: '0.0.0.0/0' }] };

let pool = '';
let vpcId = '';
let privateSubnet = '';
let publicSubnet = '';
let inside: Awaited<ReturnType<typeof start>>;
let world: Awaited<ReturnType<typeof start>>;
let groupId = '';

beforeAll(async () => {
  serving = await serve();
  // Before anybody gets an address of it by chance.
  const { ByoipCidr } = await api.call<ProvisionByoipCidrResult>('ProvisionByoipCidr', { Cidr: brought });
  pool = ByoipCidr?.PoolId ?? '';
  vpcId = (await makeVpc(api)).VpcId;
  publicSubnet = (await makeSubnet(api, vpcId, { CidrBlock: '10.0.0.0/20' })).SubnetId;
  privateSubnet = (await makeSubnet(api, vpcId, { CidrBlock: '10.0.16.0/20' })).SubnetId;
  const made = await api.call<CreateInternetGatewayResult>('CreateInternetGateway');
  const GatewayId = made.InternetGateway?.InternetGatewayId;
  await api.call('AttachInternetGateway', { InternetGatewayId: GatewayId, VpcId: vpcId });
  const RouteTableId = await mainTable(vpcId);
  await api.call('CreateRoute', { RouteTableId, DestinationCidrBlock: '0.0.0.0/0', GatewayId });
  groupId = await openGroup(vpcId, anywhere);
  inside = await start({ SubnetId: privateSubnet, SecurityGroupIds: [groupId] });
  const { Vpcs } = await api.call<{ Vpcs: { VpcId: string }[] }>('DescribeVpcs', {}, worldAccount);
  const open = await openGroup(Vpcs[0]?.VpcId ?? '', anywhere, worldAccount);
  world = await start({ SecurityGroupIds: [open] }, worldAccount);
}, 120_000);

afterAll(async () => {
  await serving.controllers.close();
  await serving.fabric.destroy();
  await guests.remove();
});

const reach = (from: { guest: string }, address: string | undefined) => guests.connect(from.guest, address ?? '', 22);

test('through a NAT gateway a private subnet reaches the outside under its Elastic IP address, and nothing comes in', async () => {
  expect(await reach(inside, world.PublicIpAddress)).toMatch(refused);
  const eip = await api.call<AllocateAddressResult>('AllocateAddress');
  const nat = await api.call<CreateNatGatewayResult>('CreateNatGateway', {
    SubnetId: publicSubnet,
    AllocationId: eip.AllocationId,
  });
  const NatGatewayId = nat.NatGateway?.NatGatewayId;
  const table = await api.call<CreateRouteTableResult>('CreateRouteTable', { VpcId: vpcId });
  const RouteTableId = table.RouteTable?.RouteTableId;
  await api.call('CreateRoute', { RouteTableId, DestinationCidrBlock: '0.0.0.0/0', NatGatewayId });
  await api.call('AssociateRouteTable', { RouteTableId, SubnetId: privateSubnet });
  await settled();
  const state = async () => (await api.call<DescribeNatGatewaysResult>('DescribeNatGateways')).NatGateways?.[0]?.State;
  expect(await state()).toBe('available');
  expect(await reach(inside, world.PublicIpAddress)).toBe(eip.PublicIp);
  expect(await reach(world, eip.PublicIp)).toMatch(refused);

  // A second address: connections go out under both.
  const second = await api.call<AllocateAddressResult>('AllocateAddress');
  await api.call('AssociateNatGatewayAddress', { NatGatewayId, AllocationIds: [second.AllocationId] });
  await settled();
  expect([eip.PublicIp, second.PublicIp]).toContain(await reach(inside, world.PublicIpAddress));

  await api.call('DeleteNatGateway', { NatGatewayId });
  await settled();
  expect(await state()).toBe('deleted');
  expect(await reach(inside, world.PublicIpAddress)).toMatch(refused);
  await api.call('ReleaseAddress', { AllocationId: eip.AllocationId });
  expect(problems).toEqual([]);
});

test('a peering connection joins VPCs of two accounts while it is active, and groups refer to each other across it; restarts change nothing', async () => {
  const { VpcId: peerVpc } = await makeVpc(api, { CidrBlock: '10.1.0.0/16' }, partner);
  const { SubnetId } = await makeSubnet(api, peerVpc, { CidrBlock: '10.1.0.0/20' }, partner);
  const id = await askFor(api, { VpcId: vpcId, PeerVpcId: peerVpc, PeerOwnerId: partner.account });
  const over = { VpcPeeringConnectionId: id };
  for (const RouteTableId of [await mainTable(vpcId)])
    await api.call('CreateRoute', { RouteTableId, DestinationCidrBlock: '10.1.0.0/16', ...over });
  const back = { RouteTableId: await mainTable(peerVpc, partner), DestinationCidrBlock: '10.0.0.0/16' };
  await api.call('CreateRoute', { ...back, ...over }, partner);
  await api.call('AcceptVpcPeeringConnection', over, partner);
  const pair = { UserIdGroupPairs: [{ GroupId: groupId, UserId: '000000000000' }] };
  const referring = await openGroup(peerVpc, pair, partner);
  const peer = await start({ SubnetId, SecurityGroupIds: [referring] }, partner);
  const outer = await start({ SubnetId: publicSubnet, SecurityGroupIds: [groupId] });
  const other = await openGroup(vpcId, anywhere);
  const stranger = await start({ SubnetId: publicSubnet, SecurityGroupIds: [other] });
  expect(await reach(outer, peer.PrivateIpAddress)).toBe(outer.PrivateIpAddress);
  expect(await reach(peer, outer.PrivateIpAddress)).toBe(peer.PrivateIpAddress);
  expect(await reach(stranger, peer.PrivateIpAddress), 'it is in no group that the rule names').toMatch(refused);

  // Names: one's own VPC, the peer's, and anybody's.
  for (const [VpcId, options] of [
    [vpcId, {}],
    [peerVpc, partner],
  ] as const)
    await api.call('ModifyVpcAttribute', { VpcId, EnableDnsHostnames: { Value: true } }, options);
  const { AllocationId, PublicIp = '' } = await api.call<AllocateAddressResult>('AllocateAddress');
  await api.call('AssociateAddress', { AllocationId, InstanceId: outer.InstanceId });
  const publicName = (address: string) => `ec2-${address.replaceAll('.', '-')}.compute-1.amazonaws.com`;
  const resolve = async (from: { guest: string }, name: string) =>
    (await guests.attempt(from.guest, 'dig', '+tries=1', '+time=2', '+short', '@169.254.169.253', name)).trim();
  await settled();
  expect(await resolve(stranger, publicName(PublicIp))).toBe(outer.PrivateIpAddress);
  expect(await resolve(peer, publicName(PublicIp))).toBe(PublicIp);
  expect(await resolve(stranger, publicName(world.PublicIpAddress ?? ''))).toBe(world.PublicIpAddress);
  const AllowDnsResolutionFromRemoteVpc = true;
  await api.call('ModifyVpcPeeringConnectionOptions', {
    ...over,
    RequesterPeeringConnectionOptions: { AllowDnsResolutionFromRemoteVpc },
  });
  await settled();
  expect(await resolve(peer, publicName(PublicIp))).toBe(outer.PrivateIpAddress);
  await api.call('DisassociateAddress', { PublicIp });
  await settled();
  expect(await resolve(peer, publicName(PublicIp))).toBe(PublicIp);

  // Another server finds what this one left; after a start of the machine there is nothing to be found.
  const eip = await api.call<AllocateAddressResult>('AllocateAddress');
  const nat = { SubnetId: publicSubnet, AllocationId: eip.AllocationId };
  const { NatGateway } = await api.call<CreateNatGatewayResult>('CreateNatGateway', nat);
  const tables = await api.call<DescribeRouteTablesResult>('DescribeRouteTables', {
    Filters: [{ Name: 'association.subnet-id', Values: [privateSubnet] }],
  });
  await api.call('ReplaceRoute', {
    RouteTableId: tables.RouteTables?.[0]?.RouteTableId,
    DestinationCidrBlock: '0.0.0.0/0',
    NatGatewayId: NatGateway?.NatGatewayId,
  });
  await settled();
  for (const restart of ['server', 'machine']) {
    await serving.controllers.close();
    await serving.fabric.close();
    if (restart === 'machine') await serving.fabric.destroy();
    serving = await serve();
    if (restart === 'machine')
      for (const one of [inside, world, peer, outer, stranger]) await configure(one.guest, one.PrivateIpAddress ?? '');
    expect(await reach(inside, world.PublicIpAddress), restart).toBe(eip.PublicIp);
    expect(await reach(outer, peer.PrivateIpAddress), restart).toBe(outer.PrivateIpAddress);
    expect(await reach(stranger, peer.PrivateIpAddress), restart).toMatch(refused);
  }

  await api.call('DeleteVpcPeeringConnection', over, partner);
  await settled();
  expect(await reach(outer, peer.PrivateIpAddress)).toMatch(refused);
  expect(problems).toEqual([]);
});

test('an address of a range that was brought leads to its instance while the range is advertised', async () => {
  const { AllocationId, PublicIp } = await api.call<AllocateAddressResult>('AllocateAddress', {
    PublicIpv4Pool: pool,
  });
  const server = await start({ SubnetId: publicSubnet, SecurityGroupIds: [groupId] });
  await api.call('AssociateAddress', { AllocationId, InstanceId: server.InstanceId });
  await settled();
  expect(await reach(world, PublicIp), 'it is not advertised').toMatch(refused);
  await api.call('AdvertiseByoipCidr', { Cidr: brought });
  await settled();
  expect(await reach(world, PublicIp)).toBe(world.PublicIpAddress);
  expect(await reach(server, world.PublicIpAddress)).toBe(PublicIp);
  await api.call('WithdrawByoipCidr', { Cidr: brought });
  await settled();
  expect(await reach(world, PublicIp)).toMatch(refused);
  expect(problems).toEqual([]);
});
