import type { Elements } from './document.ts';
import { matcherOf, matches, patternOf, segmented } from './glob.ts';
import type { ContextKeys } from './types.ts';
import { expandPattern, noKeys, type Template, templateOf } from './variables.ts';

type ResourceTest = (resource: string, keys: ContextKeys) => boolean | undefined;

/**
 * Does an ARN match a pattern of a Resource element? A wildcard stays within its segment (between two colons), except
 * a `*` that ends one and the wildcards of the last. `*` alone matches everything, and only it matches `*`, the
 * resource of actions that have none.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
 */
export function matchArn(pattern: string, arn: string): boolean {
  return matches(segmented(patternOf(pattern), true), arn);
}

/**
 * Makes Resource or NotResource ready. A text whose variable has no value matches no resource, and excludes none
 * either: a NotResource with one does not apply. Variables count behind the fifth colon only; elsewhere they make the
 * text match nothing.
 */
export function compileResources(
  elements: Elements,
  variables: boolean,
): { readonly fits: (resource: string, keys: ContextKeys) => boolean; readonly keys: readonly string[] } {
  const compiled = elements.values.map(text => compileResource(text, variables));
  const tests = compiled.map(each => each.test);
  const keys = compiled.flatMap(each => each.keys);
  if (elements.not)
    return {
      keys,
      fits: (resource, context) => {
        for (const test of tests) if (test(resource, context) !== false) return false;
        return true;
      },
    };
  const [first] = tests;
  if (tests.length === 1 && first !== undefined)
    return { keys, fits: (resource, context) => first(resource, context) === true };
  return {
    keys,
    fits: (resource, context) => {
      for (const test of tests) if (test(resource, context) === true) return true;
      return false;
    },
  };
}

function compileResource(text: string, variables: boolean): { test: ResourceTest; keys: readonly string[] } {
  const template = templateOf(text, variables);
  const keys = template.names.map(name => name.toLowerCase());
  if (keys.length === 0) {
    const pattern = expandPattern(template, noKeys);
    return { keys, test: pattern === undefined ? () => undefined : matcherOf(segmented(pattern, true)) };
  }
  if (!variablesAreBehindFifthColon(template)) return { keys, test: () => undefined };
  return {
    keys,
    test: (resource, context) => {
      const pattern = expandPattern(template, context);
      return pattern === undefined ? undefined : matches(segmented(pattern, true), resource);
    },
  };
}

function variablesAreBehindFifthColon(template: Template): boolean {
  const [first] = template.parts;
  return first !== undefined && 'text' in first && first.text.split(':').length > 5;
}
