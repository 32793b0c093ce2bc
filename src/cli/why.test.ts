import { describe, expect, it } from 'vitest';
import { splitPort, wordsOf } from './why.ts';

describe('fogbank why', () => {
  it.each([
    ['web', { name: 'web' }],
    ['web:80', { name: 'web', port: 80 }],
    ['10.0.0.5:22', { name: '10.0.0.5', port: 22 }],
    ['2001:db8::5', { name: '2001:db8::5' }],
    ['[2001:db8::5]:22', { name: '2001:db8::5', port: 22 }],
    ['[2001:db8::5]', { name: '2001:db8::5' }],
    ['a:b', { name: 'a:b' }],
  ])('reads %s', (text, end) => expect(splitPort(text)).toEqual(end));

  it('refuses a port that cannot be', () => expect(() => splitPort('web:65536')).toThrow('no port 65536'));

  it('prints the answer, what stops it with its remedy, and the way', () => {
    const answer = {
      reachable: false,
      summary: 'a cannot reach b.',
      obstacles: [{ what: 'It is closed.', fix: 'aws open' }, { what: 'It is far.' }],
      forward: ['a', 'b'],
      back: [],
    };
    expect(wordsOf(answer)).toBe(
      'a cannot reach b.\n\n  It is closed.\n    aws open\n\n  It is far.\n\nThe way there, as far as it is open:\n  1. a\n  2. b\n',
    );
  });
});
