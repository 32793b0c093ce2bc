import type { Member, Shape, StructureShape } from '../../models/shapes.ts';
import { secrecyOf } from './secrets.ts';

/** Turns a value of a shape into its form in an event: JSON text. */
export type Encoder = (value: unknown) => string;

/** How a family of services writes its values into events. */
export interface Style {
  /** JSON text in place of a secret. */
  readonly mask: string;
  /** Name of a member, and how its value is written where that is not by its shape; undefined leaves it out. */
  readonly member: (member: Member, of: StructureShape) => MemberStyle | undefined;
  /** @param items JSON texts, `isPlain` when they are no objects */
  readonly list: (items: readonly string[], isPlain: boolean) => string;
  readonly time: (time: Date) => string | number;
}

export interface MemberStyle {
  readonly name: string;
  readonly encode?: Encoder;
}

interface Field {
  /** `"name":` */
  readonly name: string;
  readonly encode: Encoder;
}

/**
 * Encoders of one style, kept by shape. They make text at once instead of objects, since every call has its event: for
 * a launch this takes a third of the time.
 */
export class Elements {
  readonly #style: Style;
  readonly #encoders = new WeakMap<Shape, Encoder>();
  readonly #scalars: Readonly<Partial<Record<Shape['kind'], Encoder>>>;

  constructor(style: Style) {
    this.#style = style;
    this.#scalars = {
      string: value => (typeof value === 'string' ? quoted(value) : JSON.stringify(value)),
      timestamp: value => JSON.stringify(value instanceof Date ? style.time(value) : value),
      blob: value => JSON.stringify(value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value),
      integer: value => String(value),
      boolean: value => String(value),
    };
  }

  encoder(shape: Shape): Encoder {
    let encoder = this.#encoders.get(shape);
    if (encoder === undefined) {
      encoder = this.#make(shape);
      this.#encoders.set(shape, encoder);
    }
    return encoder;
  }

  #make(shape: Shape): Encoder {
    switch (shape.kind) {
      case 'structure':
        return this.#structure(shape);
      case 'list': {
        let encode: Encoder | undefined;
        return value => {
          encode ??= this.encoder(shape.member);
          const isPlain = shape.member.kind !== 'structure' && shape.member.kind !== 'map';
          return this.#style.list((value as readonly unknown[]).map(encode), isPlain);
        };
      }
      case 'map':
        return value => {
          const encode = this.encoder(shape.value);
          const entries = Object.entries(value as object).map(([key, one]) => `${JSON.stringify(key)}:${encode(one)}`);
          return `{${entries.join(',')}}`;
        };
      default:
        return this.#scalars[shape.kind] ?? (value => JSON.stringify(value) ?? 'null');
    }
  }

  #structure(shape: StructureShape): Encoder {
    let fields: Map<string, Field> | undefined;
    return value => {
      fields ??= this.#fields(shape);
      const members = value as Record<string, unknown>;
      let text = '';
      for (const member in members) {
        const one = members[member];
        if (one === undefined || one === null) continue;
        const field = fields.get(member);
        if (field === undefined) continue;
        text += `${text === '' ? '{' : ','}${field.name}${field.encode(one)}`;
      }
      return text === '' ? '{}' : `${text}}`;
    };
  }

  #fields(shape: StructureShape): Map<string, Field> {
    const fields = new Map<string, Field>();
    for (const member of shape.members) {
      const secrecy = secrecyOf(member);
      const style = this.#style.member(member, shape);
      if (secrecy === 'omit' || style === undefined) continue;
      const { name, encode = this.encoder(member.shape) } = style;
      const { mask } = this.#style;
      fields.set(member.name, { name: `${JSON.stringify(name)}:`, encode: secrecy === 'mask' ? () => mask : encode });
    }
    return fields;
  }
}

/** A text in JSON. Nearly none has anything to escape. */
export function quoted(text: string): string {
  return /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/.test(text) ? `"${text}"` : JSON.stringify(text);
}

export function lowerFirst(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

/** The members of several objects' JSON texts in one object. */
export function joined(...objects: readonly string[]): string {
  return `{${objects
    .map(text => text.slice(1, -1))
    .filter(text => text !== '')
    .join(',')}}`;
}
