import { mkdir, realpath } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Engine, EngineEvents } from '../engine.ts';
import { type Accelerator, chooseAccelerator, TCG_CACHE_MIB } from './accelerator.ts';
import { Capacity } from './capacity.ts';
import { Cgroups } from './cgroup.ts';
import { commandLine } from './command-line.ts';
import { createDisks } from './disks.ts';
import { createFabric } from './fabric/fabric.ts';
import { encryptedVolumes, type MachineContext } from './machine-context.ts';
import { createMachines } from './machines.ts';
import { QEMU_MIB } from './memory-use.ts';
import { dataDirHash } from './names.ts';
import { endSharing, sharePages } from './page-sharing.ts';
import { findTemplateProcesses, kill } from './process.ts';
import { Turns } from './turns.ts';
import { ensureVariables, findFirmware } from './uefi.ts';
import { deviceGroups, machineUser } from './user.ts';
import { WarmStarts } from './warm/warm.ts';

export interface QemuEngineOptions {
  readonly dataDir: string;
  /** CIDR block of public addresses. */
  readonly publicPool: string;
  /** The host's interface through which instances may reach the world. */
  readonly uplink?: string | undefined;
  /** `kvm` or `tcg`; tested when left out. */
  readonly accel?: string | undefined;
  /** A disk with a stock kernel (qcow2) for KVM's self-test, asked for only when that test is made. */
  readonly kernelDisk?: (() => Promise<string | undefined>) | undefined;
  /** Bytes that frozen guests for fast starts may take on the disk; 0 switches fast starts off. */
  readonly warmBytes?: number | undefined;
  /** How many times over memory is promised to machines; see `capacity.ts`. */
  readonly memoryOvercommit?: number | undefined;
  /** Equal pages of guests are kept once by the host's kernel; see `page-sharing.ts`. */
  readonly pageSharing?: boolean | undefined;
  readonly log?: ((line: string) => void) | undefined;
}

const TEND_INTERVAL_MS = 5_000;
export const DEFAULT_WARM_BYTES = 8 * 1024 ** 3;

/**
 * QEMU machines, qcow2 disks and a network of namespaces on this machine. Making the engine touches nothing but the
 * data folder; `open` finds what an earlier process left, `destroy` works with and without it.
 * @throws EngineError `Failed` when the system user for machines cannot be made.
 */
export async function createQemuEngine(options: QemuEngineOptions): Promise<Engine> {
  const log = options.log ?? (() => {});
  await mkdir(options.dataDir, { recursive: true, mode: 0o700 });
  // As /proc shows the working directory of machines.
  const dataDir = await realpath(options.dataDir);
  const user = await machineUser();
  const disks = createDisks(dataDir, user, log);
  const fabric = createFabric({
    dataDir: resolve(options.dataDir),
    publicPool: options.publicPool,
    uplink: options.uplink,
    user,
    log,
  });
  let events: EngineEvents | undefined;
  let timer: NodeJS.Timeout | undefined;
  let accelerator: Promise<Accelerator> | undefined;
  let opened = false;

  /** The test may boot a machine, so it runs beside the server's start; the first machine waits for it. */
  function chosenAccelerator(): Promise<Accelerator> {
    accelerator ??= (async () => {
      const chosen = await chooseAccelerator({
        cacheDir: join(dataDir, 'cache'),
        ...(options.accel ? { override: options.accel } : {}),
        ...(options.kernelDisk ? { kernelDisk: options.kernelDisk } : {}),
      });
      if (chosen.name === 'kvm') groups.push(...(await deviceGroups('/dev/kvm', user)));
      if (chosen.name === 'kvm') overheadMib = QEMU_MIB;
      log(`machines run by ${chosen.name}: ${chosen.reason}`);
      return chosen;
    })();
    // A test that could not be made is made again for the next machine.
    accelerator.catch(() => {
      accelerator = undefined;
    });
    return accelerator;
  }

  const groups: number[] = [];
  /** Until it is known that hardware runs the processors, room for translated code is set aside. */
  let overheadMib = QEMU_MIB + TCG_CACHE_MIB;
  const { warmBytes = DEFAULT_WARM_BYTES } = options;
  const warm =
    warmBytes > 0
      ? new WarmStarts({
          dataDir,
          user,
          groups,
          disks,
          accelerator: chosenAccelerator,
          budgetBytes: warmBytes,
          admit: spec => capacity.admitMachine(spec),
          log,
        })
      : undefined;
  const context: MachineContext = {
    dataDir,
    user,
    groups,
    cgroups: await Cgroups.open(dataDirHash(dataDir)),
    async arguments(spec, { images, keys }) {
      const firmware = spec.bootMode === 'uefi' ? { firmware: await findFirmware() } : {};
      const encrypted = encryptedVolumes({ images, keys });
      return commandLine(spec, { accelerator: await chosenAccelerator(), images, encrypted, ...firmware });
    },
    withImages: (wanted, work) => disks.withImages(wanted, work),
    excluding: (volumeIds, work) => disks.excluding(volumeIds, work),
    takeAway: (volumeId, instanceId) => disks.takeAway(volumeId, instanceId),
    async prepare(spec, runFolder) {
      if (spec.nics.length > 0) await deviceGroups('/dev/net/tun', user).then(ids => addMissing(groups, ids));
      if (spec.bootMode === 'uefi') await ensureVariables(await findFirmware(), runFolder, user);
    },
    warm,
    turns: new Turns(),
    layBack: volumeId => disks.layBack(volumeId),
    layOverWarm: (volumeId, warmId) => disks.layOverWarm(volumeId, warmId),
    admit: spec => capacity.admitMachine(spec),
    changed: instanceId => events?.machineChanged(instanceId),
    log,
  };
  const machines = createMachines(context);
  disks.setHosts(volumeId => machines.findHost(volumeId));
  const capacity = new Capacity({
    freeDiskBytes: () => disks.freeBytes(),
    occupants: () => [...machines.occupants(), ...(warm?.occupants() ?? [])],
    overheadMib: () => overheadMib,
    overcommit: options.memoryOvercommit,
  });

  /** One round at a time: a machine that hangs takes longer than the interval. */
  let tending = false;
  async function tend(): Promise<void> {
    if (tending) return;
    tending = true;
    try {
      await capacity.refresh();
      await machines.tend(capacity.diskIsFull);
      await disks.closeUnused(volumeId => machines.isInUse(volumeId));
    } finally {
      tending = false;
    }
  }

  /** Machines and folders; what both a server and `destroy` need. */
  async function openMachines(): Promise<void> {
    if (opened) return;
    opened = true;
    await disks.open();
    await machines.open();
    await capacity.refresh();
  }

  async function close(): Promise<void> {
    clearInterval(timer);
    events = undefined;
    opened = false;
    await warm?.close();
    await machines.close();
    await disks.close();
    await fabric.close();
    await endSharing(dataDir, log);
  }

  return {
    name: 'qemu',
    capabilities: {
      realMachines: true,
      consoleOutput: true,
      screenshot: true,
      hibernation: true,
      architectures: ['x86_64'],
    },
    machines: {
      ...machines,
      async ensureRunning(spec, keys) {
        await capacity.refresh();
        return machines.ensureRunning(spec, keys);
      },
    },
    disks,
    fabric,
    async open(receiver, metadata) {
      events = receiver;
      chosenAccelerator().catch(error => log(`the test of the accelerator failed: ${error.message}`));
      await openMachines();
      if (options.pageSharing) await sharePages(dataDir, log);
      else await endSharing(dataDir, log);
      await fabric.open(metadata);
      warm?.open().catch(error => log(`prepared guests cannot be used: ${error.message}`));
      timer = setInterval(() => {
        tend().catch(error => log(`looking after machines failed: ${error.message}`));
      }, TEND_INTERVAL_MS);
      timer.unref();
    },
    close,
    async destroy() {
      await openMachines();
      await machines.powerOffAll();
      await disks.destroy();
      for (const template of await findTemplateProcesses(dataDir)) await kill(template);
      await context.cgroups.close();
      await fabric.destroy();
      await close();
    },
    async capacity() {
      await capacity.refresh();
      return capacity.figures();
    },
    admit: request => capacity.admit(request),
  };
}

function addMissing(list: number[], values: readonly number[]): void {
  for (const value of values) if (!list.includes(value)) list.push(value);
}
