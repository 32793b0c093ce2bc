import { parsePolicyDocument } from '../policy/document.ts';

const variable = /\$\{([^{}]*)\}/g;

/**
 * The condition keys that a policy asks for, in its conditions and by variables, each once and as it is first written.
 * @throws ApiError `MalformedPolicyDocument`
 */
export function contextKeysOf(documents: readonly string[]): string[] {
  const names = new Map<string, string>();
  const add = (name: string) => {
    if (!names.has(name.toLowerCase())) names.set(name.toLowerCase(), name);
  };
  for (const text of documents) {
    const document = parsePolicyDocument(text);
    for (const statement of document.statements) {
      for (const condition of statement.conditions) add(condition.key);
      // The older version knows no variables.
      if (document.version !== '2012-10-17') continue;
      const texts = [...(statement.resources?.values ?? []), ...statement.conditions.flatMap(one => one.values)];
      for (const [, content = ''] of texts.flatMap(one => [...one.matchAll(variable)])) {
        const name = content.replace(/,.*$/s, '').trim();
        if (!/^[*?$]?$/.test(name)) add(name);
      }
    }
  }
  return [...names.values()];
}
