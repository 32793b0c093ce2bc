import { describe, expect, it } from 'vitest';
import {
  containsIpv6,
  formatIpv6Prefix,
  ipv6At,
  linkLocalOf,
  normalIpv6,
  overlapsIpv6,
  parseCidr,
  parseIpv6Prefix,
  withoutContainedIpv6,
} from './ipv6.ts';

describe('IPv6 arithmetic', () => {
  it.each([
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['::1', '::1'],
    ['fe80::', 'fe80::'],
    ['2001:0db8::0001', '2001:db8::1'],
  ])('writes %s as %s', (text, normal) => expect(normalIpv6(text)).toBe(normal));

  it('clears host bits and compares prefixes', () => {
    expect(formatIpv6Prefix(parseIpv6Prefix('2001:db8:1:2::5/56'))).toBe('2001:db8:1::/56');
    expect(containsIpv6(parseIpv6Prefix('::/0'), parseIpv6Prefix('2001:db8::1'))).toBe(true);
    expect(containsIpv6(parseIpv6Prefix('2001:db8::/64'), parseIpv6Prefix('2001:db8::/56'))).toBe(false);
    expect(overlapsIpv6(parseIpv6Prefix('2001:db8::/32'), parseIpv6Prefix('2001:db8:1::/48'))).toBe(true);
    expect(overlapsIpv6(parseIpv6Prefix('2001:db8:1::/48'), parseIpv6Prefix('2001:db8:2::/48'))).toBe(false);
    expect(ipv6At(parseIpv6Prefix('2001:db8:0:0:ffff::/80'), 1)).toBe('2001:db8::ffff:0:0:1');
  });

  it('leaves out what others contain', () => {
    expect(withoutContainedIpv6(['2001:db8:1::/48', 'fd00::/8', '2001:db8::/32'])).toEqual([
      '2001:db8::/32',
      'fd00::/8',
    ]);
  });

  it('finds the link-local address of a MAC address', () => {
    expect(linkLocalOf('0e:1b:00:00:00:0a')).toBe('fe80::c1b:ff:fe00:a');
  });

  it.each(['', '::g', '1::2::3', '2001:db8::/129', '2001:db8::/64/1', 'fe80::1%eth0', '::ffff:1.2.3.4', '2001:db8::/'])(
    'refuses %j',
    text => expect(() => parseCidr(text.includes(':') ? text : `${text}:`)).toThrow('is not an IPv6'),
  );
});
