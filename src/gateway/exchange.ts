import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Call, CallHandler, Principal } from '../api/call.ts';
import type { Clock } from '../api/clock.ts';
import { ApiError } from '../api/errors.ts';
import { type ProtocolName, serviceNames } from '../models/models.ts';
import { decompress } from './decompress.ts';
import { limits } from './limits.ts';
import { FormError, parseForm } from './protocols/form.ts';
import type { Parameter, WireResponse } from './protocols/protocol.ts';
import { matchRoute } from './protocols/rest-json.ts';
import { shown } from './protocols/validation.ts';
import { guessRoute, type Route, routeBySigningName } from './route.ts';
import { isSigned, missingSignature, readSignature, SignatureError, type SignedRequest } from './signature-claim.ts';
import { signatureError } from './signature-errors.ts';
import type { SignatureFailures } from './signature-failures.ts';
import { type KeyLookup, verifySignature } from './sigv4.ts';

/** What is known of a request when it has been answered. */
export interface RequestLog {
  requestId: string;
  /** Milliseconds since the epoch, when the request had arrived. */
  time: number;
  durationMs: number;
  status: number;
  sourceAddress: string;
  userAgent: string;
  service?: string;
  operation?: string;
  region?: string;
  account?: string;
  accessKeyId?: string;
  /** Code of the error that was answered. */
  code?: string;
  /** What was thrown, if it was a bug: answered as InternalError. */
  cause?: unknown;
}

export interface ExchangeOptions {
  readonly handle: CallHandler;
  readonly accessKey: KeyLookup;
  /** Whether an operation may be called without a signature. */
  readonly unsigned?: (service: string, operation: string) => boolean;
  /** Slows down those who keep failing to sign. */
  readonly failures?: SignatureFailures;
  readonly clock: Clock;
  readonly log?: (entry: Readonly<RequestLog>) => void;
  /** Told of a signed call that is refused before it can be handled; the answer waits for it. */
  readonly refused?: (call: RefusedCall, error: ApiError) => Promise<void>;
  /** Whether a region exists. */
  readonly regions: (name: string) => boolean;
  /** Whether an account may use a region that exists; unless given, it may. */
  readonly optedIn?: (account: string, region: string) => boolean;
}

/** A call whose parameters could not be read. Its operation is what it claims, whether there is one or not. */
export type RefusedCall = Omit<Call, 'input'>;

/** A request as HTTP delivered it. */
export interface HttpRequest {
  readonly method: string;
  /** Path and query string, as sent. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  readonly sourceAddress: string;
}

interface SplitRequest extends SignedRequest {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

const commonHeaders = { 'cache-control': 'no-cache, no-store', 'x-content-type-options': 'nosniff' };

/**
 * Answers one request: verifies it, decodes it, has the call run, encodes. Never rejects.
 * @param refusal what HTTP itself found wrong with the request, to be answered in the form of its service
 */
export async function exchange(
  options: ExchangeOptions,
  request: HttpRequest,
  refusal?: ApiError,
): Promise<WireResponse> {
  const started = performance.now();
  const entry: RequestLog = {
    requestId: randomUUID(),
    time: options.clock.now(),
    durationMs: 0,
    status: 0,
    sourceAddress: request.sourceAddress,
    userAgent: request.headers['user-agent'] ?? '',
  };
  const split = splitUrl(request);
  let route: Route | undefined;
  let signer: Principal | undefined;
  let response: WireResponse;
  try {
    if (refusal) throw refusal;
    checkUrl(request.url);
    route = unsignedRoute(options, split);
    if (route !== undefined) {
      entry.region = unsignedRegion;
      entry.service = route.model.name;
      response = await run(options, route, split, nobody, entry);
    } else {
      const claim = readSignature(split);
      route = routeBySigningName(claim.service, split);
      entry.accessKeyId = claim.accessKeyId;
      entry.region = claim.region;
      checkScope(claim.region, claim.service, route, options.regions);
      entry.service = route.model.name;
      const allowUnsignedPayload = takesUnsignedPayload(route, split);
      const key = verifySignature(split, claim, { ...options, now: entry.time, allowUnsignedPayload });
      if (options.optedIn?.(key.principal.account, claim.region) === false) {
        throw new SignatureError('disabled-region', 'The security token included in the request is invalid');
      }
      signer = key.principal;
      entry.account = signer.account;
      response = await run(options, route, split, signer, entry);
    }
  } catch (thrown) {
    route ??= guessRoute(split);
    if (thrown instanceof SignatureError) await options.failures?.hold(thrown.fault, request.sourceAddress, entry.time);
    const error = toApiError(thrown, route, entry);
    entry.code = error.code;
    if (signer && entry.operation === undefined) await refuse(options, route, split, signer, entry, error);
    response = route.protocol.encodeError(route.model, error, entry.requestId);
  }
  entry.status = response.status;
  entry.durationMs = performance.now() - started;
  options.log?.(entry);
  return { ...response, headers: { ...response.headers, ...commonHeaders, 'x-amzn-requestid': entry.requestId } };
}

/** Where calls without a credential scope go: the Region of STS's global endpoint. */
const unsignedRegion = 'us-east-1';

const nobody: Principal = { type: 'anonymous', account: '', arn: '', userId: '', accessKeyId: '' };

/** The route of an unsigned call of an operation that needs no signature. */
function unsignedRoute(options: ExchangeOptions, split: SplitRequest): Route | undefined {
  if (options.unsigned === undefined || isSigned(split)) return undefined;
  const route = guessRoute(split);
  const action = claimedAction(split);
  return action !== undefined && options.unsigned(route.model.name, action) ? route : undefined;
}

/** The action that a query request names. */
function claimedAction({ query, body }: SplitRequest): string | undefined {
  const form = `${query}&${body.subarray(0, limits.body).toString('latin1')}`;
  return /(?:^|&)Action=(\w{1,128})(?:&|$)/.exec(form)?.[1];
}

/** Reports a call that was signed well, but cannot be read. */
async function refuse(
  options: ExchangeOptions,
  route: Route,
  split: SplitRequest,
  principal: Principal,
  { requestId, region = '', sourceAddress, userAgent }: RequestLog,
  error: ApiError,
): Promise<void> {
  const operation = claimedOperation(route, split);
  if (operation === undefined) return;
  const call = { requestId, service: route.model.name, operation, region, principal, sourceAddress, userAgent };
  await options.refused?.(call, error);
}

/** The operation that a request claims to call, undefined when it names none. */
function claimedOperation({ model, protocolName }: Route, split: SplitRequest): string | undefined {
  if (protocolName === 'rest-json') return matchRoute(model, split.method, split.path)?.operation.name;
  if (protocolName === 'aws-json') return /\.(\w{1,128})$/.exec(String(split.headers['x-amz-target'] ?? ''))?.[1];
  return claimedAction(split);
}

function splitUrl({ method, url, headers, rawHeaders, body }: HttpRequest): SplitRequest {
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  return { method, path, query: mark < 0 ? '' : url.slice(mark + 1), headers, rawHeaders, body };
}

function checkUrl(url: string): void {
  if (url.length > limits.url) {
    throw new ApiError(
      'RequestUriTooLong',
      `The URL has more than ${limits.url} bytes. Send the parameters by POST.`,
      414,
    );
  }
  if (!url.startsWith('/')) throw new ApiError('InvalidRequest', 'The URL must begin with a slash.');
}

function checkScope(
  region: string,
  service: string,
  route: Route | undefined,
  regions: (name: string) => boolean,
): asserts route is Route {
  if (!route) {
    const services = serviceNames.join(', ');
    const message = `Credential should be scoped to a service that this endpoint has (${services}), not '${shown(service)}'.`;
    throw new SignatureError('scope', message);
  }
  if (!regions(region)) {
    throw new SignatureError('scope', `Credential should be scoped to a valid region, not '${shown(region)}'.`);
  }
}

/** AWS lets the sender leave out the hash of a snapshot's block, which has its own checksum. */
function takesUnsignedPayload({ model, protocolName }: Route, { method, path }: SignedRequest): boolean {
  return protocolName === 'rest-json' && matchRoute(model, method, path)?.operation.name === 'PutSnapshotBlock';
}

async function run(
  options: ExchangeOptions,
  { model, protocol, protocolName }: Route,
  request: SplitRequest,
  principal: Principal,
  entry: RequestLog,
): Promise<WireResponse> {
  const methods = { 'ec2-query': ['GET', 'POST'], 'aws-query': ['GET', 'POST'], 'aws-json': ['POST'], 'rest-json': [] };
  const allowed: readonly string[] = methods[protocolName];
  if (allowed.length && !allowed.includes(request.method)) {
    throw new ApiError('MethodNotAllowed', `Use ${allowed.join(' or ')}, not ${request.method}.`, 405);
  }
  const query = queryParameters(request.query);
  const body = await decompress(request.body, request.headers['content-encoding']);
  const { operation, input } = protocol.decode(model, { ...request, query, body });
  entry.operation = operation.name;
  if (principal === nobody && options.unsigned?.(model.name, operation.name) !== true) throw missingSignature();
  const output = await options.handle({
    requestId: entry.requestId,
    service: model.name,
    operation: operation.name,
    input,
    region: entry.region ?? '',
    principal,
    sourceAddress: entry.sourceAddress,
    userAgent: entry.userAgent,
  });
  return protocol.encode(model, operation, output, entry.requestId);
}

/** The URL's parameters without those of a presigned URL's signature. */
function queryParameters(query: string): readonly Parameter[] {
  if (query === '') return [];
  try {
    return parseForm(query).filter(([name]) => !name.startsWith('X-Amz-'));
  } catch (error) {
    if (error instanceof FormError) throw new ApiError('MalformedQueryString', error.message);
    throw error;
  }
}

/** The JSON protocols have another name for what policies refuse. */
function inWordsOf(protocolName: ProtocolName, error: ApiError): ApiError {
  if (error.code !== 'AccessDenied' || !protocolName.endsWith('-json')) return error;
  return new ApiError('AccessDeniedException', error.message, protocolName === 'aws-json' ? 400 : 403);
}

function toApiError(thrown: unknown, { protocolName }: Route, entry: RequestLog): ApiError {
  if (thrown instanceof ApiError) return inWordsOf(protocolName, thrown);
  if (thrown instanceof SignatureError) return signatureError(thrown, protocolName);
  entry.cause = thrown;
  const codes = {
    'ec2-query': 'InternalError',
    'aws-query': 'InternalFailure',
    'aws-json': 'InternalServerError',
    'rest-json': 'InternalServerException',
  };
  return new ApiError(codes[protocolName], 'An internal error has occurred', 500);
}
