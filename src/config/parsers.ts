import { isIP } from 'node:net';

/**
 * Readers of single settings: text in, checked text out.
 * Each throws an Error whose message completes the sentence "<setting> …".
 */
export type Parser = (text: string) => string;

export const text: Parser = value => {
  if (value.trim() === '') throw new Error('must not be empty');
  return value;
};

export function oneOf(...choices: string[]): Parser {
  return value => {
    if (!choices.includes(value)) throw new Error(`must be ${choices.join(' or ')}, not '${value}'`);
    return value;
  };
}

/** A decimal number, not signed and not in exponential form. */
function decimal(value: string): number {
  return /^\d+(\.\d+)?$/.test(value) ? Number(value) : Number.NaN;
}

/** A number above zero of some unit. */
export function positive(unit: string): Parser {
  return value => {
    if (!(decimal(value) > 0)) throw new Error(`must be a number of ${unit} above 0, such as 8, not '${value}'`);
    return value;
  };
}

export function between(least: number, most: number): Parser {
  return value => {
    const number = decimal(value);
    if (!(number >= least && number <= most)) {
      throw new Error(`must be a number from ${least} to ${most}, not '${value}'`);
    }
    return value;
  };
}

/** The two halves of `HOST:PORT`, `[IPV6]:PORT` or `PORT`. Port 0 asks for any free one. */
export function splitListen(value: string): { host: string; port: number } {
  const match = /^(?:(?:\[([^\]]+)\]|([^:[\]]*)):)?(\d{1,5})$/.exec(value);
  const host = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3] ?? Number.NaN);
  if (match === null || port > 65535 || (match[1] !== undefined && isIP(match[1]) !== 6)) {
    throw new Error(`must be HOST:PORT, such as 127.0.0.1:4566 or [::1]:4566, not '${value}'`);
  }
  return { host: host === '' ? '127.0.0.1' : host, port };
}

export const listen: Parser = value => {
  splitListen(value);
  return value;
};

/** An IPv4 prefix with room for instances, written with its first address: `198.18.0.0/16`. */
export const ipv4Pool: Parser = value => {
  const [address, length, ...rest] = value.split('/');
  const bits = Number(length);
  if (address === undefined || isIP(address) !== 4 || !/^\d{1,2}$/.test(length ?? '') || rest.length > 0 || bits > 32) {
    throw new Error(`must be an IPv4 prefix, such as 198.18.0.0/16, not '${value}'`);
  }
  if (bits < 8 || bits > 28) throw new Error(`must have a length from /8 to /28, not /${bits}`);
  const number = address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const first = number - (number % 2 ** (32 - bits));
  if (first !== number) {
    const octets = [24, 16, 8, 0].map(shift => Math.floor(first / 2 ** shift) % 256).join('.');
    throw new Error(`must begin at the prefix's first address: ${octets}/${bits}`);
  }
  return value;
};

/** Name of a network interface as Linux allows it. */
export const interfaceName: Parser = value => {
  if (!/^[^\s/:]{1,15}$/.test(value) || value === '.' || value === '..') {
    throw new Error(`must be the name of a network interface, such as eth0, not '${value}'`);
  }
  return value;
};

export const accountId: Parser = value => {
  if (!/^\d{12}$/.test(value)) throw new Error('must have twelve digits');
  return value;
};

/** As IAM documents access key ids: 16 to 128 word characters. */
export const accessKeyId: Parser = value => {
  if (!/^\w{16,128}$/.test(value)) throw new Error('must have 16 to 128 letters, digits or underscores');
  return value;
};

/** The value stays out of the message: it is a secret. */
export const secretAccessKey: Parser = value => {
  if (!/^[\x21-\x7e]{16,128}$/.test(value)) throw new Error('must have 16 to 128 printable characters without spaces');
  return value;
};

export const regionName: Parser = value => {
  if (!/^[a-z]{2}(-[a-z]+)+-\d$/.test(value)) throw new Error(`must be a region, such as us-east-1, not '${value}'`);
  return value;
};
