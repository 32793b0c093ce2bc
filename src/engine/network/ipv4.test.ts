import { describe, expect, it } from 'vitest';
import { addressAt, contains, netmask, overlaps, parseAddress, parsePrefix, withoutContained } from './ipv4.ts';

describe('IPv4 arithmetic', () => {
  it('works in the upper half of the address space', () => {
    expect(addressAt(parsePrefix('198.18.0.0/16'), -1)).toBe('198.18.255.255');
    expect(addressAt(parsePrefix('255.255.255.0/24'), 1)).toBe('255.255.255.1');
    expect(netmask(parsePrefix('172.31.16.0/20'))).toBe('255.255.240.0');
    expect(netmask(parsePrefix('0.0.0.0/0'))).toBe('0.0.0.0');
  });

  it('clears host bits and compares prefixes', () => {
    expect(parsePrefix('10.1.2.3/8')).toEqual(parsePrefix('10.0.0.0/8'));
    expect(contains(parsePrefix('0.0.0.0/0'), parsePrefix('203.0.113.9'))).toBe(true);
    expect(contains(parsePrefix('10.0.0.0/16'), parsePrefix('10.0.0.0/8'))).toBe(false);
    expect(overlaps(parsePrefix('10.0.0.0/16'), parsePrefix('10.0.0.0/8'))).toBe(true);
    expect(overlaps(parsePrefix('10.0.0.0/16'), parsePrefix('10.1.0.0/16'))).toBe(false);
  });

  it.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '1.2.3.-4',
    '1.2.3.4 ',
    'a.b.c.d',
    '1.2.3.4/33',
    '1.2.3.4/',
    '1.2.3.4/8/8',
  ])('refuses %j', text => expect(() => parsePrefix(text)).toThrow('is not an IPv4'));

  it('refuses a prefix where an address belongs', () => {
    expect(() => parseAddress('10.0.0.0/8')).toThrow('is not an IPv4 address');
  });

  it('drops what others contain', () => {
    expect(withoutContained(['10.1.0.0/16', '192.0.2.1/32', '10.0.0.0/8', '192.0.2.1', '10.1.2.3/32'])).toEqual([
      '10.0.0.0/8',
      '192.0.2.1/32',
    ]);
    expect(withoutContained(['10.0.0.0/8', '0.0.0.0/0'])).toEqual(['0.0.0.0/0']);
  });
});
