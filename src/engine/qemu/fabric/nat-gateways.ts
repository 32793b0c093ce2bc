import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { VpcIntent } from '../../engine.ts';
import { tapName, vpcNamespace } from '../names.ts';
import { ensureNatNamespace, natNamespace, removeNatNamespace } from './nat-gateway.ts';
import { deliveryCommands } from './port-link.ts';
import { ipBatch } from './run.ts';
import { namespaceExists, type VpcActual } from './vpc-actual.ts';

/** The NAT gateways of one VPC. A folder for each says that its namespace is ours. */
export class NatGateways {
  readonly #vpcId: string;
  readonly #directory: string;
  /** Those that are as they should be, with what they were made from. */
  readonly #made = new Map<string, string>();

  constructor(vpcId: string, directory: string) {
    this.#vpcId = vpcId;
    this.#directory = directory;
  }

  /** Makes those of the intent, and leads their addresses to them. */
  async ensure(actual: VpcActual, intent: VpcIntent): Promise<void> {
    const namespace = vpcNamespace(this.#vpcId);
    for (const nat of intent.natGateways ?? []) {
      const subnet = intent.subnets.find(({ subnetId }) => subnetId === nat.subnetId);
      const wanted = JSON.stringify([nat, subnet?.cidrBlock]);
      const id = nat.natGatewayId;
      if (subnet === undefined || (this.#made.get(id) === wanted && (await namespaceExists(natNamespace(id)))))
        continue;
      await mkdir(join(this.#directory, id), { recursive: true });
      await ensureNatNamespace(namespace, actual, this.#vpcId, nat, subnet);
      await ipBatch(namespace, deliveryCommands(actual, tapName(nat.networkInterfaceId), nat));
      this.#made.set(id, wanted);
    }
  }

  /** Those that have a folder and are not in the intent. */
  async unwanted(intent: VpcIntent | undefined): Promise<string[]> {
    const wanted = new Set(intent?.natGateways?.map(nat => nat.natGatewayId));
    return (await readdir(this.#directory).catch(() => [])).filter(id => !wanted.has(id));
  }

  async remove(id: string): Promise<void> {
    await removeNatNamespace(id);
    this.#made.delete(id);
    await rm(join(this.#directory, id), { recursive: true, force: true });
  }
}
