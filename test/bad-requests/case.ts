import type { RawRequest, Signing } from '../support/raw-request.ts';

/** Things that exist on the server, by the names under which the cases speak of them in braces: `{running}`. */
export type Fixture = Readonly<Record<string, string>>;

/** A request that must be refused, and how. */
export interface BadRequest {
  readonly what: string;
  readonly request: RawRequest;
  readonly signing?: Signing;
  /** Sent as it is, without a signature. */
  readonly unsigned?: boolean;
  readonly status: number;
  readonly code: string;
}

const form = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };

/** Parameters of an EC2 call as a body, with the version unless they name one. */
export function ec2(parameters: string): RawRequest {
  const version = /(?:^|&)Version=/.test(parameters) ? '' : '&Version=2016-11-15';
  return { headers: form, body: `${parameters}${version}` };
}

/** Rows of `[what, parameters, code, status]`; the status is 400 unless given. */
export type Row = readonly [what: string, parameters: string, code: string, status?: number];

export function ec2Cases(rows: readonly Row[]): BadRequest[] {
  return rows.map(([what, parameters, code, status = 400]) => ({ what, request: ec2(parameters), code, status }));
}

/** The request with the names in braces replaced by what they stand for. */
export function filled(request: RawRequest, fixture: Fixture): RawRequest {
  const fill = (text: string): string =>
    text.replace(/\{(\w+)\}/g, (_whole, name: string) => {
      const value = fixture[name];
      if (value === undefined) throw new Error(`the fixture has no ${name}`);
      return value;
    });
  const body = typeof request.body === 'string' ? fill(request.body) : request.body;
  return {
    ...request,
    ...(body !== undefined && { body }),
    ...(request.query !== undefined && { query: fill(request.query) }),
  };
}
