import type { Clock } from '../api/clock.ts';
import { userDataOf } from '../ec2/instances/user-data.ts';
import type { MetadataListener } from '../engine/engine.ts';
import type { RoleRow } from '../iam/roles/model.ts';
import type { Secrets } from '../iam/secrets.ts';
import type { Reader } from '../state/state.ts';
import { type Answer, failure, found, methodNotAllowed, tokenAnswer } from './answer.ts';
import { type Caller, findCaller } from './caller.ts';
import type { IdentitySigner } from './identity/signer.ts';
import { createInstanceCredentials } from './instance-credentials.ts';
import { createRateLimit } from './rate-limit.ts';
import { isTokenPath, isTokenPathOfAnyVersion, pathSegments } from './request-path.ts';
import { cacheSignatures } from './signatures.ts';
import { type ApiListener, createSockets, type SocketLimits } from './sockets.ts';
import type { IdentityProof } from './subject.ts';
import { createTokens, parseTokenLifetime } from './tokens.ts';
import { findInTree } from './tree.ts';

/** EC2 lets an interface send 1024 packets a second to its link-local services. */
const requestsPerSecond = 1024;

export interface MetadataRequest {
  readonly method: string;
  /** The request target: path and query. */
  readonly target: string;
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/**
 * The instance metadata service (IMDS), versions 1 and 2, of all instances: it answers on the sockets of
 * 169.254.169.254:80 and [fd00:ec2::254]:80 that the fabric hands over for each VPC, and knows its caller by VPC and source
 * address.
 * Everything is read from the state when it is asked for, options included.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-metadata.html
 */
export interface MetadataService extends MetadataListener {
  /** Answers one request; never rejects. */
  handle(vpcId: string, remoteAddress: string, request: MetadataRequest): Promise<Answer>;
  /** Closes every socket. */
  close(): Promise<void>;
}

export interface MetadataServiceOptions {
  readonly state: Reader;
  readonly clock: Clock;
  readonly identity: Pick<IdentitySigner, 'signAs'>;
  readonly secrets: Secrets;
  /** 32 secret bytes; session tokens outlive a restart when it is the same again. */
  readonly tokenKey: Uint8Array;
  /** Told of every request of an instance: its guest is up and its network works. */
  readonly heard?: (instanceId: string) => void;
  /** Seconds that credentials of roles last. */
  readonly credentialSeconds?: number | undefined;
  /** Answers what is not for the metadata service: the calls of AWS's APIs that guests make. */
  readonly api?: ApiListener;
  readonly log?: (line: string) => void;
  readonly limits?: Partial<SocketLimits>;
}

export function createMetadataService({
  state,
  clock,
  identity,
  secrets,
  tokenKey,
  heard,
  credentialSeconds,
  api,
  log,
  limits,
}: MetadataServiceOptions): MetadataService {
  const tokens = createTokens(tokenKey);
  const rateLimit = createRateLimit(clock, requestsPerSecond);
  const sign = cacheSignatures(identity);
  const credentials = createInstanceCredentials(secrets, clock, credentialSeconds);

  function issueToken({ instance }: Caller, segments: readonly string[], request: MetadataRequest): Answer {
    if (!isTokenPath(segments)) return isTokenPathOfAnyVersion(segments) ? failure(403) : methodNotAllowed('GET, HEAD');
    // A proxy that was tricked into fetching a token says for whom it asks.
    if (request.headers['x-forwarded-for'] !== undefined) return failure(403);
    const seconds = parseTokenLifetime(single(request.headers['x-aws-ec2-metadata-token-ttl-seconds']));
    if (seconds === undefined) return failure(400);
    return tokenAnswer(tokens.issue(instance.instanceId, seconds, clock.now()), seconds);
  }

  async function read(caller: Caller, segments: readonly string[], request: MetadataRequest): Promise<Answer> {
    const { instance } = caller;
    const token = request.headers['x-aws-ec2-metadata-token'];
    const tokenSeconds =
      token === undefined ? undefined : tokens.remaining(instance.instanceId, single(token) ?? '', clock.now());
    // A bad token is refused even where none is needed, so that clients renew it.
    if (tokenSeconds === undefined && (token !== undefined || instance.metadataOptions.httpTokens === 'required'))
      return failure(401);
    const subject = {
      ...caller,
      sign: (kind: IdentityProof, document: string) => sign(instance.instanceId, kind, document),
      credentials: (role: RoleRow) => credentials(instance.instanceId, role),
      userData: () => userDataOf(secrets, instance),
    };
    const place = findInTree(subject, segments);
    if (place === undefined) return failure(404);
    const lastModified = instance.launchTime;
    if (place.kind === 'directory')
      return found(place.list().join('\n'), { contentType: 'text/plain', lastModified, tokenSeconds });
    return found(await place.read(), { contentType: place.contentType, lastModified, tokenSeconds });
  }

  async function handle(vpcId: string, remoteAddress: string, request: MetadataRequest): Promise<Answer> {
    try {
      const caller = findCaller(state, vpcId, remoteAddress);
      if (caller === undefined) return failure(404);
      if (!rateLimit.admit(caller.networkInterfaceId)) return failure(503);
      heard?.(caller.instance.instanceId);
      const { httpEndpoint, httpProtocolIpv6 } = caller.instance.metadataOptions;
      const isOpen = remoteAddress.includes(':') ? httpProtocolIpv6 === 'enabled' : true;
      if (httpEndpoint === 'disabled' || !isOpen) return failure(403);
      const segments = pathSegments(request.target);
      if (segments === undefined) return failure(400);
      if (request.method === 'PUT') return issueToken(caller, segments, request);
      if (isTokenPathOfAnyVersion(segments)) return methodNotAllowed('PUT');
      if (request.method !== 'GET' && request.method !== 'HEAD') return methodNotAllowed('GET, HEAD');
      return await read(caller, segments, request);
    } catch (error) {
      log?.(
        `metadata: ${request.method} ${JSON.stringify(request.target)} from ${remoteAddress} in ${vpcId} failed: ${error instanceof Error ? error.message : error}`,
      );
      return failure(500);
    }
  }

  const sockets = createSockets({ answer: handle, api, limits, log });
  return { handle, onListening: sockets.onListening, onClosed: sockets.onClosed, close: sockets.close };
}

/** A header that must not be repeated. */
function single(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : undefined;
}
