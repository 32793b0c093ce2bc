import { Agent, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { flatten, type Parameters } from '../../src/cli/client.ts';
import { type SigningKey, signRequest } from '../../src/cli/sign.ts';
import { parseXml, type XmlElement } from '../../src/cli/xml.ts';

export interface Answer {
  readonly status: number;
  /** The root element. */
  readonly xml: XmlElement;
  /** EC2's error code, where the status is not 200. */
  readonly code: string | undefined;
  readonly message: string | undefined;
}

/** The connection broke before the answer was complete: whether the call had an effect is not known. */
export class Unanswered extends Error {}

/** Keeps account of calls. Each has a user agent of its own, by which its event is found. */
export interface CallLedger {
  /** A call is about to be made. @returns its user agent */
  begin(action: string): string;
  /** @param code of the error that was answered, if one was */
  answered(userAgent: string, code: string | undefined): void;
}

/** A client of EC2's Query protocol that neither retries nor hides how an answer ended. */
export class QueryClient {
  readonly url: URL;
  readonly #key: SigningKey;
  readonly #region: string;
  readonly #ledger: CallLedger | undefined;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(url: string, key: SigningKey, region = 'us-east-1', ledger?: CallLedger) {
    this.url = new URL('/', url);
    this.#key = key;
    this.#region = region;
    this.#ledger = ledger;
  }

  /** @throws Unanswered */
  async call(action: string, parameters: Parameters = {}): Promise<Answer> {
    const named = [['Action', action], ['Version', '2016-11-15'], ...flatten('', parameters)];
    const body = new URLSearchParams(named).toString();
    const form = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
    const signed = { method: 'POST', url: this.url, body, headers: form };
    const headers = signRequest(signed, this.#key, { service: 'ec2', region: this.#region });
    const userAgent = this.#ledger?.begin(action) ?? 'fogbank-test';
    const { status, source } = await this.#send({ ...headers, 'user-agent': userAgent }, body);
    const xml = parseXml(source);
    const error = xml.find('Errors', 'Error');
    this.#ledger?.answered(userAgent, error?.get('Code'));
    return { status, xml, code: error?.get('Code'), message: error?.get('Message') };
  }

  /** The answer of a call that must succeed. @throws Error with the code and message of another answer; Unanswered */
  async ok(action: string, parameters: Parameters = {}): Promise<XmlElement> {
    const { status, xml, code, message } = await this.call(action, parameters);
    if (status !== 200) throw new Error(`${action}: ${status} ${code}: ${message}`);
    return xml;
  }

  /** All items of a Describe action, page by page. */
  async all(action: string, list: string, parameters: Parameters = {}): Promise<XmlElement[]> {
    const items: XmlElement[] = [];
    let token: string | undefined;
    do {
      const page = await this.ok(action, { ...parameters, MaxResults: 500, ...(token && { NextToken: token }) });
      items.push(...page.items(list));
      token = page.get('nextToken') || undefined;
    } while (token !== undefined);
    return items;
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(headers: Record<string, string>, body: string): Promise<{ status: number; source: string }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; source: string }>();
    const broken = (error: Error): void => reject(new Unanswered(error.message, { cause: error }));
    const read = async (response: IncomingMessage): Promise<void> => {
      const source = await text(response);
      resolve({ status: response.statusCode ?? 0, source });
    };
    const { hostname: host, port } = this.url;
    const sent = request({ agent: this.#agent, host, port, method: 'POST', path: '/', headers, timeout: 30_000 });
    sent.on('timeout', () => sent.destroy(new Error('no answer within 30 s')));
    sent.on('error', broken);
    sent.on('response', response => void read(response).catch(broken));
    sent.end(body);
    return promise;
  }
}
