import { EngineError, type MachineSpec, type NicAttachment } from '../engine.ts';
import { nicDevice } from './devices.ts';
import { freeSlot, known, pluggedDevices, unplugDevice } from './hot-plug.ts';
import type { Qmp } from './qmp.ts';

function netdevOf(networkInterfaceId: string): string {
  return `net-${networkInterfaceId}`;
}

/** Interfaces that are connected: one that was cut off and that the guest still holds is not. */
export async function pluggedNics(qmp: Qmp): Promise<string[]> {
  const plugged: string[] = [];
  for (const id of await pluggedDevices(qmp)) {
    if (!id.startsWith('eni-')) continue;
    // A link that is up is set up: no change, and an error when the network's side is gone.
    if (await known(qmp.execute('set_link', { name: netdevOf(id), up: true }))) plugged.push(id);
  }
  return plugged;
}

/** @throws EngineError */
export async function plugNic(qmp: Qmp, spec: MachineSpec, nic: NicAttachment): Promise<void> {
  const id = nic.networkInterfaceId;
  if (spec.nics.some(other => other.vpcId !== nic.vpcId)) {
    throw new EngineError('Invalid', `all network interfaces of a machine are in one VPC, not also in ${nic.vpcId}`);
  }
  if ((await pluggedNics(qmp)).includes(id)) return;
  if ((await pluggedDevices(qmp)).includes(id)) {
    throw new EngineError('Failed', `the guest has not yet let go of ${id}, from which it was cut off`);
  }
  const { netdev, device } = nicDevice(nic, await freeSlot(qmp));
  await known(qmp.execute('netdev_del', { id: netdevOf(id) }));
  await qmp.execute('netdev_add', netdev);
  try {
    await qmp.execute('device_add', device);
  } catch (error) {
    await known(qmp.execute('netdev_del', { id: netdevOf(id) }));
    throw error;
  }
}

/** @throws EngineError `Failed` when the guest does not let go. */
export async function unplugNic(qmp: Qmp, networkInterfaceId: string, force: boolean): Promise<void> {
  await unplugDevice(qmp, networkInterfaceId, !force);
  await known(qmp.execute('netdev_del', { id: netdevOf(networkInterfaceId) }));
}
