import { access, mkdir, readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { FabricDriver, MetadataListener, PortIntent, SecurityGroupIntent, VpcIntent } from '../../engine.ts';
import { EngineError } from '../../engine.ts';
import { validateGroup, validateId, validatePort, validateVpc } from '../../network/validate.ts';
import { Edge } from './edge.ts';
import { hostInterface, runtimeDir, vpcLinkName } from './layout.ts';
import { refuseConflict, validatePublicAddress } from './pool.ts';
import { type PortKind, tapPorts } from './port-link.ts';
import { SerialQueue } from './queue.ts';
import { searchPath } from './run.ts';
import { Vpc, type VpcContext } from './vpc.ts';

export { reservedPublicAddresses, tokenReasonPhrase } from './layout.ts';

export interface FabricOptions {
  /** Tells this server's namespaces, interfaces and tables from those of others. */
  readonly dataDir: string;
  /** CIDR block of public addresses, /8 to /28; see `reservedPublicAddresses`. */
  readonly publicPool: string;
  /** The host's interface through which instances may reach the world. Without it nothing leaves the machine. */
  readonly uplink?: string | undefined;
  /** Servers for names outside of VPCs, asked only with an uplink; the host's own when left out. */
  readonly nameServers?: readonly string[] | undefined;
  /** Who may open the TAPs; root only when left out. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  /** Tests put other interfaces in the place of TAPs. */
  readonly ports?: PortKind;
  readonly log?: (line: string) => void;
}

export interface Fabric extends FabricDriver {
  /** Finds what an earlier process left and serves its metadata sockets again. @throws EngineError without root, tools or pool. */
  open(metadata: MetadataListener): Promise<void>;
  /** Lets go of everything; networks keep working, the metadata service excepted. */
  close(): Promise<void>;
  /** Removes everything of this data folder. */
  destroy(): Promise<void>;
}

/** Debian package by command. */
const tools = {
  ip: 'iproute2',
  nft: 'nftables',
  conntrack: 'conntrack',
  dnsmasq: 'dnsmasq-base',
  nsenter: 'util-linux',
  sysctl: 'procps',
};

async function isInstalled(command: string): Promise<boolean> {
  const tries = searchPath.split(':').map(directory => access(join(directory, command)));
  return (await Promise.allSettled(tries)).some(({ status }) => status === 'fulfilled');
}

async function checkPrerequisites(): Promise<void> {
  if (process.getuid?.() !== 0) throw new EngineError('Failed', 'Networks for instances need root.');
  const missing: string[] = [];
  for (const [command, name] of Object.entries(tools)) if (!(await isInstalled(command))) missing.push(name);
  if (missing.length > 0) {
    throw new EngineError('Failed', `Networks for instances need these packages: apt-get install ${missing.join(' ')}`);
  }
}

/** The host's own name servers, without those that only the host itself can reach. */
async function hostNameServers(): Promise<string[]> {
  const files = ['/run/systemd/resolve/resolv.conf', '/etc/resolv.conf'];
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => '');
    const servers = [...text.matchAll(/^nameserver\s+([0-9.]+)\s*$/gm)].flatMap(match => match[1] ?? []);
    const reachable = servers.filter(server => !server.startsWith('127.'));
    if (reachable.length > 0) return reachable;
  }
  return [];
}

/** @throws EngineError `Unsupported` for IPv6 where the kernel has none. */
async function checkIpv6(intent: VpcIntent): Promise<void> {
  if ((intent.ipv6CidrBlocks ?? []).length === 0) return;
  await access('/proc/sys/net/ipv6').catch(() => {
    throw new EngineError('Unsupported', 'The kernel of this machine was started without IPv6.');
  });
}

/** The network of the `qemu` engine: one namespace a VPC, one TAP a network interface. See `layout.ts` for the picture. */
export function createFabric(options: FabricOptions): Fabric {
  const { dataDir, publicPool, uplink, log = () => undefined } = options;
  const directory = runtimeDir(dataDir);
  const edge = new Edge({ dataDir, publicPool, uplink });
  const vpcs = new Map<string, Vpc>();
  let listener: MetadataListener | undefined;

  const context: VpcContext = {
    dataDir,
    publicPool,
    uplink,
    edge,
    vpcs,
    peerings: new SerialQueue(),
    ports: options.ports ?? tapPorts(options.user),
    upstream: async () => (uplink === undefined ? [] : (options.nameServers ?? hostNameServers())),
    onListening: (vpcId, server) => listener?.onListening(vpcId, server),
    onClosed: vpcId => listener?.onClosed(vpcId),
  };

  function vpcOf(vpcId: string): Vpc {
    validateId('VPC ID', vpcId);
    const vpc = vpcs.get(vpcId) ?? new Vpc(vpcId, context);
    vpcs.set(vpcId, vpc);
    return vpc;
  }

  async function listVpcs(): Promise<string[]> {
    const names = await readdir(directory).catch(() => []);
    return names.filter(name => name.startsWith('vpc-')).sort();
  }

  /** Another VPC's ports lose public addresses that this one gets. */
  async function evict(vpcId: string, addresses: readonly string[]): Promise<void> {
    await edge.look();
    for (const other of vpcs.values()) {
      if (other.id === vpcId) continue;
      const link = vpcLinkName(other.id);
      const taken = addresses.filter(address => edge.ownerOf(address) === link);
      if (taken.length > 0) await other.releasePublicAddresses(taken);
    }
  }

  async function removeVpc(vpcId: string): Promise<void> {
    await vpcOf(vpcId).remove();
    vpcs.delete(vpcId);
  }

  return {
    async ensureVpc(intent: VpcIntent): Promise<void> {
      validateVpc(intent);
      await checkIpv6(intent);
      await vpcOf(intent.vpcId).ensure(intent);
    },
    removeVpc,
    async ensureGroup(intent: SecurityGroupIntent): Promise<void> {
      validateGroup(intent);
      await vpcOf(intent.vpcId).ensureGroup(intent);
    },
    async removeGroup(vpcId: string, groupId: string): Promise<void> {
      validateId('security group ID', groupId);
      await vpcOf(vpcId).removeGroup(groupId);
    },
    async ensurePort(intent: PortIntent): Promise<void> {
      validatePort(intent);
      const addresses = Object.values(intent.publicIpAddresses);
      for (const address of addresses) validatePublicAddress(publicPool, address);
      if (addresses.length > 0) await evict(intent.vpcId, addresses);
      await vpcOf(intent.vpcId).ensurePort(intent);
    },
    async removePort(vpcId: string, networkInterfaceId: string): Promise<void> {
      validateId('network interface ID', networkInterfaceId);
      await vpcOf(vpcId).removePort(networkInterfaceId);
    },
    listVpcs,
    listPorts: (vpcId: string) => vpcOf(vpcId).listPorts(),
    flowCounts: async (vpcId: string) => (await vpcs.get(vpcId)?.flowCounts()) ?? [],
    async open(metadata: MetadataListener): Promise<void> {
      await checkPrerequisites();
      await refuseConflict(publicPool, hostInterface(dataDir), uplink);
      await edge.leaveOtherPool();
      await mkdir(directory, { recursive: true, mode: 0o755 });
      listener = metadata;
      for (const vpcId of await listVpcs()) {
        // In the background: the API need not wait, and `ensureVpc` tries again what fails here.
        vpcOf(vpcId)
          .adopt()
          .catch((error: Error) => log(`${vpcId}: ${error.message}`));
      }
    },
    async close(): Promise<void> {
      await Promise.all([...vpcs.values()].map(vpc => vpc.close()));
      vpcs.clear();
    },
    async destroy(): Promise<void> {
      for (const vpcId of await listVpcs()) await removeVpc(vpcId);
      // `down` may be called with another pool than the server was.
      await edge.leaveOtherPool();
      await edge.leaveOtherPool();
      await edge.destroy();
      await rm(directory, { recursive: true, force: true });
      // The folder above belongs to the whole server; it goes when nothing else is in it.
      await rmdir(dirname(directory)).catch(() => undefined);
    },
  };
}
