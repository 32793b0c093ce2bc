import type { DiskKey, DiskKeys, MachineSpec } from '../engine.ts';
import type { Cgroups } from './cgroup.ts';
import type { DiskImage } from './disks/image-nodes.ts';
import type { WantedDisk } from './disks.ts';
import type { Turns } from './turns.ts';
import type { MachineUser } from './user.ts';
import type { WarmStarts } from './warm/warm.ts';

/** What the disks of a machine that starts are made of. */
export interface StartDisks {
  readonly images: ReadonlyMap<string, DiskImage>;
  readonly keys: DiskKeys;
}

/** Volumes of a machine that have keys. */
export function encryptedVolumes({ images, keys }: StartDisks): string[] {
  return [...images.keys()].filter(volumeId => keys.has(volumeId));
}

/** Their keys, in the same order. */
export function keysOf(disks: StartDisks): DiskKey[] {
  return encryptedVolumes(disks).flatMap(volumeId => disks.keys.get(volumeId) ?? []);
}

/** What machines share. */
export interface MachineContext {
  readonly dataDir: string;
  readonly user: MachineUser;
  readonly groups: readonly number[];
  readonly cgroups: Cgroups;
  /** QEMU's arguments; may throw EngineError `Invalid`. */
  arguments(spec: MachineSpec, disks: StartDisks): Promise<string[]>;
  /** Work with the images of volumes, which stay as they are meanwhile. @throws EngineError `NotFound` */
  withImages<T>(
    wanted: readonly WantedDisk[],
    work: (images: ReadonlyMap<string, DiskImage>) => Promise<T>,
  ): Promise<T>;
  /** Puts into the machine's own folder what its command line names, before every start. */
  prepare(spec: MachineSpec, runFolder: string): Promise<void>;
  /** Work with volumes that nobody else starts, cuts, grows or removes meanwhile. */
  excluding<T>(volumeIds: readonly string[], work: () => Promise<T>): Promise<T>;
  /** Takes a volume away from a machine that shares it. */
  takeAway(volumeId: string, instanceId: string): Promise<void>;
  /** Starts from frozen guests; absent where they are switched off. */
  readonly warm: WarmStarts | undefined;
  /** What was laid over a frozen guest's disk becomes a volume of its snapshot again, without data. */
  layBack(volumeId: string): Promise<void>;
  /** Lays an untouched volume over a frozen guest's disk; false when it cannot be. */
  layOverWarm(volumeId: string, warmId: string): Promise<boolean>;
  /** In which guests come up. */
  readonly turns: Turns;
  /** @throws EngineError `InsufficientCapacity` */
  admit(spec: MachineSpec): void;
  changed(instanceId: string): void;
  log(line: string): void;
}
