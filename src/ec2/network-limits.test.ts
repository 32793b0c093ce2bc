import type { DescribeSubnetsResult, Subnet } from '@aws-sdk/client-ec2';
import { expect, test } from 'vitest';
import type { ApiError } from '../api/errors.ts';
import { createTestApi, type TestApi } from '../api/testing.ts';
import { recordRunning } from './instances/outcomes.ts';
import { makeNatGateway } from './nat-gateways/testing.ts';
import { networkInterfaces } from './network-interfaces/model.ts';
import { networkLimits } from './network-limits.ts';
import { securityGroups } from './security-groups/model.ts';
import { launch } from './testing.ts';
import { vpcPeeringConnections } from './vpc-peering/model.ts';
import { askFor } from './vpc-peering/testing.ts';
import { makeSubnet, makeVpc } from './vpcs/testing.ts';

/** Every quota of networks: what is one too many, the code that it is refused with, and that nothing came of it. */

interface Limit {
  readonly code: string;
  readonly what: string;
  /** Makes as many as there may be, and answers how one more is refused. */
  readonly reach: (api: TestApi) => Promise<ApiError>;
}

const range = (count: number) => Array.from({ length: count }, (_, index) => index);

/** Calls an operation `count` times; then it must fail. */
async function fill(
  api: TestApi,
  operation: string,
  count: number,
  input: (index: number) => object,
): Promise<ApiError> {
  for (const index of range(count)) await api.call(operation, input(index));
  return api.fail(operation, input(count));
}

async function idOf(api: TestApi, operation: string, input: object, member: string, id: string): Promise<string> {
  const made = await api.call<Record<string, Record<string, string>>>(operation, input);
  return made[member]?.[id] ?? '';
}

async function newGroup(api: TestApi, VpcId: string): Promise<string> {
  const input = { GroupName: `g${Math.random()}`, Description: 'd', VpcId };
  return (await api.call<{ GroupId: string }>('CreateSecurityGroup', input)).GroupId;
}

async function defaultSubnet(api: TestApi): Promise<Subnet> {
  const found = await api.call<DescribeSubnetsResult>('DescribeSubnets');
  if (found.Subnets?.[0] === undefined) throw new Error('there is no default subnet');
  return found.Subnets[0];
}

async function runningInstance(api: TestApi, input: object = {}) {
  const [made] = await launch(api, input);
  api.state.write(tx => recordRunning(tx, made?.InstanceId ?? '', api.clock.now(), true));
  return { InstanceId: made?.InstanceId ?? '', card: made?.NetworkInterfaces?.[0]?.NetworkInterfaceId ?? '' };
}

const block = (index: number) => `10.0.${index}.0/24`;

const limits: readonly Limit[] = [
  {
    code: 'VpcLimitExceeded',
    what: 'five VPCs in a Region, the default one among them',
    reach: api => fill(api, 'CreateVpc', networkLimits.vpcs - 1, index => ({ CidrBlock: `10.${index}.0.0/16` })),
  },
  {
    code: 'SubnetLimitExceeded',
    what: '200 subnets in a VPC',
    reach: async api => {
      const { VpcId } = await makeVpc(api);
      return fill(api, 'CreateSubnet', networkLimits.subnetsPerVpc, index => ({ VpcId, CidrBlock: block(index) }));
    },
  },
  {
    code: 'CidrLimitExceeded',
    what: 'five IPv4 blocks of a VPC',
    reach: async api => {
      const { VpcId } = await makeVpc(api);
      const more = networkLimits.ipv4BlocksPerVpc - 1;
      return fill(api, 'AssociateVpcCidrBlock', more, index => ({ VpcId, CidrBlock: `10.${index + 1}.0.0/16` }));
    },
  },
  {
    code: 'CidrLimitExceeded',
    what: 'five IPv6 blocks of a VPC',
    reach: async api => {
      const { VpcId } = await makeVpc(api);
      const input = { VpcId, AmazonProvidedIpv6CidrBlock: true };
      return fill(api, 'AssociateVpcCidrBlock', networkLimits.ipv6BlocksPerVpc, () => input);
    },
  },
  {
    code: 'InternetGatewayLimitExceeded',
    what: 'five internet gateways, that of the default VPC among them',
    reach: api => fill(api, 'CreateInternetGateway', networkLimits.internetGateways - 1, () => ({})),
  },
  {
    code: 'EgressOnlyInternetGatewayLimitExceeded',
    what: 'one egress-only internet gateway of a VPC',
    reach: async api => {
      const { VpcId } = await makeVpc(api);
      return fill(api, 'CreateEgressOnlyInternetGateway', 1, () => ({ VpcId }));
    },
  },
  {
    code: 'NatGatewayLimitExceeded',
    what: 'five NAT gateways in a zone',
    reach: async api => {
      const { SubnetId } = await defaultSubnet(api);
      const input = { SubnetId, ConnectivityType: 'private' };
      return fill(api, 'CreateNatGateway', networkLimits.natGatewaysPerZone, () => input);
    },
  },
  {
    code: 'PrivateIpAddressLimitExceeded',
    what: 'eight private addresses of a NAT gateway',
    reach: async api => {
      const { SubnetId } = await defaultSubnet(api);
      const { NatGatewayId } = await makeNatGateway(api, { SubnetId, ConnectivityType: 'private' });
      const more = networkLimits.privateIpsPerNatGateway - 1;
      return fill(api, 'AssignPrivateNatGatewayAddress', more, () => ({ NatGatewayId, PrivateIpAddressCount: 1 }));
    },
  },
  {
    code: 'AddressLimitExceeded',
    what: 'two Elastic IP addresses of a NAT gateway',
    reach: async api => {
      const { SubnetId } = await defaultSubnet(api);
      const ids: string[] = [];
      for (const _ of range(networkLimits.elasticIpsPerNatGateway + 1))
        ids.push((await api.call<{ AllocationId: string }>('AllocateAddress')).AllocationId);
      const { NatGatewayId } = await makeNatGateway(api, { SubnetId, AllocationId: ids[0] });
      return fill(api, 'AssociateNatGatewayAddress', ids.length - 2, index => ({
        NatGatewayId,
        AllocationIds: [ids[index + 1]],
      }));
    },
  },
  {
    code: 'RouteTableLimitExceeded',
    what: '200 route tables of a VPC, the main one among them',
    reach: async api => {
      const { VpcId } = await makeVpc(api);
      return fill(api, 'CreateRouteTable', networkLimits.routeTablesPerVpc - 1, () => ({ VpcId }));
    },
  },
  {
    code: 'RouteLimitExceeded',
    what: '50 routes of a table',
    reach: async api => {
      const { VpcId } = await makeVpc(api);
      const RouteTableId = await idOf(api, 'CreateRouteTable', { VpcId }, 'RouteTable', 'RouteTableId');
      const GatewayId = await idOf(api, 'CreateInternetGateway', {}, 'InternetGateway', 'InternetGatewayId');
      await api.call('AttachInternetGateway', { InternetGatewayId: GatewayId, VpcId });
      return fill(api, 'CreateRoute', networkLimits.routesPerTable, index => ({
        RouteTableId,
        GatewayId,
        DestinationCidrBlock: `192.168.${index}.0/24`,
      }));
    },
  },
  {
    code: 'RouteLimitExceeded',
    what: 'a prefix list counts for as many routes as it may have entries',
    reach: async api => {
      const { VpcId } = await makeVpc(api);
      const RouteTableId = await idOf(api, 'CreateRouteTable', { VpcId }, 'RouteTable', 'RouteTableId');
      const GatewayId = await idOf(api, 'CreateInternetGateway', {}, 'InternetGateway', 'InternetGatewayId');
      await api.call('AttachInternetGateway', { InternetGatewayId: GatewayId, VpcId });
      const list = { PrefixListName: 'l', AddressFamily: 'IPv4', MaxEntries: networkLimits.routesPerTable + 1 };
      const id = await idOf(api, 'CreateManagedPrefixList', list, 'PrefixList', 'PrefixListId');
      return api.fail('CreateRoute', { RouteTableId, GatewayId, DestinationPrefixListId: id });
    },
  },
  {
    code: 'NetworkAclLimitExceeded',
    what: '200 network ACLs of a VPC, the default one among them',
    reach: async api => {
      const { VpcId } = await makeVpc(api);
      return fill(api, 'CreateNetworkAcl', networkLimits.networkAclsPerVpc - 1, () => ({ VpcId }));
    },
  },
  {
    code: 'NetworkAclEntryLimitExceeded',
    what: '20 rules of a network ACL in a direction',
    reach: async api => {
      const { VpcId } = await makeVpc(api);
      const NetworkAclId = await idOf(api, 'CreateNetworkAcl', { VpcId }, 'NetworkAcl', 'NetworkAclId');
      const rule = { NetworkAclId, Egress: false, Protocol: '-1', RuleAction: 'allow', CidrBlock: '10.0.0.0/8' };
      return fill(api, 'CreateNetworkAclEntry', networkLimits.rulesPerNetworkAcl, index => ({
        ...rule,
        RuleNumber: index + 1,
      }));
    },
  },
  {
    code: 'SecurityGroupLimitExceeded',
    what: '2500 security groups in a Region',
    reach: async api => {
      const { VpcId } = await makeVpc(api);
      const row = api.state.get(securityGroups, await newGroup(api, VpcId));
      if (row === undefined) throw new Error('the group is not there');
      api.state.write(tx => {
        for (const index of range(2_500 - tx.countBy(securityGroups, 'owner', row.owner)))
          tx.put(securityGroups, { ...row, groupId: `sg-${index}`, groupName: `name ${index}` });
      });
      return api.fail('CreateSecurityGroup', { GroupName: 'more', Description: 'd', VpcId });
    },
  },
  {
    code: 'RulesPerSecurityGroupLimitExceeded',
    what: '60 rules of a security group in a direction',
    reach: async api => {
      const GroupId = await newGroup(api, (await makeVpc(api)).VpcId);
      const rule = (index: number) => ({
        GroupId,
        IpPermissions: [{ IpProtocol: '-1', IpRanges: [{ CidrIp: block(index) }] }],
      });
      return fill(api, 'AuthorizeSecurityGroupIngress', 60, rule);
    },
  },
  {
    code: 'SecurityGroupsPerInterfaceLimitExceeded',
    what: 'five security groups of a network interface',
    reach: async api => {
      const { SubnetId, VpcId = '' } = await defaultSubnet(api);
      const Groups: string[] = [];
      for (const _ of range(6)) Groups.push(await newGroup(api, VpcId));
      await api.call('CreateNetworkInterface', { SubnetId, Groups: Groups.slice(1) });
      return api.fail('CreateNetworkInterface', { SubnetId, Groups });
    },
  },
  {
    code: 'NetworkInterfaceLimitExceeded',
    what: '5000 network interfaces in a Region',
    reach: async api => {
      const { SubnetId } = await defaultSubnet(api);
      const input = { SubnetId };
      const id = await idOf(api, 'CreateNetworkInterface', input, 'NetworkInterface', 'NetworkInterfaceId');
      const row = api.state.get(networkInterfaces, id);
      if (row === undefined) throw new Error('the interface is not there');
      api.state.write(tx => {
        for (const index of range(networkLimits.networkInterfaces - 1))
          tx.put(networkInterfaces, { ...row, networkInterfaceId: `eni-${index}`, privateIpAddresses: [] });
      });
      return api.fail('CreateNetworkInterface', input);
    },
  },
  {
    code: 'AttachmentLimitExceeded',
    what: 'two network interfaces of a t3.micro',
    reach: async api => {
      const { SubnetId } = await defaultSubnet(api);
      const { InstanceId } = await runningInstance(api, { SubnetId });
      const ids: string[] = [];
      for (const _ of range(2))
        ids.push(await idOf(api, 'CreateNetworkInterface', { SubnetId }, 'NetworkInterface', 'NetworkInterfaceId'));
      return fill(api, 'AttachNetworkInterface', 1, index => ({
        InstanceId,
        NetworkInterfaceId: ids[index],
        DeviceIndex: index + 1,
      }));
    },
  },
  {
    code: 'PrivateIpAddressLimitExceeded',
    what: 'two addresses of an interface of a t3.micro',
    reach: async api => {
      const { card } = await runningInstance(api);
      const input = { NetworkInterfaceId: card, SecondaryPrivateIpAddressCount: 1 };
      return fill(api, 'AssignPrivateIpAddresses', 1, () => input);
    },
  },
  {
    code: 'InsufficientFreeAddressesInSubnet',
    what: 'eleven addresses of a /28',
    reach: async api => {
      const { VpcId } = await makeVpc(api);
      const { SubnetId } = await makeSubnet(api, VpcId, { CidrBlock: '10.0.0.0/28' });
      return fill(api, 'CreateNetworkInterface', 11, () => ({ SubnetId }));
    },
  },
  {
    code: 'InsufficientCidrBlocks',
    what: 'no whole /28 is free for a prefix',
    reach: async api => {
      const { VpcId } = await makeVpc(api);
      const { SubnetId } = await makeSubnet(api, VpcId, { CidrBlock: '10.0.0.0/28' });
      return api.fail('CreateNetworkInterface', { SubnetId, Ipv4PrefixCount: 1 });
    },
  },
  {
    code: 'AddressLimitExceeded',
    what: 'five Elastic IP addresses in a Region',
    reach: api => fill(api, 'AllocateAddress', networkLimits.elasticIps, () => ({})),
  },
  {
    code: 'ResourceLimitExceeded',
    what: 'five ranges of addresses that were brought',
    reach: api =>
      fill(api, 'ProvisionByoipCidr', networkLimits.byoipCidrs, index => ({ Cidr: `198.18.${70 + index}.0/24` })),
  },
  {
    code: 'InsufficientAddressCapacity',
    what: 'the public pool is used up',
    reach: async () => {
      // A /29 has three addresses left besides those of the fabric.
      const small = createTestApi(undefined, '198.18.0.0/29');
      return fill(small, 'AllocateAddress', 3, () => ({}));
    },
  },
  {
    code: 'PrefixListLimitExceeded',
    what: '100 prefix lists in a Region',
    reach: api =>
      fill(api, 'CreateManagedPrefixList', networkLimits.prefixLists, index => ({
        PrefixListName: `list ${index}`,
        AddressFamily: 'IPv4',
        MaxEntries: 1,
      })),
  },
  {
    code: 'PrefixListMaxEntriesExceeded',
    what: 'as many entries as a prefix list may have',
    reach: async api => {
      const list = { PrefixListName: 'l', AddressFamily: 'IPv4', MaxEntries: 2 };
      const PrefixListId = await idOf(api, 'CreateManagedPrefixList', list, 'PrefixList', 'PrefixListId');
      return fill(api, 'ModifyManagedPrefixList', 2, index => ({
        PrefixListId,
        CurrentVersion: index + 1,
        AddEntries: [{ Cidr: block(index) }],
      }));
    },
  },
  {
    code: 'OutstandingVpcPeeringConnectionLimitExceeded',
    what: '25 peering connections that wait for acceptance',
    reach: async api => {
      const { VpcId } = await makeVpc(api);
      const { VpcId: PeerVpcId } = await makeVpc(api, { CidrBlock: '10.1.0.0/16' });
      const row = api.state.get(vpcPeeringConnections, await askFor(api, { VpcId, PeerVpcId }));
      if (row === undefined) throw new Error('the connection is not there');
      api.state.write(tx => {
        for (const index of range(networkLimits.outstandingPeeringConnections - 1))
          tx.put(vpcPeeringConnections, { ...row, vpcPeeringConnectionId: `pcx-${index}` });
      });
      const { VpcId: third } = await makeVpc(api, { CidrBlock: '10.2.0.0/16' });
      return api.fail('CreateVpcPeeringConnection', { VpcId, PeerVpcId: third });
    },
  },
  {
    code: 'ActiveVpcPeeringConnectionPerVpcLimitExceeded',
    what: '50 active peering connections of a VPC',
    reach: async api => {
      const { VpcId } = await makeVpc(api);
      const { VpcId: PeerVpcId } = await makeVpc(api, { CidrBlock: '10.1.0.0/16' });
      const VpcPeeringConnectionId = await askFor(api, { VpcId, PeerVpcId });
      const row = api.state.get(vpcPeeringConnections, VpcPeeringConnectionId);
      if (row === undefined) throw new Error('the connection is not there');
      api.state.write(tx => {
        for (const index of range(networkLimits.peeringConnectionsPerVpc)) {
          const accepter = { owner: row.owner, vpcId: `vpc-${index}` };
          tx.put(vpcPeeringConnections, { ...row, vpcPeeringConnectionId: `pcx-${index}`, accepter, status: 'active' });
        }
      });
      return api.fail('AcceptVpcPeeringConnection', { VpcPeeringConnectionId });
    },
  },
  {
    code: 'VpcEndpointLimitExceeded',
    what: '20 gateway endpoints in a Region',
    reach: async api => {
      const { VpcId } = await makeVpc(api);
      const input = { VpcId, ServiceName: 'com.amazonaws.us-east-1.s3' };
      return fill(api, 'CreateVpcEndpoint', networkLimits.gatewayEndpoints, () => input);
    },
  },
  {
    code: 'TagLimitExceeded',
    what: '50 tags of a resource',
    reach: async api => {
      const { VpcId } = await makeVpc(api);
      return fill(api, 'CreateTags', 50, index => ({ Resources: [VpcId], Tags: [{ Key: `k${index}`, Value: '' }] }));
    },
  },
  {
    code: 'FilterLimitExceeded',
    what: '200 values of filters',
    reach: async api => {
      const Values = range(201).map(String);
      await api.call('DescribeVpcs', { Filters: [{ Name: 'vpc-id', Values: Values.slice(1) }] });
      return api.fail('DescribeVpcs', { Filters: [{ Name: 'vpc-id', Values }] });
    },
  },
];

test.each(limits.map(one => [one.code, one.what, one.reach] as const))('%s: %s', async (code, _what, reach) => {
  const error = await reach(createTestApi());
  expect(error.code, error.message).toBe(code);
});

test('every quota is in the table', () => {
  const table = limits.map(one => String(one.reach)).join('\n');
  // Those that are no quota of their own, or are far too large to be reached.
  const others = ['egressOnlyInternetGateways', 'entriesPerPrefixList'];
  const missing = Object.keys(networkLimits).filter(name => !table.includes(`networkLimits.${name}`));
  expect(missing).toEqual(others);
});
