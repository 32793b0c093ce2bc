/** Where something stands in a text: line and column count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/**
 * Where the statements of a valid policy document begin and end (the end is behind the closing brace), in their order:
 * what simulations answer of the statements that matched.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_Statement.html
 */
export function statementPositions(text: string): readonly { readonly start: Position; readonly end: Position }[] {
  const found: { start: Position; end: Position }[] = [];
  let depth = 0;
  let inStatement = false;
  let start = 0;
  // Statements are objects at depth 1 (a single one) or 2 (in a list), behind the key Statement of the document.
  let outer = 0;
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"\s*:?|[{}[\]]/gs)) {
    if (token === '{' || token === '[') {
      if (inStatement && outer === 0 && token === '{') {
        outer = depth;
        start = index;
      }
      depth++;
    } else if (token === '}' || token === ']') {
      depth--;
      if (outer > 0 && depth === outer) {
        found.push({ start: positionAt(text, start), end: positionAt(text, index + 1) });
        outer = 0;
      }
    } else if (depth === 1 && outer === 0 && token.endsWith(':'))
      inStatement = JSON.parse(token.slice(0, -1)) === 'Statement';
  }
  return found;
}

function positionAt(text: string, index: number): Position {
  const before = text.slice(0, index).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}
