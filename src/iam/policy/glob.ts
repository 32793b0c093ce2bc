/*
 * Patterns of policies. A pattern is a list of UTF-16 codes and of the wildcards below, so that a value put in place
 * of a variable is never taken for a wildcard.
 */

/** `*`: any text, colons included. */
export const any = -1;
/** `?`: one character. */
export const one = -2;
/** `*` that stays within a segment of an ARN: any text without a colon. */
export const anyInSegment = -3;
/** `?` that stays within a segment of an ARN: one character, but no colon. */
export const oneInSegment = -4;

export type Pattern = readonly number[];

const colon = 58;
const star = 42;
const question = 63;

/** A text in which `*` and `?` are wildcards. */
export function patternOf(text: string): Pattern {
  const pattern: number[] = [];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    pattern.push(code === star ? any : code === question ? one : code);
  }
  return pattern;
}

/** A text without wildcards. */
export function literalOf(text: string): Pattern {
  const pattern: number[] = [];
  for (let at = 0; at < text.length; at++) pattern.push(text.charCodeAt(at));
  return pattern;
}

/**
 * Keeps the wildcards of the first five segments of an ARN within their segment; those of the sixth match colons too.
 * With `lastCrosses`, a `*` that ends a segment matches beyond it, as in Resource elements.
 */
export function segmented(pattern: Pattern, lastCrosses: boolean): Pattern {
  let segment = 0;
  return pattern.map((code, at) => {
    if (code === colon) segment++;
    if (segment >= 5 || code >= 0) return code;
    if (code === one) return oneInSegment;
    const next = pattern[at + 1];
    return lastCrosses && (next === undefined || next === colon) ? any : anyInSegment;
  });
}

/** Number of segments of a pattern that stands for an ARN; colons of the sixth do not count. */
export function segmentsOf(pattern: Pattern): number {
  let colons = 0;
  for (const code of pattern) if (code === colon) colons++;
  return Math.min(colons, 5) + 1;
}

/**
 * Does the whole text match? Linear for usual patterns and at worst proportional to text × pattern: the last `*` is
 * the only one worth another try, since it can take whatever an earlier one could. A `*` within a segment can do so
 * only up to the next colon; behind it the last crossing `*` is tried.
 */
export function matches(pattern: Pattern, text: string): boolean {
  const length = text.length;
  const end = pattern.length;
  let at = 0;
  let place = 0;
  let anyPlace = -1;
  let anyAt = 0;
  let segmentPlace = -1;
  let segmentAt = 0;
  for (;;) {
    if (place < end) {
      const code = pattern[place] as number;
      if (code === any) {
        if (place + 1 === end) return true;
        anyPlace = ++place;
        anyAt = at;
        segmentPlace = -1;
        continue;
      }
      if (code === anyInSegment) {
        segmentPlace = ++place;
        segmentAt = at;
        continue;
      }
      if (at < length) {
        const letter = text.charCodeAt(at);
        if (code === letter || code === one || (code === oneInSegment && letter !== colon)) {
          place++;
          at++;
          continue;
        }
      }
    } else if (at === length) return true;
    if (segmentPlace >= 0 && segmentAt < length && text.charCodeAt(segmentAt) !== colon) {
      at = ++segmentAt;
      place = segmentPlace;
    } else if (anyPlace >= 0 && anyAt < length) {
      at = ++anyAt;
      place = anyPlace;
      segmentPlace = -1;
    } else return false;
  }
}

/** A matcher of one pattern, with short cuts for texts without wildcards and with one at their end. */
export function matcherOf(pattern: Pattern): (text: string) => boolean {
  const wildcard = pattern.findIndex(code => code < 0);
  if (wildcard < 0) {
    const text = String.fromCharCode(...pattern);
    return value => value === text;
  }
  if (wildcard === pattern.length - 1 && pattern[wildcard] === any) {
    if (wildcard === 0) return () => true;
    const start = String.fromCharCode(...pattern.slice(0, -1));
    return value => value.startsWith(start);
  }
  // Most texts do not match, and most of those lack what has no wildcards.
  const needed = longestLiteral(pattern);
  return value => value.includes(needed) && matches(pattern, value);
}

/** The longest part without wildcards; empty when there is none. */
function longestLiteral(pattern: Pattern): string {
  let longest: Pattern = [];
  let start = 0;
  for (let at = 0; at <= pattern.length; at++) {
    if (at < pattern.length && (pattern[at] as number) >= 0) continue;
    if (at - start > longest.length) longest = pattern.slice(start, at);
    start = at + 1;
  }
  return String.fromCharCode(...longest);
}
