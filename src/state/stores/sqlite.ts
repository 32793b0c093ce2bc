import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { type Migration, migrations, schemaVersion } from '../migrations.ts';
import type { Commit, Store, StoredNote, StoredRow } from './store.ts';

/** The data folder cannot be used; the message says why and what to do. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
}

/**
 * Opens (or creates) `fogbank.db` in `directory`, brings it to the current schema, and holds an exclusive lock on
 * it until `close` or the end of the process, so that two servers cannot share one data folder.
 *
 * Write-ahead log with `synchronous=FULL`: one fsync a commit, and a commit that returned survives a power cut.
 * @throws StoreError locked by another server, or written by a newer Fogbank.
 */
export function openSqliteStore(directory: string): Store {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, 'fogbank.db');
  closeForOthers(file);
  const database = new DatabaseSync(file);
  try {
    // In exclusive mode the first read or write takes the lock and keeps it; the kernel drops it when we die.
    database.exec(
      'PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;',
    );
    database.exec('BEGIN IMMEDIATE; COMMIT;');
  } catch (error) {
    database.close();
    if (error instanceof Error && /locked|busy/i.test(error.message)) {
      throw new StoreError(
        `Another Fogbank server uses the data folder ${directory}. Stop it with "fogbank down" or choose another folder with --data.`,
      );
    }
    throw new StoreError(
      `The database ${file} cannot be opened: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  try {
    migrate(database, directory, migrations, schemaVersion);
  } catch (error) {
    database.close();
    throw error;
  }
  return new SqliteStore(database);
}

/** Before SQLite makes it: the write-ahead log and the rest get the rights of the database itself. */
function closeForOthers(file: string): void {
  closeSync(openSync(file, 'a', 0o600));
  for (const one of [file, `${file}-wal`, `${file}-shm`, `${file}-journal`]) if (existsSync(one)) chmodSync(one, 0o600);
}

/** Runs the migrations that the database has not seen, each in its own transaction. */
export function migrate(database: DatabaseSync, directory: string, steps: readonly Migration[], target: number): void {
  database.exec('CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID');
  const row = database.prepare('SELECT value FROM meta WHERE name = ?').get('schema');
  let version = Number(row?.value ?? 0);
  if (version > target) {
    throw new StoreError(
      `The data folder ${directory} was written by a newer Fogbank (schema ${version}; this one knows ${target}). Use that version, or another folder with --data.`,
    );
  }
  while (version < target) {
    const step = steps[version];
    if (step === undefined) throw new StoreError(`There is no migration from schema ${version}.`);
    database.exec('BEGIN IMMEDIATE');
    try {
      step(database);
      version++;
      database.prepare('INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)').run('schema', String(version));
      database.exec('COMMIT');
    } catch (error) {
      database.exec('ROLLBACK');
      throw error;
    }
  }
}

class SqliteStore implements Store {
  readonly #database: DatabaseSync;
  readonly #put: StatementSync;
  readonly #delete: StatementSync;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #putNote: StatementSync;
  readonly #forgetNotes: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#put = database.prepare('INSERT OR REPLACE INTO rows (tbl, key, sequence, data) VALUES (?, ?, ?, ?)');
    this.#delete = database.prepare('DELETE FROM rows WHERE sequence = ?');
    this.#begin = database.prepare('BEGIN IMMEDIATE');
    this.#commit = database.prepare('COMMIT');
    this.#putNote = database.prepare('INSERT INTO notes (number, text) VALUES (?, ?)');
    this.#forgetNotes = database.prepare('DELETE FROM notes WHERE number <= ?');
  }

  *load(): Iterable<StoredRow> {
    const rows = this.#database.prepare('SELECT tbl, key, sequence, data FROM rows ORDER BY sequence').iterate();
    for (const row of rows) {
      yield { table: String(row.tbl), key: String(row.key), sequence: Number(row.sequence), data: String(row.data) };
    }
  }

  notes(): readonly StoredNote[] {
    const notes = this.#database.prepare('SELECT number, text FROM notes ORDER BY number').all();
    return notes.map(({ number, text }) => ({ number: Number(number), text: String(text) }));
  }

  commit({ changes, note }: Commit): void {
    this.#begin.run();
    try {
      for (const change of changes) {
        if (change.data === undefined) this.#delete.run(change.sequence);
        else this.#put.run(change.table, change.key, change.sequence, change.data);
      }
      if (note !== undefined) this.#putNote.run(note.number, note.text);
      this.#commit.run();
    } catch (error) {
      // A full disk may have ended the transaction already.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  forgetNotes(through: number): void {
    this.#forgetNotes.run(through);
  }

  close(): void {
    this.#database.close();
  }
}
