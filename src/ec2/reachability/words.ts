import type { NetworkAclEntryIntent, PacketMatch, PacketRule } from '../../engine/engine.ts';
import type { Reader } from '../../state/state.ts';
import { effectiveRouteTable } from '../intents.ts';
import { internetGateways } from '../internet-gateways/model.ts';
import { networkAcls } from '../network-acls/model.ts';
import { networkInterfaces } from '../network-interfaces/model.ts';
import { routeTables } from '../route-tables/model.ts';
import { tagsOf } from '../tags/model.ts';
import { anyInternetAddress, type PortRange } from './analyze.ts';
import { hasPorts, type Packet } from './packet.ts';
import { protocolName } from './render.ts';
import type { Obstacle, Step } from './steps.ts';

/** What the analysis found, as a person would say it. Ids stand in it as they are, to be used in the next command. */

/** `web (i-…)`, or the id alone. */
export function named(db: Reader, id: string): string {
  const name = tagsOf(db, id).Name;
  return name === undefined ? id : `${id} (${name})`;
}

export function protocolWords(protocol: number): string {
  return protocol === 1 || protocol === 58 ? 'ping' : protocolName(protocol).toUpperCase();
}

export function portWords({ from, to }: PortRange): string {
  if (from === 0 && to === 65_535) return 'at any port';
  return from === to ? `at port ${from}` : `at ports ${from} to ${to}`;
}

function standsForInternet(address: string): boolean {
  return anyInternetAddress.some(one => one === address);
}

/** An address, or what it stands for. */
export function addressWords(address: string): string {
  return standsForInternet(address) ? 'the internet' : address;
}

/** `TCP port 80`, `ping` … of a packet. `anyPort`: the port is one of all that were tried. */
function kindOf(packet: Packet, anyPort: boolean): string {
  if (hasPorts(packet.protocol)) {
    const name = protocolName(packet.protocol).toUpperCase();
    return anyPort ? `${name} at any port` : `${name} port ${packet.destinationPort}`;
  }
  if (packet.icmpType === undefined) return `protocol ${protocolName(packet.protocol)}`;
  return packet.icmpType === 0 || packet.icmpType === 129 ? 'answers to ping' : 'ping';
}

/** The transport part of a rule: `all traffic`, `TCP 80`, `UDP 50-60`, `ICMP type 8`. */
function ruleWords(rule: PacketMatch): string {
  const { protocol, fromPort = -1, toPort = -1, icmpType = -1 } = rule;
  if (protocol === -1) return 'all traffic';
  const name = protocolName(protocol).toUpperCase();
  if (hasPorts(protocol) && fromPort !== -1)
    return `${name} ${fromPort === toPort ? fromPort : `${fromPort}-${toPort}`}`;
  return icmpType === -1 ? `all ${name}` : `${name} type ${icmpType}`;
}

function peerOf(rule: PacketRule): string {
  return rule.cidrIpv4 ?? rule.cidrIpv6 ?? rule.groupId ?? '';
}

function entryWords(entry: NetworkAclEntryIntent): string {
  return `rule ${entry.ruleNumber}: ${entry.allow ? 'allow' : 'deny'} ${ruleWords(entry)} ${entry.cidrBlock}`;
}

function aclOf(db: Reader, subnetId: string): string {
  const row = db.firstBy(networkAcls, 'subnet', subnetId);
  return row === undefined ? 'its network ACL' : `network ACL ${named(db, row.networkAclId)}`;
}

function tableOf(db: Reader, vpcId: string, subnetId: string | undefined): string {
  const gateway = db.firstBy(internetGateways, 'vpc', vpcId);
  const row =
    subnetId === undefined
      ? gateway && db.firstBy(routeTables, 'gateway', gateway.internetGatewayId)
      : effectiveRouteTable(db, vpcId, subnetId);
  return row === undefined ? 'the route table' : `route table ${named(db, row.routeTableId)}`;
}

function gatewayId(db: Reader, vpcId: string): string {
  const row = db.firstBy(internetGateways, 'vpc', vpcId);
  return row === undefined ? 'the internet gateway' : `internet gateway ${named(db, row.internetGatewayId)}`;
}

function gatewayWords(db: Reader, vpcId: string, gateway: string): string {
  return gateway === 'internet-gateway' ? gatewayId(db, vpcId) : `egress-only internet gateway of ${named(db, vpcId)}`;
}

/** What a route leads to, as the table has it. */
function targetWords(step: Extract<Step, { kind: 'route' }>): string {
  const { target } = step.route;
  if (target === 'local') return 'within the VPC';
  if (typeof target === 'string') return `to the ${target.replaceAll('-', ' ').replace('egress only', 'egress-only')}`;
  if ('networkInterfaceId' in target) return `to ${target.networkInterfaceId}`;
  return `to ${'natGatewayId' in target ? target.natGatewayId : target.vpcPeeringConnectionId}`;
}

/** One line for one step of the way. */
export function stepWords(db: Reader, step: Step): string {
  switch (step.kind) {
    case 'interface': {
      const instanceId = db.get(networkInterfaces, step.networkInterfaceId)?.attachment?.instanceId;
      return `network interface ${step.networkInterfaceId}${instanceId === undefined ? '' : ` of ${named(db, instanceId)}`}`;
    }
    case 'security-group': {
      const way = step.direction === 'ingress' ? 'in' : 'out';
      const why =
        step.rule === undefined
          ? 'an answer to what it let through'
          : `${ruleWords(step.rule)} ${step.direction === 'ingress' ? 'from' : 'to'} ${peerOf(step.rule)}`;
      return `security group ${named(db, step.groupId)} lets it ${way}: ${why}`;
    }
    case 'network-acl': {
      const way = step.direction === 'ingress' ? 'into' : 'out of';
      const why = step.entry === undefined ? 'everything may pass' : entryWords(step.entry);
      return `${aclOf(db, step.subnetId)} lets it ${way} ${named(db, step.subnetId)}: ${why}`;
    }
    case 'route':
      return `${tableOf(db, step.vpcId, step.subnetId)}: ${step.route.destination} ${targetWords(step)}`;
    case 'gateway': {
      const { before, after } = step;
      const changed =
        before.source !== after.source
          ? `: ${before.source} becomes ${after.source}`
          : before.destination !== after.destination
            ? `: ${before.destination} becomes ${after.destination}`
            : '';
      return `${gatewayWords(db, step.vpcId, step.gateway)}${changed}`;
    }
    case 'nat-gateway': {
      const { before, after } = step;
      const changed =
        before.source === after.source
          ? `${before.destination} becomes ${after.destination}`
          : `${before.source} becomes ${after.source}`;
      return `NAT gateway ${named(db, step.natGatewayId)}: ${changed}`;
    }
    case 'peering':
      return `peering connection ${named(db, step.vpcPeeringConnectionId)} to ${named(db, step.peerVpcId)}`;
  }
}

const missingWords: Readonly<Record<NonNullable<Obstacle['missing']>, string>> = {
  'internet-gateway': 'no internet gateway is attached to the VPC',
  'egress-only-internet-gateway': 'the VPC has no egress-only internet gateway',
  'network-interface': 'the network interface is gone, or its instance does not run',
  'nat-gateway': 'the NAT gateway is not available',
  'vpc-peering-connection': 'the peering connection is not active on both sides',
};

/** What keeps a packet back, and what to do about it. */
export function obstacleWords(db: Reader, obstacle: Obstacle, anyPort: boolean): { what: string; fix?: string } {
  const { packet, vpcId = '', subnetId = '', direction, networkInterfaceId = '', route, missing } = obstacle;
  const inward = direction === 'ingress';
  const kind = kindOf(packet, anyPort && !obstacle.onReturn);
  const address = inward ? packet.source : packet.destination;
  const other = addressWords(address);
  const answer = obstacle.onReturn ? 'The answer does not come back: ' : '';
  const sentence = (text: string) => (answer === '' ? text.charAt(0).toUpperCase() + text.slice(1) : answer + text);
  const to = addressWords(packet.destination);
  switch (obstacle.code) {
    case 'ENI_SG_RULES_MISMATCH':
    case 'SG_HAS_NO_RULES': {
      const [first = '', ...rest] = obstacle.groupIds ?? [];
      const groups = [first, ...rest].map(id => named(db, id)).join(', ');
      const noun = rest.length === 0 ? `security group ${groups} has` : `security groups ${groups} have`;
      const what = `${noun} no ${inward ? 'inbound' : 'outbound'} rule for ${kind} ${inward ? 'from' : 'to'} ${other}.`;
      return { what: sentence(what), fix: authorize(first, inward, packet, address, anyPort) };
    }
    case 'SUBNET_ACL_RESTRICTION': {
      const way = inward ? 'into' : 'out of';
      const why = obstacle.entry === undefined ? 'no rule allows it' : `${entryWords(obstacle.entry)} comes first`;
      const what = `${aclOf(db, subnetId)} does not let ${kind} ${inward ? 'from' : 'to'} ${other} ${way} ${named(db, subnetId)}: ${why}.`;
      return { what: sentence(what) };
    }
    case 'NO_ROUTE_TO_DESTINATION':
      return {
        what: sentence(`${tableOf(db, vpcId, subnetId)}, which ${named(db, subnetId)} uses, has no route to ${to}.`),
      };
    case 'BAD_STATE_ROUTE': {
      const why = missing === undefined ? 'its target is gone or cannot take packets' : missingWords[missing];
      const table = tableOf(db, vpcId, subnetId === '' ? undefined : subnetId);
      return { what: sentence(`${table} sends ${to} into a blackhole (${route?.destination ?? ''}): ${why}.`) };
    }
    case 'NO_POSSIBLE_DESTINATION':
      return { what: sentence(`nobody in ${named(db, vpcId)} who runs has the address ${to}.`) };
    case 'ENI_SOURCE_DEST_CHECK_RESTRICTION': {
      const what = inward
        ? `${networkInterfaceId} takes no packets for ${to}, which is not its own address, while its source/destination check is on.`
        : `${networkInterfaceId} may not send as ${packet.source}, which is not its own address, while its source/destination check is on.`;
      return {
        what: sentence(what),
        fix: `aws ec2 modify-network-interface-attribute --network-interface-id ${networkInterfaceId} --no-source-dest-check`,
      };
    }
    case 'IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS':
      return {
        what: sentence(`${gatewayId(db, vpcId)} lets nothing out from ${packet.source}, which has no public address.`),
        fix: 'Give it an Elastic IP address, or send its subnet through a NAT gateway.',
      };
    case 'IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS':
      return { what: sentence(`${to} is no public address of anybody who runs.`) };
    case 'IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS':
    case 'IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS':
      return { what: sentence(`the route leads to the internet, where private addresses such as ${to} do not exist.`) };
    case 'PCX_REQUIRES_ADDRESS_IN_VPC_CIDR':
      return {
        what: sentence(
          `peering connection ${obstacle.vpcPeeringConnectionId ?? ''} carries only what is from one of its VPCs for the other; ${packet.source} to ${to} is not.`,
        ),
      };
    default: {
      if (packet.source === '') return { what: 'The two have no addresses of the same IP version.' };
      if (missing !== undefined) return { what: sentence(`${missingWords[missing]} (${named(db, vpcId)}).`) };
      const what = `it takes another way than what it answers, so that ${vpcId === '' ? 'a router' : named(db, vpcId)} does not know the connection.`;
      return { what: obstacle.onReturn ? sentence(what) : `The packet goes round in circles on its way to ${to}.` };
    }
  }
}

/** A command that adds the rule that is missing. */
function authorize(groupId: string, inward: boolean, packet: Packet, other: string, anyPort: boolean): string {
  const ipv6 = other.includes(':');
  const everybody = ipv6 ? '::/0' : '0.0.0.0/0';
  const cidr = standsForInternet(other) ? everybody : `${other}/${ipv6 ? 128 : 32}`;
  const name = protocolName(packet.protocol);
  const ports = hasPorts(packet.protocol)
    ? `,FromPort=${anyPort ? 0 : packet.destinationPort},ToPort=${anyPort ? 65_535 : packet.destinationPort}`
    : packet.icmpType === undefined
      ? ''
      : `,FromPort=${packet.icmpType},ToPort=-1`;
  const range = ipv6 ? `Ipv6Ranges=[{CidrIpv6=${cidr}}]` : `IpRanges=[{CidrIp=${cidr}}]`;
  const action = `authorize-security-group-${inward ? 'ingress' : 'egress'}`;
  return `aws ec2 ${action} --group-id ${groupId} --ip-permissions 'IpProtocol=${name}${ports},${range}'`;
}
