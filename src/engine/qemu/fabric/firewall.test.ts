import { describe, expect, it } from 'vitest';
import { retiredBetween } from './conntrack.ts';
import { compileRules, ensureGroupFirewall, removeGroupFirewall } from './group-firewall.ts';
import { anywhere, groupIntent, portIntent, vpcIntent } from './intents.test-data.ts';
import { ensurePortFirewall, removePortFirewall } from './port-firewall.ts';
import { copyRuleset, emptyRuleset, parseRuleset, type Ruleset } from './ruleset.ts';
import { Transaction } from './transaction.ts';
import { ensureVpcFirewall } from './vpc-firewall.ts';

const vpcId = 'vpc-00000000000000001';
const group = 'sg-0aaaaaaaaaaaaaaa1';
const other = 'sg-0aaaaaaaaaaaaaaa2';

/** A VPC with both groups. */
function base(): Ruleset {
  const transaction = new Transaction(emptyRuleset());
  ensureVpcFirewall(transaction, vpcIntent(vpcId));
  ensureGroupFirewall(transaction, groupIntent(vpcId, group, [{ protocol: -1, groupId: other }]));
  ensureGroupFirewall(transaction, groupIntent(vpcId, other, []));
  return transaction.ruleset;
}

describe('rules of a group', () => {
  it.each([
    [{ protocol: -1, cidrIpv4: '0.0.0.0/0' }, 'meta nfproto ipv4 accept'],
    [{ protocol: 6, fromPort: 22, toPort: 22, cidrIpv4: '10.0.0.0/8' }, 'ip saddr { 10.0.0.0/8 } tcp dport 22 accept'],
    [
      { protocol: 17, fromPort: 53, toPort: 60, cidrIpv4: '10.0.0.0/8' },
      'ip saddr { 10.0.0.0/8 } udp dport 53-60 accept',
    ],
    [{ protocol: 6, fromPort: 0, toPort: 65_535, cidrIpv4: '0.0.0.0/0' }, 'meta nfproto ipv4 meta l4proto tcp accept'],
    [{ protocol: 6, fromPort: 0, toPort: 0, cidrIpv4: '0.0.0.0/0' }, 'meta nfproto ipv4 tcp dport 0 accept'],
    [{ protocol: 1, icmpType: -1, icmpCode: -1, cidrIpv4: '0.0.0.0/0' }, 'meta nfproto ipv4 meta l4proto 1 accept'],
    [
      { protocol: 1, icmpType: 3, icmpCode: 4, cidrIpv4: '0.0.0.0/0' },
      'meta nfproto ipv4 icmp type 3 icmp code 4 accept',
    ],
    [{ protocol: 1, icmpType: 0, icmpCode: -1, cidrIpv4: '0.0.0.0/0' }, 'meta nfproto ipv4 icmp type 0 accept'],
    [{ protocol: 50, cidrIpv4: '0.0.0.0/0' }, 'meta nfproto ipv4 meta l4proto 50 accept'],
    [{ protocol: -1, cidrIpv6: '::/0' }, 'meta nfproto ipv6 accept'],
    [
      { protocol: 6, fromPort: 22, toPort: 22, cidrIpv6: '2001:DB8::1/64' },
      'ip6 saddr { 2001:db8::/64 } tcp dport 22 accept',
    ],
    [
      { protocol: 58, icmpType: 1, icmpCode: 4, cidrIpv6: '::/0' },
      'meta nfproto ipv6 icmpv6 type 1 icmpv6 code 4 accept',
    ],
  ])('%j is %s', (rule, text) => expect(compileRules([rule], 'in')).toEqual([text]));

  it('that name a group look for its members of both IP versions', () =>
    expect(compileRules([{ protocol: -1, groupId: group }], 'in')).toEqual([
      `ip saddr @members-${group} accept`,
      `ip6 saddr @members6-${group} accept`,
    ]));

  it('lead from the egress gate to the ingress gate', () => {
    expect(compileRules([anywhere], 'out')).toEqual(['meta nfproto ipv4 goto to_port']);
    expect(compileRules([{ protocol: -1, cidrIpv4: '10.0.0.0/8' }], 'out')).toEqual([
      'ip daddr { 10.0.0.0/8 } goto to_port',
    ]);
  });

  it('that differ in their source only are one', () => {
    const ssh = { protocol: 6, fromPort: 22, toPort: 22 };
    const rules = ['192.0.2.0/24', '10.0.0.0/8', '10.1.0.0/16'].map(cidrIpv4 => ({ ...ssh, cidrIpv4 }));
    expect(compileRules(rules, 'in')).toEqual(['ip saddr { 10.0.0.0/8, 192.0.2.0/24 } tcp dport 22 accept']);
    expect(compileRules([...rules, { ...ssh, cidrIpv4: '0.0.0.0/0' }], 'in')).toEqual([
      'meta nfproto ipv4 tcp dport 22 accept',
    ]);
  });

  it('of all addresses of both IP versions are one', () => {
    expect(compileRules([anywhere, { protocol: -1, cidrIpv6: '::/0' }], 'in')).toEqual(['accept']);
  });
});

describe('a transaction', () => {
  it('is empty when everything is as intended', () => {
    const ruleset = base();
    const transaction = new Transaction(ruleset);
    ensurePortFirewall(transaction, portIntent(vpcId, 10));
    expect(transaction.lines).not.toEqual([]);
    const second = new Transaction(transaction.ruleset);
    ensureVpcFirewall(second, vpcIntent(vpcId));
    ensureGroupFirewall(second, groupIntent(vpcId, other, []));
    ensurePortFirewall(second, portIntent(vpcId, 10));
    expect(second.lines).toEqual([]);
  });

  it('for a port is as long with 300 other ports as with none', () => {
    const length = (others: number) => {
      const transaction = new Transaction(base());
      for (let n = 1; n <= others; n++) {
        const address = `172.31.${4 + Math.floor(n / 250)}.${n % 250}`;
        const networkInterfaceId = `eni-0${(0xf00000000000 + n).toString(16)}0000`;
        ensurePortFirewall(transaction, portIntent(vpcId, 1, { networkInterfaceId, privateIpAddresses: [address] }));
      }
      transaction.lines.length = 0;
      ensurePortFirewall(transaction, portIntent(vpcId, 200));
      return transaction.lines.join('\n').length;
    };
    expect(length(300)).toBeLessThanOrEqual(length(0));
  });

  it('that changes rules of a group touches no port', () => {
    const transaction = new Transaction(base());
    ensurePortFirewall(transaction, portIntent(vpcId, 10));
    transaction.lines.length = 0;
    ensureGroupFirewall(transaction, groupIntent(vpcId, group, [anywhere]));
    expect(transaction.lines.filter(line => !line.includes(`${group}-in`))).toEqual([]);
  });

  it('moves an address from one port to another, and retires its connections', () => {
    const before = new Transaction(base());
    ensurePortFirewall(before, portIntent(vpcId, 10, { privateIpAddresses: ['172.31.0.10', '172.31.0.99'] }));
    const after = new Transaction(copyRuleset(before.ruleset));
    ensurePortFirewall(
      after,
      portIntent(vpcId, 11, { privateIpAddresses: ['172.31.0.11', '172.31.0.99'], groupIds: [other] }),
    );
    const bindings = [...after.elements('inet bindings').keys()].filter(key => key.includes('172.31.0.99'));
    expect(bindings).toEqual([expect.stringContaining('0e:1b:00:00:00:0b')]);
    expect(after.elements(`inet members-${group}`).has('172.31.0.99')).toBe(false);
    expect(after.elements(`inet members-${other}`).has('172.31.0.99')).toBe(true);
    expect(retiredBetween(before.ruleset, after.ruleset).privateAddresses).toEqual(['172.31.0.99']);
  });

  it('moves a public address and never maps it twice', () => {
    const before = new Transaction(base());
    ensurePortFirewall(before, portIntent(vpcId, 10, { publicIpAddresses: { '172.31.0.10': '198.19.0.9' } }));
    const after = new Transaction(copyRuleset(before.ruleset));
    ensurePortFirewall(after, portIntent(vpcId, 11, { publicIpAddresses: { '172.31.0.11': '198.19.0.9' } }));
    expect([...after.elements('inet public_to_private')]).toEqual([['198.19.0.9', '172.31.0.11']]);
    expect([...after.elements('inet private_to_public')]).toEqual([['172.31.0.11', '198.19.0.9']]);
    expect([...after.elements('inet mappings').keys()]).toEqual(['172.31.0.11 . 198.19.0.9']);
    expect(retiredBetween(before.ruleset, after.ruleset).publicAddresses).toEqual(['198.19.0.9']);
  });

  it('that removes ports and groups leaves what was before', () => {
    const transaction = new Transaction(base());
    ensurePortFirewall(transaction, portIntent(vpcId, 10, { publicIpAddresses: { '172.31.0.10': '198.19.0.9' } }));
    removePortFirewall(transaction, portIntent(vpcId, 10).networkInterfaceId);
    removeGroupFirewall(transaction, other);
    expect(transaction.ruleset.sets.has(`inet members-${other}`), 'a rule of the first group still refers to it').toBe(
      true,
    );
    removeGroupFirewall(transaction, group);
    const fresh = new Transaction(emptyRuleset());
    ensureVpcFirewall(fresh, vpcIntent(vpcId));
    transaction.ruleset.chains.delete('ttl-1');
    expect(transaction.ruleset).toEqual(fresh.ruleset);
  });
});

it('the kernel’s listing is read as what was written', () => {
  const list = [
    { metainfo: { version: '1.0.6' } },
    {
      set: {
        family: 'inet',
        name: 'bindings',
        table: 'fogbank',
        elem: [{ concat: ['tap1', '02:00:00:00:00:01', '10.0.0.1'] }],
      },
    },
    { set: { family: 'inet', name: 'gateways', table: 'fogbank', elem: ['10.0.0.1'] } },
    { set: { family: 'inet', name: 'theirs', table: 'somebody', elem: ['10.0.0.1'] } },
    { map: { family: 'inet', name: 'subnets', table: 'fogbank', elem: [['tap1', 268_435_457]] } },
    { map: { family: 'inet', name: 'egress', table: 'fogbank', elem: [['tap1', { goto: { target: 'eni-1-out' } }]] } },
    { chain: { family: 'inet', table: 'fogbank', name: 'sg-1-in' } },
    { rule: { family: 'inet', table: 'fogbank', chain: 'sg-1-in', comment: 'rules abc', expr: [{ continue: null }] } },
    { rule: { family: 'inet', table: 'fogbank', chain: 'sg-1-in', expr: [{ match: { right: '@members-sg-1' } }] } },
  ];
  const ruleset = parseRuleset(JSON.stringify({ nftables: list }));
  expect(Object.fromEntries([...ruleset.sets].map(([name, elements]) => [name, Object.fromEntries(elements)]))).toEqual(
    {
      'inet bindings': { 'tap1 . 02:00:00:00:00:01 . 10.0.0.1': '' },
      'inet gateways': { '10.0.0.1': '' },
      'inet subnets': { tap1: '268435457' },
      'inet egress': { tap1: 'goto eni-1-out' },
    },
  );
  expect(ruleset.chains).toEqual(new Map([['sg-1-in', { stamp: 'abc', references: ['members-sg-1'] }]]));
});
