import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import { KillableServer } from '../support/killable-server.ts';
import type { QueryClient } from '../support/query-client.ts';
import { Random } from '../support/random.ts';
import { brokenIndexes, brokenInvariants } from './invariants.ts';
import { bookOf, observe, text } from './observe.ts';
import { type Counts, Worker } from './worker.ts';

/*
 * The server is killed at random instants under a load of mixed calls, and started again on the same data folder.
 * After each start everything is read back through the API and compared with what the clients were answered.
 * FOGBANK_CRASH_SEED repeats the choices of a run, FOGBANK_CRASH_KILLS changes how many there are.
 */
const kills = Number(process.env.FOGBANK_CRASH_KILLS ?? 200);
const seed = Number(process.env.FOGBANK_CRASH_SEED ?? randomInt(2 ** 31));
const workers = 8;
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
  let last = 0;
  const serial = (): number => ++last;
  const team = Array.from(
    { length: workers },
    (_, at) => new Worker(`w${at}`, { counts, random: new Random(seed + at + 1), serial }),
  );
  const terminated: string[] = [];
  let slowest = 0;
  let verified = 0;

  const verify = async (client: QueryClient): Promise<void> => {
    const seen = await observe(
      client,
      team.flatMap(worker => worker.instanceIds),
    );
    slowest = Math.max(slowest, seen.converged);
    for (const worker of team) await worker.check(client, bookOf(worker.name, seen));
    verified += seen.live.size + seen.volumes.length + seen.interfaces.length + seen.groups.length + seen.rules.length;
    const broken = [...brokenInvariants(seen), ...(await brokenIndexes(client, seen, 2))];
    expect([...broken, ...team.flatMap(worker => worker.problems)]).toEqual([]);
    for (const worker of team) terminated.push(...worker.forgetTerminated());
  };

  let client = await victim.start();
  const imageId = text(await client.ok('DescribeImages'), 'imagesSet', 'item', 'imageId');
  for (let kill = 0; kill < kills; kill++) {
    if (kill % killsAtStart === killsAtStart - 1) {
      client.close();
      await victim.kill();
      victim.spawn();
      await sleep(random.below(500));
      await victim.kill();
    } else {
      const working = Promise.all(team.map(worker => worker.work(client, imageId)));
      await sleep(random.below(longestLoad));
      await victim.kill();
      await working;
      client.close();
    }
    if (kill % 50 === 49) checkDatabase();
    // Starting at once shows that nobody holds the folder any more.
    client = await victim.start();
    await verify(client);
    expect(victim.log).not.toMatch(/InternalError|TypeError|attempt \d+ failed/);
  }

  const everything = await observe(client, terminated);
  expect(brokenInvariants(everything)).toEqual([]);
  expect(everything.terminated.size).toBe(terminated.length);
  client.close();
  expect(await victim.stop()).toBe(0);
  checkDatabase();

  const starts = victim.starts.toSorted((a, b) => a - b);
  const median = Math.round(starts[Math.floor(starts.length / 2)] ?? 0);
  process.stdout.write(
    `crash test: ${kills} kills, ${counts.answered} calls answered, ${counts.refused} refused, ${counts.unanswered} without an answer ` +
      `(${counts.happened} had happened, ${counts.vanished} had not), ${counts.repeated} launches repeated with their token; ` +
      `${verified} resources compared, ${terminated.length} instances terminated; ` +
      `start ${median} ms (median), everything at rest after ${Math.round(slowest)} ms at most\n`,
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
