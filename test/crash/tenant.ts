import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { LookupEventsResponse } from '@aws-sdk/client-cloudtrail';
import type { SigningKey } from '../../src/cli/sign.ts';
import type { TrailEvent } from '../../src/cloudtrail/record/event.ts';
import { eventually } from '../support/eventually.ts';
import { JsonClient } from '../support/json-client.ts';
import { QueryClient } from '../support/query-client.ts';
import { brokenIndexes, brokenInvariants } from './invariants.ts';
import { byUserAgent, Ledger } from './ledger.ts';
import { bookOf, observe } from './observe.ts';
import type { Worker } from './worker.ts';

/** An account with its workers, who share nothing with those of other accounts. */
export class Tenant {
  readonly account: string;
  readonly workers: readonly Worker[];
  readonly ledgers: readonly Ledger[];
  /** Of the calls that read everything back. */
  readonly #ledger: Ledger;
  readonly #key: SigningKey;
  readonly #terminated: string[] = [];
  /** Milliseconds that it took at most until no instance was on its way. */
  slowest = 0;
  verified = 0;

  constructor(account: string, key: SigningKey, workers: readonly Worker[], ledgers: readonly Ledger[]) {
    this.account = account;
    this.#key = key;
    this.workers = workers;
    this.#ledger = new Ledger(`observer-${account}`, account);
    this.ledgers = [this.#ledger, ...ledgers];
  }

  client(url: string, ledger: Ledger = this.#ledger): QueryClient {
    return new QueryClient(url, this.#key, undefined, ledger);
  }

  get terminated(): number {
    return this.#terminated.length;
  }

  /** Everything read back after a restart is as it must be. @returns what is not */
  async verify(url: string): Promise<string[]> {
    const client = this.client(url);
    try {
      const ids = this.workers.flatMap(worker => worker.instanceIds);
      const seen = await observe(client, ids);
      this.slowest = Math.max(this.slowest, seen.converged);
      for (const worker of this.workers) await worker.check(client, bookOf(worker.name, seen));
      this.verified += seen.live.size + seen.volumes.length + seen.interfaces.length;
      this.verified += seen.groups.length + seen.rules.length;
      const broken = [...brokenInvariants(seen), ...(await brokenIndexes(client, seen, 2))];
      for (const worker of this.workers) this.#terminated.push(...worker.forgetTerminated());
      return [...broken, ...this.workers.flatMap(worker => worker.problems)];
    } finally {
      client.close();
    }
  }

  /** As `verify`, with the terminated instances of all rounds. */
  async verifyAll(url: string): Promise<string[]> {
    const client = this.client(url);
    try {
      const everything = await observe(client, this.#terminated);
      const missing = this.#terminated.length - everything.terminated.size;
      return [...brokenInvariants(everything), ...(missing === 0 ? [] : [`${missing} terminated instances are gone`])];
    } finally {
      client.close();
    }
  }

  /** Has all events from now on written to files. */
  async startTrail(url: string): Promise<void> {
    const trail = this.#trail(url);
    await trail.ok('CreateTrail', { Name: 'crash', S3BucketName: this.#bucket, IsMultiRegionTrail: true });
    await trail.ok('StartLogging', { Name: 'crash' });
  }

  /** Ends that, and compares the files with what this account's clients know. @returns what is wrong */
  async checkTrail(url: string, dataDir: string): Promise<string[]> {
    await this.#trail(url).ok('StopLogging', { Name: 'crash' });
    const folder = join(dataDir, 'buckets', this.#bucket);
    const events = await eventually('event of StopLogging in the files', 60, async () => {
      const found = globSync('**/*.json.gz', { cwd: folder }).flatMap(file => recordsOf(join(folder, file)));
      if (found.some(event => event.eventName === 'StopLogging')) return found;
      throw new Error(`${found.length} events, and it is not among them`);
    });
    const found = byUserAgent(events);
    const foreign = events.filter(event => event.recipientAccountId !== this.account);
    const unknown = [...found.keys()].filter(agent => !this.ledgers.some(ledger => ledger.has(agent)));
    return [
      ...this.ledgers.flatMap(ledger => ledger.compare(found)),
      ...foreign.map(event => `an event of account ${event.recipientAccountId} in the files of ${this.account}`),
      ...unknown.map(agent => `an event of ${agent}, which is no call of account ${this.account}`),
      ...duplicates(events.map(event => event.eventID)).map(id => `the event ${id} is there more than once`),
    ];
  }

  /** The latest events as LookupEvents tells them, the oldest of some pages first. */
  async lookUp(url: string, pages: number): Promise<TrailEvent[]> {
    const events: TrailEvent[] = [];
    let NextToken: string | undefined;
    for (let page = 0; page < pages && (page === 0 || NextToken !== undefined); page++) {
      // Twice a second is allowed.
      const answer = await eventually('answer of LookupEvents', 30, () =>
        this.#trail(url).ok<LookupEventsResponse>('LookupEvents', { NextToken }),
      );
      events.push(...(answer.Events ?? []).map(event => JSON.parse(event.CloudTrailEvent ?? '') as TrailEvent));
      NextToken = answer.NextToken;
    }
    return events.reverse();
  }

  get #bucket(): string {
    return `crash-${this.account}`;
  }

  #trail(url: string): JsonClient {
    return new JsonClient(url, this.#key, 'cloudtrail', 'CloudTrail_20131101');
  }
}

function recordsOf(file: string): TrailEvent[] {
  return (JSON.parse(gunzipSync(readFileSync(file)).toString()) as { Records: TrailEvent[] }).Records;
}

function duplicates(texts: readonly string[]): string[] {
  const seen = new Set<string>();
  return texts.filter(text => seen.has(text) || !seen.add(text));
}
