import type {
  CreateEgressOnlyInternetGatewayResult,
  CreateNetworkInsightsPathResult,
  CreateRouteTableResult,
  DescribeNetworkInsightsAnalysesResult,
  DescribeRouteTablesResult,
  DescribeSecurityGroupsResult,
  NetworkInsightsAnalysis,
  StartNetworkInsightsAnalysisResult,
} from '@aws-sdk/client-ec2';
import { describe, expect, it } from 'vitest';
import { type CallOptions, createTestApi, type TestApi } from '../../api/testing.ts';
import { allocate, makeNatGateway, makePublicSubnet } from '../nat-gateways/testing.ts';
import { launch } from '../testing.ts';
import { askFor } from '../vpc-peering/testing.ts';
import { makeSubnet, makeVpc } from '../vpcs/testing.ts';
import { explainWhy } from './why.ts';

/* NAT gateways, peering connections and egress-only gateways, from API calls to what is said of them. */

const owner = '000000000000/us-east-1';

async function analyze(api: TestApi, input: object): Promise<NetworkInsightsAnalysis> {
  const path = await api.call<CreateNetworkInsightsPathResult>('CreateNetworkInsightsPath', {
    Protocol: 'tcp',
    ...input,
  });
  const { NetworkInsightsPathId } = path.NetworkInsightsPath ?? {};
  const started = await api.call<StartNetworkInsightsAnalysisResult>('StartNetworkInsightsAnalysis', {
    NetworkInsightsPathId,
  });
  const id = started.NetworkInsightsAnalysis?.NetworkInsightsAnalysisId;
  const seen = await api.call<DescribeNetworkInsightsAnalysesResult>('DescribeNetworkInsightsAnalyses', {
    NetworkInsightsAnalysisIds: [id],
  });
  return seen.NetworkInsightsAnalyses?.[0] ?? {};
}

const components = (path: NetworkInsightsAnalysis['ForwardPathComponents']) =>
  path?.map(one => one.Component?.Id?.replace(/-.*/, ''));
const codes = (analysis: NetworkInsightsAnalysis) => analysis.Explanations?.map(one => one.ExplanationCode);

const mainTable = async (api: TestApi, VpcId: string, options: CallOptions = {}): Promise<string> => {
  const Filters = [{ Name: 'vpc-id', Values: [VpcId] }];
  const seen = await api.call<DescribeRouteTablesResult>('DescribeRouteTables', { Filters }, options);
  return seen.RouteTables?.find(one => one.Associations?.some(each => each.Main))?.RouteTableId ?? '';
};

/** Everything may come in by the default group of a VPC. */
async function open(api: TestApi, VpcId: string, options: CallOptions = {}): Promise<void> {
  const Filters = [{ Name: 'vpc-id', Values: [VpcId] }];
  const seen = await api.call<DescribeSecurityGroupsResult>('DescribeSecurityGroups', { Filters }, options);
  const GroupId = seen.SecurityGroups?.[0]?.GroupId;
  const IpPermissions = [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }], Ipv6Ranges: [{ CidrIpv6: '::/0' }] }];
  await api.call('AuthorizeSecurityGroupIngress', { GroupId, IpPermissions }, options);
}

describe('a NAT gateway', () => {
  async function world() {
    const api = createTestApi();
    const { VpcId, SubnetId, InternetGatewayId } = await makePublicSubnet(api);
    const RouteTableId = await mainTable(api, VpcId);
    const anywhere = { DestinationCidrBlock: '0.0.0.0/0' };
    await api.call('CreateRoute', { RouteTableId, ...anywhere, GatewayId: InternetGatewayId });
    const { AllocationId, PublicIp } = await allocate(api);
    const nat = await makeNatGateway(api, { SubnetId, AllocationId });
    const inner = await makeSubnet(api, VpcId, { CidrBlock: '10.0.1.0/24' });
    const table = await api.call<CreateRouteTableResult>('CreateRouteTable', { VpcId });
    const inside = table.RouteTable?.RouteTableId ?? '';
    await api.call('AssociateRouteTable', { RouteTableId: inside, SubnetId: inner.SubnetId });
    await api.call('CreateRoute', { RouteTableId: inside, ...anywhere, NatGatewayId: nat.NatGatewayId });
    const [instance] = await launch(api, { SubnetId: inner.SubnetId });
    return { api, VpcId, InternetGatewayId, PublicIp, nat: nat.NatGatewayId, inside, instance, RouteTableId };
  }

  it('translates on the way out and back', async () => {
    const { api, InternetGatewayId, PublicIp, nat, instance } = await world();
    const path = { Source: instance?.InstanceId, Destination: InternetGatewayId, DestinationPort: 443 };
    const found = await analyze(api, path);
    expect(found).toMatchObject({ NetworkPathFound: true, Explanations: [] });
    const there = ['i', 'eni', 'sg', 'acl', 'rtb', 'acl', 'nat', 'acl', 'rtb', 'igw'];
    expect(components(found.ForwardPathComponents)).toEqual(there);
    const back = ['igw', 'acl', 'nat', 'acl', 'rtb', 'acl', 'sg', 'eni', 'i'];
    expect(components(found.ReturnPathComponents)).toEqual(back);
    const gateway = found.ForwardPathComponents?.find(one => one.Component?.Id === nat);
    expect(gateway).toMatchObject({
      Component: { Arn: `arn:aws:ec2:us-east-1:000000000000:natgateway/${nat}` },
      InboundHeader: { SourceAddresses: [`${instance?.PrivateIpAddress}/32`] },
    });
    expect(found.ForwardPathComponents?.at(-1)?.OutboundHeader?.SourceAddresses).toEqual([`${PublicIp}/32`]);
    expect(found.ForwardPathComponents?.[4]?.RouteTableRoute).toMatchObject({ NatGatewayId: nat, State: 'active' });
  });

  it('lets nobody in, and its route is a blackhole when it is gone', async () => {
    const { api, InternetGatewayId, nat, instance, inside } = await world();
    const id = instance?.InstanceId ?? '';
    expect((await analyze(api, { Source: InternetGatewayId, Destination: id })).NetworkPathFound).toBe(false);
    expect(explainWhy(api.state, owner, { source: id, destination: 'internet', port: 443 }).reachable).toBe(true);
    await api.call('DeleteNatGateway', { NatGatewayId: nat });
    const gone = await analyze(api, { Source: id, Destination: InternetGatewayId, DestinationPort: 443 });
    expect(gone.Explanations).toMatchObject([
      { ExplanationCode: 'BAD_STATE_ROUTE', RouteTable: { Id: inside }, RouteTableRoute: { State: 'blackhole' } },
    ]);
    const { obstacles } = explainWhy(api.state, owner, { source: id, destination: 'internet', port: 443 });
    expect(obstacles[0]?.what).toContain(`${inside} sends the internet into a blackhole (0.0.0.0/0)`);
  });

  it('is where a path must not go', async () => {
    const { api, InternetGatewayId, instance, RouteTableId } = await world();
    await api.call('DeleteRoute', { RouteTableId, DestinationCidrBlock: '0.0.0.0/0' });
    const found = await analyze(api, { Source: instance?.InstanceId, Destination: InternetGatewayId });
    expect(found.Explanations).toMatchObject([
      { ExplanationCode: 'NO_ROUTE_TO_DESTINATION', RouteTable: { Id: RouteTableId } },
    ]);
  });
});

describe('a peering connection', () => {
  async function world(other: CallOptions = {}) {
    const api = createTestApi();
    const { VpcId } = await makeVpc(api);
    const near = await makeSubnet(api, VpcId);
    const peer = await makeVpc(api, { CidrBlock: '10.1.0.0/16' }, other);
    const far = await makeSubnet(api, peer.VpcId, { CidrBlock: '10.1.0.0/24' }, other);
    const PeerOwnerId = other.account;
    const pcx = await askFor(api, {
      VpcId,
      PeerVpcId: peer.VpcId,
      ...(PeerOwnerId === undefined ? {} : { PeerOwnerId }),
    });
    await api.call('AcceptVpcPeeringConnection', { VpcPeeringConnectionId: pcx }, other);
    await open(api, peer.VpcId, other);
    const [source] = await launch(api, { SubnetId: near.SubnetId });
    const [destination] = await launch(api, { SubnetId: far.SubnetId }, other);
    const here = await mainTable(api, VpcId);
    const there = await mainTable(api, peer.VpcId, other);
    const route = (RouteTableId: string, DestinationCidrBlock: string, options: CallOptions = {}) =>
      api.call('CreateRoute', { RouteTableId, DestinationCidrBlock, VpcPeeringConnectionId: pcx }, options);
    return { api, VpcId, peer: peer.VpcId, pcx, source, destination, here, there, route, far };
  }

  it('needs routes on both sides', async () => {
    const { api, VpcId, peer, pcx, source, destination, here, there, route } = await world();
    const path = { Source: source?.InstanceId, Destination: destination?.InstanceId, DestinationPort: 22 };
    expect((await analyze(api, path)).Explanations).toMatchObject([
      { ExplanationCode: 'NO_ROUTE_TO_DESTINATION', RouteTable: { Id: here } },
    ]);
    await route(here, '10.1.0.0/16');
    const half = await analyze(api, path);
    expect(half.Explanations).toMatchObject([
      { ExplanationCode: 'NO_ROUTE_TO_DESTINATION', RouteTable: { Id: there }, Vpc: { Id: peer } },
    ]);
    await route(there, '10.0.0.0/16');
    const found = await analyze(api, path);
    expect(found.NetworkPathFound).toBe(true);
    expect(found.ForwardPathComponents?.find(one => one.Component?.Id === pcx)).toMatchObject({
      SourceVpc: { Id: VpcId },
      DestinationVpc: { Id: peer },
    });
    const words = explainWhy(api.state, owner, {
      source: source?.InstanceId ?? '',
      destination: destination?.PrivateIpAddress ?? '',
      port: 22,
    });
    expect(words).toMatchObject({ reachable: true });
    expect(words.forward).toContain(`peering connection ${pcx} to ${peer}`);
  });

  it('does not tell what another account has at its other end', async () => {
    const { api, source, destination, here, route } = await world({ account: '111122223333' });
    await route(here, '10.1.0.0/16');
    const path = { Source: source?.InstanceId, DestinationIp: destination?.PrivateIpAddress, DestinationPort: 22 };
    const found = await analyze(api, path);
    expect(codes(found)).toEqual(['NO_POSSIBLE_DESTINATION']);
    expect(JSON.stringify(found)).not.toContain(destination?.InstanceId);
    const foreign = { Source: source?.InstanceId, Destination: destination?.InstanceId, Protocol: 'tcp' };
    expect((await api.fail('CreateNetworkInsightsPath', foreign)).code).toBe('InvalidInstanceID.NotFound');
  });
});

describe('IPv6', () => {
  it('goes out by an egress-only gateway and not in', async () => {
    const api = createTestApi();
    const { VpcId } = await makeVpc(api, { AmazonProvidedIpv6CidrBlock: true });
    const { Vpcs } = await api.call<{ Vpcs: { Ipv6CidrBlockAssociationSet: { Ipv6CidrBlock: string }[] }[] }>(
      'DescribeVpcs',
      { VpcIds: [VpcId] },
    );
    const block = Vpcs[0]?.Ipv6CidrBlockAssociationSet[0]?.Ipv6CidrBlock ?? '';
    const { SubnetId } = await makeSubnet(api, VpcId, { Ipv6CidrBlock: block.replace('/56', '/64') });
    await open(api, VpcId);
    const [instance] = await launch(api, { SubnetId, Ipv6AddressCount: 1 });
    const id = instance?.InstanceId ?? '';
    const made = await api.call<CreateEgressOnlyInternetGatewayResult>('CreateEgressOnlyInternetGateway', { VpcId });
    const RouteTableId = await mainTable(api, VpcId);
    const EgressOnlyInternetGatewayId = made.EgressOnlyInternetGateway?.EgressOnlyInternetGatewayId;
    const why = (source: string, destination: string) =>
      explainWhy(api.state, owner, { source, destination, port: 443 });
    const address = instance?.NetworkInterfaces?.[0]?.Ipv6Addresses?.[0]?.Ipv6Address ?? '';
    expect(why(id, 'internet').reachable).toBe(false);
    await api.call('CreateRoute', { RouteTableId, DestinationIpv6CidrBlock: '::/0', EgressOnlyInternetGatewayId });
    const out = why(id, 'internet');
    expect(out.reachable).toBe(true);
    expect(out.forward.at(-1)).toBe(`egress-only internet gateway of ${VpcId}`);
    const inward = why('2001:db8::9', address);
    expect(inward).toMatchObject({ reachable: false, obstacles: [{ code: 'NO_PATH' }] });
    expect(inward.obstacles[0]?.what).toContain('internet gateway is attached to the VPC');
    const path = { Source: id, DestinationIp: '2001:db8::9', DestinationPort: 443 };
    const found = await analyze(api, path);
    expect(components(found.ForwardPathComponents)).toEqual(['i', 'eni', 'sg', 'acl', 'rtb', 'eigw']);
    expect(found.ForwardPathComponents?.[4]?.RouteTableRoute).toMatchObject({ EgressOnlyInternetGatewayId });
  });
});
