import type {
  CreateNetworkInsightsPathResult,
  CreateSecurityGroupResult,
  DescribeInternetGatewaysResult,
  DescribeNetworkAclsResult,
  DescribeNetworkInsightsAnalysesResult,
  DescribeNetworkInsightsPathsResult,
  DescribeRouteTablesResult,
  DescribeSubnetsResult,
  Instance,
  NetworkInsightsAnalysis,
  StartNetworkInsightsAnalysisResult,
} from '@aws-sdk/client-ec2';
import { describe, expect, it } from 'vitest';
import { makeUser } from '../../api/access-testing.ts';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import { instances } from '../instances/model.ts';
import { launch } from '../testing.ts';
import { analysisLifetime } from './model.ts';

async function makePath(api: TestApi, input: object): Promise<string> {
  const made = await api.call<CreateNetworkInsightsPathResult>('CreateNetworkInsightsPath', {
    Protocol: 'tcp',
    ...input,
  });
  return made.NetworkInsightsPath?.NetworkInsightsPathId ?? '';
}

async function start(api: TestApi, NetworkInsightsPathId: string, input: object = {}): Promise<string> {
  const started = await api.call<StartNetworkInsightsAnalysisResult>('StartNetworkInsightsAnalysis', {
    NetworkInsightsPathId,
    ...input,
  });
  expect(started.NetworkInsightsAnalysis?.Status).toBe('running');
  return started.NetworkInsightsAnalysis?.NetworkInsightsAnalysisId ?? '';
}

async function look(api: TestApi, id: string): Promise<NetworkInsightsAnalysis> {
  const seen = await api.call<DescribeNetworkInsightsAnalysesResult>('DescribeNetworkInsightsAnalyses', {
    NetworkInsightsAnalysisIds: [id],
  });
  return seen.NetworkInsightsAnalyses?.[0] ?? {};
}

async function analyze(api: TestApi, path: object, input: object = {}): Promise<NetworkInsightsAnalysis> {
  return look(api, await start(api, await makePath(api, path), input));
}

const codes = (analysis: NetworkInsightsAnalysis) => analysis.Explanations?.map(one => one.ExplanationCode);
const idsOf = (components: NetworkInsightsAnalysis['ForwardPathComponents']) =>
  components?.map(one => one.Component?.Id);
const kinds = (components: NetworkInsightsAnalysis['ForwardPathComponents']) =>
  idsOf(components)?.map(id => id?.slice(0, id.indexOf('-')));

/** Two instances in the default VPC, each in a group of its own, and the VPC's internet gateway. */
async function world() {
  const api = createTestApi();
  const groups: string[] = [];
  await api.call('DescribeVpcs');
  for (const GroupName of ['web', 'client']) {
    const made = await api.call<CreateSecurityGroupResult>('CreateSecurityGroup', { GroupName, Description: 'd' });
    groups.push(made.GroupId ?? '');
  }
  const [web = '', client = ''] = groups;
  const [server] = await launch(api, { SecurityGroupIds: [web] });
  const [friend] = await launch(api, { SecurityGroupIds: [client] });
  const gateways = await api.call<DescribeInternetGatewaysResult>('DescribeInternetGateways');
  const igw = gateways.InternetGateways?.[0]?.InternetGatewayId ?? '';
  return { api, web, client, server: server as Instance, friend: friend as Instance, igw };
}

async function allow(api: TestApi, GroupId: string, permission: object): Promise<void> {
  await api.call('AuthorizeSecurityGroupIngress', { GroupId, IpPermissions: [permission] });
}

/** The public address of an instance, which the test API's instances get with an Elastic IP. */
async function elasticAddress(api: TestApi, InstanceId: string | undefined): Promise<string> {
  const { AllocationId, PublicIp } = await api.call<{ AllocationId: string; PublicIp: string }>('AllocateAddress');
  api.state.write(tx => {
    const row = tx.get(instances, InstanceId ?? '');
    if (row !== undefined) tx.put(instances, { ...row, state: 'running' });
  });
  await api.call('AssociateAddress', { AllocationId, InstanceId });
  return PublicIp;
}

describe('network insights paths', () => {
  it('are made, described by id and filter, tagged and deleted', async () => {
    const { api, server, friend, igw } = await world();
    const path = await makePath(api, {
      Source: igw,
      Destination: server.InstanceId,
      Protocol: 'TCP',
      FilterAtSource: { DestinationPortRange: { FromPort: 22, ToPort: 22 } },
      TagSpecifications: [{ ResourceType: 'network-insights-path', Tags: [{ Key: 'Name', Value: 'ssh' }] }],
    });
    expect(path).toMatch(/^nip-0[0-9a-f]{16}$/);
    const other = await makePath(api, {
      Source: `arn:aws:ec2:us-east-1:000000000000:instance/${friend.InstanceId}`,
      Destination: server.NetworkInterfaces?.[0]?.NetworkInterfaceId,
      DestinationPort: 80,
    });
    const find = async (input: object) =>
      (await api.call<DescribeNetworkInsightsPathsResult>('DescribeNetworkInsightsPaths', input)).NetworkInsightsPaths;
    const filter = (Name: string, ...Values: string[]) => find({ Filters: [{ Name, Values }] });
    expect(await find({ NetworkInsightsPathIds: [path] })).toEqual([
      {
        NetworkInsightsPathId: path,
        NetworkInsightsPathArn: `arn:aws:ec2:us-east-1:000000000000:network-insights-path/${path}`,
        CreatedDate: new Date(api.clock.now()),
        Source: igw,
        SourceArn: `arn:aws:ec2:us-east-1:000000000000:internet-gateway/${igw}`,
        Destination: server.InstanceId,
        DestinationArn: `arn:aws:ec2:us-east-1:000000000000:instance/${server.InstanceId}`,
        Protocol: 'tcp',
        FilterAtSource: { DestinationPortRange: { FromPort: 22, ToPort: 22 } },
        Tags: [{ Key: 'Name', Value: 'ssh' }],
      },
    ]);
    const found = async (promise: ReturnType<typeof find>) => (await promise)?.map(one => one.NetworkInsightsPathId);
    expect(await found(filter('source', friend.InstanceId ?? ''))).toEqual([other]);
    expect(await found(filter('filter-at-source.destination-port-range', '22-22'))).toEqual([path]);
    expect(await found(filter('tag:Name', 'ssh'))).toEqual([path]);
    expect(await found(filter('protocol', 'udp'))).toEqual([]);
    expect(await found(find({ MaxResults: 1 }))).toEqual([path]);
    expect((await api.fail('DescribeNetworkInsightsPaths', { Filters: [{ Name: 'x', Values: ['y'] }] })).code).toBe(
      'InvalidParameterValue',
    );
    await api.call('DeleteNetworkInsightsPath', { NetworkInsightsPathId: path });
    expect((await api.fail('DescribeNetworkInsightsPaths', { NetworkInsightsPathIds: [path] })).code).toBe(
      'InvalidNetworkInsightsPathId.NotFound',
    );
  });

  it.each([
    [{ Destination: 'i-0123456789abcdef0' }, 'InvalidInstanceID.NotFound'],
    [{ Destination: 'eni-x' }, 'InvalidNetworkInterfaceId.Malformed'],
    [{ Destination: 'tgw-0123456789abcdef0' }, 'UnsupportedOperation'],
    [{ Destination: 'sg-0123456789abcdef0' }, 'InvalidParameterValue'],
    [{}, 'MissingParameter'],
    [{ DestinationIp: '10.0.0' }, 'InvalidParameterValue'],
    [{ DestinationIp: '10.0.0.1', DestinationPort: 65_536 }, 'InvalidParameterValue'],
    [{ DestinationIp: '10.0.0.1', Protocol: 'icmp' }, 'InvalidParameterValue'],
    [{ DestinationIp: '10.0.0.1', DestinationPort: 1, FilterAtSource: {} }, 'InvalidParameterCombination'],
    [{ DestinationIp: '10.0.0.1', FilterAtDestination: {} }, 'InvalidParameterCombination'],
    [
      { FilterAtSource: { DestinationAddress: '1.1.1.1', SourcePortRange: { FromPort: 9, ToPort: 8 } } },
      'InvalidParameterValue',
    ],
  ])('refuse %j with %s', async (input, code) => {
    const { api, server } = await world();
    const error = await api.fail('CreateNetworkInsightsPath', {
      Source: server.InstanceId,
      Protocol: 'tcp',
      ...input,
    });
    expect(error.code).toBe(code);
  });

  it('need permission for their ends, whether these are given as ids or ARNs', async () => {
    const { api, server, friend } = await world();
    const arnOf = (id = '') => `arn:aws:ec2:us-east-1:000000000000:instance/${id}`;
    const careful = await makeUser(api, 'careful', [
      { Action: 'ec2:*' },
      { Effect: 'Deny', Action: '*', Resource: arnOf(server.InstanceId) },
    ]);
    for (const Destination of [server.InstanceId, arnOf(server.InstanceId)]) {
      const input = { Source: friend.InstanceId, Destination, Protocol: 'tcp' };
      expect((await api.fail('CreateNetworkInsightsPath', input, { as: careful })).code).toBe('UnauthorizedOperation');
    }
  });

  it('stay while they have analyses', async () => {
    const { api, server, friend } = await world();
    const path = await makePath(api, { Source: friend.InstanceId, Destination: server.InstanceId });
    const analysis = await start(api, path);
    const error = await api.fail('DeleteNetworkInsightsPath', { NetworkInsightsPathId: path });
    expect(error.code).toBe('AnalysisExistsForNetworkInsightsPath');
    await api.call('DeleteNetworkInsightsAnalysis', { NetworkInsightsAnalysisId: analysis });
    await api.call('DeleteNetworkInsightsPath', { NetworkInsightsPathId: path });
    expect((await api.fail('StartNetworkInsightsAnalysis', { NetworkInsightsPathId: path })).code).toBe(
      'InvalidNetworkInsightsPathId.NotFound',
    );
  });
});

describe('analyses', () => {
  it('tell which security group lets nothing in, and the whole path once it does', async () => {
    const { api, web, client, server, friend } = await world();
    const path = { Source: friend.InstanceId, Destination: server.InstanceId, DestinationPort: 80 };
    const closed = await analyze(api, path);
    expect(closed).toMatchObject({ Status: 'succeeded', NetworkPathFound: false });
    expect(closed.Explanations).toMatchObject([
      {
        ExplanationCode: 'SG_HAS_NO_RULES',
        Direction: 'ingress',
        SecurityGroups: [{ Id: web }],
        PortRanges: [{ From: 80, To: 80 }],
        Protocols: ['tcp'],
      },
    ]);
    await allow(api, web, { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '0.0.0.0/0' }] });
    expect(codes(await analyze(api, path))).toEqual(['ENI_SG_RULES_MISMATCH']);
    await allow(api, web, { IpProtocol: 'tcp', FromPort: 80, ToPort: 80, UserIdGroupPairs: [{ GroupId: client }] });
    const open = await analyze(api, path);
    expect(open).toMatchObject({ NetworkPathFound: true, Explanations: [] });
    const sameSubnet = friend.SubnetId === server.SubnetId;
    const acls = sameSubnet ? [] : ['acl'];
    expect(kinds(open.ForwardPathComponents)).toEqual(['i', 'eni', 'sg', ...acls, 'rtb', ...acls, 'sg', 'eni', 'i']);
    expect(kinds(open.ReturnPathComponents)).toEqual(['i', 'eni', 'sg', ...acls, 'rtb', ...acls, 'sg', 'eni', 'i']);
    expect(idsOf(open.ForwardPathComponents)?.at(0)).toBe(friend.InstanceId);
    expect(open.ForwardPathComponents?.at(-1)).toMatchObject({
      Component: { Id: server.InstanceId },
      InboundHeader: {
        DestinationAddresses: [`${server.PrivateIpAddress}/32`],
        DestinationPortRanges: [{ From: 80, To: 80 }],
        Protocol: '6',
        SourceAddresses: [`${friend.PrivateIpAddress}/32`],
      },
    });
    expect(open.ForwardPathComponents?.find(one => one.RouteTableRoute)).toMatchObject({
      RouteTableRoute: { DestinationCidr: '172.31.0.0/16', GatewayId: 'local', State: 'active' },
    });
    expect(open.ForwardPathComponents?.find(one => one.SecurityGroupRule?.Direction === 'ingress')).toMatchObject({
      Component: { Id: web },
      SecurityGroupRule: { PortRange: { From: 80, To: 80 }, Protocol: 'tcp', SecurityGroupId: client },
    });
  });

  it('follow the way in by an internet gateway to a public address, and out again', async () => {
    const { api, web, server, igw } = await world();
    const path = { Source: igw, Destination: server.InstanceId, DestinationPort: 22 };
    await allow(api, web, { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '0.0.0.0/0' }] });
    const address = await elasticAddress(api, server.InstanceId);
    const found = await analyze(api, path);
    expect(found).toMatchObject({ NetworkPathFound: true });
    expect(kinds(found.ForwardPathComponents)).toEqual(['igw', 'acl', 'sg', 'eni', 'i']);
    expect(found.ForwardPathComponents?.[0]).toMatchObject({
      InboundHeader: { DestinationAddresses: [`${address}/32`] },
      OutboundHeader: { DestinationAddresses: [`${server.PrivateIpAddress}/32`] },
    });
    expect(kinds(found.ReturnPathComponents)).toEqual(['i', 'eni', 'sg', 'acl', 'rtb', 'igw']);
    expect(found.ReturnPathComponents?.at(-2)?.RouteTableRoute).toMatchObject({
      DestinationCidr: '0.0.0.0/0',
      GatewayId: igw,
      Origin: 'createroute',
    });
    const tables = await api.call<DescribeRouteTablesResult>('DescribeRouteTables');
    const RouteTableId = tables.RouteTables?.[0]?.RouteTableId;
    await api.call('DeleteRoute', { RouteTableId, DestinationCidrBlock: '0.0.0.0/0' });
    const lost = await analyze(api, path);
    expect(lost.Explanations).toMatchObject([
      { ExplanationCode: 'NO_ROUTE_TO_DESTINATION', RouteTable: { Id: RouteTableId } },
    ]);
  });

  it('say what a way out lacks: a route, a public address', async () => {
    const { api, client, igw } = await world();
    const [friend] = await launch(api, {
      NetworkInterfaces: [{ DeviceIndex: 0, AssociatePublicIpAddress: false, Groups: [client] }],
    });
    const out = { Source: friend?.InstanceId, Destination: igw, DestinationPort: 443 };
    const tables = await api.call<DescribeRouteTablesResult>('DescribeRouteTables');
    const RouteTableId = tables.RouteTables?.[0]?.RouteTableId;
    const bare = await analyze(api, out);
    expect(codes(bare)).toEqual(['IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS']);
    expect(bare.Explanations?.[0]?.InternetGateway?.Id).toBe(igw);
    await elasticAddress(api, friend?.InstanceId);
    const found = await analyze(api, out);
    expect(found).toMatchObject({ NetworkPathFound: true });
    expect(kinds(found.ForwardPathComponents)).toEqual(['i', 'eni', 'sg', 'acl', 'rtb', 'igw']);
    await api.call('DeleteRoute', { RouteTableId, DestinationCidrBlock: '0.0.0.0/0' });
    expect(codes(await analyze(api, out))).toEqual(['NO_ROUTE_TO_DESTINATION']);
  });

  it('look at network ACLs both ways, also at the ports that answers go to', async () => {
    const { api, web, friend, igw } = await world();
    const subnets = await api.call<DescribeSubnetsResult>('DescribeSubnets');
    const SubnetId = subnets.Subnets?.find(one => one.SubnetId !== friend.SubnetId)?.SubnetId;
    await allow(api, web, { IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] });
    const [server] = await launch(api, { SecurityGroupIds: [web], SubnetId });
    const path = { Source: friend.InstanceId, Destination: server?.InstanceId, DestinationPort: 22 };
    const acls = await api.call<DescribeNetworkAclsResult>('DescribeNetworkAcls');
    const old = acls.NetworkAcls?.[0]?.Associations?.find(one => one.SubnetId === SubnetId)?.NetworkAclAssociationId;
    const made = await api.call<{ NetworkAcl: { NetworkAclId: string } }>('CreateNetworkAcl', {
      VpcId: friend.VpcId,
    });
    const { NetworkAclId } = made.NetworkAcl;
    await api.call('ReplaceNetworkAclAssociation', { AssociationId: old, NetworkAclId });
    const shut = await analyze(api, path);
    expect(shut.Explanations).toMatchObject([
      {
        ExplanationCode: 'SUBNET_ACL_RESTRICTION',
        Direction: 'ingress',
        Acl: { Id: NetworkAclId },
        AclRule: { RuleNumber: 32_767, RuleAction: 'deny' },
      },
    ]);
    const entry = (RuleNumber: number, Egress: boolean, From: number, To: number) =>
      api.call('CreateNetworkAclEntry', {
        NetworkAclId,
        RuleNumber,
        Egress,
        Protocol: '6',
        RuleAction: 'allow',
        CidrBlock: '0.0.0.0/0',
        PortRange: { From, To },
      });
    await entry(100, false, 22, 22);
    const half = await analyze(api, path);
    expect(half.Explanations).toMatchObject([{ ExplanationCode: 'SUBNET_ACL_RESTRICTION', Direction: 'egress' }]);
    await entry(100, true, 50_000, 50_100);
    const found = await analyze(api, path);
    expect(found).toMatchObject({ NetworkPathFound: true });
    expect(found.ForwardPathComponents?.[0]?.OutboundHeader?.SourcePortRanges).toEqual([{ From: 50_000, To: 50_100 }]);
    expect(found.ReturnPathComponents?.find(one => one.AclRule?.RuleNumber === 100)?.AclRule).toBeDefined();
    const ports = { SourcePortRange: { FromPort: 1024, ToPort: 2048 } };
    const { DestinationPort: _port, ...rest } = path;
    const filtered = await analyze(api, {
      ...rest,
      FilterAtSource: { ...ports, DestinationPortRange: { FromPort: 22, ToPort: 22 } },
    });
    expect(codes(filtered)).toEqual(['SUBNET_ACL_RESTRICTION']);
    expect(igw).toBeDefined();
  });

  it('find the port that is open when none is asked for, and heed filters at the destination', async () => {
    const { api, web, server, friend } = await world();
    await allow(api, web, { IpProtocol: 'udp', FromPort: 5000, ToPort: 5010, IpRanges: [{ CidrIp: '172.31.0.0/16' }] });
    const path = { Source: friend.InstanceId, Destination: server.InstanceId, Protocol: 'udp' };
    const found = await analyze(api, path);
    expect(found.ForwardPathComponents?.[0]?.OutboundHeader?.DestinationPortRanges).toEqual([{ From: 5000, To: 5010 }]);
    const at = (FilterAtDestination: object) => analyze(api, { ...path, FilterAtDestination });
    expect((await at({ DestinationPortRange: { FromPort: 5010, ToPort: 6000 } })).NetworkPathFound).toBe(true);
    expect(codes(await at({ DestinationPortRange: { FromPort: 5011, ToPort: 6000 } }))).toEqual([
      'ENI_SG_RULES_MISMATCH',
    ]);
    expect(codes(await at({ SourceAddress: '172.31.9.9' }))).toEqual(['FILTER_AT_DESTINATION_SOURCE_ADDRESS']);
    expect((await at({ SourceAddress: friend.PrivateIpAddress })).NetworkPathFound).toBe(true);
    const both = {
      FilterAtSource: { DestinationPortRange: { FromPort: 1, ToPort: 2 } },
      FilterAtDestination: { DestinationPortRange: { FromPort: 3, ToPort: 4 } },
    };
    expect(codes(await analyze(api, { ...path, ...both }))).toEqual(['FILTER_AT_DESTINATION_DESTINATION_PORT_RANGE']);
  });

  it('keep to components that a path must pass or must not', async () => {
    const { api, web, server, friend } = await world();
    await allow(api, web, { IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] });
    const path = { Source: friend.InstanceId, Destination: server.InstanceId, DestinationPort: 80 };
    const group = `arn:aws:ec2:us-east-1:000000000000:security-group/${web}`;
    const nat = 'arn:aws:ec2:us-east-1:000000000000:natgateway/nat-0123456789abcdef0';
    expect((await analyze(api, path, { FilterInArns: [group] })).NetworkPathFound).toBe(true);
    expect(await analyze(api, path, { FilterInArns: [nat] })).toMatchObject({
      NetworkPathFound: false,
      FilterInArns: [nat],
      Explanations: [{ ExplanationCode: 'COMPONENT_FILTER_RESTRICTION', Component: { Arn: nat } }],
    });
    expect(codes(await analyze(api, path, { FilterOutArns: [group] }))).toEqual(['COMPONENT_FILTER_RESTRICTION']);
    const id = await makePath(api, path);
    const fail = (input: object) => api.fail('StartNetworkInsightsAnalysis', { NetworkInsightsPathId: id, ...input });
    expect((await fail({ FilterInArns: ['sg-1'] })).code).toBe('InvalidParameterValue');
    expect((await fail({ AdditionalAccounts: ['111111111111'] })).code).toBe('UnsupportedOperation');
  });

  it('say that an instance does not run, is gone, or is in a VPC that is not connected', async () => {
    const { api, server, friend } = await world();
    const path = { Source: friend.InstanceId, Destination: server.InstanceId };
    const id = await makePath(api, path);
    const set = (state: 'stopped' | 'terminated', rest: object = {}) =>
      api.state.write(tx => {
        const row = tx.get(instances, server.InstanceId ?? '');
        if (row !== undefined) tx.put(instances, { ...row, ...rest, state });
      });
    set('stopped');
    expect((await look(api, await start(api, id))).Explanations).toMatchObject([
      { ExplanationCode: 'BAD_STATE', Component: { Id: server.InstanceId }, State: 'stopped' },
    ]);
    set('terminated', { networkInterfaceIds: [] });
    expect(codes(await look(api, await start(api, id)))).toEqual(['UNASSOCIATED_COMPONENT']);
    const { Vpc } = await api.call<{ Vpc: { VpcId: string } }>('CreateVpc', { CidrBlock: '10.9.0.0/16' });
    const { Subnet } = await api.call<{ Subnet: { SubnetId: string } }>('CreateSubnet', {
      VpcId: Vpc.VpcId,
      CidrBlock: '10.9.0.0/24',
    });
    // One that is not asked for below, as one by chance may be.
    const [far] = await launch(api, { SubnetId: Subnet.SubnetId, PrivateIpAddress: '10.9.0.10' });
    const apart = await analyze(api, { Source: friend.InstanceId, Destination: far?.InstanceId });
    expect(apart.Explanations).toMatchObject([
      { ExplanationCode: 'DISCONNECTED_VPCS', SourceVpc: { Id: friend.VpcId }, DestinationVpc: { Id: Vpc.VpcId } },
    ]);
    const nowhere = await analyze(api, { Source: far?.InstanceId, DestinationIp: '172.31.0.9', DestinationPort: 22 });
    expect(codes(nowhere)).toEqual(['NO_ROUTE_TO_DESTINATION']);
    const nobody = await analyze(api, { Source: far?.InstanceId, DestinationIp: '10.9.0.99', DestinationPort: 22 });
    expect(codes(nobody)).toEqual(['NO_POSSIBLE_DESTINATION']);
  });

  it('are listed by path, filter and time, paged, tagged, and forgotten after 120 days', async () => {
    const { api, web, server, friend } = await world();
    const path = await makePath(api, { Source: friend.InstanceId, Destination: server.InstanceId });
    const first = await start(api, path, {
      TagSpecifications: [{ ResourceType: 'network-insights-analysis', Tags: [{ Key: 'run', Value: '1' }] }],
    });
    api.clock.advance(60_000);
    await allow(api, web, { IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] });
    const second = await start(api, path);
    const page = (input: object) =>
      api.call<DescribeNetworkInsightsAnalysesResult>('DescribeNetworkInsightsAnalyses', {
        NetworkInsightsPathId: path,
        ...input,
      });
    const list = async (input: object) =>
      (await page(input)).NetworkInsightsAnalyses?.map(one => one.NetworkInsightsAnalysisId);
    expect(await list({})).toEqual([first, second]);
    expect(await list({ Filters: [{ Name: 'path-found', Values: ['true'] }] })).toEqual([second]);
    expect(await list({ Filters: [{ Name: 'status', Values: ['running'] }] })).toEqual([]);
    expect(await list({ Filters: [{ Name: 'tag:run', Values: ['1'] }] })).toEqual([first]);
    expect(await list({ AnalysisStartTime: new Date(api.clock.now()) })).toEqual([second]);
    expect(await list({ AnalysisEndTime: new Date(api.clock.now() - 1) })).toEqual([first]);
    const begin = await page({ MaxResults: 1 });
    expect(await list({ MaxResults: 1, NextToken: begin.NextToken })).toEqual([second]);
    expect((await look(api, first)).Tags).toEqual([{ Key: 'run', Value: '1' }]);
    api.clock.advance(analysisLifetime - 60_000);
    expect(await list({})).toEqual([second]);
    expect((await api.fail('DescribeNetworkInsightsAnalyses', { NetworkInsightsAnalysisIds: [first] })).code).toBe(
      'InvalidNetworkInsightsAnalysisId.NotFound',
    );
    const third = await start(api, path);
    expect(await list({})).toEqual([second, third]);
  });
});
