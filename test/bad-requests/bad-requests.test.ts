import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCredentials } from '../../src/cli/server-files.ts';
import type { SigningKey } from '../../src/cli/sign.ts';
import { KillableServer } from '../support/killable-server.ts';
import { type RawAnswer, RawSender, type SentRequest, sign } from '../support/raw-request.ts';
import { type BadRequest, type Fixture, filled } from './case.ts';
import { changes } from './changes.ts';
import { describing } from './describe.ts';
import { makeFixture } from './fixture.ts';
import { signatures } from './signatures.ts';
import { wire } from './wire.ts';

/*
 * Requests that a real server must refuse: each with EC2's code and status, and none may leave anything behind, in
 * the state or in memory.
 */
const tables = { signatures, wire, describing, changes };
const all = Object.values(tables).flat();
const rounds = 14;

const server = new KillableServer();
let sender: RawSender;
let key: SigningKey;
let fixture: Fixture;
let rows = '';

beforeAll(async () => {
  const client = await server.start();
  fixture = await makeFixture(client);
  client.close();
  // Stopped once, so that what the server has written can be read.
  await server.stop();
  rows = digestOfRows();
  await start();
}, 60_000);

afterAll(() => {
  sender?.close();
  server.remove();
});

async function start(): Promise<void> {
  const client = await server.start();
  client.close();
  sender = new RawSender(client.url.origin);
  const credentials = readCredentials(server.dataDir);
  if (credentials === undefined) throw new Error('the server wrote no credentials');
  key = credentials;
}

function send({ request, signing, unsigned }: BadRequest, from?: string): Promise<RawAnswer> {
  const whole = filled(request, fixture);
  const bare: SentRequest = { method: 'POST', path: '/', query: '', headers: {}, body: '', ...whole };
  return sender.send(unsigned ? bare : sign(whole, sender.host, key, signing), from);
}

it('there are at least 150', () => {
  expect(all.length).toBeGreaterThanOrEqual(150);
  expect(new Set(all.map(one => one.what)).size).toBe(all.length);
});

describe.each(Object.entries(tables))('%s', (_name, table) => {
  it.each(table)('$what: $status $code', async bad => {
    const answer = await send(bad);
    expect({ status: answer.status, code: answer.code, text: answer.text }).toMatchObject({
      status: bad.status,
      code: bad.code,
    });
    // EC2's form, with the id under which the log has the request, and of a size that does not depend on the sender.
    expect(answer.text).toMatch(/^<\?xml version="1.0" encoding="UTF-8"\?>\n<Response><Errors><Error><Code>/);
    const requestId = /<RequestID>([\w-]{36})<\/RequestID>/.exec(answer.text)?.[1];
    expect(requestId).toBe(answer.headers['x-amzn-requestid']);
    expect(answer.text.length).toBeLessThan(2_000);
    expect(answer.text).not.toMatch(/\.ts:\d+|node:|\bat \w+ \(/);
  });
});

it('they leave no memory behind', { timeout: 120_000 }, async () => {
  let sent = 0;
  // From other addresses each time: who keeps failing to sign has to wait.
  const round = async (): Promise<void> => {
    sent += 1;
    for (const [index, bad] of all.entries()) await send(bad, `127.1.${sent}.${1 + (index % 4)}`);
  };
  // V8 takes what it is going to use in the first dozen rounds.
  for (let warmUp = 0; warmUp < rounds; warmUp++) await round();
  const before = residentMiB();
  for (let again = 0; again < rounds; again++) await round();
  await sleep(500);
  const after = residentMiB();
  process.stdout.write(
    `bad requests: ${all.length} kinds, ${all.length * (2 * rounds + 1)} sent; ${before} MiB before, ${after} MiB after\n`,
  );
  // 4 KiB kept of each request would be 25 MiB; below that, the allocator alone comes and goes.
  expect(after - before).toBeLessThan(24);
});

it('they leave no row behind', async () => {
  expect(server.log).not.toContain('InternalError');
  sender.close();
  await server.stop();
  expect(digestOfRows()).toBe(rows);
  await start();
});

function residentMiB(): number {
  const status = readFileSync(`/proc/${server.pid}/status`, 'utf8');
  return Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024);
}

/** Of every row that the server has stored, but for when the key was last used. */
function digestOfRows(): string {
  const database = new DatabaseSync(join(server.dataDir, 'fogbank.db'), { readOnly: true });
  try {
    const query = "SELECT tbl, key, sequence, data FROM rows WHERE tbl <> 'iam_last_uses' ORDER BY sequence";
    const stored = database.prepare(query).all();
    return `${stored.length} rows, ${createHash('sha256').update(JSON.stringify(stored)).digest('hex')}`;
  } finally {
    database.close();
  }
}
