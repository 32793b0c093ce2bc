import type { Controller } from '../../controllers/controllers.ts';
import { type Engine, EngineError } from '../../engine/engine.ts';
import type { State } from '../../state/state.ts';
import { diskAttachment } from '../instances/machine-spec.ts';
import { instances } from '../instances/model.ts';
import {
  attachmentTo,
  giveUpAttaching,
  isChanging,
  isLeaving,
  recordAttached,
  recordBusy,
  recordDetached,
} from './attachments.ts';
import { ensureDisk } from './disks.ts';
import { type VolumeAttachment, type VolumeRow, volumes } from './model.ts';

/** A volume that cannot be plugged in for other reasons than a lack of room is tried this often. */
const attachAttempts = 3;
/** Milliseconds between looks at a machine that is coming up. */
const poll = 500;

export interface AttachmentControllerOptions {
  readonly state: State;
  readonly engine: Pick<Engine, 'machines' | 'disks'>;
  /** Whether disks are held to the IOPS and throughput of their volumes' types. */
  readonly volumeLimits: boolean;
  readonly log: (line: string) => void;
}

/**
 * Plugs volumes into machines that run, and takes them out. Ids are those of volumes.
 *
 * The engine takes the requests of one machine in their order, and a start is given what is attached at that moment: a
 * volume that is `detaching` is in no later start, and is taken out of an earlier one. So none is recorded as detached
 * while a machine has it, whatever happens meanwhile.
 */
export function volumeAttachmentController(options: AttachmentControllerOptions): Controller {
  const { state, log } = options;
  const { machines, disks } = options.engine;
  /** A start that is under way plugs in what is attaching, and records it. */
  const isDue = (one: VolumeAttachment) => isChanging(one) && state.get(instances, one.instanceId)?.state !== 'pending';
  const hasDue = (row: VolumeRow | undefined) => row?.attachments.some(isDue) === true;

  /** @returns whether that is done */
  async function attach(volume: VolumeRow, attachment: VolumeAttachment): Promise<boolean> {
    const { instanceId } = attachment;
    const { volumeId } = volume;
    const instance = state.get(instances, instanceId);
    // Without a machine it is part of what the next start builds.
    if (instance?.state === 'running') {
      await ensureDisk(state, disks, volumeId);
      await machines.attachDisk(instanceId, diskAttachment(volume, attachment, instance.rootDeviceName, options));
      // The machine may be coming up just now, and have been told of its disks before.
      if (!(await machines.listDisks(instanceId)).includes(volumeId)) return false;
    }
    state.write(tx => recordAttached(tx, volumeId, instanceId));
    return true;
  }

  async function detach({ volumeId }: VolumeRow, { instanceId, forceDetach }: VolumeAttachment): Promise<void> {
    try {
      await machines.detachDisk(instanceId, volumeId, { force: forceDetach === true });
    } catch (error) {
      state.write(tx => recordBusy(tx, volumeId, instanceId));
      throw error;
    }
    // Unless it has been detached, and attached anew, meanwhile.
    state.write(tx => {
      const now = attachmentTo(tx.get(volumes, volumeId), instanceId);
      if (now !== undefined && isLeaving(now)) recordDetached(tx, volumeId, instanceId);
    });
  }

  return {
    name: 'volume-attachments',
    watch: change => {
      if (change.table === volumes.name) return hasDue(change.after as VolumeRow | undefined) ? [change.key] : [];
      // A machine that ends has let go of everything.
      if (change.table !== instances.name) return [];
      return state.by(volumes, 'instance', change.key).flatMap(row => (hasDue(row) ? [row.volumeId] : []));
    },
    initial: function* () {
      for (const { row } of state.entries(volumes)) if (hasDue(row)) yield row.volumeId;
    },
    reconcile: async id => {
      const row = state.get(volumes, id);
      let again: number | undefined;
      for (const attachment of row?.attachments ?? []) {
        if (row === undefined || !isDue(attachment)) continue;
        if (attachment.state !== 'attaching') await detach(row, attachment);
        else if (!(await attach(row, attachment))) again = poll;
      }
      return again;
    },
    failed: (id, error, attempt) => {
      const lasting = error instanceof EngineError && error.code === 'Invalid';
      if (!lasting && attempt < attachAttempts) return;
      for (const one of state.get(volumes, id)?.attachments ?? []) {
        if (one.state !== 'attaching' || !isDue(one)) continue;
        log(`volumes ${id}: not attached to ${one.instanceId}`);
        // It may have been plugged in nevertheless.
        state.write(tx => giveUpAttaching(tx, id, one.instanceId));
      }
    },
  };
}
