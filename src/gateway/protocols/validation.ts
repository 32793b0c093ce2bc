/** The words of AWS's validation of required members, for one or more of them. */
export function validationMessage(paths: readonly string[]): string {
  const failures = paths.map(
    path => `Value null at '${memberPath(path)}' failed to satisfy constraint: Member must not be null`,
  );
  const errors = paths.length === 1 ? 'error' : 'errors';
  return `${paths.length} validation ${errors} detected: ${failures.join('; ')}`;
}

/** `Tags.member.1.Key` as AWS writes it there: `tags.1.member.key`, each name with a small first letter. */
function memberPath(path: string): string {
  return path
    .replace(/\b(member|entry)\.(\d+)\b/g, '$2.$1')
    .split('.')
    .map(step => step.charAt(0).toLowerCase() + step.slice(1))
    .join('.');
}
