import { type Address, parseAddress, parseRange, within } from './addresses.ts';
import { parseDate } from './dates.ts';
import { matcherOf, segmented, segmentsOf } from './glob.ts';
import type { ContextKeys } from './types.ts';
import { expandPattern, expandTemplate, noKeys, type Template, templateOf } from './variables.ts';

/**
 * How a value of the request compares with the values of the policy: it matches one of them or differs from all, or
 * cannot be told because a variable has no value; the condition then does not hold, negated or not.
 */
export type Comparison = 'matches' | 'differs' | 'unresolved';
export type ValueTest = (value: string, keys: ContextKeys) => Comparison;

export interface Operator {
  /** Holds when the value differs from all of the policy's. */
  readonly negated: boolean;
  readonly compile: (
    values: readonly string[],
    variables: boolean,
  ) => { readonly test: ValueTest; readonly keys: readonly string[] };
}

/** Compares a value of the request with one text of the policy, already read; `undefined`: it can never match. */
type Reader = (text: string) => ((value: string) => boolean) | undefined;

/** An operator whose values cannot have variables. */
function plain(negated: boolean, read: Reader): Operator {
  return {
    negated,
    compile: values => {
      const tests = values.flatMap(text => read(text) ?? []);
      return {
        keys: [],
        test: value => {
          for (const test of tests) if (test(value)) return 'matches';
          return 'differs';
        },
      };
    },
  };
}

/** An operator whose values may have variables; values without them are read once. */
function variable(
  negated: boolean,
  read: (template: Template, keys: ContextKeys) => ((value: string) => boolean) | undefined,
): Operator {
  return {
    negated,
    compile: (values, variables) => {
      const templates = values.map(text => templateOf(text, variables));
      const fixed = templates.flatMap(template => (template.names.length > 0 ? [] : (read(template, noKeys) ?? [])));
      const open = templates.filter(template => template.names.length > 0);
      return {
        keys: open.flatMap(template => template.names.map(name => name.toLowerCase())),
        test: (value, keys) => {
          for (const test of fixed) if (test(value)) return 'matches';
          let result: Comparison = 'differs';
          for (const template of open) {
            const test = read(template, keys);
            if (test === undefined) result = 'unresolved';
            else if (test(value)) return 'matches';
          }
          return result;
        },
      };
    },
  };
}

const stringEquals = (negated: boolean): Operator =>
  variable(negated, (template, keys) => {
    const text = expandTemplate(template, keys);
    return text === undefined ? undefined : value => value === text;
  });

const stringEqualsIgnoreCase = (negated: boolean): Operator =>
  variable(negated, (template, keys) => {
    const text = expandTemplate(template, keys)?.toLowerCase();
    return text === undefined ? undefined : value => value.toLowerCase() === text;
  });

const stringLike = (negated: boolean): Operator =>
  variable(negated, (template, keys) => {
    const pattern = expandPattern(template, keys);
    return pattern === undefined ? undefined : matcherOf(pattern);
  });

/** `ArnEquals` and `ArnLike` are the same: each of the six segments by itself, each with wildcards. */
const arn = (negated: boolean): Operator =>
  variable(negated, (template, keys) => {
    const pattern = expandPattern(template, keys);
    if (pattern === undefined) return undefined;
    return segmentsOf(pattern) < 6 ? () => false : matcherOf(segmented(pattern, false));
  });

const bool: Operator = variable(false, (template, keys) => {
  const wanted = expandTemplate(template, keys)?.toLowerCase();
  if (wanted === undefined) return undefined;
  return wanted === 'true' || wanted === 'false' ? value => value.toLowerCase() === wanted : () => false;
});

/** Numbers and dates: both sides become numbers, and what cannot be read matches nothing. */
function ordered(
  negated: boolean,
  parse: (text: string) => number | undefined,
  compare: (a: number, b: number) => boolean,
): Operator {
  return plain(negated, text => {
    const limit = parse(text);
    if (limit === undefined) return undefined;
    return value => {
      const number = parse(value);
      return number !== undefined && compare(number, limit);
    };
  });
}

function parseNumber(text: string): number | undefined {
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : undefined;
}

const binary: Operator = plain(false, text => {
  const wanted = parseBase64(text);
  return wanted === undefined ? undefined : value => parseBase64(value)?.equals(wanted) === true;
});

function parseBase64(text: string): Buffer | undefined {
  const trimmed = text.replace(/=+$/, '');
  const bytes = Buffer.from(trimmed, 'base64');
  return bytes.toString('base64').replace(/=+$/, '') === trimmed ? bytes : undefined;
}

const address = (negated: boolean): Operator =>
  plain(negated, text => {
    const range = parseRange(text);
    if (range === undefined) return undefined;
    return value => {
      const parsed: Address | undefined = parseAddress(value);
      return parsed !== undefined && within(parsed, range);
    };
  });

const equal = (a: number, b: number): boolean => a === b;
const comparisons: readonly (readonly [string, boolean, (a: number, b: number) => boolean])[] = [
  ['equals', false, equal],
  ['notequals', true, equal],
  ['lessthan', false, (a, b) => a < b],
  ['lessthanequals', false, (a, b) => a <= b],
  ['greaterthan', false, (a, b) => a > b],
  ['greaterthanequals', false, (a, b) => a >= b],
];

const operators: ReadonlyMap<string, Operator> = new Map([
  ['stringequals', stringEquals(false)],
  ['stringnotequals', stringEquals(true)],
  ['stringequalsignorecase', stringEqualsIgnoreCase(false)],
  ['stringnotequalsignorecase', stringEqualsIgnoreCase(true)],
  ['stringlike', stringLike(false)],
  ['stringnotlike', stringLike(true)],
  ['arnequals', arn(false)],
  ['arnlike', arn(false)],
  ['arnnotequals', arn(true)],
  ['arnnotlike', arn(true)],
  ['bool', bool],
  ['binaryequals', binary],
  ['ipaddress', address(false)],
  ['notipaddress', address(true)],
  ...comparisons.flatMap(([name, negated, compare]): [string, Operator][] => [
    [`numeric${name}`, ordered(negated, parseNumber, compare)],
    [`date${name}`, ordered(negated, parseDate, compare)],
  ]),
]);

/** The operator of a lower-case name without set operator and `IfExists`; `Null`, which compares nothing, is not one. */
export function operatorOf(name: string): Operator | undefined {
  return operators.get(name);
}
