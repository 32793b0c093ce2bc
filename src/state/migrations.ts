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
  // By sequence, new rows are neighbours: a commit writes a few pages instead of one for each row.
  database => {
    database.exec(
      'CREATE TABLE ordered (sequence INTEGER PRIMARY KEY, tbl TEXT NOT NULL, key TEXT NOT NULL, data TEXT NOT NULL);' +
        ' INSERT INTO ordered SELECT sequence, tbl, key, data FROM rows; DROP TABLE rows; ALTER TABLE ordered RENAME TO rows',
    );
  },
  database => {
    database.exec('CREATE TABLE notes (number INTEGER PRIMARY KEY, text TEXT NOT NULL)');
  },
  // A volume has attachments, not one.
  database => {
    database.exec(
      "UPDATE rows SET data = json_remove(json_set(data, '$.attachments', iif(json_type(data, '$.attachment') IS NULL," +
        " json_array(), json_array(json_extract(data, '$.attachment')))), '$.attachment') WHERE tbl = 'volumes'",
    );
  },
];

export const schemaVersion: number = migrations.length;
