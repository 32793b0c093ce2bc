import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../api/clock.ts';
import type { Journal } from '../../state/state.ts';
import type { Store } from '../../state/stores/store.ts';
import { Archive } from './archive.ts';
import { ArchiveThread } from './archive-thread.ts';
import type { EventQuery, EventReader, StoredEvent } from './reader.ts';
import { Segment } from './segment.ts';

/** Milliseconds that AWS keeps events in its history. */
export const retention = 90 * 24 * 3600 * 1000;

export interface EventLogOptions {
  readonly directory: string;
  /** Has the lines of writes until they are safe here. */
  readonly store: Pick<Store, 'notes' | 'forgetNotes'>;
  readonly clock: Clock;
  /** Bytes that the archive may have, compressed. */
  readonly maximumBytes: number;
  readonly log: (line: string) => void;
  /** Bytes of a segment, and milliseconds from a write to its being safe from a loss of power. */
  readonly segmentBytes?: number;
  readonly syncAfter?: number;
}

const segmentName = /^(\d{16})\.log$/;

/**
 * The record of all calls: lines in files that are only appended to, which become blocks of an archive when full.
 * What is appended survives the end of this process at once, and a loss of power after a second; the lines of calls
 * that changed something survive both at once, since the store has them as well until then.
 */
export class EventLog implements Journal, EventReader {
  readonly #options: EventLogOptions;
  readonly #archivePath: string;
  /** Oldest first; the last one is written to. */
  readonly #segments: Segment[] = [];
  /** Lines that could not be appended, though what they tell of has happened. */
  #pending: string[] = [];
  #archive: Archive | undefined;
  readonly #thread = new ArchiveThread();
  #archiving: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #syncing: Promise<number> | undefined;
  /** Segments that have been written to since they were synced. */
  readonly #unsynced = new Set<Segment>();
  #lastNote = 0;
  #forgotten = 0;
  #closed = false;

  constructor(options: EventLogOptions) {
    this.#options = options;
    const { directory, store } = options;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#archivePath = join(directory, 'archive.db');
    const archived = this.#openArchive().end;
    const names = readdirSync(directory).sort();
    for (const name of names) {
      const first = segmentName.exec(name)?.[1];
      if (first === undefined) continue;
      const segment = new Segment(join(directory, name), Number(first));
      if (segment.end > archived) this.#segments.push(segment);
      else this.#remove(segment);
    }
    if (this.#segments.length === 0) this.#begin(Math.max(1, archived));
    this.#recoverNotes(store.notes());
    if (this.#segments.length > 1) this.#later(0);
  }

  get last(): number {
    return this.#current.end - 1;
  }

  append(lines: readonly string[], note: number | undefined): void {
    const all = this.#pending.length > 0 ? [...this.#pending, ...lines] : lines;
    try {
      this.#current.append(all);
      this.#pending = [];
    } catch (error) {
      if (note === undefined) throw error;
      this.#options.log(`events: ${message(error)}; those of changes are kept in the database meanwhile`);
      this.#pending = [...all];
    }
    if (note !== undefined && this.#pending.length === 0) this.#lastNote = note;
    this.#unsynced.add(this.#current);
    this.#rotate();
    this.#later(this.#options.syncAfter ?? 1_000);
  }

  *candidates(query: EventQuery): Generator<StoredEvent> {
    const { attribute, before = Number.MAX_SAFE_INTEGER } = query;
    const needle = attribute && needleOf(attribute.key, attribute.value);
    for (const segment of this.#segments.toReversed()) yield* segment.backward(before, needle);
    const oldest = this.#segments[0]?.first ?? Number.MAX_SAFE_INTEGER;
    yield* this.#openArchive().candidates({ ...query, before: Math.min(before, oldest) });
  }

  *following(after: number, through: number): Generator<StoredEvent> {
    const oldest = this.#segments[0]?.first ?? 0;
    const sources = [
      ...(after + 1 < oldest ? [this.#openArchive().following(after)] : []),
      ...this.#segments.map(segment => segment.forward(after)),
    ];
    for (const source of sources) {
      for (const event of source) {
        if (event.sequence > through) return;
        yield event;
      }
    }
  }

  async sync(): Promise<number> {
    // One that is under way may have begun before the last line was written.
    await this.#syncing;
    this.#syncing ??= this.#syncAll().finally(() => {
      this.#syncing = undefined;
    });
    return this.#syncing;
  }

  /** Resolves when nothing is being archived. */
  async idle(): Promise<void> {
    while (this.#archiving !== undefined) await this.#archiving;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    await this.sync();
    this.#closed = true;
    await this.idle();
    this.#thread.close();
    this.#archive?.close();
    for (const segment of this.#segments) segment.close();
  }

  get #current(): Segment {
    const segment = this.#segments.at(-1);
    if (segment === undefined) throw new Error('there is no segment to write to');
    return segment;
  }

  #openArchive(): Archive {
    this.#archive ??= new Archive(this.#archivePath);
    return this.#archive;
  }

  #begin(first: number): void {
    const path = join(this.#options.directory, `${String(first).padStart(16, '0')}.log`);
    this.#segments.push(new Segment(path, first));
  }

  #rotate(): void {
    if (this.#current.bytes < (this.#options.segmentBytes ?? 8 * 1024 * 1024)) return;
    try {
      this.#begin(this.#current.end);
    } catch (error) {
      // The present one goes on.
      this.#options.log(`events: ${message(error)}`);
    }
  }

  /** Adds what the store has and the files do not: a crash came between the two, or a loss of power. */
  #recoverNotes(notes: ReturnType<Store['notes']>): void {
    const last = notes.at(-1)?.number;
    if (last === undefined) return;
    const present = new Set(this.#segments.flatMap(segment => segment.read().split('\n')));
    const missing = notes.flatMap(note => note.text.split('\n')).filter(line => !present.has(line));
    if (missing.length > 0) this.#current.append(missing);
    for (const segment of this.#segments) this.#unsynced.add(segment);
    this.#lastNote = last;
    this.#later(0);
  }

  #later(milliseconds: number): void {
    if (this.#timer !== undefined || this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.sync().catch((error: unknown) => {
        this.#options.log(`events: ${message(error)}`);
        this.#later(this.#options.syncAfter ?? 1_000);
      });
    }, milliseconds);
    this.#timer.unref();
  }

  async #syncAll(): Promise<number> {
    const { last } = this;
    const note = this.#lastNote;
    for (const segment of [...this.#unsynced]) {
      this.#unsynced.delete(segment);
      try {
        await segment.sync();
      } catch (error) {
        this.#unsynced.add(segment);
        throw error;
      }
    }
    if (note > this.#forgotten) {
      this.#options.store.forgetNotes(note);
      this.#forgotten = note;
    }
    this.#archiveSegments(last);
    return last;
  }

  /** Starts to archive whole segments that are safe, and of which the store has no note any more. */
  #archiveSegments(safe: number): void {
    const whole = this.#segments.slice(0, -1).filter(segment => segment.end - 1 <= safe);
    if (whole.length === 0 || this.#archiving !== undefined || this.#closed) return;
    const job = {
      archive: this.#archivePath,
      segments: whole.map(({ path, first }) => ({ path, first })),
      oldest: this.#options.clock.now() - retention,
      maximumBytes: this.#options.maximumBytes,
    };
    const taken = (first: number) => {
      const segment = this.#segments.find(one => one.first === first);
      if (segment !== undefined) this.#remove(segment);
    };
    this.#archiving = this.#thread
      .run(job, taken)
      .catch((error: unknown) => this.#options.log(`events: they were not archived: ${message(error)}`))
      .finally(() => {
        this.#archiving = undefined;
      });
  }

  #remove(segment: Segment): void {
    const at = this.#segments.indexOf(segment);
    if (at >= 0) this.#segments.splice(at, 1);
    segment.close();
    rmSync(segment.path, { force: true });
  }
}

/** A text that the line of every event with this attribute has; undefined where there is none. */
function needleOf(key: string, value: string): string | undefined {
  if (key === 'ReadOnly') return `"readOnly":${value}`;
  // The type of a resource is not written in the event.
  if (key === 'ResourceType') return undefined;
  return JSON.stringify(value).slice(1, -1);
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
