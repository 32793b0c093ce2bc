import type { FlowCount } from '../../engine.ts';
import { normalIpv6 } from '../../network/ipv6.ts';
import { nftTransaction, run } from './run.ts';

/**
 * What flow logs are made of: a table of its own in a VPC's namespace, which counts packets and bytes of each flow before
 * the firewall and behind it. It is there only while somebody wants it, since every packet updates four elements.
 */

const flowTable = 'fogbank_flows';
/** Flows that are idle for so long are forgotten; logs look every minute. */
const timeout = '15m';
const size = 131_072;

const stages = { seen: 'filter - 10', passed: 'filter + 10' } as const;
const families = { 4: ['ipv4_addr', 'ip'], 6: ['ipv6_addr', 'ip6'] } as const;
/** The interface of a set's elements is the one that packets come from, or the one that they leave by. */
const directions = { egress: 'iif', ingress: 'oif' } as const;

/**
 * nft commands, one a line, that make the table from nothing. Sets are named by what they hold, as in `seen4egresstcp`.
 * nft knows no keys of more than five parts.
 */
export function flowTableCommands(): string[] {
  const lines = [`add table inet ${flowTable}`];
  for (const [stage, priority] of Object.entries(stages)) {
    lines.push(
      `add chain inet ${flowTable} ${stage} { type filter hook forward priority ${priority}; policy accept; }`,
    );
    for (const [family, [address, name]] of Object.entries(families)) {
      for (const [direction, link] of Object.entries(directions)) {
        const base = `iface_index . ${address} . ${address}`;
        const options = `flags dynamic,timeout ; timeout ${timeout} ; size ${size} ;`;
        const key = `${link} . ${name} saddr . ${name} daddr`;
        const set = `${stage}${family}${direction}`;
        lines.push(
          // TCP and UDP have their ports at the same place, and a flow of each may have the same ones.
          `add set inet ${flowTable} ${set}tcp { type ${base} . inet_service . inet_service ; ${options} }`,
          `add set inet ${flowTable} ${set}udp { type ${base} . inet_service . inet_service ; ${options} }`,
          `add set inet ${flowTable} ${set}any { type ${base} . inet_proto ; ${options} }`,
          `add rule inet ${flowTable} ${stage} meta l4proto tcp update @${set}tcp { ${key} . th sport . th dport counter }`,
          `add rule inet ${flowTable} ${stage} meta l4proto udp update @${set}udp { ${key} . th sport . th dport counter }`,
          `add rule inet ${flowTable} ${stage} meta l4proto != { tcp, udp } update @${set}any { ${key} . meta l4proto counter }`,
        );
      }
    }
  }
  return lines;
}

/** Begins to count, or ceases to. */
export async function ensureFlowCounters(namespace: string, wanted: boolean): Promise<void> {
  const there = (await run(['nft', 'list', 'tables'], { namespace })).includes(`inet ${flowTable}`);
  if (wanted === there) return;
  await nftTransaction(namespace, wanted ? flowTableCommands() : [`delete table inet ${flowTable}`]);
}

type Value = string | number;

interface SetJson {
  readonly set?: {
    readonly name: string;
    readonly elem?: readonly {
      readonly elem: {
        readonly val: { readonly concat: readonly Value[] };
        readonly counter?: { readonly packets: number; readonly bytes: number };
      };
    }[];
  };
}

/** Names that nft has for protocols, of `/etc/protocols` where that is. */
const protocols: Readonly<Record<string, number>> = {
  icmp: 1,
  igmp: 2,
  tcp: 6,
  udp: 17,
  gre: 47,
  esp: 50,
  ah: 51,
  'ipv6-icmp': 58,
  icmpv6: 58,
  comp: 108,
  sctp: 132,
  dccp: 33,
  udplite: 136,
};

interface Counts {
  packets: number;
  bytes: number;
}

/**
 * Everything that was counted. `interfaces`: network interface by the name of its link.
 * @throws EngineError `Failed`
 */
export async function readFlowCounters(
  namespace: string,
  interfaces: ReadonlyMap<string, string>,
): Promise<FlowCount[]> {
  const text = await run(['nft', '-j', 'list', 'table', 'inet', flowTable], { namespace, accept: [1] });
  if (text.trim() === '') return [];
  return flowsOf(JSON.parse(text) as { nftables: readonly SetJson[] }, interfaces);
}

/** What `nft -j list table` says of the table. */
export function flowsOf(
  listing: { readonly nftables: readonly SetJson[] },
  interfaces: ReadonlyMap<string, string>,
): FlowCount[] {
  const flows = new Map<string, Omit<FlowCount, keyof Totals> & { seen: Counts; passed: Counts }>();
  for (const { set } of listing.nftables) {
    const [, stage, direction, kind] = /^(seen|passed)[46](egress|ingress)(tcp|udp|any)$/.exec(set?.name ?? '') ?? [];
    if (set === undefined || stage === undefined || kind === undefined) continue;
    for (const { elem } of set.elem ?? []) {
      const [link = '', source = '', destination = '', first = 0, second = 0] = elem.val.concat;
      const networkInterfaceId = interfaces.get(String(link));
      // Gateways and peers have none.
      if (networkInterfaceId === undefined) continue;
      const name = [direction, kind, ...elem.val.concat].join(' ');
      const flow = flows.get(name) ?? {
        networkInterfaceId,
        direction: direction === 'egress' ? ('egress' as const) : ('ingress' as const),
        source: addressOf(source),
        destination: addressOf(destination),
        protocol: protocols[kind === 'any' ? first : kind] ?? Number(first),
        sourcePort: kind === 'any' ? 0 : Number(first),
        destinationPort: kind === 'any' ? 0 : Number(second),
        seen: none(),
        passed: none(),
      };
      flow[stage === 'seen' ? 'seen' : 'passed'] = {
        packets: elem.counter?.packets ?? 0,
        bytes: elem.counter?.bytes ?? 0,
      };
      flows.set(name, flow);
    }
  }
  return [...flows.values()].map(({ seen, passed, ...flow }) => ({
    ...flow,
    // A packet may come between the two looks.
    packets: Math.max(seen.packets, passed.packets),
    bytes: Math.max(seen.bytes, passed.bytes),
    passedPackets: passed.packets,
    passedBytes: passed.bytes,
  }));
}

type Totals = Pick<FlowCount, 'packets' | 'bytes' | 'passedPackets' | 'passedBytes'>;

const none = (): Counts => ({ packets: 0, bytes: 0 });

function addressOf(value: Value): string {
  const text = String(value);
  return text.includes(':') ? normalIpv6(text) : text;
}
