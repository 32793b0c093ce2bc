import { expect, test } from 'vitest';
import { canonicalIpv6Cidr } from './ipv6.ts';

test.each([
  ['::/0', '::/0'],
  ['2001:DB8::1/32', '2001:db8::/32'],
  ['2001:db8:0:0:1:0:0:1/128', '2001:db8::1:0:0:1/128'],
  ['2001:db8:0:1:1:1:1:1/128', '2001:db8:0:1:1:1:1:1/128'],
  ['fe80:0:0:0:ffff:ffff:ffff:ffff/63', 'fe80::/63'],
  ['::ffff:10.0.0.1/128', '::ffff:a00:1/128'],
  ['1:2:3:4:5:6:7::/128', '1:2:3:4:5:6:7:0/128'],
  ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/1', '8000::/1'],
])('%s is %s', (given, canonical) => expect(canonicalIpv6Cidr(given)).toBe(canonical));

test.each(['::', '::/129', '::/01', '10.0.0.0/8', ':::/0', 'fe80::1%eth0/64', '1:2:3/64', 'g::/8', '/64', '::/'])(
  '%s is no IPv6 block',
  text => expect(canonicalIpv6Cidr(text)).toBeUndefined(),
);
