import type { ErrorRow, HttpRow, MemberRow, MemberTrait, OperationRow, ShapeRow, TypeName } from '../table.ts';

/**
 * Reads the schemas that `@aws-sdk/client-*` v3 export (`RunInstances$` …) into table rows.
 * Their tuple format: `[9, ns, name, traits, input, output]` operation; `[3 | 4 | -3, ns, name, traits, names, refs,
 * required?]` structure, union, error; `[1, ns, name, traits, member]` list; `[2, ns, name, traits, key, value]` map;
 * `[0, ns, name, traits, ref]` named scalar. A reference is a number, a schema, a thunk, or `[reference, traits]`.
 * @see https://github.com/smithy-lang/smithy-typescript/tree/main/packages/types/src/schema
 */
export type Reference = number | string | Schema | readonly [Reference, Traits] | (() => Reference);
export type Schema = readonly [kind: number, namespace: string, name: string, traits: Traits, ...rest: unknown[]];
export type Traits = number | Readonly<Record<string, unknown>>;

const scalars: Readonly<Record<number, string>> = {
  0: 'string',
  1: 'number',
  2: 'boolean',
  4: 'timestamp',
  15: 'document',
  17: 'number',
  19: 'number',
  21: 'blob',
  42: 'stream',
};
const listOf = 64;
const mapOf = 128;

/** Bits of a numeric trait. 2 (idempotent) and 32 (response code) change nothing on the wire of these services. */
const bits: readonly (readonly [number, MemberTrait | undefined])[] = [
  [1, 'label'],
  [2, undefined],
  [4, 'token'],
  [8, 'sensitive'],
  [16, 'payload'],
];

interface Wire {
  xmlName?: string;
  queryName?: string;
  traits: Set<MemberTrait>;
}

export class SchemaReader {
  readonly operations: Record<string, OperationRow> = {};
  readonly errors: Record<string, ErrorRow> = {};
  readonly shapes: Record<string, ShapeRow> = {};
  private readonly floats: ReadonlySet<string> | undefined;

  /** @param floats see {@link import('./sources.ts').Source.floats} */
  constructor(floats: readonly string[] | undefined) {
    this.floats = floats && new Set(floats);
  }

  /** @throws Error on a schema or trait of an unknown form, so that a newer SDK cannot be misread silently. */
  read(schema: Schema): void {
    if (schema[0] === 9) this.operation(schema);
    else if (schema[0] === -3) this.error(schema);
  }

  private operation([, , name, traits, input, output]: Schema): void {
    const http = typeof traits === 'object' ? (traits.http as HttpRow | undefined) : undefined;
    const row = [this.structure(input as Reference), this.structure(output as Reference)] as const;
    this.operations[name] = http ? [...row, http] : row;
  }

  private error([, , name, traits]: Schema): void {
    if (typeof traits !== 'object') return; // the client's own base exception
    const [code] = (traits.awsQueryError as [string, number] | undefined) ?? [name];
    const status = Number(traits.httpError ?? (traits.awsQueryError as [string, number] | undefined)?.[1] ?? 0);
    this.errors[name] = [code === name ? 0 : code, status, traits.error === 'server' ? 'server' : 'client'];
  }

  private structure(reference: Reference): string | 0 {
    const resolved = typeof reference === 'function' ? reference() : reference;
    return resolved === 'unit' ? 0 : this.type(resolved, { traits: new Set() }, '');
  }

  /** The name of a referenced type; what its traits say about the wire is added to `wire`. */
  private type(reference: Reference, wire: Wire, path: string): TypeName {
    if (typeof reference === 'function') return this.type(reference(), wire, path);
    if (typeof reference === 'number') return this.scalar(reference, path);
    if (typeof reference === 'string') throw new Error(`${path}: unexpected reference ${reference}`);
    if (reference.length === 2) {
      const [inner, traits] = reference as readonly [Reference, Traits];
      addTraits(wire, traits, path);
      return this.type(inner, wire, path);
    }
    const schema = reference as Schema;
    if (schema[0] !== 0) return this.shape(schema);
    addTraits(wire, schema[3], path);
    return this.type(schema[4] as Reference, wire, path);
  }

  private scalar(id: number, path: string): TypeName {
    if (id & mapOf) return `${this.scalar(id - mapOf, path)}{}`;
    if (id & listOf) return `${this.scalar(id - listOf, path)}[]`;
    const scalar = scalars[id];
    if (!scalar) throw new Error(`${path}: unknown scalar ${id}`);
    return scalar === 'number' && this.floats && !this.floats.has(path) ? 'integer' : scalar;
  }

  private shape(schema: Schema): TypeName {
    const [kind, , name] = schema;
    if (this.shapes[name]) return name;
    this.shapes[name] = ['list', 'string']; // holds the place, for shapes that contain themselves
    this.shapes[name] = this.shapeRow(kind, name, schema);
    return name;
  }

  private shapeRow(kind: number, name: string, schema: Schema): ShapeRow {
    const item: Wire = { traits: new Set() };
    switch (kind) {
      case 1: {
        const member = this.type(schema[4] as Reference, item, name);
        return item.xmlName ? ['list', member, item.xmlName] : ['list', member];
      }
      case 2: {
        const key = this.type(schema[4] as Reference, item, name);
        return ['map', key, this.type(schema[5] as Reference, item, name)];
      }
      case 3:
      case 4: {
        const names = schema[4] as string[];
        const references = schema[5] as Reference[];
        const members = names.map((member, at) => this.member(`${name}.${member}`, member, references[at] ?? 0));
        return [kind === 4 ? 'union' : 'structure', Number(schema[6] ?? 0), ...members];
      }
      default:
        throw new Error(`${name}: unknown kind of schema ${kind}`);
    }
  }

  private member(path: string, name: string, reference: Reference): MemberRow {
    const wire: Wire = { traits: new Set() };
    const type = this.type(reference, wire, path);
    const xmlName = wire.xmlName && wire.xmlName !== name ? wire.xmlName : 0;
    const usual = capitalized(wire.xmlName ?? name);
    const queryName = wire.queryName && wire.queryName !== usual ? wire.queryName : 0;
    const traits = [...wire.traits].sort();
    if (traits.length) return [name, type, xmlName, queryName, ...traits];
    if (queryName) return [name, type, xmlName, queryName];
    return xmlName ? [name, type, xmlName] : [name, type];
  }
}

function addTraits(wire: Wire, traits: Traits, path: string): void {
  if (typeof traits === 'number') {
    for (const [bit, trait] of bits) if (traits & bit && trait) wire.traits.add(trait);
    if (traits > 31) throw new Error(`${path}: unknown traits ${traits}`);
    return;
  }
  for (const [trait, value] of Object.entries(traits)) {
    if (trait === 'xmlName') wire.xmlName ??= String(value);
    else if (trait === 'ec2QueryName') wire.queryName ??= String(value);
    else if (trait === 'httpHeader') wire.traits.add(`header:${String(value).toLowerCase()}`);
    else if (trait === 'httpQuery') wire.traits.add(`query:${String(value)}`);
    else if (trait === 'idempotencyToken') wire.traits.add('token');
    else if (trait === 'sensitive') wire.traits.add('sensitive');
    else if (trait !== 'streaming') throw new Error(`${path}: unknown trait ${trait}`);
  }
}

const capitalized = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
