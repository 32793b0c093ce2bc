import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import type { SigningKey } from '../../src/cli/sign.ts';
import { makeAccounts } from '../support/accounts.ts';
import { KillableServer } from '../support/killable-server.ts';
import { Random } from '../support/random.ts';
import { byUserAgent, Ledger } from './ledger.ts';
import { text } from './observe.ts';
import { Tenant } from './tenant.ts';
import { type Counts, Worker } from './worker.ts';

/*
 * The server is killed at random instants under a load of mixed calls of several accounts, and started again on the
 * same data folder. After each start everything is read back through the API and compared with what the clients were
 * answered. In the end the files of each account's trail must have one event for every call that was answered or had
 * an effect, and none for an effect that there is not.
 * FOGBANK_CRASH_SEED repeats the choices of a run, FOGBANK_CRASH_KILLS changes how many there are.
 */
const kills = Number(process.env.FOGBANK_CRASH_KILLS ?? 100);
const seed = Number(process.env.FOGBANK_CRASH_SEED ?? randomInt(2 ** 31));
/** How many workers each account has. */
const accounts: Readonly<Record<string, number>> = { '000000000000': 4, '111122223333': 2, '444455556666': 2 };
/** Milliseconds of load before a kill, at most. */
const longestLoad = 400;
/** One kill of this many comes while the server starts. */
const killsAtStart = 10;

const victim = new KillableServer();
afterAll(() => victim.remove());

it(`loses nothing that was answered, in ${kills} kills`, { timeout: 15 * 60_000 }, async () => {
  process.stdout.write(`crash test: FOGBANK_CRASH_SEED=${seed}\n`);
  const counts: Counts = { answered: 0, refused: 0, unanswered: 0, happened: 0, vanished: 0, repeated: 0 };
  const random = new Random(seed);
  const [first = '', ...others] = Object.keys(accounts);
  const keys = new Map<string, SigningKey>();
  const made = makeAccounts(victim.dataDir, others);
  for (const [at, account] of others.entries()) keys.set(account, made[at] as SigningKey);
  const client = await victim.start();
  const imageId = text(await client.ok('DescribeImages'), 'imagesSet', 'item', 'imageId');
  client.close();
  keys.set(first, victim.credentials);

  let last = 0;
  const serial = (): number => ++last;
  const tenants = Object.entries(accounts).map(([account, size]) => {
    const names = Array.from({ length: size }, (_, at) => `w${account.slice(0, 1)}${at}`);
    const ledgers = names.map(name => new Ledger(name, account));
    const workers = names.map(
      (name, at) =>
        new Worker(name, {
          counts,
          random: new Random(seed + Number(account.slice(0, 1)) * 100 + at + 1),
          serial,
          ledger: ledgers[at] as Ledger,
        }),
    );
    return new Tenant(account, keys.get(account) as SigningKey, workers, ledgers);
  });

  let url = client.url.href;
  for (const tenant of tenants) await tenant.startTrail(url);
  for (let kill = 0; kill < kills; kill++) {
    if (kill % killsAtStart === killsAtStart - 1) {
      await victim.kill();
      victim.spawn();
      await sleep(random.below(500));
      await victim.kill();
    } else {
      const working = Promise.all(
        tenants.flatMap(tenant =>
          tenant.workers.map(worker => worker.work(ledger => tenant.client(url, ledger), imageId)),
        ),
      );
      await sleep(random.below(longestLoad));
      await victim.kill();
      await working;
    }
    if (kill % 50 === 49) checkDatabase();
    // Starting at once shows that nobody holds the folder any more.
    url = (await victim.start()).url.href;
    const broken = await Promise.all(tenants.map(tenant => tenant.verify(url)));
    expect(broken.flat()).toEqual([]);
    expect(victim.log).not.toMatch(/InternalError|TypeError|attempt \d+ failed/);
  }

  for (const tenant of tenants) expect(await tenant.verifyAll(url)).toEqual([]);
  for (const tenant of tenants) {
    const latest = byUserAgent(await tenant.lookUp(url, 4));
    expect(latest.size).toBeGreaterThan(100);
    expect([...latest.values()].filter(events => events.length > 1)).toEqual([]);
    expect([...latest.keys()].every(agent => tenant.ledgers.some(ledger => ledger.has(agent)))).toBe(true);
  }
  for (const tenant of tenants) expect(await tenant.checkTrail(url, victim.dataDir)).toEqual([]);
  expect(await victim.stop()).toBe(0);
  checkDatabase();

  const starts = victim.starts.toSorted((a, b) => a - b);
  const median = Math.round(starts[Math.floor(starts.length / 2)] ?? 0);
  const sum = (of: (tenant: Tenant) => number): number => tenants.reduce((all, tenant) => all + of(tenant), 0);
  const events = sum(tenant => tenant.ledgers.reduce((all, ledger) => all + ledger.size, 0));
  const slowest = Math.round(Math.max(...tenants.map(tenant => tenant.slowest)));
  process.stdout.write(
    `crash test: ${kills} kills, ${tenants.length} accounts, ${counts.answered} calls answered, ${counts.refused} refused, ${counts.unanswered} without an answer ` +
      `(${counts.happened} had happened, ${counts.vanished} had not), ${counts.repeated} launches repeated with their token; ` +
      `${sum(tenant => tenant.verified)} resources compared, ${sum(tenant => tenant.terminated)} instances terminated; ` +
      `${events} calls compared with their events; ` +
      `start ${median} ms (median), everything at rest after ${slowest} ms at most\n`,
  );
  expect(counts.answered).toBeGreaterThan(kills * 10);
  expect(counts.happened).toBeGreaterThan(0);
  expect(counts.vanished).toBeGreaterThan(0);
});

/** The database itself is sound, and no row is there twice. */
function checkDatabase(): void {
  const database = new DatabaseSync(join(victim.dataDir, 'fogbank.db'), { readOnly: false });
  try {
    expect(database.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
    const twice = database.prepare('SELECT tbl, key FROM rows GROUP BY tbl, key HAVING count(*) > 1').all();
    expect(twice).toEqual([]);
  } finally {
    database.close();
  }
}
