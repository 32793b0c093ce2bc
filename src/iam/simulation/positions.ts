import type { Position } from '@aws-sdk/client-iam';

/** Where a statement begins, and where the character behind it is; lines and columns are counted from 1. */
export interface Span {
  readonly start: Position;
  readonly end: Position;
}

/**
 * Where the statements of a policy document stand in its text.
 * @param text valid JSON, an object with `Statement`
 */
export function statementSpans(text: string): Span[] {
  const spans: Span[] = [];
  const position = positionsIn(text);
  let depth = 0;
  /** Depth of statements: one deeper where there is a list of them. */
  let level = Number.POSITIVE_INFINITY;
  let start = 0;
  for (const token of text.matchAll(/"(?:[^"\\]|\\.)*"\s*:?|[{}[\]]/gs)) {
    const [word] = token;
    if (word === '{' || word === '[') {
      depth++;
      if (depth === level && word === '[') level++;
      else if (depth === level) start = token.index;
    } else if (word === '}' || word === ']') {
      if (depth === level && word === '}') spans.push({ start: position(start), end: position(token.index + 1) });
      depth--;
      if (depth === 1) level = Number.POSITIVE_INFINITY;
    } else if (depth === 1 && /^"Statement"\s*:$/.test(word)) {
      level = 2;
    }
  }
  return spans;
}

function positionsIn(text: string): (at: number) => Position {
  const lineStarts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lineStarts.push(at + 1);
  return at => {
    const line = lineStarts.findLastIndex(start => start <= at);
    return { Line: line + 1, Column: at - (lineStarts[line] ?? 0) + 1 };
  };
}
