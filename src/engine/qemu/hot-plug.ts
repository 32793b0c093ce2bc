import { EngineError } from '../engine.ts';
import { BRIDGE, MAX_ATTACHMENTS } from './devices.ts';
import { isObject, type Qmp, type QmpEvent, type QmpObject } from './qmp.ts';

/**
 * Devices that come and go while a guest runs. Everything is asked of QEMU each time, so that a server that was killed
 * half-way, or another one, goes on where this one was.
 */

/** Linux lets go within 0.3 s when it has a processor; a busy machine may take its time. */
const LET_GO_TIMEOUT_MS = 8_000;
const peripherals = '/machine/peripheral';
const slots = 31;

/** True unless QEMU does not know the device or node. */
export async function known(command: Promise<unknown>): Promise<boolean> {
  try {
    await command;
    return true;
  } catch (error) {
    if (!(error instanceof Error) || !('qmpClass' in error)) throw error;
    if (error.qmpClass === 'DeviceNotFound' || /^(Failed to|Cannot) find node/.test(error.message)) return false;
    throw error;
  }
}

/** IDs of the devices that were plugged in by us, from the start or later. */
export async function pluggedDevices(qmp: Qmp): Promise<string[]> {
  const list = await qmp.execute('qom-list', { path: peripherals });
  return (Array.isArray(list) ? list : []).filter(isObject).flatMap(({ name, type }) => {
    return typeof name === 'string' && typeof type === 'string' && type.startsWith('child<') ? [name] : [];
  });
}

/** The first slot of the bridge that nothing is in. QEMU is asked, not the bridge, which firmware has yet to set up. */
export async function freeSlot(qmp: Qmp): Promise<number> {
  const taken = new Set<number>();
  for (const id of await pluggedDevices(qmp)) {
    const path = `${peripherals}/${id}`;
    const bus = await qmp.execute('qom-get', { path, property: 'parent_bus' }).catch(() => undefined);
    if (bus !== `${peripherals}/${BRIDGE}/${BRIDGE}`) continue;
    // The address holds the function in its last three bits.
    taken.add(Number(await qmp.execute('qom-get', { path, property: 'addr' })) >> 3);
  }
  const free = Array.from({ length: slots }, (_, index) => index + 1).find(number => !taken.has(number));
  if (free === undefined || taken.size >= MAX_ATTACHMENTS) {
    throw new EngineError('Invalid', `a machine has at most ${MAX_ATTACHMENTS} disks and network interfaces`);
  }
  return free;
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
  if (!(await pluggedDevices(qmp)).includes(id)) return false;
  const argument: QmpObject = { id };
  try {
    return await known(qmp.execute('device_del', argument));
  } catch (error) {
    if (error instanceof Error && error.message.includes('in the process of unplug')) return true;
    throw error;
  }
}

/**
 * Takes a device out.
 * @param wait for the guest to let go of it; otherwise it is asked to only
 * @throws EngineError `Failed` when the guest does not let go.
 */
export async function unplugDevice(qmp: Qmp, id: string, wait: boolean): Promise<void> {
  const deleted = wait ? gone(qmp, id) : undefined;
  const there = await ask(qmp, id);
  if (there && deleted !== undefined && !(await deleted) && (await pluggedDevices(qmp)).includes(id)) {
    throw new EngineError('Failed', `the guest has not let go of ${id}`);
  }
}
