import { lookup } from 'node:dns/promises';
import { BlockList, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { ImageError } from './types.ts';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addSubnet('0.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');
loopback.addAddress('::', 'ipv6');

/** Where clouds have their metadata services, which would give a machine's credentials to whoever asks on it. */
const linkLocal = new BlockList();
linkLocal.addSubnet('169.254.0.0', 16, 'ipv4');
linkLocal.addSubnet('fe80::', 10, 'ipv6');
linkLocal.addSubnet('fd00:ec2::', 32, 'ipv6');

/**
 * Whether what lies behind an address may be fetched for somebody: the server reaches more than he does.
 * @param local also what this machine itself serves
 * @throws ImageError
 */
export async function checkAddress(url: URL, local: boolean): Promise<void> {
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new ImageError(`${url.protocol}// leads to nothing that can be fetched`);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  let found: readonly { readonly address: string }[];
  try {
    found = await lookup(host, { all: true });
  } catch (error) {
    throw new ImageError(`cannot reach ${url.host}: ${error instanceof Error ? error.message : error}`);
  }
  const own = Object.values(networkInterfaces()).flatMap(cards => cards?.map(card => card.address) ?? []);
  for (const { address } of found) {
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    const isLocal = loopback.check(address, family) || own.includes(address);
    if (linkLocal.check(address, family) || (isLocal && !local))
      throw new ImageError(`${url.host} is an address from which nothing is fetched`);
  }
}
