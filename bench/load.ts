import { text } from 'node:stream/consumers';
import { signRequest } from '../src/cli/sign.ts';
import { Connection } from './connection.ts';

/*
 * The load generator: a process of its own, so that what it costs is not the server's. It reads one job as JSON from
 * its standard input, signs all of its requests first, sends them over kept connections, and prints the result.
 */

export interface LoadJob {
  /** `http://HOST:PORT` */
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Form bodies of EC2 calls and their Regions, sent in this order, and from the start again until the time is over. */
  readonly calls: readonly { readonly region: string; readonly body: string }[];
  /** Requests under way at once. */
  readonly concurrency: number;
  /** Ends after this time, or with `once` when every call was sent once. Milliseconds. */
  readonly duration?: number;
  readonly once?: boolean;
}

export interface LoadResult {
  readonly answered: number;
  /** Answers whose status was not 200; the first one's text. */
  readonly failed: number;
  readonly failure?: string;
  readonly seconds: number;
  readonly perSecond: number;
  /** Milliseconds. */
  readonly median: number;
  readonly p99: number;
  /** Bytes of the last answer. */
  readonly size: number;
}

/** All requests as they go over the wire: signing them costs more than sending them. */
function prepare(job: LoadJob): Buffer[] {
  const url = new URL('/', job.endpoint);
  const form = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
  return job.calls.map(({ region, body }) => {
    const headers = signRequest({ method: 'POST', url, body, headers: form }, job, { service: 'ec2', region });
    const all = { host: url.host, ...headers, 'content-length': String(Buffer.byteLength(body)) };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    return Buffer.from(`POST / HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
  });
}

async function run(job: LoadJob): Promise<LoadResult> {
  const prepared = prepare(job);
  const url = new URL(job.endpoint);
  const times: number[] = [];
  let next = 0;
  let failed = 0;
  let failure: string | undefined;
  let size = 0;
  const began = performance.now();
  const until = job.once ? Number.POSITIVE_INFINITY : began + (job.duration ?? 5000);

  const work = async (): Promise<void> => {
    const connection = new Connection(url.hostname, Number(url.port));
    while (performance.now() < until) {
      if (job.once && next >= prepared.length) break;
      const call = prepared[next++ % prepared.length];
      if (call === undefined) break;
      const started = performance.now();
      const answer = await connection.send(call);
      times.push(performance.now() - started);
      size = answer.size;
      if (answer.status !== 200) {
        failed++;
        failure ??= answer.text;
      }
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: job.concurrency }, work));
  const seconds = (performance.now() - began) / 1000;
  times.sort((a, b) => a - b);
  const quantile = (part: number): number => times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0;
  const answered = times.length;
  const rates = { seconds, perSecond: answered / seconds, median: quantile(0.5), p99: quantile(0.99) };
  return { answered, failed, ...(failure === undefined ? {} : { failure }), ...rates, size };
}

if (import.meta.main) {
  const result = await run(JSON.parse(await text(process.stdin)) as LoadJob);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
