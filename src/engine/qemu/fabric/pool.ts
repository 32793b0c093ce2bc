import { EngineError } from '../../engine.ts';
import { contains, overlaps, parsePrefix } from '../../network/ipv4.ts';
import { isPartOfUplink } from './lan-pool.ts';
import { reservedPublicAddresses } from './layout.ts';
import { ipJson } from './run.ts';

interface RouteJson {
  readonly type?: string;
  readonly dst: string;
  readonly dev?: string;
}

/**
 * Refuses a public pool that the host already reaches another way, e.g. through another server's edge; a part of the
 * network beyond the uplink may be one.
 * @throws EngineError `Invalid`
 */
export async function refuseConflict(
  publicPool: string,
  ownInterface: string,
  uplink: string | undefined,
): Promise<void> {
  const lan = await isPartOfUplink(publicPool, uplink);
  const pool = parsePrefix(publicPool);
  if (pool.length < 8 || pool.length > 28) {
    throw new EngineError('Invalid', `The public pool ${publicPool} must be a CIDR block between /8 and /28.`);
  }
  const routes = (await ipJson(undefined, '-4', 'route', 'show')) as RouteJson[];
  for (const { type, dst, dev } of routes) {
    if (dst === 'default' || type === 'blackhole' || dev === ownInterface || !overlaps(pool, parsePrefix(dst)))
      continue;
    // The pool is the more specific route.
    if (lan && dev === uplink && contains(parsePrefix(dst), pool)) continue;
    throw new EngineError(
      'Invalid',
      `The public pool ${publicPool} is in use: this machine has a route to ${dst} through ${dev ?? type}. Choose another with --public-pool.`,
    );
  }
}

/** @throws EngineError `Invalid` when an address cannot be given to a port. */
export function validatePublicAddress(publicPool: string, address: string): void {
  const usable = contains(parsePrefix(publicPool), parsePrefix(address));
  if (usable && !reservedPublicAddresses(publicPool).includes(address)) return;
  throw new EngineError(
    'Invalid',
    `${address} is not an address of the public pool ${publicPool} that ports can have.`,
  );
}
