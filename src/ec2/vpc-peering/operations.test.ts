import type {
  AcceptVpcPeeringConnectionResult,
  CreateSecurityGroupResult,
  CreateVpcPeeringConnectionResult,
  DescribeRouteTablesResult,
  DescribeSecurityGroupReferencesResult,
  DescribeSecurityGroupRulesResult,
  DescribeSecurityGroupsResult,
  DescribeStaleSecurityGroupsResult,
  DescribeVpcPeeringConnectionsResult,
  VpcPeeringConnection,
} from '@aws-sdk/client-ec2';
import { describe, expect, test } from 'vitest';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import { groupIntent, vpcIntent } from '../intents.ts';
import { makeSubnet, makeVpc } from '../vpcs/testing.ts';
import { vpcPeeringController } from './controller.ts';
import { askFor, requestPeering } from './testing.ts';

const day = 86_400_000;
const other = { account: '111111111111' };

async function list(api: TestApi, input: object = {}, options: object = {}): Promise<VpcPeeringConnection[]> {
  const found = await api.call<DescribeVpcPeeringConnectionsResult>('DescribeVpcPeeringConnections', input, options);
  return found.VpcPeeringConnections ?? [];
}

const status = async (api: TestApi, id: string, options: object = {}) =>
  (await list(api, { VpcPeeringConnectionIds: [id] }, options))[0]?.Status?.Code;

const accept = (api: TestApi, VpcPeeringConnectionId: string, options: object = {}) =>
  api.call<AcceptVpcPeeringConnectionResult>('AcceptVpcPeeringConnection', { VpcPeeringConnectionId }, options);

describe('within an account', () => {
  test('asked for, accepted, deleted; routes over it lead somewhere while it is active', async () => {
    const api = createTestApi();
    const { VpcId } = await makeVpc(api);
    const { VpcId: PeerVpcId } = await makeVpc(api, { CidrBlock: '10.1.0.0/16' });
    const { SubnetId } = await makeSubnet(api, VpcId);
    const TagSpecifications = [{ ResourceType: 'vpc-peering-connection', Tags: [{ Key: 'Name', Value: 'both' }] }];
    const made = await api.call<CreateVpcPeeringConnectionResult>('CreateVpcPeeringConnection', {
      VpcId,
      PeerVpcId,
      TagSpecifications,
    });
    const id = made.VpcPeeringConnection?.VpcPeeringConnectionId ?? '';
    expect(made.VpcPeeringConnection?.Status?.Code).toBe('initiating-request');
    expect(await list(api)).toMatchObject([
      {
        VpcPeeringConnectionId: id,
        RequesterVpcInfo: { VpcId, CidrBlock: '10.0.0.0/16', OwnerId: '000000000000', Region: 'us-east-1' },
        AccepterVpcInfo: { VpcId: PeerVpcId },
        ExpirationTime: new Date(api.clock.now() + 7 * day),
        Status: { Code: 'pending-acceptance', Message: 'Pending Acceptance by 000000000000' },
        Tags: [{ Key: 'Name', Value: 'both' }],
      },
    ]);
    const tables = await api.call<DescribeRouteTablesResult>('DescribeRouteTables', {
      Filters: [{ Name: 'vpc-id', Values: [VpcId] }],
    });
    const RouteTableId = tables.RouteTables?.[0]?.RouteTableId;
    const to = { RouteTableId, DestinationCidrBlock: '10.1.0.0/16', VpcPeeringConnectionId: id };
    await api.call('CreateRoute', to);
    const target = () => vpcIntent(api.state, VpcId).subnets.find(one => one.subnetId === SubnetId)?.routes[0]?.target;
    expect(target()).toBe('blackhole');
    const accepted = await accept(api, id);
    expect(accepted.VpcPeeringConnection?.Status?.Code).toBe('provisioning');
    const active = (await list(api))[0];
    expect(active).toMatchObject({
      Status: { Code: 'active', Message: 'Active' },
      AccepterVpcInfo: { CidrBlock: '10.1.0.0/16', CidrBlockSet: [{ CidrBlock: '10.1.0.0/16' }] },
    });
    expect(active?.ExpirationTime).toBeUndefined();
    expect(target()).toEqual({ vpcPeeringConnectionId: id });
    expect(vpcIntent(api.state, VpcId).peeringConnections).toEqual([
      { vpcPeeringConnectionId: id, peerVpcId: PeerVpcId },
    ]);
    expect(vpcIntent(api.state, PeerVpcId).peeringConnections).toEqual([
      { vpcPeeringConnectionId: id, peerVpcId: VpcId },
    ]);
    const local = { ...to, DestinationCidrBlock: '10.0.5.0/24' };
    expect((await api.fail('CreateRoute', local)).code).toBe('InvalidParameterValue');
    expect((await api.fail('AcceptVpcPeeringConnection', { VpcPeeringConnectionId: id })).code).toBe(
      'InvalidStateTransition',
    );
    expect((await api.fail('DeleteVpc', { VpcId: PeerVpcId })).code).toBe('DependencyViolation');
    const again = { VpcId: PeerVpcId, PeerVpcId: VpcId };
    expect((await api.fail('CreateVpcPeeringConnection', again)).code).toBe('VpcPeeringConnectionAlreadyExists');
    // A block that the peer has would make its addresses ambiguous.
    const overlapping = { VpcId, CidrBlock: '10.1.128.0/20' };
    expect((await api.fail('AssociateVpcCidrBlock', overlapping)).code).toBe('InvalidVpc.Range');
    expect(await api.call('DeleteVpcPeeringConnection', { VpcPeeringConnectionId: id })).toEqual({ Return: true });
    expect(await status(api, id)).toBe('deleted');
    expect(target()).toBe('blackhole');
    expect(vpcIntent(api.state, VpcId).peeringConnections).toBeUndefined();
    expect((await api.fail('DeleteVpcPeeringConnection', { VpcPeeringConnectionId: id })).code).toBe(
      'InvalidStateTransition',
    );
    await api.call('DeleteVpc', { VpcId: PeerVpcId });
  });

  test('blocks that overlap, and VPCs that are not there, make it fail', async () => {
    const api = createTestApi();
    const { VpcId } = await makeVpc(api);
    const { VpcId: PeerVpcId } = await makeVpc(api, { CidrBlock: '10.0.128.0/20' });
    for (const peer of [PeerVpcId, 'vpc-00000001', VpcId]) {
      const id = await askFor(api, { VpcId, PeerVpcId: peer });
      expect(await status(api, id)).toBe('failed');
      for (const operation of [
        'AcceptVpcPeeringConnection',
        'RejectVpcPeeringConnection',
        'DeleteVpcPeeringConnection',
      ])
        expect((await api.fail(operation, { VpcPeeringConnectionId: id })).code).toMatch(/^InvalidSt|^OperationNot/);
    }
    api.clock.advance(2 * 3_600_000);
    expect(await list(api)).toEqual([]);
  });

  test('requests expire after a week and are forgotten two days later', async () => {
    const api = createTestApi();
    const { id } = await requestPeering(api);
    const controller = vpcPeeringController(api.state, api.clock);
    api.clock.advance(7 * day - 1);
    expect(await controller.reconcile(id)).toBe(1);
    expect(await status(api, id)).toBe('pending-acceptance');
    api.clock.advance(1);
    // Seen as expired whether or not the controller has looked.
    expect(await status(api, id)).toBe('expired');
    expect((await api.fail('AcceptVpcPeeringConnection', { VpcPeeringConnectionId: id })).code).toBe(
      'InvalidStateTransition',
    );
    await controller.reconcile(id);
    expect(await status(api, id)).toBe('expired');
    api.clock.advance(2 * day);
    expect(await list(api)).toEqual([]);
    await controller.reconcile(id);
    expect((await api.fail('DescribeVpcPeeringConnections', { VpcPeeringConnectionIds: [id] })).code).toBe(
      'InvalidVpcPeeringConnectionID.NotFound',
    );
  });

  test.each([
    [
      { AccepterPeeringConnectionOptions: { AllowEgressFromLocalClassicLinkToRemoteVpc: true } },
      'UnsupportedOperation',
    ],
    [{}, 'MissingParameter'],
  ])('ModifyVpcPeeringConnectionOptions %j answers %s', async (input, code) => {
    const api = createTestApi();
    const { id: VpcPeeringConnectionId } = await requestPeering(api);
    const off = { VpcPeeringConnectionId, RequesterPeeringConnectionOptions: {} };
    expect((await api.fail('ModifyVpcPeeringConnectionOptions', off)).code).toBe('OperationNotPermitted');
    await accept(api, VpcPeeringConnectionId);
    expect(await api.call('ModifyVpcPeeringConnectionOptions', off)).toMatchObject({
      RequesterPeeringConnectionOptions: { AllowDnsResolutionFromRemoteVpc: false },
    });
    const asked = { VpcPeeringConnectionId, ...input };
    expect((await api.fail('ModifyVpcPeeringConnectionOptions', asked)).code).toBe(code);
  });

  test('with the option on, the public names of a VPC are private addresses to its peer', async () => {
    const api = createTestApi();
    const { VpcId, PeerVpcId, id } = await requestPeering(api);
    await accept(api, id);
    const { SubnetId } = await makeSubnet(api, PeerVpcId, { CidrBlock: '10.1.0.0/24' });
    await api.call('ModifyVpcAttribute', { VpcId: PeerVpcId, EnableDnsHostnames: { Value: true } });
    const gateway = await api.call<{ InternetGateway: { InternetGatewayId: string } }>('CreateInternetGateway');
    await api.call('AttachInternetGateway', { ...gateway.InternetGateway, VpcId: PeerVpcId });
    const made = await api.call<{ NetworkInterface: { NetworkInterfaceId: string } }>('CreateNetworkInterface', {
      SubnetId,
      PrivateIpAddress: '10.1.0.9',
    });
    const { AllocationId, PublicIp } = await api.call<{ AllocationId: string; PublicIp: string }>('AllocateAddress');
    const { NetworkInterfaceId } = made.NetworkInterface;
    await api.call('AssociateAddress', { AllocationId, NetworkInterfaceId });
    const names = () => vpcIntent(api.state, VpcId).peeringConnections?.[0]?.hostNames;
    expect(names()).toBeUndefined();
    const options = { VpcPeeringConnectionId: id };
    const AllowDnsResolutionFromRemoteVpc = true;
    const on = { ...options, AccepterPeeringConnectionOptions: { AllowDnsResolutionFromRemoteVpc } };
    expect(await api.call('ModifyVpcPeeringConnectionOptions', on)).toMatchObject({
      AccepterPeeringConnectionOptions: { AllowDnsResolutionFromRemoteVpc },
    });
    expect((await list(api))[0]?.AccepterVpcInfo?.PeeringOptions).toMatchObject({ AllowDnsResolutionFromRemoteVpc });
    const name = `ec2-${PublicIp.replaceAll('.', '-')}.compute-1.amazonaws.com`;
    expect(names()).toEqual({ [name]: '10.1.0.9' });
    expect(vpcIntent(api.state, PeerVpcId).peeringConnections?.[0]?.hostNames).toBeUndefined();
    await api.call('ModifyVpcAttribute', { VpcId: PeerVpcId, EnableDnsHostnames: { Value: false } });
    expect(names()).toBeUndefined();
  });

  test.each([
    ['status-code', 'pending-acceptance', 1],
    ['status-code', 'active', 0],
    ['requester-vpc-info.cidr-block', '10.0.0.0/16', 1],
    ['requester-vpc-info.owner-id', '000000000000', 1],
    ['accepter-vpc-info.vpc-id', 'vpc-00000001', 0],
    ['tag:Name', 'x', 0],
  ])('filter %s=%s finds %d', async (Name, value, count) => {
    const api = createTestApi();
    await requestPeering(api);
    expect(await list(api, { Filters: [{ Name, Values: [value] }] })).toHaveLength(count);
  });

  test('an account has at most 25 requests that nobody has answered', async () => {
    const api = createTestApi();
    const { VpcId } = await makeVpc(api);
    const { VpcId: PeerVpcId } = await makeVpc(api, { CidrBlock: '10.1.0.0/16' });
    for (let index = 0; index < 25; index++) {
      const account = String(222222222000 + index);
      const { VpcId: foreign } = await makeVpc(api, { CidrBlock: '10.2.0.0/16' }, { account });
      await askFor(api, { VpcId, PeerVpcId: foreign, PeerOwnerId: account });
    }
    expect((await api.fail('CreateVpcPeeringConnection', { VpcId, PeerVpcId })).code).toBe(
      'OutstandingVpcPeeringConnectionLimitExceeded',
    );
  });
});

describe('between accounts and Regions', () => {
  test('only the accepter answers, in his Region; who asks learns nothing before', async () => {
    const api = createTestApi();
    const far = { ...other, region: 'eu-west-1' };
    const { VpcId } = await makeVpc(api);
    const { VpcId: PeerVpcId } = await makeVpc(api, { CidrBlock: '10.7.0.0/16' }, far);
    const asked = { VpcId, PeerVpcId, PeerOwnerId: '111111111111', PeerRegion: 'eu-west-1' };
    const id = await askFor(api, asked);
    const answer = { VpcPeeringConnectionId: id };
    expect((await list(api))[0]?.AccepterVpcInfo?.CidrBlock).toBeUndefined();
    await api.call('CreateTags', { Resources: [id], Tags: [{ Key: 'Name', Value: 'ours' }] });
    expect((await list(api, {}, far))[0]).toMatchObject({ VpcPeeringConnectionId: id, Tags: [] });
    // Each side has tags of its own.
    await api.call('CreateTags', { Resources: [id], Tags: [{ Key: 'Name', Value: 'theirs' }] }, far);
    const named = (value: string) => ({ Filters: [{ Name: 'tag:Name', Values: [value] }] });
    expect(await list(api, named('ours'), far)).toEqual([]);
    expect((await list(api, named('theirs'), far))[0]?.Tags).toEqual([{ Key: 'Name', Value: 'theirs' }]);
    expect((await list(api, named('ours')))[0]?.Tags).toEqual([{ Key: 'Name', Value: 'ours' }]);
    const ofResource = { Filters: [{ Name: 'resource-id', Values: [id] }] };
    expect(await api.call('DescribeTags', ofResource, far)).toMatchObject({ Tags: [{ Value: 'theirs' }] });
    await api.call('DeleteTags', { Resources: [id] }, far);
    expect((await list(api, {}, far))[0]?.Tags).toEqual([]);
    expect((await api.fail('CreateTags', { Resources: [id], Tags: [{ Key: 'a' }] }, other)).code).toBe(
      'InvalidVpcPeeringConnectionID.NotFound',
    );
    expect(await list(api, {}, other)).toEqual([]);
    for (const verb of ['Accept', 'Reject']) {
      const operation = `${verb}VpcPeeringConnection`;
      expect((await api.fail(operation, answer)).code).toBe('OperationNotPermitted');
      expect(await api.fail(operation, answer, other)).toMatchObject({
        code: 'OperationNotPermitted',
        message: expect.stringContaining('eu-west-1'),
      });
      expect((await api.fail(operation, answer, { account: '333333333333' })).code).toBe(
        'InvalidVpcPeeringConnectionID.NotFound',
      );
    }
    // Who has not accepted yet cannot delete.
    expect((await api.fail('DeleteVpcPeeringConnection', answer, far)).code).toBe('InvalidStateTransition');
    await accept(api, id, far);
    expect((await list(api))[0]).toMatchObject({
      Status: { Code: 'active' },
      AccepterVpcInfo: { CidrBlock: '10.7.0.0/16', OwnerId: '111111111111', Region: 'eu-west-1' },
    });
    const options = { ...answer, AccepterPeeringConnectionOptions: {} };
    expect((await api.fail('ModifyVpcPeeringConnectionOptions', options)).code).toBe('OperationNotPermitted');
    await api.call('DeleteVpcPeeringConnection', answer, far);
    expect(await status(api, id)).toBe('deleted');
    // He who deleted it sees it for two hours, the other one for two days.
    api.clock.advance(3 * 3_600_000);
    expect(await list(api, {}, far)).toEqual([]);
    expect(await status(api, id)).toBe('deleted');
  });

  test('rejected, and asked for again', async () => {
    const api = createTestApi();
    const { VpcId } = await makeVpc(api);
    const { VpcId: PeerVpcId } = await makeVpc(api, { CidrBlock: '10.7.0.0/16' }, other);
    const asked = { VpcId, PeerVpcId, PeerOwnerId: '111111111111' };
    const id = await askFor(api, asked);
    await api.call('RejectVpcPeeringConnection', { VpcPeeringConnectionId: id }, other);
    expect(await status(api, id)).toBe('rejected');
    expect(await status(api, await askFor(api, asked))).toBe('pending-acceptance');
    // A request for a VPC of somebody else, said to be another's, tells nobody anything.
    const wrong = await askFor(api, { VpcId, PeerVpcId, PeerOwnerId: '333333333333' }).catch(() => undefined);
    expect(wrong).toBeUndefined();
    expect(await list(api, {}, { account: '333333333333' })).toEqual([]);
  });
});

describe('security groups across it', () => {
  const make = async (api: TestApi, VpcId: string, options: object = {}) => {
    const input = { GroupName: 'g', Description: 'd', VpcId };
    return (await api.call<CreateSecurityGroupResult>('CreateSecurityGroup', input, options)).GroupId ?? '';
  };
  const https = (GroupId: string, pair: object = {}) => [
    { IpProtocol: 'tcp', FromPort: 443, ToPort: 443, UserIdGroupPairs: [{ GroupId, ...pair }] },
  ];

  async function setUp() {
    const api = createTestApi();
    const { VpcId } = await makeVpc(api);
    const { VpcId: PeerVpcId } = await makeVpc(api, { CidrBlock: '10.1.0.0/16' }, other);
    const own = await make(api, VpcId);
    const theirs = await make(api, PeerVpcId, other);
    const id = await askFor(api, { VpcId, PeerVpcId, PeerOwnerId: other.account });
    return { api, VpcId, PeerVpcId, own, theirs, id };
  }

  test('are referred to while it is active, and stale afterwards', async () => {
    const { api, VpcId, PeerVpcId, own, theirs, id } = await setUp();
    const rule = { GroupId: own, IpPermissions: https(theirs, { UserId: other.account }) };
    expect((await api.fail('AuthorizeSecurityGroupIngress', rule)).code).toBe('InvalidGroup.NotFound');
    await accept(api, id, other);
    expect((await api.fail('AuthorizeSecurityGroupIngress', { GroupId: own, IpPermissions: https(theirs) })).code).toBe(
      'InvalidGroup.NotFound',
    );
    await api.call('AuthorizeSecurityGroupIngress', rule);
    const pair = {
      GroupId: theirs,
      UserId: other.account,
      VpcId: PeerVpcId,
      VpcPeeringConnectionId: id,
      PeeringStatus: 'active',
    };
    const groups = await api.call<DescribeSecurityGroupsResult>('DescribeSecurityGroups', { GroupIds: [own] });
    expect(groups.SecurityGroups?.[0]?.IpPermissions?.[0]?.UserIdGroupPairs).toMatchObject([pair]);
    const rules = await api.call<DescribeSecurityGroupRulesResult>('DescribeSecurityGroupRules', {
      Filters: [{ Name: 'group-id', Values: [own] }],
    });
    expect(rules.SecurityGroupRules?.find(one => !one.IsEgress)?.ReferencedGroupInfo).toEqual(pair);
    expect(groupIntent(api.state, own).ingress).toEqual([
      { protocol: 6, fromPort: 443, toPort: 443, groupId: theirs, vpcPeeringConnectionId: id },
    ]);
    const references = async () =>
      (
        await api.call<DescribeSecurityGroupReferencesResult>(
          'DescribeSecurityGroupReferences',
          { GroupId: [theirs] },
          other,
        )
      ).SecurityGroupReferenceSet;
    expect(await references()).toEqual([{ GroupId: theirs, ReferencingVpcId: VpcId, VpcPeeringConnectionId: id }]);
    const stale = async () =>
      (await api.call<DescribeStaleSecurityGroupsResult>('DescribeStaleSecurityGroups', { VpcId }))
        .StaleSecurityGroupSet;
    expect(await stale()).toEqual([]);
    await api.call('DeleteVpcPeeringConnection', { VpcPeeringConnectionId: id });
    expect(await stale()).toMatchObject([
      {
        GroupId: own,
        VpcId,
        StaleIpPermissions: [{ FromPort: 443, UserIdGroupPairs: [{ ...pair, PeeringStatus: 'deleted' }] }],
        StaleIpPermissionsEgress: [],
      },
    ]);
    expect(await references()).toEqual([]);
    expect(groupIntent(api.state, own).ingress).toEqual([]);
    await api.call('RevokeSecurityGroupIngress', rule);
    expect(await stale()).toEqual([]);
  });

  test('can be deleted though the peer refers to them', async () => {
    const { api, VpcId, own, theirs, id } = await setUp();
    await accept(api, id, other);
    const IpPermissions = https(theirs, { UserId: other.account, VpcPeeringConnectionId: id });
    await api.call('AuthorizeSecurityGroupEgress', { GroupId: own, IpPermissions });
    await api.call('DeleteSecurityGroup', { GroupId: theirs }, other);
    const { StaleSecurityGroupSet } = await api.call<DescribeStaleSecurityGroupsResult>('DescribeStaleSecurityGroups', {
      VpcId,
    });
    expect(StaleSecurityGroupSet?.[0]?.StaleIpPermissionsEgress).toHaveLength(1);
  });
});
