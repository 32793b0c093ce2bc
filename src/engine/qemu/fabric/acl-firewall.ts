import type { NetworkAclEntryIntent, VpcIntent } from '../../engine.ts';
import { formatPrefix, parsePrefix } from '../../network/ipv4.ts';
import { formatIpv6Prefix, isIpv6Cidr, parseIpv6Prefix } from '../../network/ipv6.ts';
import { protocolMatch } from './group-firewall.ts';
import { subnetTable } from './layout.ts';
import type { Transaction } from './transaction.ts';

/** Network ACLs: a chain for each direction, which returns what it allows. Subnets find theirs by their mark. */

const aclChain = /^acl-\w+-(in|out)$/;

function addressMatch(cidr: string, side: 'saddr' | 'daddr'): string {
  const ipv6 = isIpv6Cidr(cidr);
  const prefix = ipv6 ? formatIpv6Prefix(parseIpv6Prefix(cidr)) : formatPrefix(parsePrefix(cidr));
  if (prefix.endsWith('/0')) return `meta nfproto ${ipv6 ? 'ipv6' : 'ipv4'} `;
  return `${ipv6 ? 'ip6' : 'ip'} ${side} ${prefix} `;
}

/** nft rules of one direction. What no entry matches is denied, as by EC2's entry `*`. */
export function compileEntries(entries: readonly NetworkAclEntryIntent[], direction: 'in' | 'out'): string[] {
  const side = direction === 'in' ? 'saddr' : 'daddr';
  const sorted = [...entries].sort((a, b) => a.ruleNumber - b.ruleNumber);
  return [
    ...sorted.map(
      entry => `${addressMatch(entry.cidrBlock, side)}${protocolMatch(entry)}${entry.allow ? 'return' : 'drop'}`,
    ),
    'drop',
  ];
}

export function ensureNetworkAcls(transaction: Transaction, intent: VpcIntent): void {
  const wanted = new Set<string>();
  for (const { networkAclId, ingress, egress } of intent.networkAcls ?? []) {
    for (const [direction, entries] of [['in', ingress] as const, ['out', egress] as const]) {
      const chain = `${networkAclId}-${direction}`;
      transaction.ensureChain(chain, compileEntries(entries, direction));
      wanted.add(chain);
    }
  }
  for (const direction of ['in', 'out'] as const) {
    const verdicts = intent.subnets.flatMap(({ subnetId, networkAclId }): [string, string][] =>
      networkAclId === undefined ? [] : [[String(subnetTable(subnetId)), `jump ${networkAclId}-${direction}`]],
    );
    transaction.replaceElements(`inet acl_${direction}`, () => true, new Map(verdicts));
  }
  const chains = [...transaction.ruleset.chains.keys()];
  transaction.removeChains(chains.filter(chain => aclChain.test(chain) && !wanted.has(chain)));
}
