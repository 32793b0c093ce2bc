import { vpcNamespace } from '../names.ts';
import type { Ruleset } from './ruleset.ts';
import { run } from './run.ts';

/** Addresses that stopped being what they were, so that the connections they are part of must end. */
export interface Retired {
  /** Private and IPv6 addresses, and delegated prefixes, that left a port. */
  readonly privateAddresses: readonly string[];
  /** Public addresses that are no longer mapped as before. */
  readonly publicAddresses: readonly string[];
}

function gone(before: Ruleset, after: Ruleset, set: string): string[] {
  const now = after.sets.get(set);
  // What did not change is the same object.
  if (before.sets.get(set) === now) return [];
  return [...(before.sets.get(set)?.keys() ?? [])].filter(key => !now?.has(key));
}

/** What a change of the firewall retires. */
export function retiredBetween(before: Ruleset, after: Ruleset): Retired {
  const second = (key: string) => key.split(' . ')[1] ?? '';
  return {
    privateAddresses: ['destinations', 'destinations6', 'prefixes'].flatMap(set =>
      gone(before, after, `inet ${set}`).map(second),
    ),
    publicAddresses: gone(before, after, 'inet mappings').map(second),
  };
}

/**
 * Forgets tracked connections of retired addresses. Else the next owner of an address would inherit connections that
 * its security groups never allowed, and a public address that moved would still be translated as before for whoever
 * keeps sending.
 */
export async function forgetConnections(vpcId: string, retired: Retired): Promise<void> {
  const filters = [
    ...retired.privateAddresses.flatMap(address =>
      ['--orig-src', '--orig-dst', '--reply-src', '--reply-dst'].map(side => [side, address]),
    ),
    ...retired.publicAddresses.flatMap(address => ['--orig-dst', '--reply-dst'].map(side => [side, address])),
  ];
  // Exit code 1 says that there was no such connection.
  const options = { namespace: vpcNamespace(vpcId), accept: [1] };
  await Promise.all(
    filters.map(filter =>
      run(['conntrack', '-D', '-f', filter[1]?.includes(':') ? 'ipv6' : 'ipv4', ...filter], options),
    ),
  );
}
