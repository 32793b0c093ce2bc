import { ApiError } from '../../api/errors.ts';
import type { Reader } from '../../state/state.ts';
import { type Analysis, analyze, type Endpoint } from './analyze.ts';
import { findEnd, type NamedEnd } from './find-end.ts';
import type { Network } from './network.ts';
import { hasPorts, protocolNumbers } from './packet.ts';
import { stateNetwork } from './state-network.ts';
import { named, obstacleWords, portWords, protocolWords, stepWords } from './words.ts';

export interface WhyQuestion {
  readonly source: string;
  readonly destination: string;
  readonly port?: number;
  /** TCP when left out. */
  readonly protocol?: keyof typeof protocolNumbers;
}

export interface WhyAnswer {
  readonly reachable: boolean;
  /** One sentence that answers the question. */
  readonly summary: string;
  readonly obstacles: readonly { readonly code: string; readonly what: string; readonly fix?: string }[];
  /** The way there as far as it goes, a line for each step. */
  readonly forward: readonly string[];
  /** The way of the answer. */
  readonly back: readonly string[];
  /** What the analysis cannot know. */
  readonly note?: string;
}

/** Where Linux takes the ports from that answers go to. */
const sourcePorts = { from: 32_768, to: 60_999 };

const outsideNote =
  'What is past the gateway is not looked at: packets leave this machine only with `fogbank up --uplink`.';

/**
 * Why one end can or cannot reach another, in words.
 * @throws ApiError `NotFound`, `Ambiguous`, `ValidationError`
 */
export function explainWhy(db: Reader, owner: string, question: WhyQuestion): WhyAnswer {
  const first = findEnd(db, owner, question.source);
  const destination = findEnd(db, owner, question.destination, vpcOf(first));
  // A private address may be several's: the other end tells which VPC is meant.
  const source = first.kind === 'internet' ? findEnd(db, owner, question.source, vpcOf(destination)) : first;
  if (source.kind === 'internet' && destination.kind === 'internet')
    throw new ApiError('ValidationError', 'Neither of the two is here: one end must be an instance or an interface.');
  const network = stateNetwork(db);
  const idle = [source, destination].flatMap(end => idleWords(network, end));
  if (idle.length > 0) {
    return {
      reachable: false,
      summary: summary(source, destination, question, undefined),
      obstacles: idle.map(what => ({ code: 'BAD_STATE', what })),
      forward: [],
      back: [],
    };
  }
  const analysis = look(network, question, source, destination);
  const apart = analysis === undefined ? apartWords(db, source, destination) : undefined;
  return {
    reachable: analysis?.reachable === true,
    summary: summary(source, destination, question, analysis),
    obstacles:
      apart === undefined
        ? (analysis?.obstacles ?? []).map(one => ({
            code: one.code,
            ...obstacleWords(db, one, question.port === undefined),
          }))
        : [{ code: 'DISCONNECTED_VPCS', what: apart }],
    forward: analysis?.forward.map(step => stepWords(db, step)) ?? [],
    back: analysis?.back.map(step => stepWords(db, step)) ?? [],
    ...(analysis?.reachable === true && destination.kind === 'internet' ? { note: outsideNote } : {}),
  };
}

function vpcOf(end: NamedEnd): string | undefined {
  return end.kind === 'interfaces' ? end.interfaces[0]?.vpcId : undefined;
}

/** Why an end takes no part in the network at all. */
function idleWords(network: Network, end: NamedEnd): string[] {
  if (end.kind === 'internet') return [];
  if (end.interfaces.some(row => network.port(row.networkInterfaceId) !== undefined)) return [];
  const { instance, label } = end;
  if (instance === undefined) return [`${label} is attached to no instance.`];
  return [`${label} is ${instance.state}.`];
}

/** Tries all interfaces and addresses; what is told of a failure is that of the likeliest. Undefined when there is no way to try. */
function look(network: Network, question: WhyQuestion, source: NamedEnd, destination: NamedEnd): Analysis | undefined {
  const { port, protocol: name = 'tcp' } = question;
  const protocol = protocolNumbers[name];
  const ports = port === undefined ? {} : { destinationPorts: { from: port, to: port } };
  let first: Analysis | undefined;
  for (const from of endpointsOf(network, source)) {
    for (const to of destinationsOf(network, from, destination)) {
      const analysis = analyze(network, { source: from, destination: to, protocol, sourcePorts, ...ports });
      if (analysis.reachable) return analysis;
      first ??= analysis;
    }
  }
  return first;
}

function endpointsOf(network: Network, end: NamedEnd): Endpoint[] {
  const at = end.address === undefined ? {} : { address: end.address };
  if (end.kind === 'internet') return [{ kind: 'internet', ...at }];
  const ports = end.interfaces.flatMap(row => network.port(row.networkInterfaceId) ?? []);
  // As a source, whose public address was named is meant by its private one.
  return ports.map(port => {
    const own = Object.entries(port.publicIpAddresses).find(([, one]) => one === end.address)?.[0];
    return { kind: 'port', port, ...(own === undefined ? at : { address: own }) };
  });
}

/** By private addresses where the two VPCs are one or peers, else by public ones. */
function destinationsOf(network: Network, from: Endpoint, end: NamedEnd): Endpoint[] {
  if (end.kind === 'internet') return endpointsOf(network, end);
  const ports = end.interfaces.flatMap(row => network.port(row.networkInterfaceId) ?? []);
  if (end.address !== undefined) {
    const { address } = end;
    return ports.map(port => ({ kind: 'port', port, address }));
  }
  return ports.flatMap((port): Endpoint[] => {
    const published = Object.values(port.publicIpAddresses).map(address => ({ kind: 'port' as const, port, address }));
    if (from.kind === 'internet') return [{ kind: 'port', port }];
    const peers = network.vpc(from.port.vpcId)?.peeringConnections ?? [];
    const near = from.port.vpcId === port.vpcId || peers.some(one => one.peerVpcId === port.vpcId);
    return near ? [{ kind: 'port', port }, ...published] : published;
  });
}

function apartWords(db: Reader, source: NamedEnd, destination: NamedEnd): string {
  const here = named(db, vpcOf(source) ?? '');
  const there = named(db, vpcOf(destination) ?? '');
  return `${source.label} is in ${here}, ${destination.label} in ${there}: no peering connection joins them, and ${destination.label} has no public address.`;
}

function summary(
  source: NamedEnd,
  destination: NamedEnd,
  question: WhyQuestion,
  analysis: Analysis | undefined,
): string {
  const protocol = protocolNumbers[question.protocol ?? 'tcp'];
  const { port } = question;
  const asked = port === undefined ? { from: 0, to: 65_535 } : { from: port, to: port };
  const ports = analysis?.reachable === true ? analysis.destinationPorts : asked;
  const by = `by ${protocolWords(protocol)}${hasPorts(protocol) ? ` ${portWords(ports)}` : ''}`;
  const can = analysis?.reachable === true ? 'can reach' : 'cannot reach';
  const address = destination.address === undefined ? (analysis?.packet.destination ?? '') : '';
  const at = address === '' || destination.kind === 'internet' ? '' : ` at ${address}`;
  return `${source.label} ${can} ${destination.label}${at} ${by}.`;
}
