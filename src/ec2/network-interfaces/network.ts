import { KeyedLock } from '../../controllers/keyed-lock.ts';
import type { FabricDriver } from '../../engine/engine.ts';
import type { Reader } from '../../state/state.ts';
import { type InstanceRow, instances } from '../instances/model.ts';
import { groupIntent, portIntent, vpcIntent } from '../intents.ts';
import { securityGroups } from '../security-groups/model.ts';
import { vpcs } from '../vpcs/model.ts';
import { networkInterfaces } from './model.ts';

const powered: readonly InstanceRow['state'][] = ['pending', 'running', 'stopping', 'shutting-down'];

/**
 * Brings interfaces, groups and VPCs of the state into the fabric. A VPC is there while one of its interfaces is
 * plugged in. Work on one VPC is serial, so that the last interface to go and the first to come do not cross.
 */
export class Network {
  readonly #db: Reader;
  readonly #fabric: FabricDriver;
  readonly #locks = new KeyedLock();
  readonly #plugged = new Map<string, Set<string>>();
  /** VPCs that were taken away, so that it is done once. */
  readonly #removed = new Set<string>();

  constructor(db: Reader, fabric: FabricDriver) {
    this.#db = db;
    this.#fabric = fabric;
  }

  /** Makes the fabric agree with the state about one interface. */
  reconcileInterface(vpcId: string, networkInterfaceId: string): Promise<void> {
    return this.#locks.run(vpcId, async () => {
      const owner = this.#poweredOwner(networkInterfaceId);
      if (owner === undefined) await this.#unplug(vpcId, networkInterfaceId);
      else await this.#plug(vpcId, networkInterfaceId, owner);
    });
  }

  /** Takes an interface out of the fabric whatever the state says: its machine has ended for good. */
  unplug(vpcId: string, networkInterfaceId: string): Promise<void> {
    return this.#locks.run(vpcId, () => this.#unplug(vpcId, networkInterfaceId));
  }

  reconcileGroup(vpcId: string, groupId: string): Promise<void> {
    return this.#locks.run(vpcId, async () => {
      if (!this.#plugged.has(vpcId)) return;
      if (this.#db.get(securityGroups, groupId) === undefined) await this.#fabric.removeGroup(vpcId, groupId);
      else await this.#fabric.ensureGroup(groupIntent(this.#db, groupId));
    });
  }

  reconcileVpc(vpcId: string): Promise<void> {
    return this.#locks.run(vpcId, async () => {
      if (this.#plugged.has(vpcId) && this.#db.get(vpcs, vpcId) !== undefined)
        await this.#fabric.ensureVpc(vpcIntent(this.#db, vpcId));
    });
  }

  /** Removes what an earlier server left in the fabric and nothing in the state wants. */
  async removeOrphans(): Promise<void> {
    for (const vpcId of await this.#fabric.listVpcs()) {
      for (const networkInterfaceId of await this.#fabric.listPorts(vpcId)) {
        await this.#locks.run(vpcId, async () => {
          if (this.#poweredOwner(networkInterfaceId) === undefined)
            await this.#fabric.removePort(vpcId, networkInterfaceId);
        });
      }
      await this.#locks.run(vpcId, async () => {
        if (!this.#wanted(vpcId)) await this.#fabric.removeVpc(vpcId);
      });
    }
  }

  /** Whether an interface of the VPC, other than `except`, is to be plugged in. */
  #wanted(vpcId: string, except?: string): boolean {
    return this.#db
      .by(networkInterfaces, 'vpc', vpcId)
      .some(row => row.networkInterfaceId !== except && this.#poweredOwner(row.networkInterfaceId) !== undefined);
  }

  #poweredOwner(networkInterfaceId: string): InstanceRow | undefined {
    const instanceId = this.#db.get(networkInterfaces, networkInterfaceId)?.attachment?.instanceId;
    const owner = instanceId === undefined ? undefined : this.#db.get(instances, instanceId);
    return owner !== undefined && powered.includes(owner.state) ? owner : undefined;
  }

  async #plug(vpcId: string, networkInterfaceId: string, owner: InstanceRow): Promise<void> {
    const { httpPutResponseHopLimit, httpProtocolIpv6 } = owner.metadataOptions;
    const port = portIntent(this.#db, networkInterfaceId, httpPutResponseHopLimit, httpProtocolIpv6 === 'enabled');
    this.#removed.delete(vpcId);
    await this.#fabric.ensureVpc(vpcIntent(this.#db, vpcId));
    for (const groupId of port.groupIds) await this.#fabric.ensureGroup(groupIntent(this.#db, groupId));
    await this.#fabric.ensurePort(port);
    const plugged = this.#plugged.get(vpcId);
    if (plugged === undefined) this.#plugged.set(vpcId, new Set([networkInterfaceId]));
    else plugged.add(networkInterfaceId);
  }

  async #unplug(vpcId: string, networkInterfaceId: string): Promise<void> {
    const plugged = this.#plugged.get(vpcId);
    await this.#fabric.removePort(vpcId, networkInterfaceId);
    plugged?.delete(networkInterfaceId);
    if (plugged !== undefined && plugged.size > 0) return;
    // After a start of the server, interfaces that an earlier one plugged in may not have been looked at yet.
    if (this.#removed.has(vpcId) || this.#wanted(vpcId, networkInterfaceId)) return;
    this.#plugged.delete(vpcId);
    await this.#fabric.removeVpc(vpcId);
    this.#removed.add(vpcId);
  }
}
