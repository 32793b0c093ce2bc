import type { CreateSecurityGroupResult } from '@aws-sdk/client-ec2';
import { expect, test } from 'vitest';
import { createTestApi } from '../api/testing.ts';
import { groupIntent, portIntent, vpcIntent } from './intents.ts';
import { internetGateways } from './internet-gateways/model.ts';
import { assignPublicIp, createNetworkInterface } from './network-interfaces/lifecycle.ts';
import { routeTables } from './route-tables/model.ts';
import { resolveGroups } from './security-groups/resolve.ts';
import { chooseSubnet, defaultVpc } from './subnets/choose.ts';
import { prepareRegion } from './vpcs/default-vpc.ts';

function setUp(region = 'us-east-1') {
  const api = createTestApi();
  prepareRegion(api.state, '000000000000', region, 0);
  const context = { db: api.state, owner: `000000000000/${region}`, region, now: 0 };
  return { api, state: api.state, context, vpcId: defaultVpc(context).vpcId };
}

const toInternet = [{ destination: '0.0.0.0/0', target: 'internet-gateway' }];

test('the default VPC', () => {
  const { state, vpcId } = setUp('eu-west-1');
  expect(vpcIntent(state, vpcId)).toMatchObject({
    vpcId,
    cidrBlocks: ['172.31.0.0/16'],
    subnets: [
      { cidrBlock: '172.31.0.0/20', routes: toInternet },
      { cidrBlock: '172.31.16.0/20', routes: toInternet },
      { cidrBlock: '172.31.32.0/20', routes: toInternet },
    ],
    internetGateway: true,
    domainName: 'eu-west-1.compute.internal',
    enableDnsSupport: true,
  });
});

test('a subnet with a route table of its own uses that one', () => {
  const { state, context, vpcId } = setUp();
  const { subnetId } = chooseSubnet(context, { availabilityZone: 'us-east-1b' });
  const routeTableId = 'rtb-00000000000000001';
  const associations = [{ associationId: 'rtbassoc-1', main: false, subnetId }];
  state.write(tx => tx.put(routeTables, { routeTableId, owner: context.owner, vpcId, associations, routes: [] }));
  expect(vpcIntent(state, vpcId).subnets.map(one => one.routes)).toEqual([toInternet, [], toInternet]);
});

test('routes to a gateway that is detached lead nowhere', () => {
  const { state, vpcId } = setUp();
  const gateway = state.firstBy(internetGateways, 'vpc', vpcId);
  if (gateway === undefined) throw new Error('no gateway');
  const { vpcId: _vpc, ...detached } = gateway;
  state.write(tx => tx.put(internetGateways, detached));
  const intent = vpcIntent(state, vpcId);
  expect(intent.internetGateway).toBe(false);
  expect(intent.subnets[0]?.routes).toEqual([{ destination: '0.0.0.0/0', target: 'blackhole' }]);
});

test('rules of a group', async () => {
  const { api, state } = setUp();
  const create = async (GroupName: string) =>
    (await api.call<CreateSecurityGroupResult>('CreateSecurityGroup', { GroupName, Description: 'd' })).GroupId ?? '';
  const GroupId = await create('a');
  const peer = await create('b');
  const IpPermissions = [
    { IpProtocol: 'tcp', FromPort: 22, ToPort: 23, IpRanges: [{ CidrIp: '10.0.0.0/8' }] },
    { IpProtocol: 'udp', FromPort: 53, ToPort: 53, UserIdGroupPairs: [{ GroupId: peer }] },
    { IpProtocol: 'icmp', FromPort: 8, ToPort: -1, IpRanges: [{ CidrIp: '0.0.0.0/0' }] },
    { IpProtocol: 'icmpv6', Ipv6Ranges: [{ CidrIpv6: '::/0' }] },
    { IpProtocol: '50', IpRanges: [{ CidrIp: '10.0.0.0/8' }] },
  ];
  await api.call('AuthorizeSecurityGroupIngress', { GroupId, IpPermissions });
  const intent = groupIntent(state, GroupId);
  expect(intent.ingress).toEqual([
    { protocol: 6, fromPort: 22, toPort: 23, cidrIpv4: '10.0.0.0/8' },
    { protocol: 17, fromPort: 53, toPort: 53, groupId: peer },
    { protocol: 1, icmpType: 8, icmpCode: -1, cidrIpv4: '0.0.0.0/0' },
    { protocol: 58, icmpType: -1, icmpCode: -1, cidrIpv6: '::/0' },
    { protocol: 50, cidrIpv4: '10.0.0.0/8' },
  ]);
  expect(intent.egress).toEqual([{ protocol: -1, cidrIpv4: '0.0.0.0/0' }]);
});

test('a port with its addresses', () => {
  const { state, context, vpcId } = setUp();
  const row = state.write(tx => {
    const inside = { ...context, db: tx };
    const subnet = chooseSubnet(inside, {});
    const groupIds = resolveGroups(inside, { vpcId });
    const wanted = {
      subnet,
      groupIds,
      associatePublicIp: true,
      privateIpAddress: '172.31.0.10',
      secondaryPrivateIpAddresses: ['172.31.0.11'],
    };
    return assignPublicIp(tx, createNetworkInterface(inside, wanted), '198.18.0.0/16');
  });
  expect(portIntent(state, row.networkInterfaceId, 2)).toEqual({
    vpcId,
    networkInterfaceId: row.networkInterfaceId,
    subnetId: row.subnetId,
    mac: row.macAddress,
    privateIpAddresses: ['172.31.0.10', '172.31.0.11'],
    publicIpAddresses: { '172.31.0.10': row.privateIpAddresses[0]?.publicIp },
    publicHostNames: {
      '172.31.0.10': `ec2-${row.privateIpAddresses[0]?.publicIp?.replaceAll('.', '-')}.compute-1.amazonaws.com`,
    },
    hostName: 'ip-172-31-0-10',
    groupIds: row.groupIds,
    sourceDestCheck: true,
    metadataHopLimit: 2,
  });
});

test('what does not exist has no intent', () => {
  const { state } = setUp();
  expect(() => vpcIntent(state, 'vpc-00000001')).toThrow('vpc-00000001');
  expect(() => groupIntent(state, 'sg-00000001')).toThrow('sg-00000001');
  expect(() => portIntent(state, 'eni-00000001', 1)).toThrow('eni-00000001');
});
