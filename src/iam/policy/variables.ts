import { literalOf, type Pattern, patternOf } from './glob.ts';
import type { ContextKeys } from './types.ts';

/**
 * A text of a policy with its variables: `${aws:username}`, `${aws:PrincipalTag/team, 'none'}`; `${*}`, `${?}` and
 * `${$}` stand for the characters themselves.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
 */
export interface Template {
  readonly parts: readonly (string | Pattern | Variable)[];
  /** Lower-case names of the keys that the variables ask for. */
  readonly keys: readonly string[];
}

interface Variable {
  readonly key: string;
  readonly fallback?: string;
}

const variable = /\$\{([^{}]*)\}/g;
const withDefault = /^(.*?)\s*,\s*'(.*)'$/s;

/** @param variables whether the policy's version knows variables: otherwise `${…}` is text like any other. */
export function templateOf(text: string, variables: boolean): Template {
  if (!variables) return { parts: [text], keys: [] };
  const parts: (string | Pattern | Variable)[] = [];
  let from = 0;
  for (const found of text.matchAll(variable)) {
    const content = found[1] as string;
    if (found.index > from) parts.push(text.slice(from, found.index));
    parts.push(content === '*' || content === '?' || content === '$' ? literalOf(content) : variableOf(content));
    from = found.index + found[0].length;
  }
  if (from < text.length || parts.length === 0) parts.push(text.slice(from));
  return { parts, keys: parts.flatMap(part => (isVariable(part) ? [part.key] : [])) };
}

function variableOf(content: string): Variable {
  const defaulted = withDefault.exec(content);
  if (defaulted === null) return { key: content.trim().toLowerCase() };
  return { key: (defaulted[1] as string).trim().toLowerCase(), fallback: defaulted[2] as string };
}

function isVariable(part: string | Pattern | Variable): part is Variable {
  return typeof part === 'object' && 'key' in part;
}

/**
 * The pattern that a template stands for in a request: `*` and `?` of the policy are wildcards, those of values are
 * not. `undefined` when a variable has neither one value nor a default: then the element does not match.
 */
export function expandPattern(template: Template, keys: ContextKeys): Pattern | undefined {
  const pattern: number[] = [];
  for (const part of template.parts) {
    if (typeof part === 'string') pattern.push(...patternOf(part));
    else if (!isVariable(part)) pattern.push(...part);
    else {
      const value = resolve(part, keys);
      if (value === undefined) return undefined;
      pattern.push(...literalOf(value));
    }
  }
  return pattern;
}

/** The text that a template stands for in a request; `undefined` when a variable cannot be resolved. */
export function expandTemplate(template: Template, keys: ContextKeys): string | undefined {
  let text = '';
  for (const part of template.parts) {
    if (typeof part === 'string') text += part;
    else if (!isVariable(part)) text += String.fromCharCode(...part);
    else {
      const value = resolve(part, keys);
      if (value === undefined) return undefined;
      text += value;
    }
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
