import { createHash, createHmac } from 'node:crypto';
import { Agent, request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import type { SigningKey } from '../../src/cli/sign.ts';

/** A request as it goes over the wire, before it is signed. */
export interface RawRequest {
  readonly method?: string;
  readonly path?: string;
  /** As it stands after the question mark. */
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** How a request is signed, and where it departs from what is right. */
export interface Signing {
  readonly key?: SigningKey;
  readonly region?: string;
  readonly service?: string;
  /** When it says that it was signed; now unless given. */
  readonly date?: Date;
  /** Day of the credential scope, if it is not that of `date`. */
  readonly scopeDay?: string;
  readonly terminator?: string;
  /** Hash that is signed instead of the body's. */
  readonly payloadHash?: string;
  /** In the query string instead of the header, for this many seconds or with this text. */
  readonly presign?: number | string;
  /** Changes the finished request, e.g. its Authorization header. */
  readonly tamper?: (request: SentRequest) => SentRequest;
}

export interface SentRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The error's code, wherever the protocol has it. */
  readonly code: string | undefined;
}

/** Signs with AWS Signature Version 4. Its own implementation, so that the server's is not checked by itself. */
export function sign(request: RawRequest, host: string, key: SigningKey, signing: Signing = {}): SentRequest {
  const { region = 'us-east-1', service = 'ec2', terminator = 'aws4_request' } = signing;
  const stamp = (signing.date ?? new Date()).toISOString().replace(/[-:]|\.\d{3}/g, '');
  const scope = `${signing.scopeDay ?? stamp.slice(0, 8)}/${region}/${service}/${terminator}`;
  const { method = 'POST', path = '/', query = '', body = '' } = request;
  const { accessKeyId, secretAccessKey } = signing.key ?? key;
  const presigned = signing.presign !== undefined;
  const given = lowerCase({ ...request.headers, ...(presigned ? {} : { 'x-amz-date': stamp }) });
  const names = [...Object.keys(given).filter(name => name !== 'content-length'), 'host'].sort();
  const claim = presigned
    ? new URLSearchParams({
        'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
        'X-Amz-Credential': `${accessKeyId}/${scope}`,
        'X-Amz-Date': stamp,
        'X-Amz-Expires': String(signing.presign),
        'X-Amz-SignedHeaders': names.join(';'),
      }).toString()
    : '';
  const fullQuery = [query, claim].filter(part => part !== '').join('&');
  const canonical = [
    method,
    path,
    fullQuery
      .split('&')
      .filter(pair => pair !== '')
      .map(pair => (pair.includes('=') ? pair : `${pair}=`))
      .sort()
      .join('&'),
    ...names.map(name => `${name}:${name === 'host' ? host : (given[name] ?? '').trim()}`),
    '',
    names.join(';'),
    signing.payloadHash ?? sha256(body),
  ].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', stamp, scope, sha256(canonical)].join('\n');
  const signingKey = scope
    .split('/')
    .reduce<string | Buffer>((previous, part) => hmac(previous, part), `AWS4${secretAccessKey}`);
  const signature = hmac(signingKey, toSign).toString('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
  const sent: SentRequest = presigned
    ? { method, path, query: `${fullQuery}&X-Amz-Signature=${signature}`, headers: given, body }
    : { method, path, query, headers: { ...given, authorization }, body };
  return signing.tamper?.(sent) ?? sent;
}

/** Sends requests to one server exactly as they are, over kept connections. */
export class RawSender {
  readonly #url: URL;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(url: string) {
    this.#url = new URL(url);
  }

  get host(): string {
    return this.#url.host;
  }

  /** @param from the sender's address, another one of 127.0.0.0/8 to be taken for someone else */
  async send({ method, path, query, headers, body }: SentRequest, from = '127.0.0.1'): Promise<RawAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<RawAnswer>();
    const { hostname, port } = this.#url;
    const target = query === '' ? path : `${path}?${query}`;
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    const all = { ...(length > 0 && { 'content-length': String(length) }), ...headers };
    const place = { agent: this.#agent, host: hostname, port, localAddress: from };
    const options = { ...place, method, path: target, headers: all, timeout: 30_000 };
    const sent = httpRequest(options, response => {
      text(response).then(answer => {
        const code =
          /<Code>([^<]*)<\/Code>/.exec(answer)?.[1] ??
          /"__type":"(?:[^"#]*#)?([^"]*)"/.exec(answer)?.[1] ??
          String(response.headers['x-amzn-errortype'] ?? '');
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: answer, code: code || undefined });
      }, reject);
    });
    sent.on('timeout', () => sent.destroy(new Error('no answer within 30 s')));
    sent.on('error', reject);
    sent.end(body);
    return promise;
  }

  close(): void {
    this.#agent.destroy();
  }
}

function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest();
