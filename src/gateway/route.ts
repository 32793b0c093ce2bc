import type { ProtocolName } from '../models/models.ts';
import { findBySigningName, findByTargetPrefix, type ServiceModel, serviceModel } from '../models/models.ts';
import { awsJson } from './protocols/aws-json.ts';
import { awsQuery } from './protocols/aws-query.ts';
import { ec2Query } from './protocols/ec2-query.ts';
import type { Protocol } from './protocols/protocol.ts';
import { restJson } from './protocols/rest-json.ts';

/** The service that a request is for, and the protocol it speaks. */
export interface Route {
  readonly model: ServiceModel;
  readonly protocolName: ProtocolName;
  readonly protocol: Protocol;
}

interface Request {
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

const protocols: Readonly<Record<ProtocolName, Protocol>> = {
  'ec2-query': ec2Query,
  'aws-query': awsQuery,
  'aws-json': awsJson,
  'rest-json': restJson,
};

/** The route of a signed request: the service is the one that its credential scope names; undefined if unknown. */
export function routeBySigningName(signingName: string, request: Request): Route | undefined {
  const model = findBySigningName(signingName);
  return model && routeOf(model, request);
}

function routeOf(model: ServiceModel, { headers }: Request): Route {
  const spoken = headers['x-amz-target'] === undefined ? undefined : 'aws-json';
  const others = model.protocols.filter(name => (name === 'aws-json') === (spoken === 'aws-json'));
  const protocolName = others[0] ?? model.protocols[0] ?? 'ec2-query';
  return { model, protocolName, protocol: protocols[protocolName] };
}

const servicesByVersion: Readonly<Record<string, string>> = {
  '2010-05-08': 'iam',
  '2010-08-01': 'cloudwatch',
  '2011-01-01': 'autoscaling',
  '2011-06-15': 'sts',
};

/**
 * Which service the sender of a request without a readable signature had in mind, so that it is refused in a form
 * that the client understands. Nothing else may depend on this guess.
 */
export function guessRoute(request: Request): Route {
  const target = String(request.headers['x-amz-target'] ?? '');
  const byTarget = findByTargetPrefix(target.slice(0, Math.max(0, target.lastIndexOf('.'))));
  if (byTarget) return routeOf(byTarget, request);
  if (/^\/snapshots(\/|$)/.test(request.path)) return routeOf(serviceModel('ebs'), request);
  if (/^\/(rules|list-rules|tags)(\/|$)/.test(request.path)) return routeOf(serviceModel('rbin'), request);
  const form = `${request.query}&${request.body.subarray(0, 4096).toString('latin1')}`;
  const version = /(?:^|&)Version=([\d-]{10})(?:&|$)/.exec(form)?.[1] ?? '';
  const name = Object.hasOwn(servicesByVersion, version) ? servicesByVersion[version] : undefined;
  return routeOf(serviceModel(name ?? 'ec2') ?? serviceModel('ec2'), request);
}
