import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import type { AccessKey, Call } from '../api/call.ts';
import { systemClock } from '../api/clock.ts';
import type { RequestLog } from './exchange.ts';
import { type Gateway, type GatewayOptions, startGateway } from './server.ts';

/** Help for tests of the wire: a gateway on a free port with one access key and a handler that the test gives. */

export const testKey: AccessKey = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  active: true,
  principal: {
    account: '000000000000',
    type: 'root',
    arn: 'arn:aws:iam::000000000000:root',
    userId: '000000000000',
    accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  },
};

export interface TestGateway {
  readonly gateway: Gateway;
  /** Every call that reached the handler, oldest first. */
  readonly calls: Call[];
  readonly log: RequestLog[];
  /** What the handler answers; it may throw. Set it in each test. */
  handle: (call: Call) => unknown;
  /** Options for a client of `@aws-sdk/client-*`. */
  readonly client: {
    endpoint: string;
    region: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
    maxAttempts: number;
  };
}

export async function startTestGateway(options: Partial<GatewayOptions> = {}): Promise<TestGateway> {
  const calls: Call[] = [];
  const log: RequestLog[] = [];
  const gateway = await startGateway({
    host: '127.0.0.1',
    port: 0,
    handle: async call => {
      calls.push(call);
      return test.handle(call);
    },
    accessKey: id => (id === testKey.accessKeyId ? testKey : undefined),
    clock: systemClock,
    log: entry => log.push(entry),
    regions: name => name === 'us-east-1' || name === 'eu-central-1',
    ...options,
  });
  const { accessKeyId, secretAccessKey } = testKey;
  const credentials = { accessKeyId, secretAccessKey };
  const client = { endpoint: gateway.url, region: 'us-east-1', credentials, maxAttempts: 1 };
  const test: TestGateway = { gateway, calls, log, handle: () => ({}), client };
  return test;
}

/** SHA-256 and its HMAC in the form that the SDK's signer asks for. */
export class Sha256 {
  private readonly hash: { update(data: Uint8Array): unknown; digest(): Buffer };
  constructor(key?: string | ArrayBuffer | ArrayBufferView) {
    const secret = typeof key === 'string' || key === undefined ? key : Buffer.from(key as Uint8Array);
    this.hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret);
  }
  update(data: Uint8Array): void {
    this.hash.update(data);
  }
  async digest(): Promise<Uint8Array> {
    return new Uint8Array(this.hash.digest());
  }
  reset(): void {}
}

export interface RawRequest {
  /** Name in the credential scope; `ec2` if not given. */
  service?: string;
  region?: string;
  method?: string;
  path?: string;
  query?: Record<string, string | string[]>;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
}

export interface RawResponse {
  status: number;
  headers: Headers;
  text: string;
  /** The error's code, from whichever place the protocol has for it. */
  code: string | undefined;
}

/** Signs a request of any form with the test's key by the SDK's signer, and sends it. */
export async function sendSigned({ gateway }: TestGateway, request: RawRequest): Promise<RawResponse> {
  const { service = 'ec2', region = 'us-east-1', path = '/', query = {}, body = '' } = request;
  const method = request.method ?? 'POST';
  const { accessKeyId, secretAccessKey } = testKey;
  const signer = new SignatureV4({ credentials: { accessKeyId, secretAccessKey }, region, service, sha256: Sha256 });
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const headers = { host: `127.0.0.1:${gateway.port}`, ...(method === 'POST' ? form : {}), ...request.headers };
  const signed = await signer.sign({
    method,
    protocol: 'http:',
    hostname: '127.0.0.1',
    port: gateway.port,
    path,
    query,
    headers,
    body,
  });
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    [value].flat().map(item => `${encodeURIComponent(name)}=${encodeURIComponent(item)}`),
  );
  const { host: _host, ...sent } = signed.headers;
  const payload = body.length ? Buffer.from(body as Uint8Array) : undefined;
  const url = `${gateway.url}${path}${pairs.length ? `?${pairs.join('&')}` : ''}`;
  return read(await fetch(url, { method, headers: sent, body: payload }));
}

/** What an answer says, with the code of its error. */
export async function read(response: Response): Promise<RawResponse> {
  const text = await response.text();
  const header = response.headers.get('x-amzn-errortype');
  const code = /<Code>([^<]*)<\/Code>/.exec(text)?.[1] ?? /"__type":"(?:[^"#]*#)?([^"]*)"/.exec(text)?.[1] ?? header;
  return { status: response.status, headers: response.headers, text, code: code ?? undefined };
}
