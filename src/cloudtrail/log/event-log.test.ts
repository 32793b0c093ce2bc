import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RolePrincipal } from '../../api/call.ts';
import { TestClock } from '../../api/testing.ts';
import { MemoryStore } from '../../state/stores/memory.ts';
import type { TrailEvent } from '../record/event.ts';
import { eventsOf } from '../record/record.ts';
import { EventLog, type EventLogOptions } from './event-log.ts';
import type { EventQuery } from './reader.ts';

let directory = '';
let store: MemoryStore;
let clock: TestClock;
let log: EventLog;
const said: string[] = [];

const open = (options: Partial<EventLogOptions> = {}) =>
  new EventLog({
    directory,
    store,
    clock,
    maximumBytes: 2 ** 30,
    log: line => said.push(line),
    segmentBytes: 20_000,
    syncAfter: 1e9,
    ...options,
  });

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fogbank-events-'));
  store = new MemoryStore();
  clock = new TestClock();
  log = open();
  said.length = 0;
});
afterEach(async () => {
  await log.close();
  rmSync(directory, { recursive: true });
});

const principal: RolePrincipal = {
  type: 'assumed-role',
  account: '111122223333',
  arn: 'arn:aws:sts::111122223333:assumed-role/reader/me',
  userId: 'AROA:me',
  accessKeyId: 'ASIA1',
  roleName: 'reader',
  roleId: 'AROA',
  roleArn: 'arn:aws:iam::111122223333:role/reader',
  sessionName: 'me',
};

/** An event of DescribeVolumes for one volume. */
const lineOf = (number: number, region = 'us-east-1') => {
  const call = {
    requestId: `request-${number}`,
    service: 'ec2',
    operation: 'DescribeVolumes',
    input: { VolumeIds: [`vol-${number}`] },
    region,
    principal,
    sourceAddress: '127.0.0.1',
    userAgent: 'test',
  };
  return eventsOf(call, { output: {} }, clock.now())[0] ?? '';
};
const here: EventQuery = { account: '111122223333', region: 'us-east-1' };
const requests = (lines: Iterable<{ text: string }>) =>
  Array.from(lines, line => Number((JSON.parse(line.text) as TrailEvent).requestID.slice('request-'.length)));
const count = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at);
const files = () => readdirSync(directory).filter(name => name.endsWith('.log'));

describe('EventLog', () => {
  it('gives events newest first, and oldest first after any of them', () => {
    for (const number of count(1, 200)) log.append([lineOf(number)], undefined);
    expect(log.last).toBe(200);
    expect(requests(log.candidates(here))).toEqual(count(1, 200).reverse());
    expect(requests(log.candidates({ ...here, before: 71 }))).toEqual(count(1, 70).reverse());
    expect(requests(log.following(97, 131))).toEqual(count(98, 131));
    expect(files().length).toBeGreaterThan(1);
  });

  it('keeps everything over a reopening, and cuts off what was not written to its end', async () => {
    for (const number of count(1, 50)) log.append([lineOf(number)], undefined);
    await log.close();
    const last = join(directory, files().at(-1) ?? '');
    appendFileSync(last, lineOf(51).slice(0, 300));
    log = open();
    expect(requests(log.candidates(here))).toEqual(count(1, 50).reverse());
    log.append([lineOf(52)], undefined);
    expect(requests(log.following(48, log.last))).toEqual([49, 50, 52]);
    await log.close();
    // A loss of power may leave zeros.
    truncateSync(last, statSync(last).size + 5000);
    log = open();
    expect(requests(log.following(48, log.last))).toEqual([49, 50, 52]);
  });

  it('takes back from the store what a crash kept from the file, each once', async () => {
    log.append([lineOf(1)], undefined);
    const [second, third, fourth] = [lineOf(2), lineOf(3), lineOf(4)];
    store.commit({ changes: [], note: { number: 1, text: `${second}\n${third}` } });
    log.append([second, third], 1);
    store.commit({ changes: [], note: { number: 2, text: fourth } });
    // The other one is never closed, as in a crash.
    const crashed = log;
    log = open();
    expect(requests(log.candidates(here))).toEqual([4, 3, 2, 1]);
    await log.sync();
    expect(store.notes()).toEqual([]);
    await crashed.close();
  });

  it('has the store keep the lines of changes until they are safe', async () => {
    const line = lineOf(1);
    store.commit({ changes: [], note: { number: 1, text: line } });
    log.append([line], 1);
    expect(store.notes()).toHaveLength(1);
    expect(await log.sync()).toBe(1);
    expect(store.notes()).toHaveLength(0);
  });

  it('moves full files to the archive, where events are found as before', async () => {
    for (const number of count(1, 700)) {
      clock.advance(60_000);
      log.append([lineOf(number, number % 7 === 0 ? 'eu-west-1' : 'us-east-1')], undefined);
    }
    const all = requests(log.following(0, log.last));
    await log.sync();
    await log.idle();
    expect(said).toEqual([]);
    expect(files()).toHaveLength(1);
    expect(requests(log.following(0, log.last))).toEqual(all);
    expect(requests(log.following(349, 353))).toEqual([350, 351, 352, 353]);
    // Candidates are whole blocks.
    expect(requests(log.candidates(here))).toEqual(all.toReversed());
    expect(requests(log.candidates({ ...here, before: 20 }))).toEqual(count(1, 19).reverse());
    const named = (key: 'ResourceName' | 'Username', value: string) =>
      requests(log.candidates({ ...here, attribute: { key, value } }));
    expect(named('ResourceName', 'vol-5')).toContain(5);
    expect(named('ResourceName', 'vol-5').length).toBeLessThan(300);
    expect(named('ResourceName', 'vol-0')).toEqual([]);
    expect(named('Username', 'me')).toHaveLength(700);
    expect(requests(log.candidates({ ...here, account: '999999999999', attribute: undefined })).length).toBeLessThan(
      100,
    );
    await log.close();
    log = open();
    expect(log.last).toBe(700);
    expect(requests(log.following(0, log.last))).toEqual(all);
  });

  it('finds archived events by their ids', async () => {
    const ids: string[] = [];
    for (const number of count(1, 600)) {
      clock.advance(60_000);
      const line = lineOf(number);
      ids.push((JSON.parse(line) as TrailEvent).eventID);
      log.append([line], undefined);
    }
    await log.sync();
    await log.idle();
    const found = requests(log.candidates({ ...here, attribute: { key: 'EventId', value: ids[9] ?? '' } }));
    expect(found).toContain(10);
    expect(found.length).toBeLessThan(400);
    expect(requests(log.candidates({ ...here, attribute: { key: 'EventId', value: 'none' } }))).toEqual([]);
  });

  it('forgets what is older than ninety days, and the oldest when there is too much', async () => {
    for (const number of count(1, 600)) {
      if (number === 300) clock.advance(91 * 24 * 3600 * 1000);
      log.append([lineOf(number)], undefined);
    }
    await log.sync();
    await log.idle();
    const kept = requests(log.following(0, log.last));
    // A block goes when its last event may go.
    expect(kept[0]).toBeGreaterThan(200);
    expect(kept.at(-1)).toBe(600);
    await log.close();
    log = open({ maximumBytes: 1 });
    for (const number of count(601, 700)) log.append([lineOf(number)], undefined);
    await log.sync();
    await log.idle();
    expect(requests(log.following(0, log.last))[0]).toBeGreaterThan(600);
  });

  it('writes an event as a whole or not at all when the disk is full, and has the store keep those of changes', () => {
    // A limit on the size of files stands for the end of the disk.
    const module = JSON.stringify(new URL('./event-log.ts', import.meta.url).href);
    const program = `
      import { spawnSync } from 'node:child_process';
      const { EventLog } = await import(${module});
      const [directory, line] = process.argv.slice(1);
      const said = [];
      const store = { notes: () => [], forgetNotes: () => {} };
      const log = new EventLog({ directory, store, clock: Date, maximumBytes: 1, log: one => said.push(one) });
      const limit = bytes => spawnSync('prlimit', ['--pid', String(process.pid), '--fsize=' + bytes + ':']);
      limit(line.length * 2.5 | 0);
      let refused;
      for (let at = 0; at < 3 && refused === undefined; at++) {
        try { log.append([line], undefined) } catch (error) { refused = error.code }
      }
      log.append([line], 7);
      const last = [log.last];
      limit('unlimited');
      log.append([line], undefined);
      last.push(log.last);
      process.stdout.write(JSON.stringify({ refused, said: said.length, last }));
    `;
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', program, directory, lineOf(1)],
      { encoding: 'utf8' },
    );
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({ refused: 'EFBIG', said: 1, last: [2, 4] });
  });
});
