import { ApiError } from '../../api/errors.ts';
import type { Member, Shape, StructureShape } from '../../models/shapes.ts';
import { maximumDepth } from './protocol.ts';
import { epochSeconds, parseBase64, parseTimestamp, ScalarError, toBase64, toDate } from './scalars.ts';
import { shown, validationMessage } from './validation.ts';

/**
 * Values between JSON and the SDK's types: timestamps are epoch seconds there and Date here, blobs Base64 and
 * Uint8Array, the numbers that JSON lacks are strings.
 * @see https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html#shape-serialization
 */

const malformed = (path: string, expectation: string): ApiError =>
  new ApiError('SerializationException', `${shown(path) || 'The request body'} is not valid: ${expectation}`);

/** @throws ApiError SerializationException */
export function parseJson(body: Buffer): unknown {
  if (body.length === 0) return {};
  try {
    return JSON.parse(body.toString());
  } catch {
    throw malformed('', 'it is not JSON');
  }
}

/** The members of a structure that stand in the body. @throws ApiError SerializationException */
export function decodeJsonMembers(members: readonly Member[], json: unknown, path = '', depth = 0) {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw malformed(path, 'expected an object');
  if (depth > maximumDepth) throw malformed(path, `nested more than ${maximumDepth} levels deep`);
  const input: Record<string, unknown> = {};
  for (const member of members) {
    if (!Object.hasOwn(json, member.name)) continue;
    const value = (json as Record<string, unknown>)[member.name];
    if (value === null || value === undefined) continue;
    input[member.name] = decodeValue(member.shape, value, path ? `${path}.${member.name}` : member.name, depth + 1);
  }
  return input;
}

/** Required members that are absent, at any depth. @throws ApiError ValidationException */
export function checkRequired(shape: StructureShape, input: Record<string, unknown>): void {
  const missing: string[] = [];
  collectMissing(shape, input, '', missing);
  if (missing.length) throw new ApiError('ValidationException', validationMessage(missing));
}

function collectMissing(shape: Shape, value: unknown, path: string, missing: string[]): void {
  if (shape.kind === 'list') {
    (value as unknown[]).forEach((item, at) => {
      collectMissing(shape.member, item, `${path}.${at + 1}.member`, missing);
    });
  } else if (shape.kind === 'map') {
    for (const [key, item] of Object.entries(value as Record<string, unknown>)) {
      collectMissing(shape.value, item, `${path}.${key}.member`, missing);
    }
  } else if (shape.kind === 'structure') {
    for (const member of shape.members) {
      const item = (value as Record<string, unknown>)[member.name];
      const memberPath = path ? `${path}.${member.name}` : member.name;
      if (item !== undefined) collectMissing(member.shape, item, memberPath, missing);
      else if (member.required) missing.push(memberPath);
    }
  }
}

function decodeValue(shape: Shape, json: unknown, path: string, depth: number): unknown {
  switch (shape.kind) {
    case 'string':
      if (typeof json !== 'string') throw malformed(path, 'expected a string');
      return json;
    case 'boolean':
      if (typeof json !== 'boolean') throw malformed(path, 'expected true or false');
      return json;
    case 'integer':
    case 'number':
      return decodeNumber(shape.kind, json, path);
    case 'timestamp':
    case 'blob':
    case 'stream':
      return decodeScalar(shape.kind, json, path);
    case 'list':
      if (!Array.isArray(json)) throw malformed(path, 'expected a list');
      return json
        .filter(item => item !== null)
        .map((item, at) => decodeValue(shape.member, item, `${path}[${at}]`, depth + 1));
    case 'map':
      return decodeMap(shape.value, json, path, depth);
    case 'structure': {
      const value = decodeJsonMembers(shape.members, json, path, depth);
      if (shape.union && Object.keys(value).length !== 1) throw malformed(path, 'expected exactly one member');
      return value;
    }
    case 'document':
      return json;
  }
}

function decodeMap(shape: Shape, json: unknown, path: string, depth: number): Record<string, unknown> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw malformed(path, 'expected an object');
  const entries = Object.entries(json).filter(([, item]) => item !== null);
  // fromEntries defines properties, so that a key such as __proto__ is data like any other.
  return Object.fromEntries(entries.map(([key, item]) => [key, decodeValue(shape, item, `${path}.${key}`, depth + 1)]));
}

function decodeNumber(kind: 'integer' | 'number', json: unknown, path: string): number {
  if (kind === 'number' && (json === 'NaN' || json === 'Infinity' || json === '-Infinity')) return Number(json);
  if (typeof json !== 'number') throw malformed(path, 'expected a number');
  if (kind === 'integer' && !Number.isInteger(json)) throw malformed(path, 'expected an integer');
  return json;
}

function decodeScalar(kind: 'timestamp' | 'blob' | 'stream', json: unknown, path: string): unknown {
  try {
    if (kind === 'timestamp' && typeof json === 'number') return epochSeconds(json);
    if (typeof json !== 'string') throw new ScalarError(kind === 'timestamp' ? 'expected a number' : 'expected text');
    return kind === 'timestamp' ? parseTimestamp(json) : parseBase64(json);
  } catch (error) {
    if (error instanceof ScalarError) throw malformed(path, error.message);
    throw error;
  }
}

/** JSON of a shape's value. */
export type JsonEncoder = (value: unknown) => string;

const encoders = new WeakMap<Shape, JsonEncoder>();

/** The encoder of a shape, made once. It throws TypeError if the value is not of the shape. */
export function jsonEncoder(shape: Shape): JsonEncoder {
  let encoder = encoders.get(shape);
  if (!encoder) {
    encoder = makeEncoder(shape);
    encoders.set(shape, encoder);
  }
  return encoder;
}

/** JSON of a structure's members, of those only that stand in the body. @throws TypeError */
export function membersEncoder(name: string, members: readonly Member[]): JsonEncoder {
  let made: { name: string; key: string; encode: JsonEncoder }[] | undefined;
  return value => {
    if (typeof value !== 'object' || value === null) throw new TypeError('expected an object');
    made ??= members.map(member => ({
      name: member.name,
      key: `${JSON.stringify(member.name)}:`,
      encode: jsonEncoder(member.shape),
    }));
    let text = '';
    for (const member of made) {
      const item = (value as Record<string, unknown>)[member.name];
      if (item === undefined || item === null) continue;
      try {
        text += (text && ',') + member.key + member.encode(item);
      } catch (error) {
        throw new TypeError(`${name}.${member.name}: ${error instanceof Error ? error.message : error}`);
      }
    }
    return `{${text}}`;
  };
}

function makeEncoder(shape: Shape): JsonEncoder {
  switch (shape.kind) {
    case 'string':
    case 'boolean':
      return value => {
        if (typeof value !== shape.kind) throw new TypeError(`expected a ${shape.kind}`);
        return JSON.stringify(value);
      };
    case 'integer':
    case 'number':
      return encodeNumber;
    case 'timestamp':
      return value => String(toDate(value).getTime() / 1000);
    case 'blob':
    case 'stream':
      return value => `"${toBase64(value)}"`;
    case 'list':
      return value => {
        if (!Array.isArray(value)) throw new TypeError('expected an array');
        return `[${value.map(jsonEncoder(shape.member)).join(',')}]`;
      };
    case 'map':
      return value => {
        if (typeof value !== 'object' || value === null) throw new TypeError('expected an object');
        const encode = jsonEncoder(shape.value);
        const entries = Object.entries(value).filter(([, item]) => item !== undefined && item !== null);
        return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${encode(item)}`).join(',')}}`;
      };
    case 'structure':
      return membersEncoder(shape.name, shape.members);
    case 'document':
      return value => JSON.stringify(value);
  }
}

function encodeNumber(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'number') throw new TypeError('expected a number');
  return Number.isFinite(value) ? String(value) : `"${value}"`;
}
