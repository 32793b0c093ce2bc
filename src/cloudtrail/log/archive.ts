import { hash } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { type AttributeKey, attributeValues, resourcesOf } from '../record/attributes.ts';
import type { TrailEvent } from '../record/event.ts';
import type { EventQuery, StoredEvent } from './reader.ts';

/** Events in one block: enough to compress well, few enough to look through. */
const blockSize = 256;

/** Milliseconds that a clock may have been set back by: later blocks may have earlier events. */
const clockChange = 24 * 3600 * 1000;

/** Attributes that blocks are found by besides resources. Events have their time in their id, which needs no index. */
const indexed: readonly AttributeKey[] = ['EventName', 'ReadOnly', 'Username', 'EventSource', 'AccessKeyId'];

/**
 * Older events: compressed blocks in a database of their own, and for each block what events it has (as hashes of
 * account, Region, attribute, and value). One thread writes, others may read meanwhile.
 */
export class Archive {
  readonly #database: DatabaseSync;

  constructor(path: string) {
    this.#database = new DatabaseSync(path);
    chmodSync(path, 0o600);
    this.#database.exec(
      'PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;' +
        'CREATE TABLE IF NOT EXISTS blocks (first INTEGER PRIMARY KEY, count INTEGER NOT NULL, earliest INTEGER NOT NULL,' +
        ' latest INTEGER NOT NULL, data BLOB NOT NULL);' +
        'CREATE TABLE IF NOT EXISTS tokens (token INTEGER NOT NULL, block INTEGER NOT NULL, PRIMARY KEY (token, block)) WITHOUT ROWID',
    );
  }

  /** The sequence after its last event; 0 when it is empty. */
  get end(): number {
    const row = this.#database.prepare('SELECT first + count AS end FROM blocks ORDER BY first DESC LIMIT 1').get();
    return Number(row?.end ?? 0);
  }

  /** Takes a segment's events, all or none. Does nothing when it has them already. */
  add(first: number, lines: readonly string[]): void {
    const known = Math.max(0, this.end - first);
    const putBlock = this.#database.prepare('INSERT INTO blocks VALUES (?, ?, ?, ?, ?)');
    const putToken = this.#database.prepare('INSERT OR IGNORE INTO tokens VALUES (?, ?)');
    const tokens = new Tokens();
    this.#transaction(() => {
      for (let at = known; at < lines.length; at += blockSize) {
        const texts = lines.slice(at, at + blockSize);
        const events = texts.map(text => JSON.parse(text) as TrailEvent);
        const times = events.map(event => Date.parse(event.eventTime));
        const data = zstdCompressSync(Buffer.from(texts.join('\n')));
        putBlock.run(first + at, texts.length, Math.min(...times), Math.max(...times), data);
        for (const token of tokens.of(events)) putToken.run(token, first + at);
      }
    });
  }

  /** Removes what is older than a time, and the oldest until no more bytes than allowed are left. */
  trim(oldest: number, maximumBytes: number): void {
    this.#transaction(() => {
      let bytes = 0;
      let keep: number | undefined;
      const rows = this.#database.prepare(
        'SELECT first, latest, length(data) AS bytes FROM blocks ORDER BY first DESC',
      );
      for (const { first, latest, bytes: size } of rows.iterate()) {
        bytes += Number(size);
        if (bytes > maximumBytes || Number(latest) < oldest) break;
        keep = Number(first);
      }
      if (keep === undefined) this.#database.exec('DELETE FROM blocks; DELETE FROM tokens;');
      else if (Number(this.#database.prepare('DELETE FROM blocks WHERE first < ?').run(keep).changes) > 0) {
        this.#database.prepare('DELETE FROM tokens WHERE block < ?').run(keep);
      }
    });
  }

  /** Events of the blocks that may have what is asked for, newest first. */
  *candidates(query: EventQuery): Generator<StoredEvent> {
    const {
      account,
      region,
      attribute,
      before = Number.MAX_SAFE_INTEGER,
      from = 0,
      to = Number.MAX_SAFE_INTEGER,
    } = query;
    const byId = attribute?.key === 'EventId' ? timeOfId(attribute.value) : undefined;
    if (attribute?.key === 'EventId' && byId === undefined) return;
    const token =
      attribute === undefined || byId !== undefined
        ? tokenOf(account, region)
        : tokenOf(account, region, attribute.key, attribute.value);
    const find = this.#database.prepare(
      'SELECT block FROM tokens WHERE token = ? AND block < ? ORDER BY block DESC LIMIT 1',
    );
    const read = this.#database.prepare('SELECT first, earliest, latest, data FROM blocks WHERE first = ?');
    // One block at a time: a statement that stays open would keep the writer's log from being folded back.
    for (let below = before; ; ) {
      const found = find.get(token, below);
      if (found === undefined) return;
      below = Number(found.block);
      const block = read.get(below);
      if (block === undefined) continue;
      const [earliest, latest] = [Number(block.earliest), Number(block.latest) + 999];
      const [oldest, newest] = byId === undefined ? [from, to] : [byId, byId];
      if (latest + clockChange < oldest) return;
      if (latest < oldest || earliest > newest) continue;
      const lines = linesOf(block.data);
      for (let line = lines.length - 1; line >= 0; line--) {
        const sequence = below + line;
        if (sequence < before) yield { sequence, text: lines[line] ?? '' };
      }
    }
  }

  /** Events after a sequence, oldest first. */
  *following(after: number): Generator<StoredEvent> {
    const start = this.#database.prepare('SELECT first FROM blocks WHERE first <= ? ORDER BY first DESC LIMIT 1');
    const next = this.#database.prepare('SELECT first, data FROM blocks WHERE first >= ? ORDER BY first LIMIT 1');
    for (let from = Number(start.get(after + 1)?.first ?? 0); ; from++) {
      const block = next.get(from);
      if (block === undefined) return;
      from = Number(block.first);
      for (const [line, text] of linesOf(block.data).entries()) {
        if (from + line > after) yield { sequence: from + line, text };
      }
    }
  }

  close(): void {
    this.#database.close();
  }

  #transaction(change: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      change();
      this.#database.exec('COMMIT');
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }
}

function linesOf(data: unknown): string[] {
  if (!(data instanceof Uint8Array)) throw new Error('a block of the archive is damaged');
  return zstdDecompressSync(data).toString().split('\n');
}

/** Tokens of events; those of a segment are nearly all the same. */
class Tokens {
  readonly #known = new Map<string, number>();

  of(events: readonly TrailEvent[]): Set<number> {
    const tokens = new Set<number>();
    for (const event of events) {
      const { recipientAccountId: account, awsRegion: region } = event;
      const add = (...parts: readonly string[]) => tokens.add(this.#token([account, region, ...parts]));
      add();
      for (const key of indexed) for (const value of attributeValues(event, key)) add(key, value);
      for (const { type, name } of resourcesOf(event)) {
        add('ResourceType', type);
        add('ResourceName', name);
      }
    }
    return tokens;
  }

  #token(parts: readonly string[]): number {
    const text = parts.join('\n');
    let token = this.#known.get(text);
    if (token === undefined) {
      token = tokenOf(...parts);
      this.#known.set(text, token);
    }
    return token;
  }
}

/** 48 bits: blocks found by a wrong one are looked through in vain, no more. */
function tokenOf(...parts: readonly string[]): number {
  return Number.parseInt(hash('sha256', JSON.stringify(parts)).slice(0, 12), 16);
}

/** Milliseconds in a UUID of version 7. */
function timeOfId(id: string): number | undefined {
  const [, high, low] = /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/i.exec(id) ?? [];
  return high === undefined || low === undefined ? undefined : Number.parseInt(high + low, 16);
}
