import type { Explanation } from '@aws-sdk/client-ec2';
import type { Reader } from '../../state/state.ts';
import { instances } from '../instances/model.ts';
import { internetGateways } from '../internet-gateways/model.ts';
import { networkInterfaces } from '../network-interfaces/model.ts';
import { type Analysis, analyze, type Endpoint, type PortRange } from './analyze.ts';
import { type Endpoints, interfacesOf } from './endpoints.ts';
import type { NetworkInsightsPathRow } from './model.ts';
import type { Network } from './network.ts';
import { protocolNumbers } from './packet.ts';
import { componentArn, type RenderContext, type RenderedAnalysis, renderAnalysis } from './render.ts';
import { interfaceAt, isPlugged, stateNetwork } from './state-network.ts';

/** A path that cannot be looked at, or that is none of those asked for: AWS's code and what it is about. */
class Refusal extends Error {
  readonly explanation: Explanation;
  constructor(code: string, rest: Explanation = {}) {
    super(code);
    this.explanation = { ExplanationCode: code, ...rest };
  }
}

interface Filters {
  readonly filterInArns: readonly string[];
  readonly filterOutArns: readonly string[];
}

/** Looks at a path as the network is now. */
export function evaluatePath(context: RenderContext, row: NetworkInsightsPathRow, filters: Filters): RenderedAnalysis {
  try {
    const { analysis, ends } = find(context, row);
    const rendered = renderAnalysis(context, analysis, ends);
    return rendered.networkPathFound ? filtered(rendered, row, analysis, filters) : rendered;
  } catch (error) {
    if (error instanceof Refusal) return notFound([error.explanation]);
    throw error;
  }
}

function notFound(explanations: Explanation[]): RenderedAnalysis {
  return { networkPathFound: false, forwardPathComponents: [], returnPathComponents: [], explanations };
}

/** Among all interfaces of both ends the first pair that can talk, else what keeps the first pair from it. */
function find(context: RenderContext, row: NetworkInsightsPathRow): { analysis: Analysis; ends: Endpoints } {
  const { db } = context;
  const network = stateNetwork(db);
  const sources = endpointsOf(context, network, row.source, row.sourceIp ?? row.filterAtSource?.sourceAddress);
  const destinations = destinationsOf(context, network, row, sources);
  const ports = portsOf(row);
  let first: { analysis: Analysis; ends: Endpoints } | undefined;
  for (const source of sources) {
    for (const destination of destinations) {
      const protocol = protocolNumbers[row.protocol];
      const analysis = analyze(network, { source, destination, protocol, ...ports });
      const ends = {
        ...(row.destination === undefined ? {} : { destination: row.destination }),
        ...(row.source.startsWith('i-') ? { sourceInstanceId: row.source } : {}),
        ...(row.destination?.startsWith('i-') ? { destinationInstanceId: row.destination } : {}),
      };
      if (analysis.reachable) return { analysis, ends };
      first ??= { analysis, ends };
    }
  }
  if (first === undefined) throw new Refusal('NO_PATH');
  return first;
}

/** The port ranges that all of what the path says of them leaves. */
function portsOf(row: NetworkInsightsPathRow): { destinationPorts?: PortRange; sourcePorts?: PortRange } {
  const { destinationPort: port, filterAtSource, filterAtDestination } = row;
  const single = port === undefined ? undefined : { from: port, to: port };
  const destinationPorts = intersection(
    single ?? filterAtSource?.destinationPorts,
    filterAtDestination?.destinationPorts,
    'FILTER_AT_DESTINATION_DESTINATION_PORT_RANGE',
  );
  const sourcePorts = intersection(
    filterAtSource?.sourcePorts,
    filterAtDestination?.sourcePorts,
    'FILTER_AT_DESTINATION_SOURCE_PORT_RANGE',
  );
  return {
    ...(destinationPorts === undefined ? {} : { destinationPorts }),
    ...(sourcePorts === undefined ? {} : { sourcePorts }),
  };
}

function intersection(a: PortRange | undefined, b: PortRange | undefined, code: string): PortRange | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const range = { from: Math.max(a.from, b.from), to: Math.min(a.to, b.to) };
  if (range.from > range.to) throw new Refusal(code, { PortRanges: [{ From: b.from, To: b.to }] });
  return range;
}

function endpointsOf(context: RenderContext, network: Network, id: string, address: string | undefined): Endpoint[] {
  const { db } = context;
  const at = address === undefined ? {} : { address };
  const Component = { Id: id, Arn: componentArn(context, id) };
  if (id.startsWith('igw-')) {
    const row = db.get(internetGateways, id);
    if (row === undefined) throw new Refusal('NO_SOURCE_OR_DESTINATION', { Component });
    if (row.vpcId === undefined) throw new Refusal('UNASSOCIATED_COMPONENT', { Component });
    return [{ kind: 'internet', ...at }];
  }
  const ids = interfacesOf(db, id);
  const instance = db.get(instances, id);
  if (ids.length === 0) {
    throw new Refusal(instance === undefined ? 'NO_SOURCE_OR_DESTINATION' : 'UNASSOCIATED_COMPONENT', { Component });
  }
  const ports = ids.flatMap(one => network.port(one) ?? []);
  if (ports.length === 0) throw notPlugged(context, id, ids[0] ?? '');
  return ports.map(port => ({ kind: 'port', port, ...at }));
}

/** An interface of no instance, or of one that does not run, carries nothing. */
function notPlugged(context: RenderContext, id: string, networkInterfaceId: string): Refusal {
  const { db } = context;
  const row = db.get(networkInterfaces, networkInterfaceId);
  const instanceId = id.startsWith('i-') ? id : row?.attachment?.instanceId;
  const about = instanceId ?? id;
  return new Refusal('BAD_STATE', {
    Component: { Id: about, Arn: componentArn(context, about) },
    State: instanceId === undefined ? (row?.status ?? 'available') : (db.get(instances, instanceId)?.state ?? ''),
  });
}

function destinationsOf(
  context: RenderContext,
  network: Network,
  row: NetworkInsightsPathRow,
  sources: readonly Endpoint[],
): Endpoint[] {
  const { db } = context;
  const address = row.destinationIp ?? row.filterAtSource?.destinationAddress;
  const wanted = address ?? (row.source.startsWith('igw-') ? undefined : row.filterAtDestination?.destinationAddress);
  if (row.destination === undefined) return byAddress(context, network, row, sources, wanted ?? '');
  const destinations = endpointsOf(context, network, row.destination, wanted);
  const here = vpcOf(db, row.source, sources);
  const there = vpcOf(db, row.destination, destinations);
  const toGateway = row.source.startsWith('igw-') || row.destination.startsWith('igw-');
  const connected = network.vpc(here)?.peeringConnections?.some(one => one.peerVpcId === there) === true;
  // A public address is reached by way of the internet, whose VPC ever it is of.
  const byInternet = address !== undefined && network.publicOwner(address) !== undefined;
  if (here !== there && (toGateway || !(connected || byInternet))) {
    const vpc = (id: string) => ({ Id: id, Arn: componentArn(context, id) });
    throw new Refusal('DISCONNECTED_VPCS', { SourceVpc: vpc(here), DestinationVpc: vpc(there) });
  }
  return destinations;
}

/** Who has an address, as seen from the source; the internet when nobody of the VPC and its peers does. */
function byAddress(
  context: RenderContext,
  network: Network,
  row: NetworkInsightsPathRow,
  sources: readonly Endpoint[],
  address: string,
): Endpoint[] {
  const { db } = context;
  const here = vpcOf(db, row.source, sources);
  if (row.source.startsWith('igw-')) {
    const owner = network.publicOwner(address);
    const found = owner?.vpcId === here ? network.portAt(here, owner.address) : undefined;
    if (found === undefined) throw new Refusal('IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS', { Addresses: [address] });
    return [{ kind: 'port', port: found, address }];
  }
  const peers = network.vpc(here)?.peeringConnections?.map(one => one.peerVpcId) ?? [];
  for (const vpcId of [here, ...peers]) {
    const found = interfaceAt(db, vpcId, address);
    // What another account has there is not told, nor what another Region has.
    if (found !== undefined && found.owner !== row.owner)
      throw new Refusal('NO_POSSIBLE_DESTINATION', { Addresses: [address], Vpc: { Id: vpcId } });
    const port = found === undefined ? undefined : network.port(found.networkInterfaceId);
    if (port !== undefined) return [{ kind: 'port', port, address }];
    if (found?.attachment !== undefined && !isPlugged(db, found))
      throw notPlugged(context, found.attachment.instanceId, found.networkInterfaceId);
  }
  return [{ kind: 'internet', address }];
}

function vpcOf(db: Reader, id: string, ends: readonly Endpoint[]): string {
  const [end] = ends;
  return end?.kind === 'port' ? end.port.vpcId : (db.get(internetGateways, id)?.vpcId ?? '');
}

/** What of a path that was found does not fit what was asked for. */
function filtered(
  rendered: RenderedAnalysis,
  row: NetworkInsightsPathRow,
  analysis: Analysis,
  filters: Filters,
): RenderedAnalysis {
  const { filterAtDestination: wanted } = row;
  const { arrived } = analysis;
  if (wanted?.sourceAddress !== undefined && arrived?.source !== wanted.sourceAddress)
    return notFound([{ ExplanationCode: 'FILTER_AT_DESTINATION_SOURCE_ADDRESS', Addresses: [wanted.sourceAddress] }]);
  if (wanted?.destinationAddress !== undefined && arrived?.destination !== wanted.destinationAddress) {
    const Addresses = [wanted.destinationAddress];
    return notFound([{ ExplanationCode: 'FILTER_AT_DESTINATION_DESTINATION_ADDRESS', Addresses }]);
  }
  const passed = new Set(
    [...rendered.forwardPathComponents, ...rendered.returnPathComponents].flatMap(one =>
      [one.Component, one.Subnet, one.Vpc, one.AttachedTo].flatMap(component => component?.Arn ?? []),
    ),
  );
  const unfit = [
    ...filters.filterInArns.filter(arn => !passed.has(arn)),
    ...filters.filterOutArns.filter(arn => passed.has(arn)),
  ];
  if (unfit.length === 0) return rendered;
  return notFound(
    unfit.map(Arn => ({
      ExplanationCode: 'COMPONENT_FILTER_RESTRICTION',
      Component: { Id: Arn.slice(Arn.lastIndexOf('/') + 1), Arn },
    })),
  );
}
