import type { ListShape, MapShape, Member, Shape, StructureShape } from '../../models/shapes.ts';
import { maximumDepth, type Parameter } from './protocol.ts';
import { parseScalar, ScalarError } from './scalars.ts';

/**
 * Where EC2 Query and awsQuery differ: names of members, how lists are numbered, and the errors. `path` is the
 * parameter as it would stand in the request.
 */
export interface QueryDialect {
  nameOf(member: Member): string;
  /** `Name.1` instead of `Name.member.1`. */
  readonly flatLists: boolean;
  /** undefined: pass over the parameter. */
  unknown(path: string): Error | undefined;
  invalid(path: string, value: string, expectation: string): Error;
  missing(path: string, members: readonly string[]): Error;
  repeated(path: string): Error;
  /** Called for every string, so that a dialect can refuse characters. */
  checkString?(path: string, value: string): void;
}

/**
 * Lists and maps keep the indexes of the request until the end, in a Map: an index of four billion costs one entry,
 * gaps close, and order is by index.
 */
class Draft {
  readonly items = new Map<number, unknown>();
}
type Entry = { key?: unknown; value?: unknown };

const indexForm = /^[1-9]\d{0,9}$/;
/** EC2 reads indexes as 32-bit integers. */
const maximumIndex = 2 ** 31 - 1;

/** Turns the parameters of a query request into an operation's input. */
export class QueryInput {
  private readonly dialect: QueryDialect;
  private readonly membersByName = new WeakMap<StructureShape, Map<string, Member>>();

  constructor(dialect: QueryDialect) {
    this.dialect = dialect;
  }

  /** @throws what the dialect's functions make */
  decode(shape: StructureShape | undefined, parameters: Iterable<Parameter>): Record<string, unknown> {
    const input: Record<string, unknown> = {};
    for (const [name, value] of parameters) {
      if (shape) this.assign(shape, input, name, value);
      else this.refuse(name);
    }
    return shape ? (this.finish(shape, input, '') as Record<string, unknown>) : input;
  }

  private refuse(path: string): undefined {
    const error = this.dialect.unknown(path);
    if (error) throw error;
    return undefined;
  }

  private members(shape: StructureShape): Map<string, Member> {
    let members = this.membersByName.get(shape);
    if (!members) {
      members = new Map(shape.members.map(member => [this.dialect.nameOf(member), member]));
      this.membersByName.set(shape, members);
    }
    return members;
  }

  private assign(root: StructureShape, input: Record<string, unknown>, path: string, value: string): undefined {
    const steps = path.split('.', maximumDepth * 2);
    let shape: Shape = root;
    let slot: Slot = { get: () => input, set: () => {} };
    let at = 0;
    while (at < steps.length) {
      if (shape.kind === 'structure') {
        const member: Member | undefined = this.members(shape).get(steps[at] ?? '');
        if (!member) return this.refuse(path);
        slot = memberSlot(open(slot, newObject), member.name);
        shape = member.shape;
        at += 1;
      } else if (shape.kind === 'list') {
        const skip = this.dialect.flatLists ? 0 : 1;
        const index = indexOf(steps[at + skip]);
        if (index === undefined || (skip && steps[at] !== shape.itemName)) return this.refuse(path);
        slot = itemSlot(open(slot, newDraft), index);
        shape = shape.member;
        at += skip + 1;
      } else if (shape.kind === 'map') {
        const [entry, number, part] = steps.slice(at, at + 3);
        const index = indexOf(number);
        if (entry !== 'entry' || index === undefined || (part !== 'key' && part !== 'value')) return this.refuse(path);
        slot = memberSlot(open(itemSlot(open(slot, newDraft), index), newObject), part);
        shape = part === 'key' ? shape.key : shape.value;
        at += 3;
      } else {
        return this.refuse(path);
      }
    }
    return this.put(slot, shape, path, value);
  }

  private put(slot: Slot, shape: Shape, path: string, value: string): undefined {
    if (shape.kind === 'list' || shape.kind === 'map') {
      // `Name=` is how clients send an empty list in awsQuery.
      if (value !== '' || this.dialect.flatLists) return this.refuse(path);
      open(slot, newDraft);
      return undefined;
    }
    if (shape.kind === 'structure') {
      if (value !== '' || this.dialect.flatLists) return this.refuse(path);
      open(slot, newObject);
      return undefined;
    }
    if (slot.get() !== undefined) throw this.dialect.repeated(path);
    if (shape.kind === 'string') this.dialect.checkString?.(path, value);
    try {
      slot.set(parseScalar(shape.kind, value));
    } catch (error) {
      if (error instanceof ScalarError) throw this.dialect.invalid(path, value, error.message);
      throw error;
    }
    return undefined;
  }

  private finish(shape: Shape, draft: unknown, path: string): unknown {
    if (shape.kind === 'structure') return this.finishStructure(shape, draft as Record<string, unknown>, path);
    if (shape.kind === 'list') return this.finishList(shape, draft as Draft, path);
    if (shape.kind === 'map') return this.finishMap(shape, draft as Draft, path);
    return draft;
  }

  private finishStructure(
    shape: StructureShape,
    draft: Record<string, unknown>,
    path: string,
  ): Record<string, unknown> {
    const missing: string[] = [];
    for (const member of shape.members) {
      const value = draft[member.name];
      if (value === undefined) {
        if (member.required) missing.push(path + this.dialect.nameOf(member));
      } else if (typeof value === 'object') {
        draft[member.name] = this.finish(member.shape, value, `${path}${this.dialect.nameOf(member)}.`);
      }
    }
    if (missing.length) throw this.dialect.missing(path, missing);
    return draft;
  }

  private finishList(shape: ListShape, draft: Draft, path: string): unknown[] {
    const prefix = this.dialect.flatLists ? path : `${path}${shape.itemName}.`;
    return inOrder(draft).map(([index, value]) => this.finish(shape.member, value, `${prefix}${index}.`));
  }

  private finishMap(shape: MapShape, draft: Draft, path: string): Record<string, unknown> {
    const entries = inOrder(draft).map(([index, entry]): [string, unknown] => {
      const { key, value } = entry as Entry;
      const at = `${path}entry.${index}.`;
      if (key === undefined) throw this.dialect.missing(at, [`${at}key`]);
      if (value === undefined) throw this.dialect.missing(at, [`${at}value`]);
      return [String(key), this.finish(shape.value, value, `${at}value.`)];
    });
    return Object.fromEntries(entries);
  }
}

/** A place in the input under construction that may be empty yet. */
interface Slot {
  get(): unknown;
  set(value: unknown): void;
}

const newObject = (): Record<string, unknown> => ({});
const newDraft = (): Draft => new Draft();

function open<T>(slot: Slot, make: () => T): T {
  const present = slot.get();
  if (present !== undefined) return present as T;
  const made = make();
  slot.set(made);
  return made;
}

function memberSlot(object: Record<string, unknown>, name: string): Slot {
  return {
    get: () => object[name],
    set: value => {
      object[name] = value;
    },
  };
}

function itemSlot(draft: Draft, index: number): Slot {
  return {
    get: () => draft.items.get(index),
    set: value => {
      draft.items.set(index, value);
    },
  };
}

function indexOf(step: string | undefined): number | undefined {
  if (step === undefined || !indexForm.test(step)) return undefined;
  const index = Number(step);
  return index <= maximumIndex ? index : undefined;
}

function inOrder(draft: Draft): [number, unknown][] {
  return [...draft.items].sort(([a], [b]) => a - b);
}
