import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { signRequest } from '../src/cli/sign.ts';

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

interface Prepared {
  readonly headers: Record<string, string>;
  readonly body: string;
}

function prepare(job: LoadJob): Prepared[] {
  const url = new URL('/', job.endpoint);
  const form = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
  return job.calls.map(({ region, body }) => {
    const headers = signRequest({ method: 'POST', url, body, headers: form }, job, { service: 'ec2', region });
    return { headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) }, body };
  });
}

async function run(job: LoadJob): Promise<LoadResult> {
  const prepared = prepare(job);
  const url = new URL(job.endpoint);
  const agent = new Agent({ keepAlive: true, maxSockets: job.concurrency });
  const times: number[] = [];
  let next = 0;
  let failed = 0;
  let failure: string | undefined;
  let size = 0;
  const began = performance.now();
  const until = job.once ? Number.POSITIVE_INFINITY : began + (job.duration ?? 5000);

  const send = ({ headers, body }: Prepared): Promise<void> =>
    new Promise((resolve, reject) => {
      const started = performance.now();
      const sent = request(
        { agent, host: url.hostname, port: url.port, method: 'POST', path: '/', headers },
        response => {
          const chunks: Buffer[] = [];
          response.on('data', chunk => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            times.push(performance.now() - started);
            size = 0;
            for (const chunk of chunks) size += chunk.length;
            if (response.statusCode !== 200) {
              failed++;
              failure ??= Buffer.concat(chunks).toString('utf8').slice(0, 500);
            }
            resolve();
          });
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });

  const worker = async (): Promise<void> => {
    while (performance.now() < until) {
      if (job.once && next >= prepared.length) return;
      const call = prepared[next++ % prepared.length];
      if (call !== undefined) await send(call);
    }
  };
  await Promise.all(Array.from({ length: job.concurrency }, worker));
  const seconds = (performance.now() - began) / 1000;
  agent.destroy();
  times.sort((a, b) => a - b);
  const quantile = (part: number): number => times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0;
  const answered = times.length;
  return {
    answered,
    failed,
    ...(failure === undefined ? {} : { failure }),
    seconds,
    perSecond: answered / seconds,
    median: quantile(0.5),
    p99: quantile(0.99),
    size,
  };
}

if (import.meta.main) {
  const result = await run(JSON.parse(await text(process.stdin)) as LoadJob);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
