import type { ContextEntry } from '@aws-sdk/client-iam';
import { invalidInput } from '../errors.ts';
import type { ContextKeys } from '../policy/types.ts';

/** What values of each type look like. */
const forms: Readonly<Record<string, RegExp>> = {
  string: /^/,
  numeric: /^[+-]?\d+(?:\.\d+)?$/,
  boolean: /^(?:true|false)$/i,
  ip: /^[0-9a-f.:]+(?:\/\d{1,3})?$/i,
  binary: /^[A-Za-z0-9+/]*={0,2}$/,
  date: /^(?:\d{4}-\d{2}-\d{2}(?:T[\d:.]+(?:Z|[+-]\d{2}:?\d{2}))?|\d+)$/,
};

/**
 * The context of a simulated request.
 * @throws ApiError `InvalidInput`
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ContextEntry.html
 */
export function contextOf(entries: readonly ContextEntry[] | undefined): ContextKeys {
  const keys = new Map<string, readonly string[]>();
  for (const { ContextKeyName: name = '', ContextKeyType: type = 'string', ContextKeyValues: values = [] } of entries ??
    []) {
    if (!/^[^\s:]+:.+$/.test(name))
      throw invalidInput(`'${name}' is not a name of a context key, such as aws:username.`);
    if (keys.has(name.toLowerCase())) throw invalidInput(`The context key ${name} is given twice.`);
    const [, base = '', list] = /^(.*?)(List)?$/.exec(type) ?? [];
    const form = Object.hasOwn(forms, base) ? forms[base] : undefined;
    if (form === undefined) throw invalidInput(`'${type}' is not a type of context keys.`);
    if (list === undefined && values.length !== 1) {
      throw invalidInput(
        `The context key ${name} is of type ${type} and must have one value. Use ${type}List for several.`,
      );
    }
    const wrong = values.find(value => !form.test(value));
    if (wrong !== undefined)
      throw invalidInput(`'${wrong}' of the context key ${name} is not a value of type ${type}.`);
    keys.set(name.toLowerCase(), values);
  }
  return keys;
}
