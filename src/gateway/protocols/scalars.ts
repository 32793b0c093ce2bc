import type { ScalarName } from '../../models/table.ts';

/** Text that is not of the scalar's form. The message says what is expected, for the protocol to embed. */
export class ScalarError extends Error {}

const integerForm = /^[+-]?\d{1,19}$/;
const numberForm = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;
const base64Form = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;
const timestampForm = /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,9})?)?(Z|z|[+-]\d\d:?\d\d)?)?$/;

/** A scalar's value from its text in a query, header or label. @throws ScalarError */
export function parseScalar(kind: ScalarName, text: string): unknown {
  switch (kind) {
    case 'string':
      return text;
    case 'integer':
      return parseInteger(text);
    case 'number':
      return parseNumber(text);
    case 'boolean':
      return parseBoolean(text);
    case 'timestamp':
      return numberForm.test(text) ? epochSeconds(Number(text)) : parseTimestamp(text);
    case 'blob':
    case 'stream':
      return parseBase64(text);
    default:
      throw new ScalarError('It must not be given here');
  }
}

function parseInteger(text: string): number {
  if (!integerForm.test(text)) throw new ScalarError('It must be an integer');
  return Number(text);
}

function parseNumber(text: string): number {
  if (text === 'NaN') return Number.NaN;
  if (text === 'Infinity') return Number.POSITIVE_INFINITY;
  if (text === '-Infinity') return Number.NEGATIVE_INFINITY;
  if (!numberForm.test(text)) throw new ScalarError('It must be a number');
  return Number(text);
}

function parseBoolean(text: string): boolean {
  const lower = text.length > 5 ? text : text.toLowerCase();
  if (lower === 'true') return true;
  if (lower === 'false') return false;
  throw new ScalarError('It must be true or false');
}

/** RFC 3339, with a date alone and a missing zone (UTC) accepted as AWS does. @throws ScalarError */
export function parseTimestamp(text: string): Date {
  const parts = timestampForm.exec(text);
  if (!parts) throw new ScalarError('It must be a timestamp such as 2026-01-31T12:00:00Z');
  const [, year, month, day, hour, , , zone] = parts;
  const normalized = hour === undefined ? `${text}T00:00:00Z` : `${text.replace(' ', 'T')}${zone ? '' : 'Z'}`;
  const date = new Date(normalized.toUpperCase());
  const calendar = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  const exists = calendar.getUTCMonth() === Number(month) - 1 && calendar.getUTCDate() === Number(day);
  if (Number.isNaN(date.getTime()) || !exists) throw new ScalarError('It must be a time that exists');
  return date;
}

/** @throws ScalarError if out of the range of dates */
export function epochSeconds(seconds: number): Date {
  const date = new Date(Math.round(seconds * 1000));
  if (Number.isNaN(date.getTime())) throw new ScalarError('It must be a time that exists');
  return date;
}

/** @throws ScalarError */
export function parseBase64(text: string): Uint8Array {
  const compact = /\s/.test(text) ? text.replace(/\s+/g, '') : text;
  if (!base64Form.test(compact)) throw new ScalarError('It must be encoded in Base64');
  const bytes = Buffer.from(compact, 'base64');
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** @throws TypeError: outputs hold Date (or, read back from a store, its ISO string) */
export function toDate(value: unknown): Date {
  const date = typeof value === 'string' ? new Date(value) : value;
  if (!(date instanceof Date) || Number.isNaN(date.getTime())) throw new TypeError('expected a Date');
  return date;
}

/** Base64 of an output's blob; a string stands for its UTF-8 bytes. @throws TypeError */
export function toBase64(value: unknown): string {
  if (typeof value === 'string') return Buffer.from(value).toString('base64');
  if (!(value instanceof Uint8Array)) throw new TypeError('expected a Uint8Array');
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
}
