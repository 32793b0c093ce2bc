import { literalOf, type Pattern, patternOf } from './glob.ts';
import type { ContextKeys } from './types.ts';

/**
 * A text of a policy with its variables: `${aws:username}`, `${aws:PrincipalTag/team, 'none'}`; `${*}`, `${?}` and
 * `${$}` stand for the characters themselves.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
 */
export interface Template {
  readonly parts: readonly (Fixed | Variable)[];
  /** Names of the keys that the variables ask for, as written. */
  readonly names: readonly string[];
}

/** What is the same in every request: as a text, and as a pattern in which the text's wildcards are wildcards. */
interface Fixed {
  readonly text: string;
  readonly pattern: Pattern;
}

interface Variable {
  readonly name: string;
  readonly key: string;
  readonly fallback?: string;
}

const variable = /\$\{([^{}]*)\}/g;
const withDefault = /^(.*?)\s*,\s*'(.*)'$/s;

/** @param variables whether the policy's version knows variables: otherwise `${…}` is text like any other. */
export function templateOf(text: string, variables: boolean): Template {
  const parts: (Fixed | Variable)[] = [];
  let from = 0;
  for (const found of variables ? text.matchAll(variable) : []) {
    const content = found[1] as string;
    if (found.index > from) parts.push(fixed(text.slice(from, found.index)));
    if (/^[*?$]$/.test(content)) parts.push({ text: content, pattern: literalOf(content) });
    else parts.push(variableOf(content));
    from = found.index + found[0].length;
  }
  if (from < text.length) parts.push(fixed(text.slice(from)));
  return { parts, names: parts.flatMap(part => ('name' in part ? [part.name] : [])) };
}

function fixed(text: string): Fixed {
  return { text, pattern: patternOf(text) };
}

function variableOf(content: string): Variable {
  const defaulted = withDefault.exec(content);
  const name = (defaulted?.[1] ?? content).trim();
  const key = name.toLowerCase();
  return defaulted === null ? { name, key } : { name, key, fallback: defaulted[2] as string };
}

/**
 * The pattern that a template stands for in a request: `*` and `?` of the policy are wildcards, those of values are
 * not. `undefined` when a variable has neither one value nor a default: then the element does not match.
 */
export function expandPattern(template: Template, keys: ContextKeys): Pattern | undefined {
  const pattern: number[] = [];
  for (const part of template.parts) {
    if ('text' in part) {
      for (const code of part.pattern) pattern.push(code);
      continue;
    }
    const value = resolve(part, keys);
    if (value === undefined) return undefined;
    for (let at = 0; at < value.length; at++) pattern.push(value.charCodeAt(at));
  }
  return pattern;
}

/** The text that a template stands for in a request; `undefined` when a variable cannot be resolved. */
export function expandTemplate(template: Template, keys: ContextKeys): string | undefined {
  let text = '';
  for (const part of template.parts) {
    const value = 'text' in part ? part.text : resolve(part, keys);
    if (value === undefined) return undefined;
    text += value;
  }
  return text;
}

/** `expandTemplate` of a text of a policy of version 2012-10-17. */
export function expandVariables(text: string, keys: ContextKeys): string | undefined {
  return expandTemplate(templateOf(text, true), keys);
}

/** Only keys with one value are variables; the default is for keys that are not there. */
function resolve(part: Variable, keys: ContextKeys): string | undefined {
  const values = keys.get(part.key);
  if (values === undefined || values.length === 0) return part.fallback;
  return values.length === 1 ? values[0] : undefined;
}

/** For templates without variables, which need no request. */
export const noKeys: ContextKeys = new Map();
