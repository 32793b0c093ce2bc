import type { NatGatewayIntent, SubnetIntent } from '../../engine.ts';
import { addressAt, parsePrefix } from '../../network/ipv4.ts';
import { tapName } from '../names.ts';
import { portGroup, routerMac, vpcMtu } from './layout.ts';
import { table } from './ruleset.ts';
import { ipBatch, nftTransaction, run } from './run.ts';
import { noIpv6Sysctls, routerSysctls, setSysctls } from './sysctl.ts';
import { namespaceExists, type VpcActual } from './vpc-actual.ts';

/**
 * A NAT gateway is a small router of its own: a namespace with one interface, plugged into the VPC as a port is. So its
 * subnet's routes and network ACL apply to it, and it translates with a table of connections of its own.
 */

export function natNamespace(natGatewayId: string): string {
  return `fb-${natGatewayId}`;
}

/** A connection that is idle for 350 seconds ends, as EC2's does; whoever goes on with it gets a reset. */
const sysctls: Readonly<Record<string, string>> = {
  ...routerSysctls,
  ...noIpv6Sysctls,
  'net.netfilter.nf_conntrack_tcp_timeout_established': '350',
  'net.netfilter.nf_conntrack_tcp_loose': '0',
};

export function natFirewall(addresses: readonly string[]): string[] {
  const [first = ''] = addresses;
  const list = addresses.map((address, index) => `${index} : ${address}`).join(', ');
  const source = addresses.length === 1 ? first : `jhash ip saddr mod ${addresses.length} map { ${list} }`;
  return [
    `add table ip ${table}`,
    `delete table ip ${table}`,
    `table ip ${table} {
      chain input { type filter hook input priority filter; policy drop; ct state related accept; }
      chain forward {
        type filter hook forward priority filter; policy accept;
        ct state invalid meta l4proto tcp reject with tcp reset
        ct state invalid drop
      }
      chain translate {
        type nat hook postrouting priority srcnat; policy accept;
        oifname "eth0" snat to ${source}
      }
    }`,
  ];
}

/** Makes the namespace and what is in it; the VPC's end of its link is made with it. */
export async function ensureNatNamespace(
  vpcNamespace: string,
  actual: VpcActual,
  vpcId: string,
  intent: NatGatewayIntent,
  subnet: SubnetIntent,
): Promise<void> {
  const id = intent.natGatewayId;
  const namespace = natNamespace(id);
  const name = tapName(intent.networkInterfaceId);
  const gateway = addressAt(parsePrefix(subnet.cidrBlock), 1);
  if (!(await namespaceExists(namespace))) {
    await run(['ip', 'netns', 'add', namespace]);
    await setSysctls(namespace, sysctls);
  }
  await nftTransaction(namespace, natFirewall(intent.privateIpAddresses));
  if (!actual.natGateways.has(id)) {
    await ipBatch(vpcNamespace, [
      ...(actual.unfinished.delete(name) ? [`link del dev ${name}`] : []),
      `link add ${name} type veth peer name eth0 address ${intent.mac} netns ${namespace}`,
      `link set dev ${name} address ${routerMac(vpcId)} mtu ${vpcMtu} group ${portGroup} up`,
      `address replace ${gateway}/32 dev ${name}`,
      `ntable change name arp_cache dev ${name} proxy_delay 0`,
    ]);
  }
  await ipBatch(namespace, [
    'link set lo up',
    `link set eth0 mtu ${vpcMtu} up`,
    'address flush dev eth0',
    ...intent.privateIpAddresses.map(address => `address add ${address}/32 dev eth0`),
    `neigh replace ${gateway} lladdr ${routerMac(vpcId)} dev eth0 nud permanent`,
    `route replace default via ${gateway} dev eth0 onlink`,
  ]);
  if (!actual.natGateways.has(id)) {
    await ipBatch(vpcNamespace, [`link set dev ${name} alias ${id}`]);
    actual.natGateways.set(id, { interfaceName: name });
  }
}

/** Its link goes with it. */
export async function removeNatNamespace(natGatewayId: string): Promise<void> {
  const namespace = natNamespace(natGatewayId);
  if (await namespaceExists(namespace)) {
    // A socket that is still open somewhere keeps a namespace alive; its interface must not wait for that.
    await run(['ip', '-n', namespace, 'link', 'del', 'eth0'], { accept: [1] });
    await run(['ip', 'netns', 'del', namespace]);
  }
}
