import { closeSync, fdatasync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import type { StoredEvent } from './reader.ts';

const dataSync = promisify(fdatasync);
const newline = 0x0a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
/** Lines between two places that are remembered. */
const markEvery = 64;

/**
 * A file of events, one a line, that is only ever appended to. The first one's sequence is in its name, the others
 * follow by one.
 */
export class Segment {
  readonly path: string;
  readonly first: number;
  readonly #descriptor: number;
  /** Where some of the lines begin: sequences and offsets, ascending. */
  readonly #marks: { readonly sequence: number; readonly offset: number }[] = [];
  #bytes = 0;
  #count = 0;

  /** Opens or makes the file. What follows its last whole event (a crash came while it was written) is cut off. */
  constructor(path: string, first: number) {
    this.path = path;
    this.first = first;
    this.#descriptor = openSync(path, 'a+', 0o600);
    this.#recover();
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The sequence that the next event gets. */
  get end(): number {
    return this.first + this.#count;
  }

  /** Writes all lines or none. @throws Error when the disk is full or broken */
  append(lines: readonly string[]): void {
    const buffer = Buffer.from(`${lines.join('\n')}\n`);
    try {
      for (let done = 0; done < buffer.length; )
        done += writeSync(this.#descriptor, buffer, done, buffer.length - done, null);
    } catch (error) {
      ftruncateSync(this.#descriptor, this.#bytes);
      throw error;
    }
    this.#mark(this.end, this.#bytes);
    this.#bytes += buffer.length;
    this.#count += lines.length;
  }

  async sync(): Promise<void> {
    await dataSync(this.#descriptor);
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  /** Lines before a sequence, the last one first. Parts without the text that must occur are passed over. */
  *backward(before: number, needle?: string): Generator<StoredEvent> {
    for (let at = this.#markBefore(before - 1); at >= 0; at--) {
      const part = this.#part(at, needle);
      for (let line = part.length - 1; line >= 0; line--) {
        const event = part[line];
        if (event !== undefined && event.sequence < before) yield event;
      }
    }
  }

  /** Lines after a sequence, in order. */
  *forward(after: number): Generator<StoredEvent> {
    for (let at = Math.max(0, this.#markBefore(after + 1)); at < this.#marks.length; at++) {
      for (const event of this.#part(at)) if (event.sequence > after) yield event;
    }
  }

  /** The whole text. */
  read(): string {
    return this.#bytesAt(0, this.#bytes).toString();
  }

  #part(at: number, needle?: string): StoredEvent[] {
    const mark = this.#marks[at];
    if (mark === undefined) return [];
    const end = this.#marks[at + 1]?.offset ?? this.#bytes;
    const bytes = this.#bytesAt(mark.offset, end - mark.offset);
    if (needle !== undefined && !bytes.includes(needle)) return [];
    const lines = bytes.toString().split('\n');
    lines.pop();
    return lines.map((text, line) => ({ sequence: mark.sequence + line, text }));
  }

  #bytesAt(offset: number, length: number): Buffer {
    const buffer = Buffer.allocUnsafe(length);
    let done = 0;
    while (done < length) {
      const read = readSync(this.#descriptor, buffer, done, length - done, offset + done);
      if (read === 0) throw new Error(`${this.path} is shorter than it was`);
      done += read;
    }
    return buffer;
  }

  #mark(sequence: number, offset: number): void {
    const last = this.#marks.at(-1);
    if (last === undefined || sequence - last.sequence >= markEvery) this.#marks.push({ sequence, offset });
  }

  /** The last mark at or before a sequence; -1 when there is none. */
  #markBefore(sequence: number): number {
    let low = 0;
    let high = this.#marks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#marks[middle]?.sequence ?? 0) <= sequence) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #recover(): void {
    const bytes = readAll(this.#descriptor);
    let start = 0;
    for (;;) {
      const end = bytes.indexOf(newline, start);
      // After a loss of power there may be zeros in place of what was written last.
      if (end < 0 || bytes[start] !== openBrace || bytes[end - 1] !== closeBrace) break;
      this.#mark(this.end, start);
      this.#count++;
      start = end + 1;
    }
    if (start < bytes.length) ftruncateSync(this.#descriptor, start);
    this.#bytes = start;
  }
}

function readAll(descriptor: number): Buffer {
  const parts: Buffer[] = [];
  for (let offset = 0; ; ) {
    const part = Buffer.allocUnsafe(1024 * 1024);
    const read = readSync(descriptor, part, 0, part.length, offset);
    if (read === 0) return Buffer.concat(parts);
    parts.push(part.subarray(0, read));
    offset += read;
  }
}
