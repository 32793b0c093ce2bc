import { expect, test } from 'vitest';
import { addressToNumber, cidrSize, contains, formatCidr, numberToAddress, parseCidr } from './ipv4.ts';

test('addresses and numbers', () => {
  expect(addressToNumber('0.0.0.0')).toBe(0);
  expect(addressToNumber('255.255.255.255')).toBe(2 ** 32 - 1);
  expect(addressToNumber('172.31.0.10')).toBe(172 * 2 ** 24 + 31 * 2 ** 16 + 10);
  expect(numberToAddress(2 ** 32 - 1)).toBe('255.255.255.255');
  expect(numberToAddress(172 * 2 ** 24 + 31 * 2 ** 16 + 10)).toBe('172.31.0.10');
});

test.each(['', '1.2.3', '1.2.3.4.5', '1.2.3.256', '01.2.3.4', '1.2.3.a', ' 1.2.3.4', '1.2.3.-4', '1e1.2.3.4'])(
  '%s is no address',
  text => expect(addressToNumber(text)).toBeUndefined(),
);

test('blocks lose their host bits', () => {
  const cidr = parseCidr('100.68.0.18/18');
  expect(cidr && formatCidr(cidr)).toBe('100.68.0.0/18');
  expect(cidr && cidrSize(cidr)).toBe(2 ** 14);
  const all = parseCidr('1.2.3.4/0');
  expect(all && formatCidr(all)).toBe('0.0.0.0/0');
  expect(all && contains(all, 2 ** 32 - 1)).toBe(true);
  const one = parseCidr('255.255.255.255/32');
  expect(one && contains(one, 2 ** 32 - 2)).toBe(false);
});

test.each([
  '10.0.0.0',
  '10.0.0.0/',
  '10.0.0.0/33',
  '10.0.0.0/08',
  '10.0.0/8',
  '/8',
  '10.0.0.0/-1',
  '10.0.0.0/8/8',
  '::/0',
])('%s is no block', text => expect(parseCidr(text)).toBeUndefined());
