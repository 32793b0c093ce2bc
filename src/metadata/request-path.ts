/**
 * The segments of a request target: without a query, without empty segments (a slash at the end or two in a row change
 * nothing), percent-decoded. Undefined when it cannot be decoded.
 */
export function pathSegments(target: string): string[] | undefined {
  const path = target.replace(/^https?:\/\/[^/?#]*/i, '').replace(/[?#].*$/s, '');
  try {
    return path
      .split('/')
      .filter(segment => segment !== '')
      .map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

/** Whether a path is the one that gives tokens: `latest/api/token`. */
export function isTokenPath(segments: readonly string[]): boolean {
  return segments[0] === 'latest' && isTokenPathOfAnyVersion(segments);
}

export function isTokenPathOfAnyVersion(segments: readonly string[]): boolean {
  return segments.length === 3 && segments[1] === 'api' && segments[2] === 'token';
}
