import { access, writeFile } from 'node:fs/promises';
import { overlapsIpv6, parseIpv6Prefix } from '../../network/ipv6.ts';
import { edgeNamespace, vpcNamespace } from '../names.ts';
import {
  edgeHostLinkIpv6Address,
  edgeLinkIpv6Address,
  egressOnlyGatewayLink,
  egressOnlyLinkName,
  hostInterface,
  hostLink,
  hostLinkIpv6Address,
  internetGatewayLink,
  internetMtu,
  ipv6HostAddresses,
  vpcLinkIpv6Address,
  vpcLinkName,
} from './layout.ts';
import { ipBatch, ipJson, run } from './run.ts';
import { ipv6Sysctls, setSysctls } from './sysctl.ts';
import { namespaceExists } from './vpc-actual.ts';

/** By which gateways a VPC's IPv6 is connected. */
export interface Ipv6Gateways {
  readonly internetGateway: boolean;
  readonly egressOnly: boolean;
}

interface RouteJson {
  readonly dst: string;
  readonly dev?: string;
}

/**
 * The edge's part of IPv6: no address is translated, each block of a VPC is routed to it, from other VPCs and from the
 * host. What an egress-only gateway lets out takes a link of its own, so that the VPC's firewall sees which gateway a route
 * leads to. Without IPv6 on the host's own interface, VPCs still reach one another.
 *
 * Its owner calls one method after the other.
 */
export class EdgeIpv6 {
  readonly #dataDir: string;
  readonly #namespace: string;
  /** Block to the link that leads to its VPC; undefined until the kernel was asked. */
  #owners: Map<string, string> | undefined;
  /** Links with their link-local addresses. */
  readonly #links = new Set<string>();
  #ready = false;
  #host = false;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
    this.#namespace = edgeNamespace(dataDir);
  }

  /** The edge namespace went, or will. */
  forget(): void {
    this.#owners = undefined;
    this.#links.clear();
    this.#ready = false;
  }

  /** A VPC's link of its internet gateway is another one now. */
  linkMade(vpcId: string): void {
    this.#links.delete(vpcLinkName(vpcId));
    this.#owners = undefined;
  }

  async #look(): Promise<Map<string, string>> {
    if (this.#owners !== undefined) return this.#owners;
    const owners = new Map<string, string>();
    if (await namespaceExists(this.#namespace)) {
      const routes = (await ipJson(this.#namespace, '-6', 'route', 'show')) as RouteJson[];
      for (const { dst, dev } of routes) {
        if (dev !== undefined && /^[ev]/.test(dev) && !dst.startsWith('fe80:')) owners.set(dst, dev);
      }
    }
    this.#owners = owners;
    return owners;
  }

  async #ensure(): Promise<void> {
    if (this.#ready) return;
    const outside = hostInterface(this.#dataDir);
    const { host, edge } = ipv6HostAddresses(this.#dataDir);
    await setSysctls(this.#namespace, ipv6Sysctls);
    await ipBatch(
      this.#namespace,
      [
        `address replace ${edgeHostLinkIpv6Address}/64 dev ${hostLink} nodad`,
        `address replace ${edge}/128 dev ${hostLink} nodad`,
        `route replace ${host}/128 via ${hostLinkIpv6Address} dev ${hostLink}`,
        'route replace blackhole default',
      ],
      '-6',
    );
    const settings = `/proc/sys/net/ipv6/conf/${outside}`;
    this.#host = await access(settings).then(...([() => true, () => false] as const));
    if (this.#host) {
      // The host is no router for machines, and nobody tells it where to go.
      for (const [name, value] of Object.entries({ accept_ra: '0', accept_redirects: '0', disable_ipv6: '0' })) {
        await writeFile(`${settings}/${name}`, value);
      }
      await ipBatch(
        undefined,
        [
          `address replace ${hostLinkIpv6Address}/64 dev ${outside} nodad`,
          `address replace ${host}/128 dev ${outside} nodad`,
        ],
        '-6',
      );
    }
    this.#ready = true;
  }

  /** Both ends of a link get their addresses; whoever waits for an interface's own would wait a second. */
  async #address(vpcId: string, inside: string, link: string): Promise<void> {
    if (this.#links.has(link)) return;
    await ipBatch(vpcNamespace(vpcId), [`address replace ${vpcLinkIpv6Address}/64 dev ${inside} nodad`], '-6');
    await ipBatch(this.#namespace, [`address replace ${edgeLinkIpv6Address}/64 dev ${link} nodad`], '-6');
    this.#links.add(link);
  }

  /**
   * Leads exactly `blocks` to this VPC while it has a gateway. Its link of the internet gateway must be there when it has
   * one. Returns whether the link of the egress-only gateway was there before, if it is wanted.
   */
  async connect(vpcId: string, blocks: readonly string[], gateways: Ipv6Gateways): Promise<boolean> {
    const link = vpcLinkName(vpcId);
    const egressOnlyLink = egressOnlyLinkName(vpcId);
    const inside = vpcNamespace(vpcId);
    const shown = ['ip', '-n', inside, 'link', 'show', 'dev', egressOnlyGatewayLink] as const;
    const there = (await run([...shown], { accept: [1] })) !== '';
    if (there && !gateways.egressOnly) {
      await run(['ip', '-n', inside, 'link', 'del', egressOnlyGatewayLink], { accept: [1] });
      this.#links.delete(egressOnlyLink);
      this.#forgetRoutes([egressOnlyLink]);
    }
    const connected = blocks.length > 0 && (gateways.internetGateway || gateways.egressOnly);
    if (!connected) {
      await this.#lead(new Map(), [link, egressOnlyLink]);
      return false;
    }
    await this.#ensure();
    if (gateways.egressOnly) {
      if (!there) {
        this.#links.delete(egressOnlyLink);
        this.#owners = undefined;
        const peer = `peer name ${egressOnlyLink} netns ${this.#namespace}`;
        await ipBatch(inside, [
          `link add ${egressOnlyGatewayLink} mtu ${internetMtu} type veth ${peer}`,
          `link set dev ${egressOnlyGatewayLink} up`,
        ]);
        await ipBatch(this.#namespace, [`link set dev ${egressOnlyLink} up mtu ${internetMtu}`]);
      }
      await this.#address(vpcId, egressOnlyGatewayLink, egressOnlyLink);
    }
    if (gateways.internetGateway) await this.#address(vpcId, internetGatewayLink, link);
    const leading = gateways.internetGateway ? link : egressOnlyLink;
    await this.#lead(new Map(blocks.map(block => [block, leading])), [link, egressOnlyLink]);
    return there;
  }

  /** Makes routes to `wanted`, and takes away others over `links`. */
  async #lead(wanted: ReadonlyMap<string, string>, links: readonly string[]): Promise<void> {
    const owners = await this.#look();
    const missing = [...wanted].filter(([block, link]) => owners.get(block) !== link);
    const gone = [...owners].filter(([block, link]) => links.includes(link) && !wanted.has(block));
    if (missing.length + gone.length === 0) return;
    this.#owners = undefined;
    await ipBatch(
      this.#namespace,
      [
        ...missing.map(([block, link]) => `route replace ${block} via ${vpcLinkIpv6Address} dev ${link}`),
        ...gone.map(([block, link]) => `route del ${block} dev ${link}`),
      ],
      '-6',
    );
    await this.#tellHost(
      missing.map(([block]) => block),
      gone.map(([block]) => block),
    );
    for (const [block] of gone) owners.delete(block);
    for (const [block, link] of missing) owners.set(block, link);
    this.#owners = owners;
  }

  /** Blocks with addresses that the host itself has another way to (its own network's, brought here) stay as they are there. */
  async #tellHost(blocks: readonly string[], gone: readonly string[]): Promise<void> {
    const outside = hostInterface(this.#dataDir);
    const { host } = ipv6HostAddresses(this.#dataDir);
    const way = `via ${edgeHostLinkIpv6Address} dev ${outside}`;
    if (this.#host && blocks.length > 0) {
      const routes = (await ipJson(undefined, '-6', 'route', 'show')) as RouteJson[];
      const others = routes.flatMap(({ dst, dev }) =>
        dst === 'default' || dev === outside ? [] : parseIpv6Prefix(dst),
      );
      const free = (block: string) => !others.some(other => overlapsIpv6(other, parseIpv6Prefix(block)));
      await ipBatch(
        undefined,
        blocks.filter(free).map(block => `route replace ${block} ${way} src ${host} metric 50`),
        '-6',
      );
    }
    // Exit code 2 says that there was no such route.
    for (const block of gone) await run(['ip', '-6', 'route', 'del', block, 'dev', outside], { accept: [1, 2] });
  }

  /** The kernel takes a link's routes with the link; the host's would lead to nobody. */
  #forgetRoutes(links: readonly string[]): string[] {
    const blocks = [...(this.#owners ?? [])].flatMap(([block, link]) => (links.includes(link) ? block : []));
    for (const block of blocks) this.#owners?.delete(block);
    return blocks;
  }

  /** Removes a VPC's egress-only link, and routes to it; the link of its internet gateway goes by itself. */
  async disconnect(vpcId: string): Promise<void> {
    const links = [vpcLinkName(vpcId), egressOnlyLinkName(vpcId)];
    await this.#look();
    const blocks = this.#forgetRoutes(links);
    for (const link of links) this.#links.delete(link);
    if (await namespaceExists(this.#namespace)) {
      await run(['ip', '-n', this.#namespace, 'link', 'del', egressOnlyLinkName(vpcId)], { accept: [1] });
    }
    await this.#tellHost([], blocks);
  }
}
