import { type SigningKey, signRequest } from '../../src/cli/sign.ts';

/** A client of services that speak AWS JSON. */
export class JsonClient {
  readonly #url: URL;
  readonly #key: SigningKey;
  readonly #service: string;
  readonly #target: string;
  readonly #region: string;

  /** @param target what stands before the operation in `X-Amz-Target` */
  constructor(url: string | URL, key: SigningKey, service: string, target: string, region = 'us-east-1') {
    this.#url = new URL('/', url);
    this.#key = key;
    this.#service = service;
    this.#target = target;
    this.#region = region;
  }

  /** @throws Error with the name and message of an error answer */
  async ok<Output>(operation: string, input: object = {}): Promise<Output> {
    const body = JSON.stringify(input);
    const typed = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `${this.#target}.${operation}` };
    const request = { method: 'POST', url: this.#url, body, headers: typed };
    const headers = signRequest(request, this.#key, { service: this.#service, region: this.#region });
    const response = await fetch(this.#url, { method: 'POST', headers, body });
    const answer = (await response.json()) as { __type?: string; message?: string };
    if (!response.ok) throw new Error(`${operation}: ${answer.__type}: ${answer.message}`);
    return answer as Output;
  }
}
