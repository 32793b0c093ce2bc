import { writeFile } from 'node:fs/promises';
import { EngineError } from '../../engine.ts';
import { addressAt, formatPrefix, parsePrefix } from '../../network/ipv4.ts';
import { edgeNamespace, vpcNamespace } from '../names.ts';
import { edgeFirewall, hostFirewall } from './edge-firewall.ts';
import { EdgeIpv6, type Ipv6Gateways } from './edge-ipv6.ts';
import { answerArp, isPartOfUplink, stopAnsweringArp } from './lan-pool.ts';
import {
  edgeLinkAddress,
  hostInterface,
  hostLink,
  hostTable,
  internetGatewayLink,
  internetMtu,
  poolAddresses,
  subnetTable,
  vpcLinkName,
  vpcLinkPrefix,
} from './layout.ts';
import { SerialQueue } from './queue.ts';
import { ipBatch, ipJson, nftTransaction, run } from './run.ts';
import { noIpv6Sysctls, routerSysctls, setSysctls } from './sysctl.ts';
import { namespaceExists } from './vpc-actual.ts';

export interface EdgeOptions {
  readonly dataDir: string;
  readonly publicPool: string;
  readonly uplink?: string | undefined;
}

interface RouteJson {
  readonly type?: string;
  readonly dst: string;
  readonly dev?: string;
  readonly gateway?: string;
}

/** A worse metric than the real route's, so that it counts only when the edge is down. */
const blackholeMetric = 4000;

/**
 * The edge namespace: links to the VPCs that have an internet gateway, a link to the host, and a route for every
 * public address to the VPC that has it. Made when the first VPC needs it.
 */
export class Edge {
  readonly #options: EdgeOptions;
  readonly #namespace: string;
  readonly #queue = new SerialQueue();
  #ready = false;
  #looked = false;
  /** Public address to the link of the VPC that has it. */
  readonly #owners = new Map<string, string>();
  /** Link to the VPC's address on it. */
  readonly #links = new Map<string, string>();
  readonly #ipv6: EdgeIpv6;

  constructor(options: EdgeOptions) {
    this.#options = options;
    this.#ipv6 = new EdgeIpv6(options.dataDir);
    this.#namespace = edgeNamespace(options.dataDir);
  }

  /** Reads what is there; changes nothing. */
  look(): Promise<void> {
    return this.#queue.run(() => this.#look());
  }

  async #look(): Promise<void> {
    if (this.#looked) return;
    this.#owners.clear();
    this.#links.clear();
    if (await namespaceExists(this.#namespace)) {
      const routes = (await ipJson(this.#namespace, '-4', 'route', 'show')) as RouteJson[];
      for (const { dst, dev, gateway } of routes) {
        if (dev === undefined || !dev.startsWith('v')) continue;
        if (gateway === undefined) this.#links.set(dev, dst);
        else this.#owners.set(dst, dev);
      }
    }
    this.#looked = true;
  }

  /** Does the edge have its end of a VPC's link? When the namespace went behind our back, it has none. */
  hasLink(vpcId: string): Promise<boolean> {
    return this.#queue.run(async () => {
      if (!(await namespaceExists(this.#namespace))) {
        this.#ready = false;
        this.#looked = false;
        this.#ipv6.forget();
      }
      await this.#look();
      return this.#links.has(vpcLinkName(vpcId));
    });
  }

  /** Takes down an edge that an earlier process made for another public pool. */
  async leaveOtherPool(): Promise<void> {
    const pool = formatPrefix(parsePrefix(this.#options.publicPool));
    const outside = hostInterface(this.#options.dataDir);
    const routes = (await ipJson(undefined, '-4', 'route', 'show')) as RouteJson[];
    const other = routes.find(({ dst, dev }) => dev === outside && dst !== pool);
    if (other !== undefined) await this.#destroy(other.dst);
  }

  /** The link name of the VPC that has a public address. */
  ownerOf(publicAddress: string): string | undefined {
    return this.#owners.get(publicAddress);
  }

  /** Makes namespace, link to the host, routes and firewalls. Whoever made them before is left alone. */
  async #ensure(): Promise<void> {
    await this.#look();
    if (this.#ready) return;
    const { dataDir, publicPool, uplink } = this.#options;
    const outside = hostInterface(dataDir);
    const addresses = poolAddresses(publicPool);
    const pool = formatPrefix(parsePrefix(publicPool));
    await ipBatch(undefined, [`route replace blackhole ${pool} metric ${blackholeMetric}`]);
    if (!(await namespaceExists(this.#namespace))) {
      await run(['ip', 'netns', 'add', this.#namespace]);
      await setSysctls(this.#namespace, noIpv6Sysctls);
    }
    await setSysctls(this.#namespace, routerSysctls);
    await nftTransaction(this.#namespace, edgeFirewall(publicPool, uplink));
    const lan = await isPartOfUplink(publicPool, uplink);
    await nftTransaction(undefined, hostFirewall(dataDir, publicPool, uplink, lan));
    const there = await run(['ip', '-brief', 'link', 'show'], {}).then(text => text.includes(`${outside}@`));
    if (!there) {
      await ipBatch(undefined, [`link add ${outside} type veth peer name ${hostLink} netns ${this.#namespace}`]);
    }
    // Written before the interface is up: no packet of a machine is forwarded by accident.
    await writeFile(`/proc/sys/net/ipv4/conf/${outside}/forwarding`, uplink === undefined ? '0' : '1');
    if (!there) await writeFile(`/proc/sys/net/ipv6/conf/${outside}/disable_ipv6`, '1').catch(() => undefined);
    if (uplink !== undefined) await writeFile(`/proc/sys/net/ipv4/conf/${uplink}/forwarding`, '1');
    await ipBatch(this.#namespace, [
      'link set dev lo up',
      `address replace ${edgeLinkAddress}/32 dev lo`,
      `address replace ${addresses.edge}/32 dev ${hostLink}`,
      `link set dev ${hostLink} up`,
      `route replace ${addresses.host}/32 dev ${hostLink}`,
      `route replace blackhole ${pool}`,
      uplink === undefined
        ? 'route replace blackhole default'
        : `route replace default via ${addresses.host} dev ${hostLink} onlink`,
    ]);
    await ipBatch(undefined, [
      `address replace ${addresses.host}/32 dev ${outside}`,
      `link set dev ${outside} up`,
      `route replace ${pool} via ${addresses.edge} dev ${outside} onlink src ${addresses.host} metric 50`,
    ]);
    await stopAnsweringArp(pool, lan ? uplink : undefined);
    if (lan && uplink !== undefined) await answerArp(pool, uplink);
    this.#ready = true;
  }

  /** An address that no other link has; the same for the same VPC as long as that is possible. */
  #chooseLinkAddress(link: string): string {
    const taken = new Set(this.#links.values());
    const prefix = parsePrefix(vpcLinkPrefix);
    const size = 2 ** (32 - prefix.length);
    const start = subnetTable(link);
    for (let step = 0; step < size; step++) {
      const offset = (start + step) % size;
      const address = addressAt(prefix, offset);
      if (offset > 0 && offset < size - 1 && !taken.has(address)) return address;
    }
    throw new EngineError('InsufficientCapacity', 'There are no more addresses for links to VPCs.');
  }

  /**
   * Connects a VPC's namespace, which must exist, by the interface `igw`; returns the VPC's address on that link, which
   * the caller gives to its router.
   */
  ensureLink(vpcId: string, linkThere: boolean): Promise<string> {
    return this.#queue.run(async () => {
      await this.#ensure();
      const link = vpcLinkName(vpcId);
      const known = this.#links.get(link);
      if (known !== undefined && linkThere) return known;
      const address = known ?? this.#chooseLinkAddress(link);
      const inside = vpcNamespace(vpcId);
      if (!linkThere) {
        const peer = `peer name ${link} netns ${this.#namespace}`;
        await ipBatch(inside, [`link add ${internetGatewayLink} mtu ${internetMtu} type veth ${peer}`]);
        this.#ipv6.linkMade(vpcId);
      }
      await ipBatch(inside, [`link set dev ${internetGatewayLink} up`]);
      await ipBatch(this.#namespace, [
        `link set dev ${link} up mtu ${internetMtu}`,
        `route replace ${address}/32 dev ${link}`,
      ]);
      this.#links.set(link, address);
      return address;
    });
  }

  /**
   * Leads exactly these IPv6 blocks to this VPC by the gateways that it has. Returns whether its link of the egress-only
   * gateway is the same as before.
   */
  ensureIpv6(vpcId: string, blocks: readonly string[], gateways: Ipv6Gateways): Promise<boolean> {
    return this.#queue.run(async () => {
      if (gateways.internetGateway || gateways.egressOnly) {
        if (!(await namespaceExists(this.#namespace))) {
          this.#ready = false;
          this.#looked = false;
          this.#ipv6.forget();
        }
        await this.#ensure();
      }
      return this.#ipv6.connect(vpcId, blocks, gateways);
    });
  }

  /** Leads exactly `addresses` to this VPC, wherever they led before. */
  setAddresses(vpcId: string, addresses: readonly string[]): Promise<void> {
    const link = vpcLinkName(vpcId);
    const wrong = addresses.filter(address => this.#owners.get(address) !== link);
    const wanted = new Set(addresses);
    const gone = [...this.#owners].flatMap(([address, owner]) =>
      owner === link && !wanted.has(address) ? address : [],
    );
    if (wrong.length + gone.length === 0) return Promise.resolve();
    return this.#queue.run(async () => {
      const linkAddress = this.#links.get(link);
      const lines = gone
        .filter(address => this.#owners.get(address) === link)
        .map(address => `route del ${address}/32 dev ${link}`);
      // Without an internet gateway the address belongs to the port, but leads nowhere.
      if (linkAddress !== undefined) {
        for (const address of wrong) {
          lines.push(`route replace ${address}/32 via ${linkAddress} dev ${link} onlink`);
        }
      }
      try {
        await ipBatch(this.#namespace, lines);
      } catch (error) {
        this.#looked = false;
        throw error;
      }
      for (const address of gone) this.#owners.delete(address);
      if (linkAddress !== undefined) for (const address of wrong) this.#owners.set(address, link);
    });
  }

  /** Forgets a VPC; its link goes with the interface at the VPC's end. */
  removeLink(vpcId: string): Promise<void> {
    return this.#queue.run(async () => {
      await this.#look();
      const link = vpcLinkName(vpcId);
      if (this.#links.has(link)) await run(['ip', '-n', this.#namespace, 'link', 'del', link], { accept: [1] });
      this.#links.delete(link);
      for (const [address, owner] of this.#owners) if (owner === link) this.#owners.delete(address);
      await this.#ipv6.disconnect(vpcId);
    });
  }

  /** Removes namespace, links, routes and firewall tables. */
  destroy(): Promise<void> {
    return this.#destroy(formatPrefix(parsePrefix(this.#options.publicPool)));
  }

  #destroy(pool: string): Promise<void> {
    return this.#queue.run(async () => {
      const { dataDir } = this.#options;
      const outside = hostInterface(dataDir);
      await stopAnsweringArp(pool);
      await run(['ip', 'link', 'del', outside], { accept: [1] });
      if (await namespaceExists(this.#namespace)) await run(['ip', 'netns', 'del', this.#namespace]);
      await nftTransaction(undefined, [
        `add table inet ${hostTable(dataDir)}`,
        `delete table inet ${hostTable(dataDir)}`,
      ]);
      await run(['ip', 'route', 'del', 'blackhole', pool, 'metric', String(blackholeMetric)], { accept: [2] });
      this.#owners.clear();
      this.#links.clear();
      this.#ready = false;
      this.#looked = false;
      this.#ipv6.forget();
    });
  }
}
