import { regionOf } from '../api/owner.ts';
import type { PacketRule, PortIntent, SecurityGroupIntent, SubnetIntent, VpcIntent } from '../engine/engine.ts';
import type { Reader } from '../state/state.ts';
import { dhcpOptions } from './dhcp-options/model.ts';
import { instances } from './instances/model.ts';
import { internetGateways } from './internet-gateways/model.ts';
import { privateHostName } from './network-interfaces/addresses.ts';
import { type NetworkInterfaceRow, networkInterfaces } from './network-interfaces/model.ts';
import { internalDomain } from './regions/zones.ts';
import { type RouteTableRow, routeTables } from './route-tables/model.ts';
import { type SecurityGroupRuleRow, securityGroupRules, securityGroups } from './security-groups/model.ts';
import { subnets } from './subnets/model.ts';
import { vpcs } from './vpcs/model.ts';

/** What the fabric must know of a VPC. @throws Error when the VPC does not exist. */
export function vpcIntent(db: Reader, vpcId: string): VpcIntent {
  const vpc = db.get(vpcs, vpcId);
  if (vpc === undefined) throw new Error(`VPC ${vpcId} does not exist`);
  const gateway = db.firstBy(internetGateways, 'vpc', vpcId);
  const configured = db.get(dhcpOptions, vpc.dhcpOptionsId)?.configurations['domain-name']?.[0];
  return {
    vpcId,
    cidrBlocks: vpc.cidrAssociations.map(one => one.cidrBlock),
    subnets: db.by(subnets, 'vpc', vpcId).map(subnet => ({
      subnetId: subnet.subnetId,
      cidrBlock: subnet.cidrBlock,
      routes: routesOf(effectiveRouteTable(db, vpcId, subnet.subnetId), gateway?.internetGatewayId),
    })),
    internetGateway: gateway !== undefined,
    domainName: configured ?? internalDomain(regionOf(vpc.owner)),
    enableDnsSupport: vpc.enableDnsSupport,
  };
}

/** The route table that a subnet is associated with, else the VPC's main one. */
export function effectiveRouteTable(db: Reader, vpcId: string, subnetId: string): RouteTableRow | undefined {
  return db.firstBy(routeTables, 'subnet', subnetId) ?? db.firstBy(routeTables, 'main', vpcId);
}

/** What the fabric must know of a security group. @throws Error when the group does not exist. */
export function groupIntent(db: Reader, groupId: string): SecurityGroupIntent {
  const group = db.get(securityGroups, groupId);
  if (group === undefined) throw new Error(`security group ${groupId} does not exist`);
  const ingress: PacketRule[] = [];
  const egress: PacketRule[] = [];
  for (const rule of db.by(securityGroupRules, 'group', groupId)) {
    // Prefix lists do not exist here yet: a rule that names one can match nothing.
    if (rule.prefixListId === undefined) (rule.isEgress ? egress : ingress).push(packetRule(rule));
  }
  return { vpcId: group.vpcId, groupId, ingress, egress };
}

/** What the fabric must know of an interface. @throws Error when the interface does not exist. */
export function portIntent(db: Reader, networkInterfaceId: string, metadataHopLimit: number): PortIntent {
  const row = db.get(networkInterfaces, networkInterfaceId);
  const primary = row?.privateIpAddresses[0];
  if (row === undefined || primary === undefined)
    throw new Error(`network interface ${networkInterfaceId} does not exist`);
  return {
    vpcId: row.vpcId,
    networkInterfaceId,
    subnetId: row.subnetId,
    mac: row.macAddress,
    privateIpAddresses: row.privateIpAddresses.map(one => one.address),
    publicIpAddresses: Object.fromEntries(
      row.privateIpAddresses.flatMap(one => (one.publicIp === undefined ? [] : [[one.address, one.publicIp]])),
    ),
    hostName: hostName(db, row, primary.address),
    groupIds: row.groupIds,
    sourceDestCheck: row.sourceDestCheck,
    metadataHopLimit,
  };
}

/** By address, or the instance's id for the primary interface of an instance with resource names. */
function hostName(db: Reader, row: NetworkInterfaceRow, address: string): string {
  const instance = row.attachment?.deviceIndex === 0 ? db.get(instances, row.attachment.instanceId) : undefined;
  return instance?.privateDnsNameOptions.hostnameType === 'resource-name'
    ? instance.instanceId
    : privateHostName(address);
}

function routesOf(table: RouteTableRow | undefined, attachedGateway: string | undefined): SubnetIntent['routes'] {
  return (table?.routes ?? []).map(route => ({
    destination: route.destinationCidrBlock,
    target: route.state === 'active' && route.gatewayId === attachedGateway ? 'internet-gateway' : 'blackhole',
  }));
}

const protocolNumbers: Readonly<Record<string, number>> = { tcp: 6, udp: 17, icmp: 1, icmpv6: 58 };

function packetRule(rule: SecurityGroupRuleRow): PacketRule {
  const protocol = protocolNumbers[rule.ipProtocol] ?? Number(rule.ipProtocol);
  const source = {
    ...(rule.cidrIpv4 !== undefined && { cidrIpv4: rule.cidrIpv4 }),
    ...(rule.cidrIpv6 !== undefined && { cidrIpv6: rule.cidrIpv6 }),
    ...(rule.referencedGroupId !== undefined && { groupId: rule.referencedGroupId }),
  };
  if (protocol === 6 || protocol === 17) return { protocol, fromPort: rule.fromPort, toPort: rule.toPort, ...source };
  if (protocol === 1 || protocol === 58) return { protocol, icmpType: rule.fromPort, icmpCode: rule.toPort, ...source };
  // Ports mean nothing for other protocols: all traffic of the protocol is allowed.
  return { protocol, ...source };
}
