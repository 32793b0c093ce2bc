import type { PolicyDocument } from './document.ts';
import { templateOf } from './variables.ts';

/**
 * The condition keys that documents ask for, in conditions and variables: as written, each once whatever its case.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetContextKeysForCustomPolicy.html
 */
export function contextKeysOf(documents: readonly PolicyDocument[]): readonly string[] {
  const found = new Map<string, string>();
  const note = (name: string): void => {
    if (!found.has(name.toLowerCase())) found.set(name.toLowerCase(), name);
  };
  for (const { version, statements } of documents)
    for (const { resources, conditions } of statements) {
      const texts = [...(resources?.values ?? [])];
      for (const { key, values } of conditions) {
        note(key);
        texts.push(...values);
      }
      for (const text of texts) templateOf(text, version === '2012-10-17').names.forEach(note);
    }
  return [...found.values()];
}
