import { EngineError } from '../../engine.ts';
import { addressesOf, contains, type Prefix, parsePrefix } from '../../network/ipv4.ts';
import { reservedPublicAddresses } from './layout.ts';
import { ipBatch, ipJson } from './run.ts';

/*
 * A public pool that is a part of the network beyond the uplink: machines there reach instances by addresses of their
 * own network. The host answers ARP for them there, and packets keep their addresses.
 */

/** The shortest prefix of such a pool: each of its addresses is an entry of the kernel's. */
const shortest = 22;

interface RouteJson {
  readonly dst: string;
  readonly dev?: string;
  readonly gateway?: string;
}

interface AddressJson {
  readonly ifname: string;
  readonly addr_info?: readonly { readonly local?: string }[];
}

/**
 * Whether the pool is a part of the network that the uplink is in.
 * @throws EngineError `Invalid` when it is, and cannot be used: too large, or this machine's or its router's address in it
 */
export async function isPartOfUplink(publicPool: string, uplink: string | undefined): Promise<boolean> {
  if (uplink === undefined) return false;
  const pool = parsePrefix(publicPool);
  const routes = (await ipJson(undefined, '-4', 'route', 'show')) as RouteJson[];
  const around = routes.find(
    ({ dst, dev, gateway }) => dev === uplink && gateway === undefined && dst !== 'default' && isWithin(pool, dst),
  );
  if (around === undefined) return false;
  if (pool.length < shortest) {
    throw new EngineError(
      'Invalid',
      `The public pool ${publicPool} is too large for a part of ${around.dst} on ${uplink}: /${shortest} at most.`,
    );
  }
  const interfaces = (await ipJson(undefined, '-4', 'address', 'show', 'dev', uplink)) as AddressJson[];
  const own = interfaces.flatMap(one => one.addr_info ?? []).flatMap(one => one.local ?? []);
  const taken = [...own, ...routes.flatMap(one => one.gateway ?? [])].find(one => contains(pool, parsePrefix(one)));
  if (taken !== undefined) {
    throw new EngineError(
      'Invalid',
      `The public pool ${publicPool} contains ${taken}, which this machine or its router has. Choose a part of ${around.dst} that nobody uses.`,
    );
  }
  return true;
}

function isWithin(pool: Prefix, network: string): boolean {
  const around = parsePrefix(network);
  return around.length < pool.length && contains(around, pool);
}

/** Answers ARP for every address of the pool that instances can have, on that interface and no other. */
export async function answerArp(publicPool: string, uplink: string): Promise<void> {
  const there = new Set((await proxiesOf(publicPool)).flatMap(one => (one.dev === uplink ? [one.dst] : [])));
  const reserved = new Set(reservedPublicAddresses(publicPool));
  const wanted = addressesOf(parsePrefix(publicPool)).filter(one => !reserved.has(one) && !there.has(one));
  await ipBatch(undefined, [
    // The kernel would wait up to 0.8 s before it answers for others.
    `ntable change name arp_cache dev ${uplink} proxy_delay 0`,
    ...wanted.map(address => `neigh add proxy ${address} dev ${uplink}`),
  ]);
}

/** Answers for no address of the pool any more, on whatever interface it did, but for `except`. */
export async function stopAnsweringArp(publicPool: string, except?: string): Promise<void> {
  const proxies = (await proxiesOf(publicPool)).filter(({ dev }) => dev !== except);
  await ipBatch(
    undefined,
    proxies.map(({ dst, dev }) => `neigh del proxy ${dst} dev ${dev}`),
  );
}

async function proxiesOf(publicPool: string): Promise<{ readonly dst: string; readonly dev: string }[]> {
  const pool = parsePrefix(publicPool);
  const all = (await ipJson(undefined, '-4', 'neigh', 'show', 'proxy')) as { dst: string; dev: string }[];
  return all.filter(({ dst }) => contains(pool, parsePrefix(dst)));
}
