import { chmod, chown, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DiskAttachment, DiskKey, MachineDriver } from '../engine.ts';
import type { Occupant } from './capacity.ts';
import type { VolumeHost } from './disks/cuts.ts';
import type { WantedDisk } from './disks.ts';
import { limitDisk } from './hot-plug-disks.ts';
import { pluggedNics, plugNic, unplugNic } from './hot-plug-nics.ts';
import { Machine } from './machine.ts';
import type { MachineContext } from './machine-context.ts';
import { isInstanceId } from './paths.ts';
import { findMachineProcesses, kill } from './process.ts';

export interface QemuMachines extends MachineDriver {
  /** Finds the machines of earlier servers again. */
  open(): Promise<void>;
  /** Lets go of them. */
  close(): Promise<void>;
  /** Ends all of them at once; what ran is `stopped` by `host-request` from then on. */
  powerOffAll(): Promise<void>;
  /** Machines that run or start, for `Capacity`. */
  occupants(): Iterable<Occupant>;
  /** The machine that runs and may have a volume. */
  findHost(volumeId: string): VolumeHost | undefined;
  /** Whether some machine runs that may have a volume. */
  isInUse(volumeId: string): boolean;
  /** What must be looked at every few seconds. */
  tend(diskIsFull: boolean): Promise<void>;
}

/** The machines of one data folder, each with a task of its own (`machine.ts`). */
export function createMachines(context: MachineContext): QemuMachines {
  const machines = new Map<string, Machine>();
  const folder = join(context.dataDir, 'machines');

  /** Machines are known from their first start on; a look at an unknown one must not make it known. */
  function find(instanceId: string): Machine {
    return machines.get(instanceId) ?? new Machine(instanceId, context);
  }

  /** QEMU may pass through the data folder to its own files, and list nothing in it. */
  async function makeFolders(): Promise<void> {
    await mkdir(folder, { recursive: true, mode: 0o750 });
    if (!context.user.switchUser) return;
    await chown(folder, 0, context.user.gid);
    const { mode, uid } = await stat(context.dataDir);
    await chown(context.dataDir, uid, context.user.gid);
    await chmod(context.dataDir, (mode & 0o7777) | 0o010);
  }

  return {
    async open() {
      await makeFolders();
      const processes = await findMachineProcesses(context.dataDir);
      const known = (await readdir(folder)).filter(isInstanceId);
      await Promise.all(
        known.map(async instanceId => {
          const machine = new Machine(instanceId, context);
          machines.set(instanceId, machine);
          await machine.adopt(processes.get(instanceId));
          processes.delete(instanceId);
        }),
      );
      // Without its folder a machine cannot be talked to any more.
      for (const process of processes.values()) await kill(process);
    },
    async close() {
      await Promise.all([...machines.values()].map(machine => machine.release()));
      machines.clear();
    },
    async powerOffAll() {
      await Promise.all([...machines.values()].map(machine => machine.powerOff('Fogbank was taken down')));
    },
    *occupants() {
      for (const machine of machines.values()) {
        const occupant = machine.occupied;
        if (occupant) yield occupant;
      }
    },
    isInUse: volumeId => [...machines.values()].some(machine => machine.mayHave(volumeId)),
    findHost(volumeId) {
      return [...machines.values()].find(machine => machine.mayHave(volumeId))?.disks;
    },
    async tend(diskIsFull) {
      await Promise.all([...machines.values()].map(machine => machine.tend(diskIsFull)));
    },
    async ensureRunning(spec, keys = new Map()) {
      const wanted = spec.disks.map(disk => wantedDisk(spec.instanceId, disk, keys.get(disk.volumeId)));
      return context.withImages(wanted, images => {
        const machine = find(spec.instanceId);
        machines.set(spec.instanceId, machine);
        return machine.start(spec, { images, keys });
      });
    },
    async status(instanceId) {
      return find(instanceId).status;
    },
    async pressPowerButton(instanceId) {
      await find(instanceId).pressPowerButton();
    },
    async hibernate(instanceId) {
      await find(instanceId).hibernate();
    },
    async powerOff(instanceId) {
      await find(instanceId).powerOff();
    },
    async reset(instanceId) {
      await find(instanceId).reset();
    },
    async remove(instanceId) {
      const machine = find(instanceId);
      await machine.remove();
      if (machines.get(instanceId) === machine && machine.status.state === 'absent') machines.delete(instanceId);
    },
    async attachNic(instanceId, nic) {
      await find(instanceId).ask('attachNic', (qmp, spec) => plugNic(qmp, spec, nic));
    },
    async detachNic(instanceId, networkInterfaceId, options) {
      const force = options?.force ?? false;
      await find(instanceId).ask('detachNic', qmp => unplugNic(qmp, networkInterfaceId, force));
    },
    async listNics(instanceId) {
      return (await find(instanceId).ask('listNics', pluggedNics)) ?? [];
    },
    async attachDisk(instanceId, attachment, key) {
      if (find(instanceId).status.state !== 'running') return;
      await context.withImages([wantedDisk(instanceId, attachment, key)], async images => {
        const image = images.get(attachment.volumeId);
        if (image) await find(instanceId).disks.attach({ attachment, image, key });
      });
    },
    async detachDisk(instanceId, volumeId, options) {
      const force = options?.force ?? false;
      await context.excluding([volumeId], async () => {
        if (force) await context.takeAway(volumeId, instanceId);
        await find(instanceId).disks.detach(volumeId, force);
        await context.takeAway(volumeId, instanceId);
      });
    },
    async listDisks(instanceId) {
      return find(instanceId).disks.list();
    },
    async setDiskLimits(instanceId, volumeId, limits) {
      await find(instanceId).ask('disks', qmp => limitDisk(qmp, volumeId, limits));
    },
    async list() {
      return [...machines.keys()];
    },
    async consoleOutput(instanceId) {
      return find(instanceId).consoleOutput();
    },
    async screenshot(instanceId) {
      return find(instanceId).screenshot();
    },
  };
}

function wantedDisk(instanceId: string, { volumeId, shared }: DiskAttachment, key: DiskKey | undefined): WantedDisk {
  return { volumeId, ...(shared ? { shared: { instanceId, key } } : {}) };
}
