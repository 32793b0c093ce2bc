import type {
  AnalysisAclRule,
  AnalysisComponent,
  AnalysisPacketHeader,
  AnalysisRouteTableRoute,
  AnalysisSecurityGroupRule,
  Explanation,
  PathComponent,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import type { NetworkAclEntryIntent, PacketRule, RouteIntent } from '../../engine/engine.ts';
import type { Reader } from '../../state/state.ts';
import { egressOnlyInternetGateways } from '../egress-only-gateways/model.ts';
import { effectiveRouteTable } from '../intents.ts';
import { internetGateways } from '../internet-gateways/model.ts';
import { networkAcls } from '../network-acls/model.ts';
import { networkInterfaces } from '../network-interfaces/model.ts';
import { currentEntries } from '../prefix-lists/model.ts';
import { destinationOf, type RouteRow, type RouteTableRow, routeTables } from '../route-tables/model.ts';
import { tagsOf } from '../tags/model.ts';
import { findResourceType } from '../tags/resource-types.ts';
import type { Analysis, PortRange } from './analyze.ts';
import type { Endpoints } from './endpoints.ts';
import { hasPorts, type Packet, protocolNumbers } from './packet.ts';
import type { Gateway, Obstacle, Step } from './steps.ts';

/** Where names, ids of tables and ARNs come from. */
export interface RenderContext {
  readonly db: Reader;
  readonly account: string;
  readonly region: string;
}

export interface RenderedAnalysis {
  readonly networkPathFound: boolean;
  readonly forwardPathComponents: PathComponent[];
  readonly returnPathComponents: PathComponent[];
  readonly explanations: Explanation[];
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_PathComponent.html */
export function renderAnalysis(context: RenderContext, analysis: Analysis, ends: Endpoints): RenderedAnalysis {
  const { forward, back } = analysis;
  const first = ends.sourceInstanceId;
  const last = ends.destinationInstanceId;
  const ports = { asked: analysis.destinationPorts, answered: analysis.sourcePorts };
  return {
    networkPathFound: analysis.reachable,
    forwardPathComponents: path(context, forward, first, last, analysis.reachable, ports, false),
    returnPathComponents: analysis.reachable ? path(context, back, last, first, true, ports, true) : [],
    explanations: analysis.obstacles.map(obstacle => renderObstacle(context, obstacle, ends)),
  };
}

interface Ports {
  readonly asked: PortRange;
  readonly answered: PortRange;
}

function path(
  context: RenderContext,
  steps: readonly Step[],
  from: string | undefined,
  to: string | undefined,
  arrives: boolean,
  ports: Ports,
  isAnswer: boolean,
): PathComponent[] {
  const header = (packet: Packet) => packetHeader(packet, ports, isAnswer);
  const components = steps.map(step => renderStep(context, step, header));
  const first = steps[0];
  const last = steps.at(-1);
  if (from !== undefined && first?.kind === 'interface') {
    components.unshift({ Component: component(context, from), OutboundHeader: header(first.packet) });
  } else if (first?.kind === 'interface') components[0] = { ...components[0], OutboundHeader: header(first.packet) };
  if (arrives && last?.kind === 'interface') {
    if (to === undefined) components.push({ ...components.pop(), InboundHeader: header(last.packet) });
    else components.push({ Component: component(context, to), InboundHeader: header(last.packet) });
  }
  return components.map((one, index) => ({
    SequenceNumber: index + 1,
    ...one,
    AdditionalDetails: [],
    Explanations: [],
  }));
}

function renderStep(
  context: RenderContext,
  step: Step,
  header: (packet: Packet) => AnalysisPacketHeader,
): PathComponent {
  const of = (id: string | undefined) => component(context, id);
  switch (step.kind) {
    case 'interface': {
      const row = context.db.get(networkInterfaces, step.networkInterfaceId);
      const instanceId = row?.attachment?.instanceId;
      return {
        Component: of(step.networkInterfaceId),
        ...(instanceId === undefined ? {} : { AttachedTo: of(instanceId) }),
        Subnet: of(row?.subnetId),
        Vpc: of(step.vpcId),
      };
    }
    case 'security-group':
      return {
        Component: of(step.groupId),
        ...(step.rule === undefined ? {} : { SecurityGroupRule: groupRule(step.rule, step.direction) }),
      };
    case 'network-acl': {
      const id = aclOf(context, step.subnetId);
      const entry = step.entry ?? { ...openEntry, cidrBlock: '0.0.0.0/0' };
      return { Component: of(id), AclRule: aclRule(entry, step.direction === 'egress') };
    }
    case 'route':
      return {
        Component: of(tableOf(context, step.vpcId, step.subnetId)?.routeTableId),
        RouteTableRoute: tableRoute(context, step.vpcId, step.subnetId, step.route),
      };
    case 'gateway':
      return {
        Component: of(gatewayOf(context, step.vpcId, step.gateway)),
        InboundHeader: header(step.before),
        OutboundHeader: header(step.after),
        Vpc: of(step.vpcId),
      };
    case 'nat-gateway':
      return {
        Component: of(step.natGatewayId),
        InboundHeader: header(step.before),
        OutboundHeader: header(step.after),
        Vpc: of(step.vpcId),
      };
    case 'peering':
      return {
        Component: of(step.vpcPeeringConnectionId),
        SourceVpc: of(step.vpcId),
        DestinationVpc: of(step.peerVpcId),
      };
  }
}

const openEntry = { ruleNumber: 100, allow: true, protocol: -1 } as const;
/** The number that EC2 shows for the last entry, which denies what no other one is about. */
const lastRuleNumber = 32_767;

function renderObstacle(context: RenderContext, obstacle: Obstacle, ends: Endpoints): Explanation {
  const { code, packet, vpcId, direction, subnetId, networkInterfaceId, groupIds, route, gateway, missing } = obstacle;
  const of = (id: string | undefined) => component(context, id);
  const explanation: Explanation = { ExplanationCode: code };
  if (direction !== undefined) explanation.Direction = direction;
  if (vpcId !== undefined) explanation.Vpc = of(vpcId);
  if (subnetId !== undefined) explanation.Subnet = of(subnetId);
  if (networkInterfaceId !== undefined) explanation.NetworkInterface = of(networkInterfaceId);
  if (missing !== undefined) explanation.MissingComponent = missing;
  if (obstacle.vpcPeeringConnectionId !== undefined)
    explanation.VpcPeeringConnection = of(obstacle.vpcPeeringConnectionId);
  if (gateway === 'internet-gateway' && vpcId !== undefined)
    explanation.InternetGateway = of(gatewayOf(context, vpcId, gateway));
  switch (code) {
    case 'ENI_SG_RULES_MISMATCH':
    case 'SG_HAS_NO_RULES':
      explanation.SecurityGroups = (groupIds ?? []).map(id => component(context, id));
      addPacket(explanation, packet);
      break;
    case 'SUBNET_ACL_RESTRICTION':
      explanation.Acl = of(aclOf(context, subnetId ?? ''));
      explanation.AclRule = aclRule(
        obstacle.entry ?? { ruleNumber: lastRuleNumber, allow: false, protocol: -1, cidrBlock: anyBlock(packet) },
        direction === 'egress',
      );
      addPacket(explanation, packet);
      break;
    case 'NO_ROUTE_TO_DESTINATION':
    case 'NO_POSSIBLE_DESTINATION':
    case 'BAD_STATE_ROUTE': {
      const table = tableOf(context, vpcId ?? '', subnetId);
      if (table !== undefined) explanation.RouteTable = of(table.routeTableId);
      if (route !== undefined && vpcId !== undefined)
        explanation.RouteTableRoute = tableRoute(context, vpcId, subnetId, route);
      if (ends.destination !== undefined) explanation.Destination = of(ends.destination);
      addPacket(explanation, packet);
      break;
    }
    default:
      addPacket(explanation, packet);
  }
  return explanation;
}

function addPacket(explanation: Explanation, packet: Packet): void {
  if (packet.destination !== '') explanation.Addresses = [packet.destination];
  explanation.Protocols = [protocolName(packet.protocol)];
  if (hasPorts(packet.protocol) && packet.destinationPort !== undefined)
    explanation.PortRanges = [{ From: packet.destinationPort, To: packet.destinationPort }];
}

function packetHeader(packet: Packet, ports: Ports, isAnswer: boolean): AnalysisPacketHeader {
  const { asked, answered } = ports;
  const range = ({ from, to }: PortRange) => [{ From: from, To: to }];
  const header: AnalysisPacketHeader = {
    DestinationAddresses: [wholeBlock(packet.destination)],
    Protocol: String(packet.protocol),
    SourceAddresses: [wholeBlock(packet.source)],
  };
  if (hasPorts(packet.protocol)) {
    header.DestinationPortRanges = range(isAnswer ? answered : asked);
    header.SourcePortRanges = range(isAnswer ? asked : answered);
  }
  return header;
}

const isIpv6 = (address: string) => address.includes(':');
const wholeBlock = (address: string) => `${address}/${isIpv6(address) ? 128 : 32}`;
const anyBlock = (packet: Packet) => (isIpv6(packet.source) ? '::/0' : '0.0.0.0/0');

export function protocolName(protocol: number): string {
  if (protocol === -1) return 'all';
  return Object.entries(protocolNumbers).find(([, number]) => number === protocol)?.[0] ?? String(protocol);
}

function portRange(from: number | undefined, to: number | undefined): { PortRange?: { From: number; To: number } } {
  return from === undefined || to === undefined || from === -1 ? {} : { PortRange: { From: from, To: to } };
}

function groupRule(rule: PacketRule, direction: string): AnalysisSecurityGroupRule {
  const cidr = rule.cidrIpv4 ?? rule.cidrIpv6;
  return {
    Direction: direction,
    Protocol: protocolName(rule.protocol),
    ...portRange(rule.fromPort, rule.toPort),
    ...(cidr === undefined ? {} : { Cidr: cidr }),
    ...(rule.groupId === undefined ? {} : { SecurityGroupId: rule.groupId }),
  };
}

function aclRule(entry: NetworkAclEntryIntent, egress: boolean): AnalysisAclRule {
  return {
    Cidr: entry.cidrBlock,
    Egress: egress,
    Protocol: protocolName(entry.protocol),
    RuleAction: entry.allow ? 'allow' : 'deny',
    RuleNumber: entry.ruleNumber,
    ...portRange(entry.fromPort, entry.toPort),
  };
}

/** The row behind a route of an intent: of its block, or of a prefix list that holds it. */
function routeRow(context: RenderContext, table: RouteTableRow, route: RouteIntent): RouteRow | undefined {
  const { destination } = route;
  return (
    table.routes.find(one => destinationOf(one) === destination) ??
    table.routes.find(
      ({ destinationPrefixListId: list }) =>
        list !== undefined && currentEntries(context.db, list).some(entry => entry.cidr === destination),
    )
  );
}

function tableRoute(
  context: RenderContext,
  vpcId: string,
  subnetId: string | undefined,
  route: RouteIntent,
): AnalysisRouteTableRoute {
  const table = tableOf(context, vpcId, subnetId);
  const row = table === undefined ? undefined : routeRow(context, table, route);
  if (row === undefined) {
    return { DestinationCidr: route.destination, GatewayId: 'local', Origin: 'createroutetable', State: 'active' };
  }
  const instanceId =
    row.networkInterfaceId === undefined
      ? undefined
      : context.db.get(networkInterfaces, row.networkInterfaceId)?.attachment?.instanceId;
  return {
    DestinationCidr: route.destination,
    ...(row.destinationPrefixListId === undefined ? {} : { DestinationPrefixListId: row.destinationPrefixListId }),
    ...(row.egressOnlyInternetGatewayId === undefined
      ? {}
      : { EgressOnlyInternetGatewayId: row.egressOnlyInternetGatewayId }),
    ...(row.gatewayId === undefined ? {} : { GatewayId: row.gatewayId }),
    ...(row.natGatewayId === undefined ? {} : { NatGatewayId: row.natGatewayId }),
    ...(row.networkInterfaceId === undefined ? {} : { NetworkInterfaceId: row.networkInterfaceId }),
    ...(instanceId === undefined ? {} : { InstanceId: instanceId }),
    ...(row.vpcPeeringConnectionId === undefined ? {} : { VpcPeeringConnectionId: row.vpcPeeringConnectionId }),
    Origin: row.origin.toLowerCase(),
    State: route.target === 'blackhole' ? 'blackhole' : 'active',
  };
}

/** The table that routes what comes from a subnet, or from the internet gateway. */
function tableOf({ db }: RenderContext, vpcId: string, subnetId: string | undefined): RouteTableRow | undefined {
  if (subnetId !== undefined) return effectiveRouteTable(db, vpcId, subnetId);
  const gateway = db.firstBy(internetGateways, 'vpc', vpcId);
  return gateway && db.firstBy(routeTables, 'gateway', gateway.internetGatewayId);
}

function aclOf({ db }: RenderContext, subnetId: string): string | undefined {
  return db.firstBy(networkAcls, 'subnet', subnetId)?.networkAclId;
}

function gatewayOf({ db }: RenderContext, vpcId: string, gateway: Gateway): string | undefined {
  return gateway === 'internet-gateway'
    ? db.firstBy(internetGateways, 'vpc', vpcId)?.internetGatewayId
    : db.firstBy(egressOnlyInternetGateways, 'vpc', vpcId)?.egressOnlyInternetGatewayId;
}

/** Types of what has no tags here, by the prefix of its id. */
const otherTypes: Readonly<Record<string, string>> = { nat: 'natgateway', pcx: 'vpc-peering-connection' };

export function componentArn(place: { account: string; region: string }, id: string): string {
  const type = findResourceType(id)?.name ?? otherTypes[id.slice(0, id.indexOf('-'))] ?? 'resource';
  return arn(place, type, id);
}

function component(context: RenderContext, id: string | undefined): AnalysisComponent {
  if (id === undefined) return {};
  const name = tagsOf(context.db, id).Name;
  return { Id: id, Arn: componentArn(context, id), ...(name === undefined ? {} : { Name: name }) };
}
