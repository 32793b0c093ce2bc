import { type MemberRow, type ScalarName, type ShapeRow, scalarNames, type TypeName } from './table.ts';

/**
 * A service's shapes as objects. They are made from table rows when first asked for, because a server uses a
 * small part of the 3,400 shapes of EC2; the same name always gives the same object, so encoders can be kept by shape.
 */
export type Shape = ScalarShape | ListShape | MapShape | StructureShape;

export interface ScalarShape {
  readonly kind: ScalarName;
}

export interface ListShape {
  readonly kind: 'list';
  readonly member: Shape;
  /** Name of an element in XML: `item`, `member` … */
  readonly itemName: string;
}

export interface MapShape {
  readonly kind: 'map';
  readonly key: Shape;
  readonly value: Shape;
}

export interface StructureShape {
  readonly kind: 'structure';
  readonly name: string;
  /** Exactly one member is set. */
  readonly union: boolean;
  readonly members: readonly Member[];
}

export interface Member {
  readonly name: string;
  readonly shape: Shape;
  readonly required: boolean;
  /** Name in XML, and in requests of awsQuery. */
  readonly xmlName: string;
  /** Name in requests of EC2 Query. */
  readonly queryName: string;
  /** Clients fill it with a random token if the caller gave none. */
  readonly idempotencyToken: boolean;
  /** Must not be logged. */
  readonly sensitive: boolean;
  /** Where REST puts it; the body if absent. */
  readonly binding: Binding;
}

export interface Binding {
  readonly place: 'body' | 'payload' | 'label' | 'header' | 'query';
  /** Header in lower case, or query parameter, or label. */
  readonly name: string;
}

const scalars = new Map<string, ScalarShape>(scalarNames.map(kind => [kind, { kind }]));

/** Gives the shapes of one service by their names. */
export class ShapeSet {
  private readonly rows: Readonly<Record<string, ShapeRow>>;
  private readonly shapes = new Map<TypeName, Shape>(scalars);

  constructor(rows: Readonly<Record<string, ShapeRow>>) {
    this.rows = rows;
  }

  /** @throws Error if the service has no such shape: the table is damaged */
  get(type: TypeName): Shape {
    let shape = this.shapes.get(type);
    if (!shape) {
      shape = this.make(type);
      this.shapes.set(type, shape);
    }
    return shape;
  }

  /** @throws Error if there is no structure of this name */
  structure(name: string): StructureShape {
    const shape = this.get(name);
    if (shape.kind !== 'structure') throw new Error(`${name} is not a structure`);
    return shape;
  }

  private make(type: TypeName): Shape {
    if (type.endsWith('[]')) return new LazyList(this, type.slice(0, -2), 'member');
    if (type.endsWith('{}')) return new LazyMap(this, 'string', type.slice(0, -2));
    const row = this.rows[type];
    if (!row) throw new Error(`the API table has no shape ${type}`);
    if (row[0] === 'list') return new LazyList(this, row[1], row[2] ?? 'member');
    if (row[0] === 'map') return new LazyMap(this, row[1], row[2]);
    return new LazyStructure(this, type, row);
  }
}

class LazyList implements ListShape {
  readonly kind = 'list';
  readonly itemName: string;
  private readonly set: ShapeSet;
  private readonly type: TypeName;
  constructor(set: ShapeSet, type: TypeName, itemName: string) {
    this.set = set;
    this.type = type;
    this.itemName = itemName;
  }
  get member(): Shape {
    return this.set.get(this.type);
  }
}

class LazyMap implements MapShape {
  readonly kind = 'map';
  private readonly set: ShapeSet;
  private readonly keyType: TypeName;
  private readonly valueType: TypeName;
  constructor(set: ShapeSet, keyType: TypeName, valueType: TypeName) {
    this.set = set;
    this.keyType = keyType;
    this.valueType = valueType;
  }
  get key(): Shape {
    return this.set.get(this.keyType);
  }
  get value(): Shape {
    return this.set.get(this.valueType);
  }
}

type StructureRow = Extract<ShapeRow, readonly ['structure' | 'union', ...unknown[]]>;

class LazyStructure implements StructureShape {
  readonly kind = 'structure';
  readonly name: string;
  readonly union: boolean;
  private readonly set: ShapeSet;
  private readonly row: StructureRow;
  private made: readonly Member[] | undefined;
  constructor(set: ShapeSet, name: string, row: StructureRow) {
    this.set = set;
    this.name = name;
    this.row = row;
    this.union = row[0] === 'union';
  }
  get members(): readonly Member[] {
    if (!this.made) {
      const [, required, ...rows] = this.row;
      this.made = rows.map((row, at) => new LazyMember(this.set, row, at < required));
    }
    return this.made;
  }
}

class LazyMember implements Member {
  readonly name: string;
  readonly required: boolean;
  readonly xmlName: string;
  readonly queryName: string;
  readonly idempotencyToken: boolean;
  readonly sensitive: boolean;
  readonly binding: Binding;
  private readonly set: ShapeSet;
  private readonly type: TypeName;
  constructor(set: ShapeSet, [name, type, xmlName, queryName, ...traits]: MemberRow, required: boolean) {
    this.set = set;
    this.type = type;
    this.name = name;
    this.required = required;
    this.xmlName = xmlName || name;
    this.queryName = queryName || this.xmlName.charAt(0).toUpperCase() + this.xmlName.slice(1);
    this.idempotencyToken = traits.includes('token');
    this.sensitive = traits.includes('sensitive');
    this.binding = bindingOf(traits, name);
  }
  get shape(): Shape {
    return this.set.get(this.type);
  }
}

const inBody: Binding = { place: 'body', name: '' };

function bindingOf(traits: readonly string[], member: string): Binding {
  for (const trait of traits) {
    if (trait === 'payload') return { place: 'payload', name: member };
    if (trait === 'label') return { place: 'label', name: member };
    if (trait.startsWith('header:')) return { place: 'header', name: trait.slice('header:'.length) };
    if (trait.startsWith('query:')) return { place: 'query', name: trait.slice('query:'.length) };
  }
  return inBody;
}
