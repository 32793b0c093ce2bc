import { chmod, mkdir, rm } from 'node:fs/promises';
import type { Server } from 'node:net';
import { join } from 'node:path';
import type { FlowCount, PortIntent, SecurityGroupIntent, VpcIntent } from '../../engine.ts';
import { EngineError } from '../../engine.ts';
import { formatIpv6Prefix, parseIpv6Prefix } from '../../network/ipv6.ts';
import { tapName, vpcNamespace } from '../names.ts';
import { ensureNetworkAcls } from './acl-firewall.ts';
import { Batch } from './batch.ts';
import { forgetConnections, retiredBetween } from './conntrack.ts';
import { Dnsmasq } from './dnsmasq.ts';
import type { Edge } from './edge.ts';
import { ensureFlowCounters, readFlowCounters } from './flow-counters.ts';
import { ensureGroupFirewall, groupChain, readPeerMembersSet, removeGroupFirewall } from './group-firewall.ts';
import {
  egressOnlyGatewayLink,
  internetGatewayLink,
  metadataAddress,
  metadataIpv6Address,
  portGroup,
  runtimeDir,
} from './layout.ts';
import { listenInNamespace } from './metadata-socket.ts';
import { NatGateways } from './nat-gateways.ts';
import { ensurePeeringLinks, peeringLinkCommands, peeringLinkIpv6Commands } from './peering-link.ts';
import {
  ensureNatGatewayFirewall,
  ensurePortFirewall,
  removeInterfaceFirewall,
  removePortFirewall,
  setPeeringLinks,
} from './port-firewall.ts';
import { ipv6DeliveryCommands, ipv6LinkCommands, ownIpv6 } from './port-ipv6.ts';
import { type PortKind, portLinkCommands, removePortLinkCommands, withPrefixes } from './port-link.ts';
import { SerialQueue } from './queue.ts';
import { copyRuleset, emptyRuleset, type Ruleset } from './ruleset.ts';
import { ipBatch, nftTransaction, run } from './run.ts';
import { ipv6Sysctls, setSysctls, vpcSysctls } from './sysctl.ts';
import { Transaction } from './transaction.ts';
import { lookAtVpc, namespaceExists, type VpcActual } from './vpc-actual.ts';
import { ensureVpcFirewall } from './vpc-firewall.ts';
import {
  desiredIpv6Routing,
  desiredRouting,
  forgetInterface,
  forgetRoutesOver,
  hasInterfaceRoutes,
  hasIpv6,
  nextHops,
  routingCommands,
} from './vpc-routing.ts';

/** What all VPCs of a fabric share. */
export interface VpcContext {
  readonly dataDir: string;
  readonly publicPool: string;
  readonly uplink?: string | undefined;
  readonly edge: Edge;
  readonly ports: PortKind;
  /** All that were asked for since the start of the server. */
  readonly vpcs: ReadonlyMap<string, Vpc>;
  /** Links between two VPCs are made and removed one after the other. */
  readonly peerings: SerialQueue;
  /** Servers that answer names outside of VPCs; empty without an uplink. */
  upstream(): Promise<readonly string[]>;
  onListening(vpcId: string, server: Server): void;
  onClosed(vpcId: string): void;
}

/** Lines for `ip` and a firewall transaction that belong together. */
interface Change {
  readonly ip: string[];
  /** For `ip -6`, after `ip` when something is made, before it when something goes. */
  readonly ipv6: string[];
  readonly firewall: Transaction;
}

/**
 * One VPC: its namespace and everything in it. All changes go through one queue; each compares with what is there and
 * touches only the difference. After a failure the kernel is asked again what is there.
 */
export class Vpc {
  readonly id: string;
  readonly #context: VpcContext;
  readonly #directory: string;
  readonly #dnsmasq: Dnsmasq;
  readonly #queue = new SerialQueue();
  readonly #portBatch: Batch<PortIntent>;
  #actual: VpcActual | undefined;
  #intent: VpcIntent | undefined;
  #linkAddress: string | undefined;
  #known: Ruleset | undefined;
  /** Peers whose rules name groups of this VPC must hear of it. */
  #membersChanged = false;
  readonly #natGateways: NatGateways;
  /** Of the metadata service, by address. */
  readonly #servers = new Map<string, Server>();
  /** Undefined until the kernel was asked. */
  #countsFlows: boolean | undefined;
  #closed = false;

  constructor(id: string, context: VpcContext) {
    this.id = id;
    this.#context = context;
    this.#directory = join(runtimeDir(context.dataDir), id);
    this.#natGateways = new NatGateways(id, join(this.#directory, 'nat'));
    this.#dnsmasq = new Dnsmasq(id, this.#directory, context.publicPool);
    this.#portBatch = new Batch(task => this.#queue.run(task), this.#ensurePorts.bind(this));
  }

  /** The firewall after the last change, also while another is being made; undefined before the first. */
  get known(): Ruleset | undefined {
    return this.#known;
  }

  get #namespace(): string {
    return vpcNamespace(this.id);
  }

  async #look(): Promise<VpcActual> {
    this.#actual ??= await lookAtVpc(this.id);
    return this.#actual;
  }

  async #existing(): Promise<VpcActual> {
    const actual = await this.#look();
    if (!actual.exists) throw new EngineError('NotFound', `${this.id} is not in the fabric.`);
    return actual;
  }

  /** Applies `plan`'s change to the kernel; what it retired from the firewall loses its connections. */
  async #apply(plan: (change: Change, actual: VpcActual) => void, order: 'ip-first' | 'firewall-first'): Promise<void> {
    const actual = await this.#existing();
    const before = actual.ruleset;
    const change: Change = { ip: [], ipv6: [], firewall: new Transaction(copyRuleset(before)) };
    // The plan changes `actual` along with the commands; until they have succeeded nobody may rely on it.
    this.#actual = undefined;
    plan(change, actual);
    const { lines, ruleset } = change.firewall;
    if (order === 'ip-first') {
      await ipBatch(this.#namespace, change.ip);
      await ipBatch(this.#namespace, change.ipv6, '-6');
    }
    await nftTransaction(this.#namespace, lines);
    const retired = retiredBetween(before, ruleset);
    await forgetConnections(this.id, retired);
    if (order === 'firewall-first') {
      await ipBatch(this.#namespace, change.ipv6, '-6');
      await ipBatch(this.#namespace, change.ip);
    }
    this.#actual = { ...actual, ruleset };
    this.#known = ruleset;
    if (lines.some(line => / members6?-/.test(line))) this.#membersChanged = true;
    const owned = [...(ruleset.sets.get('inet private_to_public')?.values() ?? [])];
    if (this.#actual.internetGatewayLink) await this.#context.edge.setAddresses(this.id, owned);
  }

  async ensure(intent: VpcIntent): Promise<void> {
    let changedPeers: readonly string[] = [];
    await this.#queue.run(async () => {
      // The folder says that the namespace is ours, so it comes first and goes last.
      await mkdir(this.#directory, { recursive: true, mode: 0o755 });
      await chmod(this.#directory, 0o755);
      if (!(await namespaceExists(this.#namespace))) this.#actual = undefined;
      const actual = await this.#look();
      if (!actual.exists) {
        await run(['ip', 'netns', 'add', this.#namespace]);
        actual.exists = true;
        this.#countsFlows = undefined;
      }
      if (!actual.ruleset.chains.has('leave')) {
        await setSysctls(this.#namespace, vpcSysctls);
        await ipBatch(this.#namespace, ['link set dev lo up']);
        actual.ipv6 = false;
      }
      this.#linkAddress = await this.#ensureLink(intent, actual);
      await this.#ensureIpv6(intent);
      changedPeers = await this.#ensurePeerings(intent);
      await this.#natGateways.ensure(await this.#existing(), intent);
      await this.#apply((change, current) => {
        for (const link of current.peeringLinks) {
          change.ip.push(...peeringLinkCommands(intent, link));
          if (current.ipv6) change.ipv6.push(...peeringLinkIpv6Commands(intent, link));
        }
        if (current.ipv6) change.ipv6.push(...ipv6LinkCommands(current, change.firewall.ruleset, intent.subnets));
        this.#route(change, current, intent);
        ensureVpcFirewall(change.firewall, intent);
        setPeeringLinks(change.firewall, [...current.peeringLinks]);
        ensureNetworkAcls(change.firewall, intent);
        for (const nat of intent.natGateways ?? []) ensureNatGatewayFirewall(change.firewall, nat);
      }, 'ip-first');
      await this.#removeNatGateways(intent);
      await this.#ensureFlowCounters(intent.countFlows === true);
      const upstream = await this.#context.upstream();
      await Promise.all([this.#dnsmasq.ensure(intent, upstream), this.#listen()]);
      if (hasIpv6(intent)) await this.#listenIpv6();
      this.#intent = intent;
    });
    await this.#refreshPeers(changedPeers);
    await this.copyPeerMembers();
  }

  /** The kernel is asked once, then after each change. */
  async #ensureFlowCounters(wanted: boolean): Promise<void> {
    if (this.#countsFlows === wanted) return;
    await ensureFlowCounters(this.#namespace, wanted);
    this.#countsFlows = wanted;
  }

  flowCounts(): Promise<FlowCount[]> {
    return this.#queue.run(async () => {
      if (this.#countsFlows !== true || !(await namespaceExists(this.#namespace))) return [];
      const actual = await this.#look();
      const interfaces = new Map([...actual.ports].map(([id, port]) => [port.interfaceName, id]));
      for (const { natGatewayId, networkInterfaceId } of this.#intent?.natGateways ?? []) {
        const name = actual.natGateways.get(natGatewayId)?.interfaceName;
        if (name !== undefined) interfaces.set(name, networkInterfaceId);
      }
      return readFlowCounters(this.#namespace, interfaces);
    });
  }

  /** What the last intent says of a peering connection; undefined when no intent is known yet. */
  wantsPeering(vpcPeeringConnectionId: string, peerVpcId: string): boolean | undefined {
    return this.#intent?.peeringConnections?.some(
      one => one.vpcPeeringConnectionId === vpcPeeringConnectionId && one.peerVpcId === peerVpcId,
    );
  }

  /** Something outside of this VPC that it depends on has changed. */
  async refresh(): Promise<void> {
    if (this.#intent !== undefined) await this.ensure(this.#intent);
  }

  async #refreshPeers(peerVpcIds: readonly string[]): Promise<void> {
    for (const peerVpcId of peerVpcIds) await this.#context.vpcs.get(peerVpcId)?.refresh();
  }

  /** Brings the router from what `actual` has to what the intent wants, as far as targets are there. */
  #route(change: Change, actual: VpcActual, intent: VpcIntent): void {
    const targets = {
      linkAddress: this.#linkAddress,
      nextHops: nextHops(actual, change.firewall.ruleset, intent),
    };
    const desired = desiredRouting(intent, targets);
    change.ip.push(...routingCommands(actual.routing, desired));
    actual.routing = desired;
    if (!actual.ipv6) return;
    const desiredIpv6 = desiredIpv6Routing(intent, targets);
    change.ipv6.push(...routingCommands(actual.ipv6Routing, desiredIpv6, '-6'));
    actual.ipv6Routing = desiredIpv6;
  }

  /** Returns the peers for whose links something has changed. */
  #ensurePeerings(intent: VpcIntent): Promise<string[]> {
    const { peerings, vpcs } = this.#context;
    return peerings.run(async () => {
      const actual = await this.#existing();
      const wants = (id: string, peerVpcId: string) => vpcs.get(peerVpcId)?.wantsPeering(id, this.id);
      const { changed, gone } = await ensurePeeringLinks(this.id, actual, intent, this.#intent, wants);
      for (const link of gone) forgetInterface(actual, link);
      return changed;
    });
  }

  async #removeNatGateways(intent: VpcIntent | undefined): Promise<void> {
    for (const id of await this.#natGateways.unwanted(intent)) {
      const link = this.#actual?.natGateways.get(id)?.interfaceName;
      if (link !== undefined && intent !== undefined) {
        await this.#apply(({ firewall }, actual) => {
          removeInterfaceFirewall(firewall, link);
          for (const [address, dev] of actual.delivered) if (dev === link) actual.delivered.delete(address);
          actual.natGateways.delete(id);
          forgetInterface(actual, link);
        }, 'firewall-first');
      }
      await this.#natGateways.remove(id);
    }
  }

  async #ensureLink(intent: VpcIntent, actual: VpcActual): Promise<string | undefined> {
    const { edge, uplink } = this.#context;
    const wanted = intent.internetGateway || uplink !== undefined;
    if (actual.internetGatewayLink && !(wanted && (await edge.hasLink(this.id)))) {
      await edge.removeLink(this.id);
      await run(['ip', '-n', this.#namespace, 'link', 'del', internetGatewayLink], { accept: [1] });
      // Routes went with the interface.
      this.#actual = await lookAtVpc(this.id);
    }
    if (!wanted) return undefined;
    const now = await this.#look();
    const address = await edge.ensureLink(this.id, now.internetGatewayLink);
    now.internetGatewayLink = true;
    return address;
  }

  /**
   * Lets the namespace carry IPv6, and connects its blocks to the edge by the gateways that it has. What is there of IPv4
   * is not touched. A VPC that has lost its blocks only loses what was theirs.
   */
  async #ensureIpv6(intent: VpcIntent): Promise<void> {
    const actual = await this.#existing();
    const blocks = (intent.ipv6CidrBlocks ?? []).map(cidr => formatIpv6Prefix(parseIpv6Prefix(cidr)));
    if (blocks.length > 0 && !actual.ipv6) {
      await setSysctls(this.#namespace, ipv6Sysctls);
      actual.ipv6 = true;
    }
    if (!actual.ipv6) return;
    const gateways = {
      internetGateway: intent.internetGateway,
      egressOnly: intent.egressOnlyInternetGateway === true && blocks.length > 0,
    };
    const kept = await this.#context.edge.ensureIpv6(this.id, blocks, gateways);
    if (!kept) actual.ipv6Routing = forgetRoutesOver(actual.ipv6Routing, egressOnlyGatewayLink);
  }

  /** Opens the metadata service's socket unless it is open. */
  async #listen(): Promise<void> {
    if (this.#servers.has(metadataAddress) || this.#closed) return;
    this.#open(metadataAddress, await listenInNamespace(this.#namespace, metadataAddress));
  }

  /** The same of its IPv6 address, which is there where the VPC has IPv6. */
  async #listenIpv6(): Promise<void> {
    if (this.#servers.has(metadataIpv6Address) || this.#closed) return;
    this.#open(metadataIpv6Address, await listenInNamespace(this.#namespace, metadataIpv6Address));
  }

  #open(address: string, server: Server): void {
    this.#servers.set(address, server);
    this.#context.onListening(this.id, server);
  }

  /** Takes over what an earlier process left: opens the metadata socket again. Nothing else changes. */
  adopt(): Promise<void> {
    return this.#queue.run(async () => {
      const { ruleset, ipv6Routing } = await this.#look();
      if (!ruleset.chains.has('leave')) return;
      await this.#listen();
      if (ipv6Routing.addresses.has(metadataIpv6Address)) await this.#listenIpv6();
    });
  }

  async ensureGroup(intent: SecurityGroupIntent): Promise<void> {
    await this.#queue.run(() => this.#apply(({ firewall }) => ensureGroupFirewall(firewall, intent), 'ip-first'));
    await this.copyPeerMembers();
    await this.#tellPeers();
  }

  async removeGroup(groupId: string): Promise<void> {
    await this.#queue.run(async () => {
      if (!(await this.#look()).exists) return;
      await this.#apply(({ firewall }) => removeGroupFirewall(firewall, groupId), 'ip-first');
    });
    await this.#tellPeers();
  }

  async ensurePort(intent: PortIntent): Promise<void> {
    await this.#portBatch.add(intent);
    await this.#tellPeers();
  }

  /** Peers copy who is in this VPC's groups. */
  async #tellPeers(): Promise<void> {
    if (!this.#membersChanged) return;
    this.#membersChanged = false;
    for (const { peerVpcId } of this.#intent?.peeringConnections ?? []) {
      await this.#context.vpcs.get(peerVpcId)?.copyPeerMembers();
    }
  }

  /** Brings the sets of members of peers' groups up to date; those of a peer that is not known yet stay. */
  async copyPeerMembers(): Promise<void> {
    const copies = (ruleset: Ruleset | undefined) => [...(ruleset?.sets.keys() ?? [])].filter(readPeerMembersSet);
    if (copies(this.#known).length === 0) return;
    await this.#queue.run(async () => {
      if (!(await this.#look()).exists) return;
      await this.#apply(({ firewall }) => {
        for (const set of copies(firewall.ruleset)) {
          const original = readPeerMembersSet(set);
          const peering = this.#intent?.peeringConnections?.find(
            one => one.vpcPeeringConnectionId === original?.vpcPeeringConnectionId,
          );
          const peer = peering === undefined ? undefined : this.#context.vpcs.get(peering.peerVpcId);
          const known = peer === undefined ? emptyRuleset() : peer.known;
          if (original === undefined || known === undefined) continue;
          const members = known.sets.get(original.original);
          firewall.replaceElements(set, () => true, new Map(members));
        }
      }, 'ip-first');
    });
  }

  /** Ports that are asked for while others are being made are made together: the cost is mostly per transaction. */
  async #ensurePorts(intents: readonly PortIntent[]): Promise<void> {
    const vpc = this.#intent;
    if (vpc === undefined) throw new EngineError('NotFound', `${this.id} is not in the fabric.`);
    await this.#apply((change, actual) => {
      for (const intent of intents) {
        const subnet = vpc.subnets.find(({ subnetId }) => subnetId === intent.subnetId);
        if (subnet === undefined) throw new EngineError('NotFound', `${intent.subnetId} is not in the fabric.`);
        for (const groupId of intent.groupIds) {
          if (change.firewall.ruleset.chains.has(groupChain(groupId, 'in'))) continue;
          throw new EngineError('NotFound', `${groupId} is not in the fabric.`);
        }
        const whole = withPrefixes(intent);
        change.ip.push(...portLinkCommands(actual, whole, subnet, this.#context.ports));
        ensurePortFirewall(change.firewall, whole);
      }
      if (actual.ipv6) {
        change.ipv6.push(...ipv6LinkCommands(actual, change.firewall.ruleset, vpc.subnets));
        for (const intent of intents) {
          const name = tapName(intent.networkInterfaceId);
          change.ipv6.push(...ipv6DeliveryCommands(actual, name, intent.mac, ownIpv6(intent)));
        }
      }
      if (hasInterfaceRoutes(vpc)) this.#route(change, actual, vpc);
    }, 'ip-first');
    await this.#dnsmasq.setPorts(intents, vpc.domainName);
  }

  async removePort(networkInterfaceId: string): Promise<void> {
    await this.#queue.run(async () => {
      if (!(await this.#look()).exists) return;
      // The doors close first, and an address is free only when nothing of its former owner is left.
      await this.#apply((change, actual) => {
        removePortFirewall(change.firewall, networkInterfaceId);
        const removal = removePortLinkCommands(actual, networkInterfaceId);
        // Routes over the interface become blackholes before it goes.
        if (this.#intent !== undefined && hasInterfaceRoutes(this.#intent)) this.#route(change, actual, this.#intent);
        change.ip.push(...removal);
        forgetInterface(actual, tapName(networkInterfaceId));
      }, 'firewall-first');
      await this.#dnsmasq.removePort(networkInterfaceId);
    });
    await this.#tellPeers();
  }

  /** Takes public addresses from whichever port has them, since another VPC gets them. */
  releasePublicAddresses(addresses: readonly string[]): Promise<void> {
    return this.#queue.run(async () => {
      if (!(await this.#look()).exists) return;
      const wanted = new Set(addresses);
      const none = new Map<string, string>();
      await this.#apply(({ firewall }) => {
        firewall.replaceElements('inet public_to_private', key => wanted.has(key), none);
        firewall.replaceElements('inet private_to_public', (_, value) => wanted.has(value), none);
        firewall.replaceElements('inet mappings', key => wanted.has(key.split(' . ')[1] ?? ''), none);
      }, 'ip-first');
    });
  }

  /** Network interfaces with anything here. */
  listPorts(): Promise<string[]> {
    return this.#queue.run(async () => {
      this.#actual = undefined;
      const actual = await this.#look();
      const chains = [...actual.ruleset.chains.keys()].flatMap(name => /^(eni-\w+)-in$/.exec(name)?.[1] ?? []);
      return [...new Set([...actual.ports.keys(), ...chains, ...(await this.#dnsmasq.ports())])].sort();
    });
  }

  /** Removes everything of the VPC. */
  async remove(): Promise<void> {
    const peers = this.#intent?.peeringConnections?.map(one => one.peerVpcId) ?? [];
    await this.#queue.run(async () => {
      this.#release();
      await this.#dnsmasq.stop();
      const actual = await lookAtVpc(this.id);
      this.#actual = undefined;
      this.#intent = undefined;
      this.#known = emptyRuleset();
      await this.#context.edge.removeLink(this.id);
      // A socket that is still open somewhere keeps a namespace alive; its interfaces must not wait for that.
      if (actual.ports.size > 0) await ipBatch(this.#namespace, [`link del group ${portGroup}`]);
      for (const link of actual.peeringLinks) {
        await run(['ip', '-n', this.#namespace, 'link', 'del', link], { accept: [1] });
      }
      await this.#removeNatGateways(undefined);
      if (await namespaceExists(this.#namespace)) await run(['ip', 'netns', 'del', this.#namespace]);
      await rm(`/run/netns/${this.#namespace}`, { force: true });
      await rm(this.#directory, { recursive: true, force: true });
    });
    await this.#refreshPeers(peers);
  }

  /** Closes the metadata socket; everything else stays as it is. */
  close(): Promise<void> {
    this.#closed = true;
    return this.#queue.run(async () => this.#release());
  }

  #release(): void {
    if (this.#servers.size === 0) return;
    this.#context.onClosed(this.id);
    for (const server of this.#servers.values()) server.close();
    this.#servers.clear();
  }
}
