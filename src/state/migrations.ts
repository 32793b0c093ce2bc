import type { DatabaseSync } from 'node:sqlite';

export type Migration = (database: DatabaseSync) => void;

/**
 * Element N brings a database from schema N to N + 1. Only ever append; rows are JSON, so a new optional member
 * needs no migration, a changed meaning does.
 */
export const migrations: readonly Migration[] = [
  database => {
    database.exec(
      'CREATE TABLE rows (tbl TEXT NOT NULL, key TEXT NOT NULL, sequence INTEGER NOT NULL, data TEXT NOT NULL, PRIMARY KEY (tbl, key)) WITHOUT ROWID',
    );
  },
];

export const schemaVersion: number = migrations.length;
