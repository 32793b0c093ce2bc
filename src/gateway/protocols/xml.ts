import type { ListShape, MapShape, Shape, StructureShape } from '../../models/shapes.ts';
import { toBase64, toDate } from './scalars.ts';

/** The inside of an element that stands for a value. @throws TypeError */
export type XmlEncoder = (value: unknown) => string;

/** What must be escaped, and control characters that XML 1.0 lacks. C1 controls are allowed there. */
const special = /[&<>\uFFFE\uFFFF]|(?![\t\n\u007F-\u009F])\p{Cc}/u;
const specials = new RegExp(special, 'gu');

/** Text for XML 1.0. Characters that it has no form for, not even as references, become U+FFFD. */
export function escapeXml(text: string): string {
  return special.test(text) ? text.replace(specials, reference) : text;
}

function reference(character: string): string {
  switch (character) {
    case '&':
      return '&amp;';
    case '<':
      return '&lt;';
    case '>':
      return '&gt;';
    case '\r':
      return '&#13;';
    default:
      return '\uFFFD';
  }
}

/**
 * Encoders of the XML protocols, made once for each shape. A member's failure is named by its path, as far as a
 * bug in an operation needs to be found: `TypeError: Reservation.Instances: expected an array`.
 */
export class XmlWriter {
  private readonly encoders = new WeakMap<Shape, XmlEncoder>();
  private readonly timestamp: XmlEncoder;

  /** @param milliseconds whether timestamps always show them, as EC2's do */
  constructor(milliseconds: boolean) {
    this.timestamp = value => {
      const text = toDate(value).toISOString();
      return milliseconds ? text : text.replace('.000Z', 'Z');
    };
  }

  encoder(shape: Shape): XmlEncoder {
    let encoder = this.encoders.get(shape);
    if (!encoder) {
      encoder = this.make(shape);
      this.encoders.set(shape, encoder);
    }
    return encoder;
  }

  private make(shape: Shape): XmlEncoder {
    switch (shape.kind) {
      case 'string':
        return encodeString;
      case 'integer':
      case 'number':
        return encodeNumber;
      case 'boolean':
        return encodeBoolean;
      case 'timestamp':
        return this.timestamp;
      case 'blob':
      case 'stream':
        return toBase64;
      case 'list':
        return this.list(shape);
      case 'map':
        return this.map(shape);
      case 'structure':
        return this.structure(shape);
      case 'document':
        throw new TypeError('documents have no form in XML');
    }
  }

  private list(shape: ListShape): XmlEncoder {
    const open = `<${shape.itemName}>`;
    const close = `</${shape.itemName}>`;
    let encode: XmlEncoder | undefined;
    return value => {
      if (!Array.isArray(value)) throw new TypeError('expected an array');
      encode ??= this.encoder(shape.member);
      let text = '';
      for (const item of value) text += open + encode(item) + close;
      return text;
    };
  }

  private map(shape: MapShape): XmlEncoder {
    let encode: XmlEncoder | undefined;
    return value => {
      if (typeof value !== 'object' || value === null) throw new TypeError('expected an object');
      encode ??= this.encoder(shape.value);
      let text = '';
      for (const [key, item] of Object.entries(value)) {
        if (item === undefined || item === null) continue;
        text += `<entry><key>${escapeXml(key)}</key><value>${encode(item)}</value></entry>`;
      }
      return text;
    };
  }

  private structure(shape: StructureShape): XmlEncoder {
    interface MemberEncoder {
      name: string;
      open: string;
      close: string;
      empty: string;
      encode: XmlEncoder;
    }
    // Members are resolved at the first use, so that shapes may contain themselves.
    let members: MemberEncoder[] | undefined;
    return value => {
      if (typeof value !== 'object' || value === null) throw new TypeError('expected an object');
      members ??= shape.members.map(member => ({
        name: member.name,
        open: `<${member.xmlName}>`,
        close: `</${member.xmlName}>`,
        empty: `<${member.xmlName}/>`,
        encode: this.encoder(member.shape),
      }));
      let text = '';
      for (const member of members) {
        const item = (value as Record<string, unknown>)[member.name];
        if (item === undefined || item === null) continue;
        try {
          const inside = member.encode(item);
          text += inside === '' ? member.empty : member.open + inside + member.close;
        } catch (error) {
          throw new TypeError(`${shape.name}.${member.name}: ${error instanceof Error ? error.message : error}`);
        }
      }
      return text;
    };
  }
}

function encodeString(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('expected a string');
  return escapeXml(value);
}

function encodeNumber(value: unknown): string {
  if (typeof value !== 'number' && typeof value !== 'bigint') throw new TypeError('expected a number');
  return String(value);
}

function encodeBoolean(value: unknown): string {
  if (typeof value !== 'boolean') throw new TypeError('expected a boolean');
  return value ? 'true' : 'false';
}
