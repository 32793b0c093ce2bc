import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PortIntent, VpcIntent } from '../../engine.ts';
import { addressAt, formatAddress, netmask, parsePrefix } from '../../network/ipv4.ts';
import { formatIpv6, normalIpv6, parseIpv6Prefix } from '../../network/ipv6.ts';
import { vpcNamespace } from '../names.ts';
import { dnsIpv6Address, egressOnlyGatewayLink, internetGatewayLink, routerMac, vpcMtu } from './layout.ts';
import { run } from './run.ts';
import { resolverAddress } from './vpc-firewall.ts';

/**
 * DHCP, router advertisements and DNS of a VPC by one dnsmasq in its namespace. It outlives the server. What ports need is in one file a
 * port in two folders, which it reads again on SIGHUP.
 */

/** EC2's lease times, in seconds. */
const leaseSeconds = 3600;
const ipv6LeaseSeconds = 140;

/** Leases by DHCPv6 give no names: EC2's names of addresses are those of IPv4 addresses. */
const ipv6Tag = 'ipv6';

const amazonProvidedDns = 'AmazonProvidedDNS';

/** What the VPC's DHCP option set hands out. An option without a value is one that dnsmasq does not send by itself. */
function dhcpOptions(intent: VpcIntent): string[] {
  const {
    domainNameServers = [amazonProvidedDns],
    ntpServers,
    netbiosNameServers,
    netbiosNodeType,
  } = intent.dhcpOptions ?? {};
  const servers = domainNameServers.flatMap(server => {
    if (server !== amazonProvidedDns) return [server];
    return intent.enableDnsSupport ? [resolverAddress(intent)] : [];
  });
  const option = (name: string, values: readonly (string | number)[]) =>
    `dhcp-option=${[name, ...values.filter(value => !String(value).includes(':'))].join(',')}`;
  return [
    option('option:dns-server', servers),
    ...(ntpServers === undefined ? [] : [option('option:ntp-server', ntpServers)]),
    ...(netbiosNameServers === undefined ? [] : [option('option:netbios-ns', netbiosNameServers)]),
    ...(netbiosNodeType === undefined ? [] : [option('option:netbios-nodetype', [netbiosNodeType])]),
  ];
}

/**
 * What the router advertises (RFC 4861): itself, and that addresses come from DHCPv6. Nothing is on the link besides it, so
 * neighbours talk through it, as they do by IPv4.
 */
function ipv6Config(intent: VpcIntent): string[] {
  const subnets = intent.subnets.flatMap(({ subnetId, ipv6CidrBlock }) =>
    ipv6CidrBlock === undefined ? [] : [{ subnetId, network: formatIpv6(parseIpv6Prefix(ipv6CidrBlock).network) }],
  );
  if (subnets.length === 0) return [];
  const lease = intent.dhcpOptions?.ipv6AddressPreferredLeaseTime ?? ipv6LeaseSeconds;
  const servers = (intent.dhcpOptions?.domainNameServers ?? [amazonProvidedDns]).flatMap(server => {
    if (server === amazonProvidedDns) return intent.enableDnsSupport ? [`[${dnsIpv6Address}]`] : [];
    return server.includes(':') ? [`[${normalIpv6(server)}]`] : [];
  });
  return [
    'enable-ra',
    // The server's own identity (RFC 8415, DUID-EN), the same after each of its starts; 32473 is nobody's number.
    `dhcp-duid=32473,${routerMac(intent.vpcId)}`,
    `ra-param=tap*,mtu:${vpcMtu},600,1800`,
    `dhcp-ignore-names=tag:${ipv6Tag}`,
    ['dhcp-option=option6:dns-server', ...servers].join(','),
    `dhcp-option=option6:domain-search,${intent.domainName}`,
    ...subnets.map(({ subnetId, network }) => `dhcp-range=set:${subnetId},${network},static,off-link,64,${lease}`),
  ];
}

/** dnsmasq's configuration. `upstream`: servers for all other names; without any they do not exist (NXDOMAIN). */
export function dnsmasqConfig(
  intent: VpcIntent,
  options: { directory: string; user: string; upstream: readonly string[]; publicPool: string },
): string {
  const { directory, user, upstream, publicPool } = options;
  const lines = [
    `pid-file=${join(directory, 'dnsmasq.pid')}`,
    `user=${user}`,
    'no-resolv',
    'no-hosts',
    'no-poll',
    `except-interface=${internetGatewayLink}`,
    `except-interface=${egressOnlyGatewayLink}`,
    `addn-hosts=${join(directory, 'hosts')}`,
    `domain=${intent.domainName}`,
    `local=/${intent.domainName}/`,
    // Where an interface of the VPC has the address, its file among the hosts says so instead.
    ...(intent.publicDomain === undefined ? [] : [`synth-domain=${intent.publicDomain},${publicPool},ec2-`]),
    'bogus-priv',
    'local-ttl=60',
    ...(intent.enableDnsSupport ? [] : ['port=0']),
    ...(upstream.length > 0 ? upstream.map(server => `server=${server}`) : ['local=/#/']),
    `dhcp-hostsfile=${join(directory, 'dhcp')}`,
    'dhcp-ignore=tag:!known',
    'dhcp-authoritative',
    'dhcp-ignore-clid',
    'leasefile-ro',
    'no-ping',
    'quiet-dhcp',
    // The guest is the only one on its wire; dnsmasq's own ARP entries would replace the permanent ones.
    'dhcp-broadcast',
    ...dhcpOptions(intent),
    `dhcp-option=option:domain-name,${intent.domainName}`,
    `dhcp-option=option:mtu,${vpcMtu}`,
  ];
  for (const { subnetId, cidrBlock } of intent.subnets) {
    const subnet = parsePrefix(cidrBlock);
    lines.push(
      `dhcp-range=set:${subnetId},${formatAddress(subnet.network)},static,${netmask(subnet)},${leaseSeconds}`,
      `dhcp-option=tag:${subnetId},option:router,${addressAt(subnet, 1)}`,
    );
  }
  return `${[...lines, ...ipv6Config(intent)].join('\n')}\n`;
}

/** EC2's private name of a secondary address; the primary has the port's own host name. */
function hostNames(intent: PortIntent): [address: string, name: string][] {
  return intent.privateIpAddresses.map((address, index) => [
    address,
    index === 0 ? intent.hostName : `ip-${address.replaceAll('.', '-')}`,
  ]);
}

/** A port's line for DHCP and its lines for DNS. */
export function portRecords(intent: PortIntent, domainName: string): { dhcp: string; hosts: string } {
  const [address] = intent.privateIpAddresses;
  const [ipv6] = intent.ipv6Addresses ?? [];
  return {
    dhcp: [
      `${intent.mac},${address},${intent.hostName},${leaseSeconds}\n`,
      ...(ipv6 === undefined ? [] : [`${intent.mac},set:${ipv6Tag},[${normalIpv6(ipv6)}]\n`]),
    ].join(''),
    hosts: [
      ...hostNames(intent).map(([ip, name]) => {
        const publicName = intent.publicHostNames?.[ip];
        return `${[ip, `${name}.${domainName}`, ...(publicName === undefined ? [] : [publicName])].join(' ')}\n`;
      }),
      ...(intent.resourceName?.addresses ?? []).map(ip => `${ip} ${intent.resourceName?.name}.${domainName}\n`),
    ].join(''),
  };
}

/** Has a port's line for DHCP an IPv6 address that another text for it has not? */
function losesIpv6(before: string, after: string): boolean {
  const address = /\[[0-9a-f:]+\]/.exec(before)?.[0];
  return address !== undefined && !after.includes(address);
}

/** Replaces a file in one step, unless it has this content. Returns what it held before when anything changed. */
async function writeIfChanged(file: string, content: string): Promise<string | undefined> {
  const before = await readFile(file, 'utf8').catch(() => undefined);
  if (before === content) return undefined;
  // dnsmasq skips names that begin with a dot in its folders.
  const temporary = join(file, '..', `.${process.pid}.${file.slice(file.lastIndexOf('/') + 1)}`);
  await writeFile(temporary, content, { mode: 0o644 });
  await rename(temporary, file);
  return before ?? '';
}

let knownUser: Promise<string> | undefined;

/** The package's own user, else `nobody`. */
function dnsmasqUser(): Promise<string> {
  knownUser ??= readFile('/etc/passwd', 'utf8').then(text => (/^dnsmasq:/m.test(text) ? 'dnsmasq' : 'nobody'));
  return knownUser;
}

export class Dnsmasq {
  readonly #vpcId: string;
  readonly #directory: string;
  readonly #publicPool: string;
  #pid: number | undefined;
  constructor(vpcId: string, directory: string, publicPool: string) {
    this.#vpcId = vpcId;
    this.#directory = directory;
    this.#publicPool = publicPool;
  }

  get #configFile(): string {
    return join(this.#directory, 'dnsmasq.conf');
  }

  /** The process, if it runs and is ours: a process ID alone may be somebody else's by now. */
  async #running(): Promise<number | undefined> {
    const text = await readFile(join(this.#directory, 'dnsmasq.pid'), 'utf8').catch(() => '');
    const pid = this.#pid ?? Number(text);
    if (!Number.isInteger(pid) || pid <= 1) return undefined;
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    this.#pid = commandLine.split('\0').includes(`--conf-file=${this.#configFile}`) ? pid : undefined;
    return this.#pid;
  }

  /** Starts dnsmasq, or starts it anew when its configuration changed. Its namespace must exist. */
  async ensure(intent: VpcIntent, upstream: readonly string[]): Promise<void> {
    for (const folder of ['hosts', 'dhcp'])
      await mkdir(join(this.#directory, folder), { recursive: true, mode: 0o755 });
    const config = dnsmasqConfig(intent, {
      directory: this.#directory,
      user: await dnsmasqUser(),
      upstream,
      publicPool: this.#publicPool,
    });
    const names = await this.#writePeers(intent);
    const changed = await writeIfChanged(this.#configFile, config);
    if (changed !== undefined || (await this.#running()) === undefined) await this.#restart();
    else if (names) await this.#reload(false);
  }

  /** Names of peers' interfaces, one file a peering connection. Returns whether anything changed. */
  async #writePeers(intent: VpcIntent): Promise<boolean> {
    const folder = join(this.#directory, 'hosts');
    const wanted = new Map<string, string>();
    for (const { vpcPeeringConnectionId, hostNames = {} } of intent.peeringConnections ?? []) {
      const lines = Object.entries(hostNames).map(([name, address]) => `${address} ${name}\n`);
      if (lines.length > 0) wanted.set(vpcPeeringConnectionId, lines.join(''));
    }
    let changed = false;
    for (const file of await readdir(folder)) {
      if (!file.startsWith('pcx-') || wanted.has(file)) continue;
      await rm(join(folder, file));
      changed = true;
    }
    for (const [file, content] of wanted)
      if ((await writeIfChanged(join(folder, file), content)) !== undefined) changed = true;
    return changed;
  }

  async #restart(): Promise<void> {
    await this.stop();
    await run(['dnsmasq', `--conf-file=${this.#configFile}`], { namespace: vpcNamespace(this.#vpcId) });
    await this.#running();
  }

  /** Writes what changed of these ports and lets dnsmasq read it. */
  async setPorts(intents: readonly PortIntent[], domainName: string): Promise<void> {
    const changes = await Promise.all(
      intents.map(async intent => {
        const { dhcp, hosts } = portRecords(intent, domainName);
        const id = intent.networkInterfaceId;
        const before = await writeIfChanged(join(this.#directory, 'dhcp', id), dhcp);
        const names = await writeIfChanged(join(this.#directory, 'hosts', id), hosts);
        return { changed: (before ?? names) !== undefined, loses: losesIpv6(before ?? '', dhcp) };
      }),
    );
    if (changes.some(({ changed }) => changed)) await this.#reload(changes.some(({ loses }) => loses));
  }

  async removePort(networkInterfaceId: string): Promise<void> {
    const files = ['dhcp', 'hosts'].map(folder => join(this.#directory, folder, networkInterfaceId));
    const dhcp = await readFile(files[0] ?? '', 'utf8').catch(() => '');
    const removed = await Promise.all(files.map(file => rm(file).then(...([() => true, () => false] as const))));
    if (removed.includes(true)) await this.#reload(losesIpv6(dhcp, ''));
  }

  /** Ports with records, also of ports whose interface is gone. */
  async ports(): Promise<string[]> {
    const names = await readdir(join(this.#directory, 'dhcp')).catch(() => []);
    return names.filter(name => name.startsWith('eni-'));
  }

  /** Leases by DHCPv6 are forgotten when an address is free: its next owner could not have it as long as the old one's lasts. */
  async #reload(forget: boolean): Promise<void> {
    if (forget) return this.#restart();
    const pid = await this.#running();
    if (pid !== undefined) process.kill(pid, 'SIGHUP');
  }

  /** Ends the process and waits until its sockets are free again. */
  async stop(): Promise<void> {
    const pid = await this.#running();
    if (pid === undefined) return;
    process.kill(pid, 'SIGTERM');
    for (let attempt = 0; attempt < 200 && (await this.#running()) !== undefined; attempt++) await sleep(5);
    if ((await this.#running()) !== undefined) process.kill(pid, 'SIGKILL');
    this.#pid = undefined;
  }
}
