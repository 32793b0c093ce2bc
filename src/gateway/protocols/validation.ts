const maximumShown = 10;

/** The words of AWS's validation of required members, for one or more of them; long lists are cut. */
export function validationMessage(paths: readonly string[]): string {
  const failures = paths
    .slice(0, maximumShown)
    .map(path => `Value null at '${memberPath(path)}' failed to satisfy constraint: Member must not be null`);
  if (paths.length > maximumShown) failures.push(`and ${paths.length - maximumShown} more`);
  const errors = paths.length === 1 ? 'error' : 'errors';
  return `${paths.length} validation ${errors} detected: ${failures.join('; ')}`;
}

/** `Tags.member.1.Key` as AWS writes it there: `tags.1.member.key`, each name with a small first letter. */
function memberPath(path: string): string {
  return shown(path)
    .replace(/\b(member|entry)\.(\d+)\b/g, '$2.$1')
    .split('.')
    .map(step => step.charAt(0).toLowerCase() + step.slice(1))
    .join('.');
}

/** What a message repeats of the request is cut, so that an answer cannot be made long by asking. */
export function shown(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
