import { expect, test } from 'vitest';
import { createTokens, parseTokenLifetime } from './tokens.ts';

const tokens = createTokens(new Uint8Array(32).fill(1));
const now = Date.UTC(2026, 0, 31);

test('a token is good for its instance until its time is over', () => {
  const token = tokens.issue('i-0aaaaaaaaaaaaaaaa', 60, now);
  expect(token).toMatch(/^[\w-]{54}==$/);
  expect(tokens.remaining('i-0aaaaaaaaaaaaaaaa', token, now)).toBe(60);
  expect(tokens.remaining('i-0aaaaaaaaaaaaaaaa', token, now + 59_999)).toBe(1);
  expect(tokens.remaining('i-0aaaaaaaaaaaaaaaa', token, now + 60_000)).toBeUndefined();
});

test('a token of another instance or another key is worth nothing', () => {
  const token = tokens.issue('i-0aaaaaaaaaaaaaaaa', 60, now);
  expect(tokens.remaining('i-0bbbbbbbbbbbbbbbb', token, now)).toBeUndefined();
  expect(createTokens(new Uint8Array(32).fill(2)).remaining('i-0aaaaaaaaaaaaaaaa', token, now)).toBeUndefined();
});

test('no changed byte passes', () => {
  const token = tokens.issue('i-0aaaaaaaaaaaaaaaa', 60, now);
  for (let byte = 0; byte < 40; byte++) {
    const bytes = Buffer.from(token, 'base64url');
    bytes[byte] = (bytes[byte] ?? 0) ^ 1;
    expect(tokens.remaining('i-0aaaaaaaaaaaaaaaa', `${bytes.toString('base64url')}==`, now)).toBeUndefined();
  }
  for (const other of ['', 'x', `${token}=`, token.slice(2), `${token}, ${token}`]) {
    expect(tokens.remaining('i-0aaaaaaaaaaaaaaaa', other, now)).toBeUndefined();
  }
});

test('tokens of one moment differ', () => {
  expect(tokens.issue('i-0aaaaaaaaaaaaaaaa', 60, now)).not.toBe(tokens.issue('i-0aaaaaaaaaaaaaaaa', 60, now));
});

test.each([
  ['1', 1],
  ['21600', 21_600],
  ['0', undefined],
  ['21601', undefined],
  ['-1', undefined],
  ['1.5', undefined],
  ['1e3', undefined],
  ['0x10', undefined],
  ['', undefined],
  ['999999999999', undefined],
  [undefined, undefined],
])('a lifetime of %s is read as %s', (header, seconds) => {
  expect(parseTokenLifetime(header)).toBe(seconds);
});
