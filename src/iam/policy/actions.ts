import type { Elements } from './document.ts';
import { matcherOf, patternOf } from './glob.ts';

/**
 * Makes Action or NotAction ready. Names are not case-sensitive; `*` and `?` are wildcards.
 * @returns a test of lower-case actions (`ec2:runinstances`)
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
 */
export function compileActions(elements: Elements): (action: string) => boolean {
  const tests = elements.values.map(text => matcherOf(patternOf(text.toLowerCase())));
  return action => tests.some(test => test(action)) !== elements.not;
}
