import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrations } from '../migrations.ts';
import { migrate, openSqliteStore, StoreError } from './sqlite.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fogbank-store-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const row = (key: string, data = '{}', sequence = 1) => ({ table: 't', key, sequence, data });

describe('SQLite store', () => {
  it('keeps committed rows over a reopening, by sequence', () => {
    const store = openSqliteStore(directory);
    store.commit({ changes: [row('b', '{"n":2}', 2), row('a', '{"n":1}', 1), row('gone', '{}', 3)] });
    store.commit({ changes: [{ table: 't', key: 'gone', sequence: 3, data: undefined }, row('b', '{"n":3}', 2)] });
    store.close();
    const again = openSqliteStore(directory);
    expect([...again.load()]).toEqual([row('a', '{"n":1}', 1), row('b', '{"n":3}', 2)]);
    again.close();
  });

  it('commits all or nothing', () => {
    const store = openSqliteStore(directory);
    const bad = { table: 't', key: 'x', sequence: 2, data: null } as unknown as ReturnType<typeof row>;
    expect(() => store.commit({ changes: [row('a'), bad] })).toThrow();
    expect([...store.load()]).toEqual([]);
    store.commit({ changes: [row('after')] });
    expect([...store.load()]).toHaveLength(1);
    store.close();
  });

  it('is readable by its owner only', () => {
    const store = openSqliteStore(directory);
    store.commit({ changes: [row('a')] });
    const files = readdirSync(directory);
    expect(files).toContain('fogbank.db-wal');
    for (const file of files) expect([file, statSync(join(directory, file)).mode & 0o777]).toEqual([file, 0o600]);
    store.close();
    expect(statSync(join(directory, 'fogbank.db')).mode & 0o777).toBe(0o600);
  });

  it('refuses a folder that another process has open, and takes it when that one was killed', () => {
    const module = JSON.stringify(new URL('./sqlite.ts', import.meta.url).href);
    const tryOpen = (then: string) =>
      spawnSync(
        process.execPath,
        [
          '--input-type=module',
          '-e',
          `const { openSqliteStore } = await import(${module}); openSqliteStore(process.argv[1]); ${then}`,
          directory,
        ],
        {
          encoding: 'utf8',
        },
      );
    const store = openSqliteStore(directory);
    const second = tryOpen('');
    expect(second.status).not.toBe(0);
    expect(second.stderr).toContain('Another Fogbank server uses the data folder');
    store.close();
    expect(tryOpen('process.kill(process.pid, "SIGKILL")').signal).toBe('SIGKILL');
    openSqliteStore(directory).close();
  });

  it('refuses data of a newer version', () => {
    openSqliteStore(directory).close();
    const database = new DatabaseSync(join(directory, 'fogbank.db'));
    database.exec("UPDATE meta SET value = '99' WHERE name = 'schema'");
    database.close();
    expect(() => openSqliteStore(directory)).toThrow(StoreError);
  });

  it('brings rows of the first schema along', () => {
    const database = new DatabaseSync(join(directory, 'fogbank.db'));
    migrate(database, directory, migrations, 1);
    database.prepare('INSERT INTO rows (tbl, key, sequence, data) VALUES (?, ?, ?, ?)').run('t', 'b', 2, '{"n":2}');
    database.prepare('INSERT INTO rows (tbl, key, sequence, data) VALUES (?, ?, ?, ?)').run('t', 'a', 1, '{"n":1}');
    database.close();
    const store = openSqliteStore(directory);
    expect([...store.load()]).toEqual([row('a', '{"n":1}', 1), row('b', '{"n":2}', 2)]);
    store.close();
  });

  it("gives a volume's one attachment to its list of attachments", () => {
    const database = new DatabaseSync(join(directory, 'fogbank.db'));
    migrate(database, directory, migrations, 3);
    const insert = database.prepare('INSERT INTO rows (sequence, tbl, key, data) VALUES (?, ?, ?, ?)');
    insert.run(1, 'volumes', 'a', '{"id":"a","attachment":{"instanceId":"i-1","deleteOnTermination":true}}');
    insert.run(2, 'volumes', 'b', '{"id":"b"}');
    insert.run(3, 'others', 'c', '{"attachment":1}');
    database.close();
    const store = openSqliteStore(directory);
    expect([...store.load()].map(one => JSON.parse(one.data))).toEqual([
      { id: 'a', attachments: [{ instanceId: 'i-1', deleteOnTermination: true }] },
      { id: 'b', attachments: [] },
      { attachment: 1 },
    ]);
    store.close();
  });

  it('runs migrations once each, and none of a failing one', () => {
    const database = new DatabaseSync(':memory:');
    const ran: number[] = [];
    const steps = [() => ran.push(0), () => ran.push(1)].map(step => () => void step());
    migrate(database, directory, steps, 1);
    migrate(database, directory, steps, 2);
    migrate(database, directory, steps, 2);
    expect(ran).toEqual([0, 1]);
    const failing = (db: DatabaseSync) => {
      db.exec('CREATE TABLE half (x)');
      throw new Error('broken');
    };
    expect(() => migrate(database, directory, [...steps, failing], 3)).toThrow('broken');
    expect(database.prepare("SELECT count(*) AS n FROM sqlite_master WHERE name = 'half'").get()?.n).toBe(0);
    expect(database.prepare("SELECT value FROM meta WHERE name = 'schema'").get()?.value).toBe('2');
    database.close();
  });
});
