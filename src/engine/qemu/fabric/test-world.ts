import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { Server } from 'node:net';
import type { MetadataListener, PortIntent } from '../../engine.ts';
import { createFabric, type Fabric, tokenReasonPhrase } from './fabric.ts';
import { anywhere, groupIntent, portIntent, vpcIntent } from './intents.test-data.ts';
import { Guests } from './test-guests.ts';

/** Answers as the metadata service does: tokens with the agreed reason phrase; everything tells VPC and caller. */
class Metadata implements MetadataListener {
  readonly opened = new Map<string, Server>();

  onListening(vpcId: string, server: Server): void {
    const http = createServer((request, response) => {
      if (request.method === 'PUT') response.writeHead(200, tokenReasonPhrase);
      response.end(`${vpcId} ${request.socket.remoteAddress}`);
    });
    server.on('connection', socket => http.emit('connection', socket));
    this.opened.set(vpcId, server);
  }

  onClosed(vpcId: string): void {
    this.opened.delete(vpcId);
  }
}

export const web = 'sg-0aaaaaaaaaaaaaaa1';
export const client = 'sg-0aaaaaaaaaaaaaaa2';
export const closed = 'sg-0aaaaaaaaaaaaaaa3';

/**
 * What most tests of the fabric need: two VPCs with the same addresses and groups; in the first a web server, a friend
 * that may call it and a stranger, in the second the server's twin. Guests configure themselves by DHCP.
 */
export class World {
  readonly unique = randomBytes(3).toString('hex');
  readonly dataDir = `/tmp/fogbank-fabric-${this.unique}`;
  readonly vpcA = `vpc-0000000000${this.unique}a`;
  readonly vpcB = `vpc-0000000000${this.unique}b`;
  readonly guests = new Guests(`fbg${this.unique}`);
  readonly metadata = new Metadata();
  readonly hostAddress: string;
  readonly server: PortIntent;
  readonly friend: PortIntent;
  readonly stranger: PortIntent;
  readonly twin: PortIntent;
  serverGuest = '';
  friendGuest = '';
  strangerGuest = '';
  twinGuest = '';
  fabric: Fabric;
  readonly #network: number;
  readonly #namespaces = new Map<string, string>();

  /** The public pool is 198.19.`network`.0/24. */
  constructor(network: number) {
    this.#network = network;
    this.hostAddress = this.publicAddress(1);
    this.server = portIntent(this.vpcA, 10, { publicIpAddresses: { '172.31.0.10': this.publicAddress(10) } });
    this.friend = portIntent(this.vpcA, 11, {
      groupIds: [client],
      publicIpAddresses: { '172.31.0.11': this.publicAddress(11) },
      metadataHopLimit: 3,
    });
    this.stranger = portIntent(this.vpcA, 12, { groupIds: [closed] });
    this.twin = portIntent(this.vpcB, 10);
    this.fabric = this.createFabric();
  }

  createFabric(): Fabric {
    return createFabric({ dataDir: this.dataDir, publicPool: `${this.publicAddress(0)}/24`, ports: this.guests.ports });
  }

  publicAddress(last: number): string {
    return `198.19.${this.#network}.${last}`;
  }

  async open(): Promise<void> {
    await this.fabric.open(this.metadata);
    await this.ensureBase();
    this.serverGuest = await this.addPort(this.server);
    this.friendGuest = await this.addPort(this.friend);
    this.strangerGuest = await this.addPort(this.stranger);
    this.twinGuest = await this.addPort(this.twin);
  }

  /** Makes the port, and a guest at it unless there is one. Returns the guest's namespace. */
  async addPort(intent: PortIntent): Promise<string> {
    const namespace = this.#namespaces.get(intent.networkInterfaceId) ?? (await this.guests.prepare(intent));
    this.#namespaces.set(intent.networkInterfaceId, namespace);
    await this.fabric.ensurePort(intent);
    return namespace;
  }

  async ensureBase(): Promise<void> {
    for (const vpcId of [this.vpcA, this.vpcB]) {
      await this.fabric.ensureVpc(vpcIntent(vpcId));
      await this.fabric.ensureGroup(
        groupIntent(vpcId, web, [
          { protocol: 6, fromPort: 80, toPort: 80, groupId: client },
          { protocol: 6, fromPort: 22, toPort: 22, cidrIpv4: '0.0.0.0/0' },
          { protocol: 1, icmpType: 8, icmpCode: -1, cidrIpv4: '0.0.0.0/0' },
        ]),
      );
      await this.fabric.ensureGroup(groupIntent(vpcId, client, []));
      await this.fabric.ensureGroup(groupIntent(vpcId, closed, [anywhere], []));
    }
  }

  /** Every guest takes its lease, and the servers start. Returns what the server's lease says. */
  async settle(): Promise<string> {
    const lease = await this.guests.dhcp(this.serverGuest);
    for (const guest of [this.friendGuest, this.strangerGuest, this.twinGuest]) await this.guests.dhcp(guest);
    for (const port of [22, 80, 8080]) await this.guests.serve(this.serverGuest, port);
    for (const guest of [this.friendGuest, this.twinGuest]) await this.guests.serve(guest, 22);
    return lease;
  }

  async destroy(): Promise<void> {
    await this.fabric.destroy();
    await this.guests.remove();
  }
}
