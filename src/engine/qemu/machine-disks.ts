import type { MachineSpec } from '../engine.ts';
import type { ImageChange, VolumeHost } from './disks/cuts.ts';
import {
  type NewDisk,
  plugDisk,
  pluggedDisks,
  reopenBelow,
  resizeDisk,
  switchImages,
  unplugDisk,
} from './hot-plug-disks.ts';
import type { MachineRequest } from './machine-requests.ts';
import type { Qmp } from './qmp.ts';

/** What the disks of a machine need of it. */
export interface DiskOwner {
  /** Does something with the machine if it runs; undefined otherwise. @throws EngineError */
  ask<T>(request: MachineRequest, work: (qmp: Qmp, spec: MachineSpec) => Promise<T>): Promise<T | undefined>;
  /** Keeps what the machine consists of now. */
  remember(spec: MachineSpec): Promise<void>;
}

/** The disks of one machine while it runs. */
export class MachineDisks implements VolumeHost {
  readonly #owner: DiskOwner;

  constructor(owner: DiskOwner) {
    this.#owner = owner;
  }

  /** What the machine is given is remembered first, so that nobody else takes the volume for free. */
  async attach(disk: NewDisk): Promise<void> {
    await this.#owner.ask('attachDisk', async (qmp, spec) => {
      const others = spec.disks.filter(one => one.volumeId !== disk.attachment.volumeId);
      await this.#owner.remember({ ...spec, disks: [...others, disk.attachment] });
      await plugDisk(qmp, disk);
    });
  }

  async detach(volumeId: string, force: boolean): Promise<void> {
    await this.#owner.ask('detachDisk', async (qmp, spec) => {
      await unplugDisk(qmp, volumeId, force);
      await this.#owner.remember({ ...spec, disks: spec.disks.filter(disk => disk.volumeId !== volumeId) });
    });
  }

  async list(): Promise<string[]> {
    return [...((await this.#owner.ask('disks', pluggedDisks))?.keys() ?? [])];
  }

  async generationOf(volumeId: string): Promise<number | undefined> {
    return (await this.#owner.ask('disks', pluggedDisks))?.get(volumeId);
  }

  async switchImages(changes: readonly ImageChange[]): Promise<void> {
    await this.#owner.ask('disks', qmp => switchImages(qmp, changes));
  }

  async reopenBelow(volumeId: string, file: string, below: readonly string[]): Promise<void> {
    await this.#owner.ask('disks', async qmp => {
      const generation = (await pluggedDisks(qmp)).get(volumeId);
      if (generation !== undefined) await reopenBelow(qmp, volumeId, generation, file, below);
    });
  }

  async resize(volumeId: string, bytes: number): Promise<boolean> {
    return (await this.#owner.ask('disks', qmp => resizeDisk(qmp, volumeId, bytes))) ?? false;
  }
}
