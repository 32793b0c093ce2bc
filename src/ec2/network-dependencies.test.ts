import type { DescribeNetworkAclsResult, DescribeRouteTablesResult } from '@aws-sdk/client-ec2';
import { expect, test } from 'vitest';
import { createTestApi, type TestApi } from '../api/testing.ts';
import { recordRunning } from './instances/outcomes.ts';
import { makeNatGateway } from './nat-gateways/testing.ts';
import { launch } from './testing.ts';
import { requestPeering } from './vpc-peering/testing.ts';
import { makeSubnet, makeVpc } from './vpcs/testing.ts';

/** What holds what: everything that cannot go while something else needs it, and that stays as it was. */

interface Holding {
  readonly what: string;
  readonly code: string;
  /** Makes both; answers the call that must be refused. */
  readonly set: (api: TestApi) => Promise<readonly [operation: string, input: object]>;
}

async function idOf(api: TestApi, operation: string, input: object, member: string, id: string): Promise<string> {
  const made = await api.call<Record<string, Record<string, string>>>(operation, input);
  return made[member]?.[id] ?? '';
}

async function vpcWith(api: TestApi, operation: string, input: object = {}) {
  const { VpcId } = await makeVpc(api);
  await api.call(operation, { VpcId, ...input });
  return ['DeleteVpc', { VpcId }] as const;
}

async function attachedGateway(api: TestApi, VpcId: string): Promise<string> {
  const id = await idOf(api, 'CreateInternetGateway', {}, 'InternetGateway', 'InternetGatewayId');
  await api.call('AttachInternetGateway', { InternetGatewayId: id, VpcId });
  return id;
}

async function group(api: TestApi, VpcId: string, GroupName = 'g'): Promise<string> {
  const input = { GroupName, Description: 'd', VpcId };
  return (await api.call<{ GroupId: string }>('CreateSecurityGroup', input)).GroupId;
}

async function card(api: TestApi, SubnetId: string, input: object = {}): Promise<string> {
  return idOf(api, 'CreateNetworkInterface', { SubnetId, ...input }, 'NetworkInterface', 'NetworkInterfaceId');
}

const ofVpc = (VpcId: string) => ({ Filters: [{ Name: 'vpc-id', Values: [VpcId] }] });

const holdings: readonly Holding[] = [
  {
    what: 'a VPC with a subnet',
    code: 'DependencyViolation',
    set: api => vpcWith(api, 'CreateSubnet', { CidrBlock: '10.0.0.0/24' }),
  },
  { what: 'a VPC with a route table', code: 'DependencyViolation', set: api => vpcWith(api, 'CreateRouteTable') },
  { what: 'a VPC with a network ACL', code: 'DependencyViolation', set: api => vpcWith(api, 'CreateNetworkAcl') },
  {
    what: 'a VPC with a security group',
    code: 'DependencyViolation',
    set: api => vpcWith(api, 'CreateSecurityGroup', { GroupName: 'g', Description: 'd' }),
  },
  {
    what: 'a VPC with an egress-only internet gateway',
    code: 'DependencyViolation',
    set: api => vpcWith(api, 'CreateEgressOnlyInternetGateway'),
  },
  {
    what: 'a VPC with a gateway endpoint',
    code: 'DependencyViolation',
    set: api => vpcWith(api, 'CreateVpcEndpoint', { ServiceName: 'com.amazonaws.us-east-1.s3' }),
  },
  {
    what: 'a VPC with an internet gateway',
    code: 'DependencyViolation',
    set: async api => {
      const { VpcId } = await makeVpc(api);
      await attachedGateway(api, VpcId);
      return ['DeleteVpc', { VpcId }];
    },
  },
  {
    what: 'a VPC with an active peering connection',
    code: 'DependencyViolation',
    set: async api => {
      const { PeerVpcId, id } = await requestPeering(api);
      await api.call('AcceptVpcPeeringConnection', { VpcPeeringConnectionId: id });
      return ['DeleteVpc', { VpcId: PeerVpcId }];
    },
  },
  {
    what: 'a subnet with a network interface',
    code: 'DependencyViolation',
    set: async api => {
      const { SubnetId } = await makeSubnet(api, (await makeVpc(api)).VpcId);
      await card(api, SubnetId);
      return ['DeleteSubnet', { SubnetId }];
    },
  },
  {
    what: 'a subnet with a NAT gateway',
    code: 'DependencyViolation',
    set: async api => {
      const { SubnetId } = await makeSubnet(api, (await makeVpc(api)).VpcId);
      await makeNatGateway(api, { SubnetId, ConnectivityType: 'private' });
      return ['DeleteSubnet', { SubnetId }];
    },
  },
  {
    what: 'a route table that a subnet is associated with',
    code: 'DependencyViolation',
    set: async api => {
      const { VpcId } = await makeVpc(api);
      const { SubnetId } = await makeSubnet(api, VpcId);
      const RouteTableId = await idOf(api, 'CreateRouteTable', { VpcId }, 'RouteTable', 'RouteTableId');
      await api.call('AssociateRouteTable', { RouteTableId, SubnetId });
      return ['DeleteRouteTable', { RouteTableId }];
    },
  },
  {
    what: 'the main route table',
    code: 'DependencyViolation',
    set: async api => {
      const { VpcId } = await makeVpc(api);
      const tables = await api.call<DescribeRouteTablesResult>('DescribeRouteTables', ofVpc(VpcId));
      return ['DeleteRouteTable', { RouteTableId: tables.RouteTables?.[0]?.RouteTableId }];
    },
  },
  {
    what: 'a network ACL that a subnet is associated with',
    code: 'DependencyViolation',
    set: async api => {
      const { VpcId } = await makeVpc(api);
      await makeSubnet(api, VpcId);
      const acls = await api.call<DescribeNetworkAclsResult>('DescribeNetworkAcls', ofVpc(VpcId));
      const AssociationId = acls.NetworkAcls?.[0]?.Associations?.[0]?.NetworkAclAssociationId;
      const NetworkAclId = await idOf(api, 'CreateNetworkAcl', { VpcId }, 'NetworkAcl', 'NetworkAclId');
      await api.call('ReplaceNetworkAclAssociation', { AssociationId, NetworkAclId });
      return ['DeleteNetworkAcl', { NetworkAclId }];
    },
  },
  {
    what: 'the default network ACL',
    code: 'InvalidParameterValue',
    set: async api => {
      const { VpcId } = await makeVpc(api);
      const acls = await api.call<DescribeNetworkAclsResult>('DescribeNetworkAcls', ofVpc(VpcId));
      return ['DeleteNetworkAcl', { NetworkAclId: acls.NetworkAcls?.[0]?.NetworkAclId }];
    },
  },
  {
    what: 'a security group of a network interface',
    code: 'DependencyViolation',
    set: async api => {
      const { VpcId } = await makeVpc(api);
      const { SubnetId } = await makeSubnet(api, VpcId);
      const GroupId = await group(api, VpcId);
      await card(api, SubnetId, { Groups: [GroupId] });
      return ['DeleteSecurityGroup', { GroupId }];
    },
  },
  {
    what: 'a security group that another one refers to',
    code: 'DependencyViolation',
    set: async api => {
      const { VpcId } = await makeVpc(api);
      const GroupId = await group(api, VpcId);
      const other = await group(api, VpcId, 'other');
      const IpPermissions = [{ IpProtocol: '-1', UserIdGroupPairs: [{ GroupId }] }];
      await api.call('AuthorizeSecurityGroupIngress', { GroupId: other, IpPermissions });
      return ['DeleteSecurityGroup', { GroupId }];
    },
  },
  {
    what: 'the default security group',
    code: 'CannotDelete',
    set: async api => {
      const { VpcId } = await makeVpc(api);
      const found = await api.call<{ SecurityGroups: { GroupId: string }[] }>('DescribeSecurityGroups', ofVpc(VpcId));
      return ['DeleteSecurityGroup', { GroupId: found.SecurityGroups[0]?.GroupId }];
    },
  },
  {
    what: 'an internet gateway that is attached',
    code: 'DependencyViolation',
    set: async api => {
      const InternetGatewayId = await attachedGateway(api, (await makeVpc(api)).VpcId);
      return ['DeleteInternetGateway', { InternetGatewayId }];
    },
  },
  {
    what: 'the attachment of an internet gateway behind which an Elastic IP address is mapped',
    code: 'DependencyViolation',
    set: async api => {
      const { VpcId } = await makeVpc(api);
      const { SubnetId } = await makeSubnet(api, VpcId);
      const InternetGatewayId = await attachedGateway(api, VpcId);
      const { AllocationId } = await api.call<{ AllocationId: string }>('AllocateAddress');
      await api.call('AssociateAddress', { AllocationId, NetworkInterfaceId: await card(api, SubnetId) });
      return ['DetachInternetGateway', { InternetGatewayId, VpcId }];
    },
  },
  {
    what: 'DHCP options of a VPC',
    code: 'DependencyViolation',
    set: async api => {
      const { VpcId } = await makeVpc(api);
      const DhcpConfigurations = [{ Key: 'domain-name', Values: ['example.com'] }];
      const DhcpOptionsId = await idOf(
        api,
        'CreateDhcpOptions',
        { DhcpConfigurations },
        'DhcpOptions',
        'DhcpOptionsId',
      );
      await api.call('AssociateDhcpOptions', { DhcpOptionsId, VpcId });
      return ['DeleteDhcpOptions', { DhcpOptionsId }];
    },
  },
  {
    what: 'a prefix list that a rule names',
    code: 'DependencyViolation',
    set: async api => {
      const list = { PrefixListName: 'l', AddressFamily: 'IPv4', MaxEntries: 1 };
      const PrefixListId = await idOf(api, 'CreateManagedPrefixList', list, 'PrefixList', 'PrefixListId');
      const GroupId = await group(api, (await makeVpc(api)).VpcId);
      const IpPermissions = [{ IpProtocol: '-1', PrefixListIds: [{ PrefixListId }] }];
      await api.call('AuthorizeSecurityGroupIngress', { GroupId, IpPermissions });
      return ['DeleteManagedPrefixList', { PrefixListId }];
    },
  },
  {
    what: 'a block of a VPC with a subnet in it',
    code: 'DependencyViolation',
    set: async api => {
      const { VpcId } = await makeVpc(api);
      const added = await idOf(
        api,
        'AssociateVpcCidrBlock',
        { VpcId, CidrBlock: '10.1.0.0/16' },
        'CidrBlockAssociation',
        'AssociationId',
      );
      await makeSubnet(api, VpcId, { CidrBlock: '10.1.0.0/24' });
      return ['DisassociateVpcCidrBlock', { AssociationId: added }];
    },
  },
  {
    what: 'the primary block of a VPC',
    code: 'OperationNotPermitted',
    set: async api => {
      const made = await makeVpc(api);
      return ['DisassociateVpcCidrBlock', { AssociationId: made.CidrBlockAssociationSet?.[0]?.AssociationId }];
    },
  },
  {
    what: 'an IPv6 block of a subnet with addresses in use',
    code: 'DependencyViolation',
    set: async api => {
      const made = await makeVpc(api, { AmazonProvidedIpv6CidrBlock: true });
      const block = made.Ipv6CidrBlockAssociationSet?.[0]?.Ipv6CidrBlock ?? '';
      const subnet = await makeSubnet(api, made.VpcId, { Ipv6CidrBlock: block.replace('/56', '/64') });
      await card(api, subnet.SubnetId, { Ipv6AddressCount: 1 });
      const AssociationId = subnet.Ipv6CidrBlockAssociationSet?.[0]?.AssociationId;
      return ['DisassociateSubnetCidrBlock', { AssociationId }];
    },
  },
  {
    what: 'an Elastic IP address that is associated',
    code: 'InvalidIPAddress.InUse',
    set: async api => {
      const { VpcId } = await makeVpc(api);
      const { SubnetId } = await makeSubnet(api, VpcId);
      await attachedGateway(api, VpcId);
      const { AllocationId } = await api.call<{ AllocationId: string }>('AllocateAddress');
      await api.call('AssociateAddress', { AllocationId, NetworkInterfaceId: await card(api, SubnetId) });
      return ['ReleaseAddress', { AllocationId }];
    },
  },
  {
    what: 'a network interface that is attached',
    code: 'InvalidParameterValue',
    set: async api => {
      const [made] = await launch(api);
      return ['DeleteNetworkInterface', { NetworkInterfaceId: made?.NetworkInterfaces?.[0]?.NetworkInterfaceId }];
    },
  },
  {
    what: 'a network interface that is attached, to be attached again',
    code: 'InvalidNetworkInterface.InUse',
    set: async api => {
      const [first, second] = await launch(api, { MinCount: 2, MaxCount: 2 });
      for (const one of [first, second])
        api.state.write(tx => recordRunning(tx, one?.InstanceId ?? '', api.clock.now(), true));
      const NetworkInterfaceId = first?.NetworkInterfaces?.[0]?.NetworkInterfaceId;
      return ['AttachNetworkInterface', { InstanceId: second?.InstanceId, NetworkInterfaceId, DeviceIndex: 1 }];
    },
  },
  {
    what: 'the primary network interface of an instance',
    code: 'OperationNotPermitted',
    set: async api => {
      const [made] = await launch(api);
      const AttachmentId = made?.NetworkInterfaces?.[0]?.Attachment?.AttachmentId;
      return ['DetachNetworkInterface', { AttachmentId }];
    },
  },
  {
    what: 'a network interface of a service',
    code: 'OperationNotPermitted',
    set: async api => {
      const { SubnetId } = await makeSubnet(api, (await makeVpc(api)).VpcId);
      await makeNatGateway(api, { SubnetId, ConnectivityType: 'private' });
      const found = await api.call<{ NetworkInterfaces: { NetworkInterfaceId: string }[] }>(
        'DescribeNetworkInterfaces',
        { Filters: [{ Name: 'subnet-id', Values: [SubnetId] }] },
      );
      return ['DeleteNetworkInterface', { NetworkInterfaceId: found.NetworkInterfaces[0]?.NetworkInterfaceId }];
    },
  },
  {
    what: 'a public address where no internet gateway is',
    code: 'Gateway.NotAttached',
    set: async api => {
      const { SubnetId } = await makeSubnet(api, (await makeVpc(api)).VpcId);
      const { AllocationId } = await api.call<{ AllocationId: string }>('AllocateAddress');
      return ['AssociateAddress', { AllocationId, NetworkInterfaceId: await card(api, SubnetId) }];
    },
  },
];

test.each(holdings.map(one => [one.what, one.code, one.set] as const))('%s: %s', async (_what, code, set) => {
  const api = createTestApi();
  const [operation, input] = await set(api);
  await api.state.settled();
  const before = JSON.stringify(api.store.load());
  const error = await api.fail(operation, input);
  expect(error.code, error.message).toBe(code);
  await api.state.settled();
  expect(JSON.stringify(api.store.load())).toBe(before);
});
