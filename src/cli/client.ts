import type { Configuration } from '../config/resolve.ts';
import { UserError } from '../config/user-error.ts';
import { clientEnvironment } from './env.ts';
import { type SigningKey, signRequest } from './sign.ts';
import { parseXml, type XmlElement } from './xml.ts';

/** An error answer of the API: EC2's code in `code`. */
export class ServiceError extends UserError {
  readonly code: string;
  constructor(action: string, code: string, message: string) {
    super(`${action}: ${message} (${code})`);
    this.code = code;
  }
}

/** Parameters as EC2's Query protocol spells them; lists become `Name.1`, `Name.2`, and objects `Name.Member`. */
export type Parameter =
  | string
  | number
  | boolean
  | readonly Parameter[]
  | { readonly [member: string]: Parameter | undefined };
export type Parameters = Readonly<Record<string, Parameter | undefined>>;

/**
 * A client of the EC2 API as small as this tool's own commands need it, since loading the official SDK would cost
 * half a second.
 */
export class Ec2Client {
  readonly endpoint: URL;
  readonly region: string;
  readonly #key: SigningKey;

  constructor(endpoint: string, region: string, key: SigningKey) {
    this.endpoint = new URL(endpoint);
    this.region = region;
    this.#key = key;
  }

  /** Calls an action and returns the root element of its answer. @throws ServiceError, UserError when nobody answers. */
  async call(action: string, parameters: Parameters = {}): Promise<XmlElement> {
    const body = new URLSearchParams([
      ['Action', action],
      ['Version', '2016-11-15'],
      ...flatten('', parameters),
    ]).toString();
    const url = new URL('/', this.endpoint);
    const headers = signRequest(
      { method: 'POST', url, body, headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' } },
      this.#key,
      { service: 'ec2', region: this.region },
    );
    let response: Response;
    try {
      response = await fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(60_000) });
    } catch (error) {
      throw noAnswer(this.endpoint, error);
    }
    const text = await response.text();
    if (response.ok) return parseXml(text);
    throw serviceError(action, response.status, text);
  }
}

/** A client of the server that these settings point at. @throws UserError when it has never been started. */
export function connect(configuration: Configuration): Ec2Client {
  const variables = clientEnvironment(configuration);
  return new Ec2Client(variables.AWS_ENDPOINT_URL ?? '', configuration.region, {
    accessKeyId: variables.AWS_ACCESS_KEY_ID ?? '',
    secretAccessKey: variables.AWS_SECRET_ACCESS_KEY ?? '',
  });
}

/** What a failed connection means to a person. */
export function noAnswer(endpoint: URL, error: unknown): UserError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'ECONNREFUSED')
    return new UserError(`no server answers on ${endpoint.origin}`, 'Start it with: fogbank up');
  return new UserError(`${endpoint.origin} did not answer: ${cause instanceof Error ? cause.message : String(cause)}`);
}

function serviceError(action: string, status: number, text: string): Error {
  try {
    const error = parseXml(text).find('Errors', 'Error');
    const code = error?.get('Code');
    if (code !== undefined) return new ServiceError(action, code, error?.get('Message') ?? `HTTP status ${status}`);
  } catch {
    // Not the answer of an AWS API: the status has to do.
  }
  return new UserError(`${action}: the server answered with HTTP status ${status}`);
}

/** Names and values on the wire. Members that are undefined are left out. */
export function flatten(prefix: string, value: Parameter | Parameters | undefined): [string, string][] {
  if (value === undefined) return [];
  if (typeof value !== 'object') return [[prefix, String(value)]];
  const entries: [string, Parameter | undefined][] = Array.isArray(value)
    ? value.map((item: Parameter, index) => [String(index + 1), item])
    : Object.entries(value);
  return entries.flatMap(([name, item]) => flatten(prefix === '' ? name : `${prefix}.${name}`, item));
}
