import { describe, expect, test } from 'vitest';
import * as parse from './parsers.ts';

describe('listen', () => {
  test.each([
    ['127.0.0.1:4566', '127.0.0.1', 4566],
    ['[::1]:80', '::1', 80],
    ['localhost:0', 'localhost', 0],
    [':4566', '127.0.0.1', 4566],
    ['4566', '127.0.0.1', 4566],
  ])('%s', (text, host, port) => expect(parse.splitListen(text)).toEqual({ host, port }));

  test.each(['', '127.0.0.1', '127.0.0.1:65536', '127.0.0.1:', '::1:80', '[127.0.0.1]:80', 'a:b:1', '1:-1'])(
    'refuses %j',
    text => expect(() => parse.listen(text)).toThrow('must be HOST:PORT'),
  );
});

describe('public pool', () => {
  test.each(['198.18.0.0/16', '10.0.0.0/8', '198.19.7.16/28', '224.0.0.0/8'])('%s', text =>
    expect(parse.ipv4Pool(text)).toBe(text),
  );

  test.each([
    ['198.18.0.0', 'must be an IPv4 prefix'],
    ['198.18.0/16', 'must be an IPv4 prefix'],
    ['fd00::/64', 'must be an IPv4 prefix'],
    ['198.18.0.0/016x', 'must be an IPv4 prefix'],
    ['198.18.0.0/33', 'must be an IPv4 prefix'],
    ['198.18.0.0/16/16', 'must be an IPv4 prefix'],
    ['198.18.0.0/29', 'from /8 to /28'],
    ['0.0.0.0/0', 'from /8 to /28'],
    ['198.18.5.0/16', "prefix's first address: 198.18.0.0/16"],
    ['255.255.255.200/27', "prefix's first address: 255.255.255.192/27"],
  ])('refuses %s', (text, message) => expect(() => parse.ipv4Pool(text)).toThrow(message));
});

test.each(['a b', 'eth0/../x', 'sixteen-letters-', '', '..'])('refuses %j as an interface', text =>
  expect(() => parse.interfaceName(text)).toThrow('network interface'),
);

test('a secret does not appear in its own error', () => {
  expect(() => parse.secretAccessKey('my secret')).toThrow(/^(?!.*my secret)/);
});

test.each(['1', '1.5', '32'])('a ratio of %s', text => expect(parse.between(1, 32)(text)).toBe(text));
test.each(['0.9', '32.1', '-2', '1e1', '2x', '', 'NaN'])('refuses a ratio of %j', text =>
  expect(() => parse.between(1, 32)(text)).toThrow('must be a number from 1 to 32'),
);
test.each(['8', '0.5'])('%s GiB', text => expect(parse.positive('GiB')(text)).toBe(text));
test.each(['0', '-1', '', '8 GiB', 'Infinity'])('refuses %j as GiB', text =>
  expect(() => parse.positive('GiB')(text)).toThrow('must be a number of GiB above 0'),
);

test.each(['us-east-1', 'ap-southeast-2', 'us-gov-west-1'])('region %s', text =>
  expect(parse.regionName(text)).toBe(text),
);
test.each(['us-east-1a', 'US-EAST-1', 'x'])('refuses region %s', text =>
  expect(() => parse.regionName(text)).toThrow('a region'),
);
