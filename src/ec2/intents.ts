import { regionOf } from '../api/owner.ts';
import type {
  DhcpOptionsIntent,
  NatGatewayIntent,
  PacketRule,
  PortIntent,
  SecurityGroupIntent,
  SubnetIntent,
  VpcIntent,
  VpcPeeringIntent,
} from '../engine/engine.ts';
import type { Reader } from '../state/state.ts';
import { addresses } from './addresses/model.ts';
import { byoipCidrs, isAdvertised } from './byoip/model.ts';
import { dhcpOptions } from './dhcp-options/model.ts';
import { egressOnlyInternetGateways } from './egress-only-gateways/model.ts';
import { flowLogs } from './flow-logs/model.ts';
import { instances } from './instances/model.ts';
import { internetGateways } from './internet-gateways/model.ts';
import { isLive, natGateways } from './nat-gateways/model.ts';
import { networkAclIntent, passesAll } from './network-acls/intent.ts';
import { type NetworkAclRow, networkAcls } from './network-acls/model.ts';
import { privateHostName, publicDnsName } from './network-interfaces/addresses.ts';
import { type NetworkInterfaceRow, networkInterfaces } from './network-interfaces/model.ts';
import { currentEntries } from './prefix-lists/model.ts';
import { internalDomain, publicDomain } from './regions/zones.ts';
import { routeIntents } from './route-tables/intent.ts';
import { type RouteTableRow, routeTables } from './route-tables/model.ts';
import { isStale, type SecurityGroupRuleRow, securityGroupRules, securityGroups } from './security-groups/model.ts';
import { type SubnetRow, subnets } from './subnets/model.ts';
import { otherSide, sideOf, vpcPeeringConnections } from './vpc-peering/model.ts';
import { type VpcRow, vpcs } from './vpcs/model.ts';

/** What the fabric must know of a VPC. @throws Error when the VPC does not exist. */
export function vpcIntent(db: Reader, vpcId: string): VpcIntent {
  const vpc = db.get(vpcs, vpcId);
  if (vpc === undefined) throw new Error(`VPC ${vpcId} does not exist`);
  const gateway = db.firstBy(internetGateways, 'vpc', vpcId);
  const ipv6CidrBlocks = (vpc.ipv6Associations ?? []).map(one => one.ipv6CidrBlock);
  const acls = db.by(networkAcls, 'vpc', vpcId).filter(row => !passesAll(row, ipv6CidrBlocks.length > 0));
  const edge = gateway && db.firstBy(routeTables, 'gateway', gateway.internetGatewayId);
  const edgeRoutes = routeIntents(db, edge);
  const usedAcls = acls.filter(row => row.associations.length > 0).map(networkAclIntent);
  const nats = natGatewayIntents(db, vpcId);
  const peerings = peeringIntents(db, vpcId);
  const options = dhcpOptionsIntent(db, vpc);
  return {
    vpcId,
    cidrBlocks: vpc.cidrAssociations.map(one => one.cidrBlock),
    ...(ipv6CidrBlocks.length === 0 ? {} : { ipv6CidrBlocks }),
    subnets: db.by(subnets, 'vpc', vpcId).map(subnet => subnetIntent(db, subnet, acls)),
    internetGateway: gateway !== undefined,
    ...(db.countBy(egressOnlyInternetGateways, 'vpc', vpcId) === 0 ? {} : { egressOnlyInternetGateway: true }),
    ...(edgeRoutes.length === 0 ? {} : { internetGatewayRoutes: edgeRoutes }),
    ...(usedAcls.length === 0 ? {} : { networkAcls: usedAcls }),
    ...(nats.length === 0 ? {} : { natGateways: nats }),
    ...(peerings.length === 0 ? {} : { peeringConnections: peerings }),
    domainName: domainName(db, vpc),
    publicDomain: publicDomain(regionOf(vpc.owner)),
    enableDnsSupport: vpc.enableDnsSupport,
    ...(options === undefined ? {} : { dhcpOptions: options }),
    ...(db.countBy(flowLogs, 'vpc', vpcId) === 0 ? {} : { countFlows: true }),
  };
}

function subnetIntent(db: Reader, subnet: SubnetRow, acls: readonly NetworkAclRow[]): SubnetIntent {
  const ipv6CidrBlock = subnet.ipv6Associations?.[0]?.ipv6CidrBlock;
  const acl = acls.find(row => row.associations.some(one => one.subnetId === subnet.subnetId));
  return {
    subnetId: subnet.subnetId,
    cidrBlock: subnet.cidrBlock,
    ...(ipv6CidrBlock === undefined ? {} : { ipv6CidrBlock }),
    routes: routeIntents(db, effectiveRouteTable(db, subnet.vpcId, subnet.subnetId)),
    ...(acl === undefined ? {} : { networkAclId: acl.networkAclId }),
  };
}

function natGatewayIntents(db: Reader, vpcId: string): NatGatewayIntent[] {
  return db.by(natGateways, 'vpc', vpcId).flatMap(row => {
    const card = db.get(networkInterfaces, row.networkInterfaceId ?? '');
    if (!isLive(row) || card === undefined) return [];
    return [
      {
        natGatewayId: row.natGatewayId,
        networkInterfaceId: card.networkInterfaceId,
        subnetId: row.subnetId,
        mac: card.macAddress,
        privateIpAddresses: card.privateIpAddresses.map(one => one.address),
        publicIpAddresses: publicIpAddresses(db, card),
      },
    ];
  });
}

/** Where the VPC at the other end is gone, nothing can be joined. */
function peeringIntents(db: Reader, vpcId: string): VpcPeeringIntent[] {
  return db.by(vpcPeeringConnections, 'activeVpc', vpcId).flatMap(row => {
    const peerVpcId = otherSide(row, vpcId)?.vpcId;
    if (peerVpcId === undefined || db.get(vpcs, peerVpcId) === undefined) return [];
    const names = sideOf(row, peerVpcId)?.allowDnsResolution === true ? publicNamesOf(db, peerVpcId) : {};
    const hostNames = Object.keys(names).length === 0 ? {} : { hostNames: names };
    return [{ vpcPeeringConnectionId: row.vpcPeeringConnectionId, peerVpcId, ...hostNames }];
  });
}

/** Public host names of a VPC's interfaces, with their private addresses. */
function publicNamesOf(db: Reader, vpcId: string): Record<string, string> {
  const rows = db.by(networkInterfaces, 'vpc', vpcId).filter(row => row.serviceAttachment === undefined);
  return Object.fromEntries(
    rows.flatMap(row => Object.entries(publicHostNames(db, row)).map(([address, name]) => [name, address])),
  );
}

/** Private address to public host name; none where the VPC has no public names. */
function publicHostNames(db: Reader, row: NetworkInterfaceRow): Record<string, string> {
  if (db.get(vpcs, row.vpcId)?.enableDnsHostnames !== true) return {};
  const region = regionOf(row.owner);
  return Object.fromEntries(
    row.privateIpAddresses.flatMap(one =>
      one.publicIp === undefined ? [] : [[one.address, publicDnsName(region, one.publicIp)]],
    ),
  );
}

/** Private address to public one. Those of a range that is not advertised lead nowhere. */
function publicIpAddresses(db: Reader, row: NetworkInterfaceRow): Record<string, string> {
  return Object.fromEntries(
    row.privateIpAddresses.flatMap(one => {
      const pool = one.allocationId === undefined ? undefined : db.get(addresses, one.allocationId)?.publicIpv4Pool;
      const isRouted = pool === undefined || isAdvertised(db.get(byoipCidrs, pool));
      return one.publicIp === undefined || !isRouted ? [] : [[one.address, one.publicIp]];
    }),
  );
}

function domainName(db: Reader, vpc: VpcRow): string {
  const configured = db.get(dhcpOptions, vpc.dhcpOptionsId)?.configurations['domain-name']?.[0];
  return configured ?? internalDomain(regionOf(vpc.owner));
}

/** Undefined for the resolver of the VPC and nothing else, which is what most have. */
function dhcpOptionsIntent(db: Reader, vpc: VpcRow): DhcpOptionsIntent | undefined {
  const { 'domain-name': _domain, ...rest } = db.get(dhcpOptions, vpc.dhcpOptionsId)?.configurations ?? {};
  const servers = rest['domain-name-servers'] ?? [];
  if (Object.keys(rest).length === 1 && servers.length === 1 && servers[0] === 'AmazonProvidedDNS') return undefined;
  const ntpServers = rest['ntp-servers'];
  const netbiosNameServers = rest['netbios-name-servers'];
  const nodeType = rest['netbios-node-type']?.[0];
  const leaseTime = rest['ipv6-address-preferred-lease-time']?.[0];
  return {
    domainNameServers: servers,
    ...(ntpServers === undefined ? {} : { ntpServers }),
    ...(netbiosNameServers === undefined ? {} : { netbiosNameServers }),
    ...(nodeType === undefined ? {} : { netbiosNodeType: Number(nodeType) }),
    ...(leaseTime === undefined ? {} : { ipv6AddressPreferredLeaseTime: Number(leaseTime) }),
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
    if (isStale(db, rule)) continue;
    (rule.isEgress ? egress : ingress).push(...packetRules(db, rule));
  }
  return { vpcId: group.vpcId, groupId, ingress, egress };
}

/** What the fabric must know of an interface. @throws Error when the interface does not exist. */
export function portIntent(
  db: Reader,
  networkInterfaceId: string,
  metadataHopLimit: number,
  metadataIpv6 = false,
): PortIntent {
  const row = db.get(networkInterfaces, networkInterfaceId);
  const primary = row?.privateIpAddresses[0];
  if (row === undefined || primary === undefined)
    throw new Error(`network interface ${networkInterfaceId} does not exist`);
  const publicNames = publicHostNames(db, row);
  return {
    vpcId: row.vpcId,
    networkInterfaceId,
    subnetId: row.subnetId,
    mac: row.macAddress,
    privateIpAddresses: row.privateIpAddresses.map(one => one.address),
    ...((row.ipv6Addresses ?? []).length === 0 ? {} : { ipv6Addresses: row.ipv6Addresses }),
    ...((row.ipv4Prefixes ?? []).length === 0 ? {} : { ipv4Prefixes: row.ipv4Prefixes }),
    ...((row.ipv6Prefixes ?? []).length === 0 ? {} : { ipv6Prefixes: row.ipv6Prefixes }),
    publicIpAddresses: publicIpAddresses(db, row),
    hostName: hostName(db, row, primary.address),
    ...(Object.keys(publicNames).length === 0 ? {} : { publicHostNames: publicNames }),
    ...resourceName(db, row),
    groupIds: row.groupIds,
    sourceDestCheck: row.sourceDestCheck,
    metadataHopLimit,
    ...(metadataIpv6 ? { metadataIpv6 } : {}),
  };
}

/** By address, or the instance's id for the primary interface of an instance with resource names. */
function hostName(db: Reader, row: NetworkInterfaceRow, address: string): string {
  const instance = row.attachment?.deviceIndex === 0 ? db.get(instances, row.attachment.instanceId) : undefined;
  return instance?.privateDnsNameOptions.hostnameType === 'resource-name'
    ? instance.instanceId
    : privateHostName(address);
}

/** The name of an instance's primary interface by the instance's ID, as far as DNS is to answer for it. */
function resourceName(db: Reader, row: NetworkInterfaceRow): Pick<PortIntent, 'resourceName'> {
  const instance = row.attachment?.deviceIndex === 0 ? db.get(instances, row.attachment.instanceId) : undefined;
  if (instance === undefined) return {};
  const { enableResourceNameDnsARecord, enableResourceNameDnsAaaaRecord } = instance.privateDnsNameOptions;
  const ipv4 = enableResourceNameDnsARecord ? row.privateIpAddresses.slice(0, 1).map(one => one.address) : [];
  const ipv6 = enableResourceNameDnsAaaaRecord === true ? (row.ipv6Addresses ?? []).slice(0, 1) : [];
  const addresses = [...ipv4, ...ipv6];
  return addresses.length === 0 ? {} : { resourceName: { name: instance.instanceId, addresses } };
}

const protocolNumbers: Readonly<Record<string, number>> = { tcp: 6, udp: 17, icmp: 1, icmpv6: 58 };

/** The rule itself, or one for each entry of its prefix list. */
function packetRules(db: Reader, rule: SecurityGroupRuleRow): PacketRule[] {
  if (rule.prefixListId === undefined) return [packetRule(rule)];
  return currentEntries(db, rule.prefixListId).map(({ cidr }) =>
    packetRule({ ...rule, ...(cidr.includes(':') ? { cidrIpv6: cidr } : { cidrIpv4: cidr }) }),
  );
}

function packetRule(rule: SecurityGroupRuleRow): PacketRule {
  const protocol = protocolNumbers[rule.ipProtocol] ?? Number(rule.ipProtocol);
  const source = {
    ...(rule.cidrIpv4 !== undefined && { cidrIpv4: rule.cidrIpv4 }),
    ...(rule.cidrIpv6 !== undefined && { cidrIpv6: rule.cidrIpv6 }),
    ...(rule.referencedGroupId !== undefined && { groupId: rule.referencedGroupId }),
    ...(rule.peer !== undefined && { vpcPeeringConnectionId: rule.peer.vpcPeeringConnectionId }),
  };
  if (protocol === 6 || protocol === 17) return { protocol, fromPort: rule.fromPort, toPort: rule.toPort, ...source };
  if (protocol === 1 || protocol === 58) return { protocol, icmpType: rule.fromPort, icmpCode: rule.toPort, ...source };
  // Ports mean nothing for other protocols: all traffic of the protocol is allowed.
  return { protocol, ...source };
}
