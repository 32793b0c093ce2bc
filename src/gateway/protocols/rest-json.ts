import { ApiError } from '../../api/errors.ts';
import type { OperationModel, ServiceModel } from '../../models/models.ts';
import type { Member, Shape, StructureShape } from '../../models/shapes.ts';
import { checkRequired, decodeJsonMembers, type JsonEncoder, membersEncoder, parseJson } from './json-codec.ts';
import type { DecodedRequest, Protocol, WireRequest, WireResponse } from './protocol.ts';
import { parseScalar, ScalarError, toDate } from './scalars.ts';
import { shown } from './validation.ts';

/**
 * REST with JSON: the operation is a method and a path; members stand in the path, the query string, headers, a
 * JSON body or are the body itself.
 * @see https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html
 */
export const restJson: Protocol = { decode, encode, encodeError };

interface Route {
  readonly method: string;
  readonly segments: readonly string[];
  readonly operation: OperationModel;
}

const routesByModel = new WeakMap<ServiceModel, Route[]>();

function routesOf(model: ServiceModel): Route[] {
  let routes = routesByModel.get(model);
  if (!routes) {
    routes = model.operationNames.flatMap(name => {
      const operation = model.operation(name);
      if (!operation?.http) return [];
      const [method, path] = operation.http;
      return [{ method, segments: path.split('/'), operation }];
    });
    routesByModel.set(model, routes);
  }
  return routes;
}

/** The operation that a method and path stand for, and the labels of its path; undefined if there is none. */
export function matchRoute(model: ServiceModel, method: string, path: string) {
  const segments = path.split('/');
  for (const route of routesOf(model)) {
    if (route.method !== method || route.segments.length !== segments.length) continue;
    const labels = new Map<string, string>();
    const matches = route.segments.every((part, at) => {
      const segment = segments[at] ?? '';
      if (!part.startsWith('{')) return part === segment;
      const value = decodeSegment(segment);
      if (value) labels.set(part.slice(1, -1), value);
      return value !== '';
    });
    if (matches) return { operation: route.operation, labels };
  }
  return undefined;
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new ApiError('SerializationException', 'The path has a percent sign that begins no encoded UTF-8 character');
  }
}

function decode(model: ServiceModel, request: WireRequest): DecodedRequest {
  const route = matchRoute(model, request.method, request.path);
  if (!route) {
    throw new ApiError(
      'UnknownOperationException',
      `${request.method} ${shown(request.path)} is no operation of ${model.name}`,
      404,
    );
  }
  const { operation, labels } = route;
  const shape = operation.input;
  if (!shape) return { operation, input: {} };
  const input: Record<string, unknown> = {};
  const query = new Map(request.query);
  const texts = { label: labels, query, header: new HeaderMap(request.headers) };
  for (const member of shape.members) {
    const { place, name } = member.binding;
    if (place === 'payload') input[member.name] = new Uint8Array(request.body);
    if (place === 'payload' || place === 'body') continue;
    if (place === 'query' && member.shape.kind === 'list') {
      const all = request.query.filter(([key]) => key === name).map(([, value]) => value);
      if (all.length > 0) input[member.name] = parseList(member, member.shape.member, all);
      continue;
    }
    const text = texts[place].get(name);
    if (text !== undefined) input[member.name] = parseText(member, text);
  }
  const body = bodyMembers(shape);
  if (body.length) Object.assign(input, decodeJsonMembers(body, parseJson(request.body)));
  checkRequired(shape, input);
  return { operation, input };
}

/** Headers with the interface of a map of texts. */
class HeaderMap {
  private readonly headers: WireRequest['headers'];
  constructor(headers: WireRequest['headers']) {
    this.headers = headers;
  }
  get(name: string): string | undefined {
    const value = this.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }
}

function bodyMembers(shape: StructureShape): Member[] {
  return shape.members.filter(member => member.binding.place === 'body');
}

/** A list in a query string is its parameter several times. */
function parseList(member: Member, shape: Shape, texts: readonly string[]): unknown[] {
  return texts.map(text => parseText({ name: member.name, binding: member.binding, shape }, text));
}

function parseText(member: Pick<Member, 'name' | 'shape' | 'binding'>, text: string): unknown {
  const { shape } = member;
  if (shape.kind === 'list' || shape.kind === 'map' || shape.kind === 'structure') {
    throw new Error(`${member.name}: no scalar in a ${member.binding.place}`);
  }
  if (shape.kind === 'string') return text;
  try {
    return parseScalar(shape.kind, text);
  } catch (error) {
    if (!(error instanceof ScalarError)) throw error;
    throw new ApiError('ValidationException', `Value for ${member.name} is invalid. ${error.message}.`);
  }
}

const bodyEncoders = new WeakMap<StructureShape, JsonEncoder>();

function encode(_model: ServiceModel, operation: OperationModel, output: unknown, requestId: string): WireResponse {
  const status = operation.http?.[2] ?? 200;
  const headers: Record<string, string> = { 'content-type': 'application/json', 'x-amzn-requestid': requestId };
  const shape = operation.output;
  if (status === 204) return { status, headers: { 'x-amzn-requestid': requestId }, body: '' };
  if (!shape) return { status, headers, body: '{}' };
  const values = (output ?? {}) as Record<string, unknown>;
  let payload: Uint8Array | undefined;
  for (const member of shape.members) {
    const value = values[member.name];
    if (value === undefined || value === null) continue;
    if (member.binding.place === 'header') headers[member.binding.name] = headerText(member, value);
    if (member.binding.place === 'payload') payload = payloadBytes(member, value);
  }
  if (payload || shape.members.some(member => member.binding.place === 'payload')) {
    headers['content-type'] = 'application/octet-stream';
    return { status, headers, body: payload ?? '' };
  }
  let encodeBody = bodyEncoders.get(shape);
  if (!encodeBody) {
    encodeBody = membersEncoder(shape.name, bodyMembers(shape));
    bodyEncoders.set(shape, encodeBody);
  }
  return { status, headers, body: encodeBody(values) };
}

function payloadBytes(member: Member, value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new TypeError(`${member.name}: expected a Uint8Array`);
  return value;
}

function headerText(member: Member, value: unknown): string {
  if (member.shape.kind === 'timestamp') return toDate(value).toUTCString();
  const text = String(value);
  if (/[\r\n\0]/.test(text)) throw new TypeError(`${member.name}: has a line end, which no header can hold`);
  return text;
}

function encodeError(model: ServiceModel, error: ApiError, requestId: string): WireResponse {
  const known = model.error(error.code);
  const name = known?.shapeName ?? error.code;
  const headers = { 'content-type': 'application/json', 'x-amzn-requestid': requestId, 'x-amzn-errortype': name };
  return {
    status: known?.status ?? error.status,
    headers,
    body: JSON.stringify({ Message: error.message, ...error.members }),
  };
}
