import type { Condition } from './document.ts';
import { operatorOf, type ValueTest } from './operators.ts';
import type { ContextKeys } from './types.ts';

/** One operator with one key, ready to be asked. */
export interface CompiledCondition {
  /** As written: `ForAnyValue:StringLikeIfExists`. */
  readonly operator: string;
  readonly key: string;
  readonly values: readonly string[];
  readonly holds: (keys: ContextKeys) => boolean;
  /** Lower-case keys: the one that is tested, and those of variables in its values. */
  readonly keys: readonly string[];
}

/** What a value of the request has to do with the values of the policy. */
type Quantifier = 'ForAllValues' | 'ForAnyValue' | undefined;

/** A condition operator with what may be written around its name. */
export interface OperatorName {
  readonly quantifier: Quantifier;
  readonly ifExists: boolean;
  /** Lower-case, without the rest: `stringlike`. */
  readonly base: string;
}

/** @returns `undefined` for what is not a condition operator. Names of operators are not case-sensitive. */
export function operatorNameOf(text: string): OperatorName | undefined {
  const found = /^(?:(ForAllValues|ForAnyValue):)?([a-z]+?)(IfExists)?$/i.exec(text);
  if (found === null) return undefined;
  const base = (found[2] as string).toLowerCase();
  const ifExists = found[3] !== undefined;
  if (base === 'null' ? ifExists : operatorOf(base) === undefined) return undefined;
  const quantifier = found[1]?.toLowerCase();
  return {
    quantifier: quantifier === 'forallvalues' ? 'ForAllValues' : quantifier === undefined ? undefined : 'ForAnyValue',
    ifExists,
    base,
  };
}

/**
 * Makes a condition ready. What AWS documents of keys that a request lacks: the condition does not hold, but it does
 * with a negated operator, with `IfExists` and with `ForAllValues`; never with `ForAnyValue` alone. A key that has
 * several values without a set operator holds when one of them matches, or with a negated operator when none does.
 * @param variables whether the policy's version knows variables
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
 */
export function compileCondition(condition: Condition, name: OperatorName, variables: boolean): CompiledCondition {
  const key = condition.key.toLowerCase();
  const common = { operator: condition.operator, key: condition.key, values: condition.values };
  if (name.base === 'null') return { ...common, keys: [key], holds: nullTest(key, condition.values) };
  const operator = operatorOf(name.base);
  if (operator === undefined) throw new Error(`unknown condition operator ${name.base}`);
  const { test, keys } = operator.compile(condition.values, variables);
  const wanted = operator.negated ? 'differs' : 'matches';
  return {
    ...common,
    keys: [key, ...keys],
    holds: quantified(key, name.quantifier, name.ifExists, operator.negated, wanted, test),
  };
}

function quantified(
  key: string,
  quantifier: Quantifier,
  ifExists: boolean,
  negated: boolean,
  wanted: 'matches' | 'differs',
  test: ValueTest,
): (keys: ContextKeys) => boolean {
  switch (quantifier) {
    case 'ForAllValues':
      return keys => {
        const values = keys.get(key);
        if (values === undefined || isNullSet(values)) return true;
        for (const value of values) if (test(value, keys) !== wanted) return false;
        return true;
      };
    case 'ForAnyValue':
      return keys => {
        const values = keys.get(key);
        if (values === undefined || values.length === 0) return ifExists;
        if (isNullSet(values)) return false;
        for (const value of values) if (test(value, keys) === wanted) return true;
        return false;
      };
    default: {
      const absent = negated || ifExists;
      return keys => {
        const values = keys.get(key);
        if (values === undefined || values.length === 0) return absent;
        if (values.length === 1) return test(values[0] as string, keys) === wanted;
        for (const value of values) if ((test(value, keys) === wanted) !== negated) return !negated;
        return negated;
      };
    }
  }
}

/** No values, or nothing but empty ones: set operators treat such a key as one without values. */
function isNullSet(values: readonly string[]): boolean {
  for (const value of values) if (value !== '') return false;
  return true;
}

/** `true`: the key must not be there; `false`: it must. */
function nullTest(key: string, values: readonly string[]): (keys: ContextKeys) => boolean {
  const absent = values.some(value => value.toLowerCase() === 'true');
  const present = values.some(value => value.toLowerCase() === 'false');
  return keys => {
    const found = keys.get(key);
    return found === undefined || found.length === 0 ? absent : present;
  };
}
