import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError, type MachineSpec } from '../../engine.ts';
import { type Accelerator, TCG_CACHE_MIB } from '../accelerator.ts';
import { Capacity } from '../capacity.ts';
import { createDisks } from '../disks.ts';
import { QEMU_MIB } from '../memory-use.ts';
import { snapshotFile, WARM_FOLDER } from '../paths.ts';
import { findProgram } from '../tools.ts';
import { deviceGroups, machineUser } from '../user.ts';
import { buildWarmImage } from './build.ts';
import { environmentOf, warmKey } from './environment.ts';
import { PERL } from './guard.ts';
import type { WarmManifest } from './image.ts';
import { listWarmImages } from './store.ts';

/** What a frozen guest is made of before anybody has launched one. */
export interface AheadRequest {
  /** Of a server that runs machines, or did. */
  readonly dataDir: string;
  readonly instanceType: string;
  readonly vcpus: number;
  readonly memoryMib: number;
  readonly rootDeviceName: string;
  readonly snapshotId: string;
  /** Becomes the snapshot where it is not there yet. */
  readonly sourceFile: string | undefined;
  readonly accelerator: Accelerator;
  readonly signal: AbortSignal;
  readonly onProgress: (line: string, fraction: number) => void;
}

/**
 * Makes a warm image for an instance type and a snapshot, in this process, on a data folder that a server may use at the
 * same time: the server sees it as soon as it is whole. `made` is false where there was one.
 * @throws EngineError `NotFound` (snapshot), `InsufficientCapacity` (memory), `Failed`, `Invalid`.
 */
export async function warmAhead(request: AheadRequest): Promise<{ image: WarmManifest; made: boolean }> {
  const { dataDir, accelerator, signal, onProgress } = request;
  if (!(await exists(join(dataDir, WARM_FOLDER)))) {
    throw new EngineError('Invalid', `${dataDir} has no machines; its server must have run with the engine qemu once`);
  }
  const { snapshotId, sourceFile } = request;
  if (!(await snapshotPath(dataDir, snapshotId)) && sourceFile === undefined) {
    throw new EngineError('NotFound', `the disk of ${snapshotId} is not in ${dataDir}; launch the AMI once`);
  }
  if (!(await findProgram(PERL))) {
    throw new EngineError('Failed', 'copies of a guest need Perl, which is not here (Debian: perl-base)');
  }
  const user = await machineUser();
  const disks = createDisks(dataDir, user);
  if (sourceFile !== undefined) await disks.ensureSnapshotFromFile(snapshotId, sourceFile);
  const snapshot = await snapshotPath(dataDir, snapshotId);
  if (!snapshot) throw new EngineError('NotFound', `the disk of ${snapshotId} has gone`);
  const spec = specOf(request);
  const environment = await environmentOf(accelerator);
  const key = warmKey(spec, snapshot, accelerator, environment);
  const present = (await listWarmImages(dataDir)).find(image => image.key === key);
  if (present) return { image: present, made: false };
  await refuseSecond(dataDir, key);
  await admit(spec, accelerator, () => disks.freeBytes());
  const groups = accelerator.name === 'kvm' ? await deviceGroups('/dev/kvm', user) : [];
  const image = await buildWarmImage(
    { spec, key, environment, snapshot },
    { dataDir, user, groups, accelerator, signal, onProgress },
  );
  return { image, made: true };
}

/** As RunInstances would make it; what belongs to one instance is replaced by the frozen guest's. */
function specOf(request: AheadRequest): MachineSpec {
  return {
    instanceId: 'i-00000000000000000',
    instanceType: request.instanceType,
    vcpus: request.vcpus,
    memoryMib: request.memoryMib,
    architecture: 'x86_64',
    uuid: '',
    bootMode: 'legacy-bios',
    fastStart: true,
    disks: [{ volumeId: 'vol-00000000000000000', device: request.rootDeviceName, root: true }],
    nics: [],
  };
}

/** Its name relative to the data folder. */
async function snapshotPath(dataDir: string, snapshotId: string): Promise<string | undefined> {
  for (const format of ['qcow2', 'raw'] as const) {
    const file = snapshotFile(snapshotId, format);
    if (await exists(join(dataDir, file))) return file;
  }
  return undefined;
}

/** @throws EngineError `Failed` when the server, or another process, is making this one already. */
async function refuseSecond(dataDir: string, key: string): Promise<void> {
  for (const name of await readdir(join(dataDir, WARM_FOLDER))) {
    const [, pid, made] = /^\.new-(\d+)-([0-9a-f]{16})/.exec(name) ?? [];
    if (made !== key || !(await exists(`/proc/${pid}`))) continue;
    throw new EngineError('Failed', `process ${pid} is making this one at the moment`);
  }
}

/** What is available now; machines that run are the server's to know. @throws EngineError `InsufficientCapacity` */
async function admit(spec: MachineSpec, accelerator: Accelerator, freeDiskBytes: () => Promise<number>): Promise<void> {
  const overhead = QEMU_MIB + (accelerator.name === 'tcg' ? TCG_CACHE_MIB : 0);
  const capacity = new Capacity({ freeDiskBytes, occupants: () => [], overheadMib: () => overhead, overcommit: 1 });
  await capacity.refresh();
  capacity.admitMachine(spec);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
