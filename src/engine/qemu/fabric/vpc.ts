import { chmod, mkdir, rm } from 'node:fs/promises';
import type { Server } from 'node:net';
import { join } from 'node:path';
import type { PortIntent, SecurityGroupIntent, VpcIntent } from '../../engine.ts';
import { EngineError } from '../../engine.ts';
import { vpcNamespace } from '../names.ts';
import { Batch } from './batch.ts';
import { forgetConnections, retiredBetween } from './conntrack.ts';
import { Dnsmasq } from './dnsmasq.ts';
import type { Edge } from './edge.ts';
import { ensureGroupFirewall, groupChain, removeGroupFirewall } from './group-firewall.ts';
import { internetGatewayLink, portGroup, runtimeDir } from './layout.ts';
import { listenInNamespace } from './metadata-socket.ts';
import { ensurePortFirewall, removePortFirewall } from './port-firewall.ts';
import { type PortKind, portLinkCommands, removePortLinkCommands } from './port-link.ts';
import { SerialQueue } from './queue.ts';
import { copyRuleset } from './ruleset.ts';
import { ipBatch, nftTransaction, run } from './run.ts';
import { setSysctls, vpcSysctls } from './sysctl.ts';
import { Transaction } from './transaction.ts';
import { lookAtVpc, namespaceExists, type VpcActual } from './vpc-actual.ts';
import { ensureVpcFirewall } from './vpc-firewall.ts';
import { desiredRouting, routingCommands } from './vpc-routing.ts';

/** What all VPCs of a fabric share. */
export interface VpcContext {
  readonly dataDir: string;
  readonly uplink?: string | undefined;
  readonly edge: Edge;
  readonly ports: PortKind;
  /** Servers that answer names outside of VPCs; empty without an uplink. */
  upstream(): Promise<readonly string[]>;
  onListening(vpcId: string, server: Server): void;
  onClosed(vpcId: string): void;
}

/** Lines for `ip` and a firewall transaction that belong together. */
interface Change {
  readonly ip: string[];
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
  #server: Server | undefined;
  #closed = false;

  constructor(id: string, context: VpcContext) {
    this.id = id;
    this.#context = context;
    this.#directory = join(runtimeDir(context.dataDir), id);
    this.#dnsmasq = new Dnsmasq(id, this.#directory);
    this.#portBatch = new Batch(task => this.#queue.run(task), this.#ensurePorts.bind(this));
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
    const change: Change = { ip: [], firewall: new Transaction(copyRuleset(before)) };
    // The plan changes `actual` along with the commands; until they have succeeded nobody may rely on it.
    this.#actual = undefined;
    plan(change, actual);
    const { lines, ruleset } = change.firewall;
    if (order === 'ip-first') await ipBatch(this.#namespace, change.ip);
    await nftTransaction(this.#namespace, lines);
    const retired = retiredBetween(before, ruleset);
    await forgetConnections(this.id, retired);
    if (order === 'firewall-first') await ipBatch(this.#namespace, change.ip);
    this.#actual = { ...actual, ruleset };
    const owned = [...(ruleset.sets.get('inet private_to_public')?.values() ?? [])];
    if (this.#actual.internetGatewayLink) await this.#context.edge.setAddresses(this.id, owned);
  }

  ensure(intent: VpcIntent): Promise<void> {
    return this.#queue.run(async () => {
      // The folder says that the namespace is ours, so it comes first and goes last.
      await mkdir(this.#directory, { recursive: true, mode: 0o755 });
      await chmod(this.#directory, 0o755);
      if (!(await namespaceExists(this.#namespace))) this.#actual = undefined;
      const actual = await this.#look();
      if (!actual.exists) {
        await run(['ip', 'netns', 'add', this.#namespace]);
        actual.exists = true;
      }
      if (!actual.ruleset.chains.has('leave')) {
        await setSysctls(this.#namespace, vpcSysctls);
        await ipBatch(this.#namespace, ['link set dev lo up']);
      }
      const linkAddress = await this.#ensureLink(intent, actual);
      const routing = desiredRouting(intent, linkAddress);
      await this.#apply((change, current) => {
        change.ip.push(...routingCommands(current.routing, routing));
        current.routing = routing;
        ensureVpcFirewall(change.firewall, intent);
      }, 'ip-first');
      const upstream = await this.#context.upstream();
      await Promise.all([this.#dnsmasq.ensure(intent, upstream), this.#listen()]);
      this.#intent = intent;
    });
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

  /** Opens the metadata service's socket unless it is open. */
  async #listen(): Promise<void> {
    if (this.#server !== undefined || this.#closed) return;
    const server = await listenInNamespace(this.#namespace);
    this.#server = server;
    this.#context.onListening(this.id, server);
  }

  /** Takes over what an earlier process left: opens the metadata socket again. Nothing else changes. */
  adopt(): Promise<void> {
    return this.#queue.run(async () => {
      if ((await this.#look()).ruleset.chains.has('leave')) await this.#listen();
    });
  }

  ensureGroup(intent: SecurityGroupIntent): Promise<void> {
    return this.#queue.run(() => this.#apply(({ firewall }) => ensureGroupFirewall(firewall, intent), 'ip-first'));
  }

  removeGroup(groupId: string): Promise<void> {
    return this.#queue.run(async () => {
      if (!(await this.#look()).exists) return;
      await this.#apply(({ firewall }) => removeGroupFirewall(firewall, groupId), 'ip-first');
    });
  }

  ensurePort(intent: PortIntent): Promise<void> {
    return this.#portBatch.add(intent);
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
        change.ip.push(...portLinkCommands(actual, intent, subnet, this.#context.ports));
        ensurePortFirewall(change.firewall, intent);
      }
    }, 'ip-first');
    await this.#dnsmasq.setPorts(intents, vpc.domainName);
  }

  removePort(networkInterfaceId: string): Promise<void> {
    return this.#queue.run(async () => {
      if (!(await this.#look()).exists) return;
      // The doors close first, and an address is free only when nothing of its former owner is left.
      await this.#apply((change, actual) => {
        removePortFirewall(change.firewall, networkInterfaceId);
        change.ip.push(...removePortLinkCommands(actual, networkInterfaceId));
      }, 'firewall-first');
      await this.#dnsmasq.removePort(networkInterfaceId);
    });
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
  remove(): Promise<void> {
    return this.#queue.run(async () => {
      this.#release();
      await this.#dnsmasq.stop();
      const actual = await lookAtVpc(this.id);
      this.#actual = undefined;
      this.#intent = undefined;
      await this.#context.edge.removeLink(this.id);
      // A socket that is still open somewhere keeps a namespace alive; its interfaces must not wait for that.
      if (actual.ports.size > 0) await ipBatch(this.#namespace, [`link del group ${portGroup}`]);
      if (await namespaceExists(this.#namespace)) await run(['ip', 'netns', 'del', this.#namespace]);
      await rm(`/run/netns/${this.#namespace}`, { force: true });
      await rm(this.#directory, { recursive: true, force: true });
    });
  }

  /** Closes the metadata socket; everything else stays as it is. */
  close(): Promise<void> {
    this.#closed = true;
    return this.#queue.run(async () => this.#release());
  }

  #release(): void {
    if (this.#server === undefined) return;
    this.#context.onClosed(this.id);
    this.#server.close();
    this.#server = undefined;
  }
}
