import { EngineError, type MachineSpec, type NicAttachment } from '../engine.ts';
import { BRIDGE, MAX_ATTACHMENTS, nicDevice } from './devices.ts';
import { isObject, type Qmp, type QmpEvent, type QmpObject } from './qmp.ts';

/**
 * Network interfaces that come and go while a guest runs. Everything is asked of QEMU each time, so that a server that was
 * killed half-way, or another one, goes on where this one was.
 */

/** Linux lets go within 0.3 s when it has a processor; a busy machine may take its time. */
const LET_GO_TIMEOUT_MS = 8_000;
const peripherals = '/machine/peripheral';
const slots = 31;

/** True unless QEMU does not know the device. */
async function known(command: Promise<unknown>): Promise<boolean> {
  try {
    await command;
    return true;
  } catch (error) {
    if (error instanceof Error && 'qmpClass' in error && error.qmpClass === 'DeviceNotFound') return false;
    throw error;
  }
}

function netdevOf(networkInterfaceId: string): string {
  return `net-${networkInterfaceId}`;
}

/** IDs of the devices that were plugged in by us, from the start or later. */
async function devices(qmp: Qmp): Promise<{ readonly id: string; readonly nic: boolean }[]> {
  const list = await qmp.execute('qom-list', { path: peripherals });
  return (Array.isArray(list) ? list : []).filter(isObject).flatMap(({ name, type }) => {
    if (typeof name !== 'string' || typeof type !== 'string' || !type.startsWith('child<')) return [];
    return [{ id: name, nic: name.startsWith('eni-') }];
  });
}

/** Interfaces that are connected: one that was cut off and that the guest still holds is not. */
export async function pluggedNics(qmp: Qmp): Promise<string[]> {
  const plugged: string[] = [];
  for (const { id, nic } of await devices(qmp)) {
    // A link that is up is set up: no change, and an error when the network's side is gone.
    if (nic && (await known(qmp.execute('set_link', { name: netdevOf(id), up: true })))) plugged.push(id);
  }
  return plugged;
}

function busOf(list: unknown, id: string): readonly unknown[] | undefined {
  if (!Array.isArray(list)) return undefined;
  for (const device of list) {
    if (!isObject(device) || !isObject(device.pci_bridge)) continue;
    const behind = Array.isArray(device.pci_bridge.devices) ? device.pci_bridge.devices : [];
    if (device.qdev_id === id) return behind;
    const found = busOf(behind, id);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The first slot of the bridge that nothing is in. */
async function freeSlot(qmp: Qmp): Promise<number> {
  const buses = await qmp.execute('query-pci');
  const roots = (Array.isArray(buses) ? buses : []).filter(isObject).flatMap(bus => bus.devices ?? []);
  const taken = new Set((busOf(roots, BRIDGE) ?? []).filter(isObject).map(device => device.slot));
  const free = Array.from({ length: slots }, (_, index) => index + 1).find(number => !taken.has(number));
  if (free === undefined || taken.size >= MAX_ATTACHMENTS) {
    throw new EngineError('Invalid', `a machine has at most ${MAX_ATTACHMENTS} disks and network interfaces`);
  }
  return free;
}

/** @throws EngineError */
export async function plugNic(qmp: Qmp, spec: MachineSpec, nic: NicAttachment): Promise<void> {
  const id = nic.networkInterfaceId;
  if (spec.nics.some(other => other.vpcId !== nic.vpcId)) {
    throw new EngineError('Invalid', `all network interfaces of a machine are in one VPC, not also in ${nic.vpcId}`);
  }
  if ((await pluggedNics(qmp)).includes(id)) return;
  if ((await devices(qmp)).some(device => device.id === id)) {
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

/** Resolves true when QEMU reports that the device is gone. */
function gone(qmp: Qmp, id: string): Promise<boolean> {
  return new Promise(resolve => {
    const finish = (value: boolean) => {
      clearTimeout(timer);
      qmp.off('event', hear);
      qmp.off('close', closed);
      resolve(value);
    };
    const hear = ({ event, data }: QmpEvent) => {
      if (event === 'DEVICE_DELETED' && data.device === id) finish(true);
    };
    const closed = () => finish(false);
    const timer = setTimeout(() => finish(false), LET_GO_TIMEOUT_MS);
    qmp.on('event', hear);
    qmp.on('close', closed);
  });
}

/** Asks for the removal; false when there is no such device. That it was asked before is as good. */
async function ask(qmp: Qmp, id: string): Promise<boolean> {
  if (!(await devices(qmp)).some(device => device.id === id)) return false;
  const argument: QmpObject = { id };
  try {
    return await known(qmp.execute('device_del', argument));
  } catch (error) {
    if (error instanceof Error && error.message.includes('in the process of unplug')) return true;
    throw error;
  }
}

/** @throws EngineError `Failed` when the guest does not let go. */
export async function unplugNic(qmp: Qmp, networkInterfaceId: string, force: boolean): Promise<void> {
  const id = networkInterfaceId;
  const deleted = force ? undefined : gone(qmp, id);
  const there = await ask(qmp, id);
  if (there && deleted !== undefined && !(await deleted) && (await devices(qmp)).some(device => device.id === id)) {
    throw new EngineError('Failed', `the guest has not let go of ${id}`);
  }
  await known(qmp.execute('netdev_del', { id: netdevOf(id) }));
}
