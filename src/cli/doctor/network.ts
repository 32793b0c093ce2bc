import { open, readFile } from 'node:fs/promises';
import type { Configuration } from '../../config/resolve.ts';
import { findCommand } from '../packages.ts';
import { type Check, type Finding, fail, ok, probe, warn } from './check.ts';
import { overlaps } from './prefix.ts';

/** Rights and kernel features that the network of instances is made of. */
export function networkChecks(configuration: Configuration): Check[] {
  return [
    { name: 'rights', run: rights },
    { name: '/dev/net/tun', run: tun },
    { name: 'namespaces', run: namespaces },
    { name: 'nftables', run: nftables },
    { name: 'public pool', run: () => publicPool(configuration.publicPool) },
    ...(configuration.uplink === undefined ? [] : [{ name: 'uplink', run: () => uplink(configuration.uplink ?? '') }]),
  ];
}

/** Bits of /proc/self/status's CapEff, from linux/capability.h. */
const capabilities = { CHOWN: 0, SETGID: 6, SETUID: 7, NET_BIND_SERVICE: 10, NET_ADMIN: 12, SYS_ADMIN: 21 };

async function rights(): Promise<Finding> {
  if (process.getuid?.() !== 0) return fail('not root', 'Run this with sudo, or without machines: --engine simulator.');
  const status = await readFile('/proc/self/status', 'utf8');
  const missing = missingCapabilities(BigInt(`0x${/^CapEff:\s+([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`));
  if (missing.length === 0) return ok('root with the capabilities that are needed');
  return fail(
    `root, but without ${missing.join(', ')}`,
    `In a container: --cap-add ${missing.join(' --cap-add ')}, or --privileged.`,
  );
}

/** Names of the needed capabilities that a set of effective ones lacks. */
export function missingCapabilities(effective: bigint): string[] {
  return Object.entries(capabilities)
    .filter(([, bit]) => ((effective >> BigInt(bit)) & 1n) === 0n)
    .map(([name]) => name);
}

async function tun(): Promise<Finding> {
  try {
    await (await open('/dev/net/tun', 'r+')).close();
    return ok('can be opened');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') {
      return fail(
        'is missing',
        'modprobe tun; mkdir -p /dev/net && mknod /dev/net/tun c 10 200 (in a container: --device /dev/net/tun)',
      );
    }
    return fail(
      `cannot be opened: ${code}`,
      'modprobe tun, or allow the device in the container: --device /dev/net/tun',
    );
  }
}

async function namespaces(): Promise<Finding> {
  const made = await probe(['unshare', '--net', 'true']);
  if (made.ok) return ok('network namespaces can be made');
  return fail(
    `no network namespace can be made: ${made.error}`,
    'In a container: --privileged, or --cap-add SYS_ADMIN --cap-add NET_ADMIN.',
  );
}

/** The kernel features that security groups and public addresses use, in a namespace that ends with the check. */
const ruleset = `
table inet probe {
  set members { type ipv4_addr; flags interval; elements = { 10.0.0.0/24 } }
  map ports { type ifname : verdict; elements = { "probe0" : accept } }
  chain forwarding {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    ip saddr @members iifname vmap @ports
  }
}
table ip probe_nat {
  map addresses { type ipv4_addr : ipv4_addr; elements = { 10.0.0.1 : 198.18.0.1 } }
  chain out { type nat hook postrouting priority 100; snat to ip saddr map @addresses; }
}
`;

async function nftables(): Promise<Finding> {
  if (findCommand('nft') === undefined) return warn('cannot be tried without nft', 'apt-get install nftables');
  const loaded = await probe(['unshare', '--net', 'nft', '-f', '-'], ruleset);
  if (loaded.ok) return ok('sets, maps, connection tracking and NAT can be used');
  return fail(
    `the kernel refuses a rule: ${loaded.error.split('\n')[0]}`,
    'modprobe nf_tables nft_ct nft_nat nf_nat; the kernel needs CONFIG_NF_TABLES_INET.',
  );
}

interface Route {
  readonly dst: string;
  readonly dev?: string;
  readonly type?: string;
}

/** Is the pool of public addresses in use by a network of this host? */
async function publicPool(pool: string): Promise<Finding> {
  if (findCommand('ip') === undefined) return warn('cannot be looked at without ip', 'apt-get install iproute2');
  const listed = await probe(['ip', '-json', '-4', 'route', 'show', 'table', 'all']);
  if (!listed.ok) return fail(`the routes of this machine cannot be read: ${listed.error}`);
  const conflict = poolConflict(pool, JSON.parse(listed.output || '[]') as Route[]);
  if (conflict === undefined) return ok(`${pool} is used by nothing else here`);
  return fail(
    `${pool} overlaps the route to ${conflict}`,
    'Choose another one with --public-pool, such as 198.19.0.0/16.',
  );
}

/** The route of somebody else that overlaps the pool. Interfaces of Fogbank begin with `fb`. */
export function poolConflict(pool: string, routes: readonly Route[]): string | undefined {
  const conflict = routes.find(route => {
    if (route.dst === 'default' || route.type === 'blackhole' || route.dev?.startsWith('fb')) return false;
    return overlaps(pool, route.dst);
  });
  return conflict && `${conflict.dst}${conflict.dev === undefined ? '' : ` on ${conflict.dev}`}`;
}

async function uplink(name: string): Promise<Finding> {
  const found = await probe(['ip', '-json', 'link', 'show', 'dev', name]);
  return found.ok
    ? ok(`${name} is there`)
    : fail(`there is no interface ${name}`, 'ip link shows those that there are.');
}
