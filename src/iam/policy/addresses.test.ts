import { expect, it } from 'vitest';
import { holds } from './testing.ts';

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_IPAddress */
const cases: readonly (readonly [words: string, range: unknown, address: string, within: boolean])[] = [
  ['inside a range', '203.0.113.0/24', '203.0.113.7', true],
  ['the first address', '203.0.113.0/24', '203.0.113.0', true],
  ['the last address', '203.0.113.0/24', '203.0.113.255', true],
  ['the next range', '203.0.113.0/24', '203.0.114.0', false],
  ['the range before', '203.0.113.0/24', '203.0.112.255', false],
  ['one address without a prefix', '203.0.113.7', '203.0.113.7', true],
  ['another address without a prefix', '203.0.113.7', '203.0.113.8', false],
  ['/32 is one address', '203.0.113.7/32', '203.0.113.6', false],
  ['/31 is two', '203.0.113.6/31', '203.0.113.7', true],
  ['/31 is not three', '203.0.113.6/31', '203.0.113.8', false],
  ['/0 is every address', '0.0.0.0/0', '198.51.100.1', true],
  ['/8', '10.0.0.0/8', '10.255.255.255', true],
  ['/8, outside', '10.0.0.0/8', '11.0.0.0', false],
  ['/17, lower half', '10.0.0.0/17', '10.0.127.255', true],
  ['/17, upper half', '10.0.0.0/17', '10.0.128.0', false],
  ['an address with bits behind the prefix', '203.0.113.99/24', '203.0.113.7', true],
  ['high addresses', '255.255.255.0/24', '255.255.255.255', true],
  ['one of several ranges', ['10.0.0.0/8', '192.168.0.0/16'], '192.168.1.1', true],
  ['none of several ranges', ['10.0.0.0/8', '192.168.0.0/16'], '172.16.0.1', false],
  ['IPv6, inside', '2001:db8:1234:5678::/64', '2001:db8:1234:5678::1', true],
  ['IPv6, written otherwise', '2001:DB8:1234:5678::/64', '2001:0db8:1234:5678:0:0:0:1', true],
  ['IPv6, outside', '2001:db8:1234:5678::/64', '2001:db8:1234:5679::1', false],
  ['IPv6, without a prefix', '2001:db8::1', '2001:db8:0:0::1', true],
  ['IPv6, another address', '2001:db8::1', '2001:db8::2', false],
  ['IPv6, a prefix within a group', '2001:db8::/33', '2001:db8:7fff::1', true],
  ['IPv6, outside of such a prefix', '2001:db8::/33', '2001:db8:8000::1', false],
  ['IPv6, every address', '::/0', 'fe80::1', true],
  ['IPv6 ranges hold no IPv4 addresses', '::/0', '203.0.113.7', false],
  ['IPv4 ranges hold no IPv6 addresses', '0.0.0.0/0', '2001:db8::1', false],
  ['both kinds in a list', ['203.0.113.0/24', '2001:db8::/32'], '2001:db8:ffff::1', true],
  ['an IPv4 address as a socket of IPv6 gives it', '127.0.0.0/8', '::ffff:127.0.0.1', true],
  ['an IPv4 range written so', '::ffff:203.0.113.0/120', '203.0.113.7', true],
  ['a range that is none', '203.0.113.0/33', '203.0.113.0', false],
  ['a prefix that is no number', '203.0.113.0/x', '203.0.113.0', false],
  ['half an address', '203.0.113', '203.0.113.0', false],
  ['wildcards are not for addresses', '203.0.113.*', '203.0.113.7', false],
  ['something else in the request', '0.0.0.0/0', 'ec2.amazonaws.com', false],
];

it.each(cases)('%s: %j, %s', (_words, range, address, within) => {
  const keys = { 'aws:SourceIp': address };
  expect(holds({ IpAddress: { 'aws:SourceIp': range } }, keys)).toBe(within);
  expect(holds({ NotIpAddress: { 'aws:SourceIp': range } }, keys)).toBe(!within);
});

it('a request without an address is in no range', () => {
  expect(holds({ IpAddress: { 'aws:SourceIp': '0.0.0.0/0' } }, {})).toBe(false);
  expect(holds({ NotIpAddress: { 'aws:SourceIp': '0.0.0.0/0' } }, {})).toBe(true);
});
