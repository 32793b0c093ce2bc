import type { PacketRule, PortIntent, SecurityGroupIntent, SubnetIntent, VpcIntent } from '../../engine.ts';

/** Intents for tests: a default VPC with two subnets, and ports `eni-…n` at 172.31.0.n. */

export const anywhere: PacketRule = { protocol: -1, cidrIpv4: '0.0.0.0/0' };

export const publicSubnet: SubnetIntent = {
  subnetId: 'subnet-0aaaaaaaaaaaaaaa1',
  cidrBlock: '172.31.0.0/20',
  routes: [{ destination: '0.0.0.0/0', target: 'internet-gateway' }],
};

export const privateSubnet: SubnetIntent = {
  subnetId: 'subnet-0aaaaaaaaaaaaaaa2',
  cidrBlock: '172.31.16.0/20',
  routes: [],
};

export function vpcIntent(vpcId: string, changes: Partial<VpcIntent> = {}): VpcIntent {
  return {
    vpcId,
    cidrBlocks: ['172.31.0.0/16'],
    subnets: [publicSubnet, privateSubnet],
    internetGateway: true,
    domainName: 'ec2.internal',
    enableDnsSupport: true,
    ...changes,
  };
}

export function groupIntent(
  vpcId: string,
  groupId: string,
  ingress: readonly PacketRule[],
  egress: readonly PacketRule[] = [anywhere],
): SecurityGroupIntent {
  return { vpcId, groupId, ingress, egress };
}

/** `number` (1 to 250) is the last byte of address and MAC. */
export function portIntent(vpcId: string, number: number, changes: Partial<PortIntent> = {}): PortIntent {
  const byte = number.toString(16).padStart(2, '0');
  return {
    vpcId,
    networkInterfaceId: `eni-0${vpcId.slice(-8)}000000${byte}`,
    subnetId: publicSubnet.subnetId,
    mac: `0e:1b:00:00:00:${byte}`,
    privateIpAddresses: [`172.31.0.${number}`],
    publicIpAddresses: {},
    hostName: `ip-172-31-0-${number}`,
    groupIds: ['sg-0aaaaaaaaaaaaaaa1'],
    sourceDestCheck: true,
    metadataHopLimit: 1,
    ...changes,
  };
}
