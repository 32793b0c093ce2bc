import type { Clock } from '../api/clock.ts';
import type { Controller } from '../controllers/controllers.ts';
import { keyMessage } from '../ec2/ebs-encryption/state-reasons.ts';
import { diskKeyOf } from '../ec2/snapshots/encryption.ts';
import { type SnapshotMaking, type SnapshotRow, snapshots } from '../ec2/snapshots/model.ts';
import { recordCompleted, recordFailed } from '../ec2/snapshots/outcomes.ts';
import type { DiskDriver } from '../engine/engine.ts';
import type { Secrets } from '../iam/secrets.ts';
import { KeyUnavailableError } from '../kms/data-keys.ts';
import type { State } from '../state/state.ts';
import type { BlockStore } from './block-store.ts';
import { writtenBlocks } from './model.ts';
import { forgetWritten } from './write.ts';

export interface DraftControllerOptions {
  readonly state: State;
  readonly disks: DiskDriver;
  readonly blocks: BlockStore;
  readonly clock: Clock;
  readonly secrets: Secrets;
}

type Draft = Extract<SnapshotMaking, { kind: 'draft' }>;

const minute = 60_000;
/** After this many failures the snapshot ends in the state `error`. */
const attempts = 5;

/**
 * Completes snapshots that were written by the EBS direct API, cancels those that nobody writes any more, and forgets the
 * notes of what was written to those that are complete or gone.
 */
export function draftController({ state, disks, blocks, clock, secrets }: DraftControllerOptions): Controller {
  const draftOf = (row: object | undefined): Draft | undefined => {
    const { making } = (row ?? {}) as Partial<SnapshotRow>;
    return making?.kind === 'draft' ? making : undefined;
  };

  async function complete(row: SnapshotRow, { parentId }: Draft): Promise<void> {
    const { snapshotId } = row;
    const key = diskKeyOf({ db: state, services: { secrets } }, row);
    await blocks.release(snapshotId);
    // Nothing was written to one that is empty.
    await disks.ensureSnapshotDraft(snapshotId, {
      sizeGib: row.volumeSize,
      ...(parentId !== undefined && { parentId }),
      ...(key !== undefined && { key }),
    });
    await disks.completeSnapshot(snapshotId);
    const { full } = await disks.snapshotBytes(snapshotId);
    // It was deleted meanwhile.
    if (state.get(snapshots, snapshotId) === undefined) await disks.removeSnapshot(snapshotId);
    else state.write(tx => recordCompleted(tx, snapshotId, clock.now(), full));
  }

  /** @returns milliseconds after which to look again */
  async function cancel(row: SnapshotRow, { timeoutMinutes }: Draft): Promise<number | undefined> {
    const { snapshotId } = row;
    const writes = state.by(writtenBlocks, 'snapshot', snapshotId).map(one => one.lastWrite);
    const deadline = Math.max(row.startTime, ...writes) + timeoutMinutes * minute;
    const left = deadline - clock.now();
    if (left > 0) return left;
    await blocks.release(snapshotId);
    state.write(tx =>
      recordFailed(tx, snapshotId, `Nothing was written for ${timeoutMinutes} minutes, and it was not completed`),
    );
    await disks.removeSnapshot(snapshotId);
    return undefined;
  }

  return {
    name: 'snapshot-drafts',
    watch: ({ table, key, before, after }) =>
      table === snapshots.name && (draftOf(before) ?? draftOf(after)) !== undefined ? [key] : [],
    initial: function* () {
      for (const { row } of state.entries(snapshots)) if (draftOf(row) !== undefined) yield row.snapshotId;
      const noted = new Set<string>();
      for (const { row } of state.entries(writtenBlocks)) noted.add(row.snapshotId);
      yield* noted;
    },
    reconcile: async snapshotId => {
      const row = state.get(snapshots, snapshotId);
      const draft = draftOf(row);
      if (row === undefined || draft === undefined) {
        if (row === undefined) await blocks.release(snapshotId);
        if (state.countBy(writtenBlocks, 'snapshot', snapshotId) > 0) state.write(tx => forgetWritten(tx, snapshotId));
        return undefined;
      }
      if (draft.sealed !== true) return cancel(row, draft);
      await complete(row, draft);
      return undefined;
    },
    failed: (snapshotId, error, attempt) => {
      const isLocked = error instanceof KeyUnavailableError;
      if (!isLocked && attempt < attempts) return;
      const message = error instanceof Error ? error.message : String(error);
      state.write(tx => recordFailed(tx, snapshotId, isLocked ? keyMessage : message));
    },
  };
}
