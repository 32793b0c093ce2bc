import { ApiError } from '../../api/errors.ts';
import { newId } from '../../api/ids.ts';
import type { ReadContext, WriteContext } from '../../api/operation.ts';
import type { Reader, Tx } from '../../state/state.ts';
import { addTags, type Tags } from '../tags/model.ts';
import type { VolumeRow } from '../volumes/model.ts';
import { checkSnapshotLimits, checkVolumeLimits } from './limits.ts';
import { type SnapshotRow, snapshots } from './model.ts';

/** A snapshot that is to be taken of a volume. */
export interface CutRequest {
  readonly volume: VolumeRow;
  readonly description: string;
  readonly tags?: Tags | undefined;
}

/** How long a call waits until what it asks for is cut, in milliseconds. */
const longestWait = 10_000;

/**
 * Makes the snapshots of volumes that are cut at one instant, pending: the controller `snapshot-cuts` takes them.
 * @param held not before `releaseCut`
 * @throws ApiError `IncorrectState`, `SnapshotLimitExceeded`, `PendingSnapshotLimitExceeded`,
 * `ConcurrentSnapshotLimitExceeded`, `SnapshotCreationPerVolumeRateExceeded`
 */
export function makeCut(context: WriteContext, requests: readonly CutRequest[], held = false): SnapshotRow[] {
  const { db, now } = context;
  checkSnapshotLimits(context, requests.length);
  const cutId = newId('cut');
  return requests.map(({ volume, description, tags = {} }) => {
    if (volume.state !== 'available' && volume.state !== 'in-use') {
      throw new ApiError(
        'IncorrectState',
        `The volume '${volume.volumeId}' is ${volume.state}; it must be available or in-use.`,
      );
    }
    checkVolumeLimits(context, volume);
    const row: SnapshotRow = {
      snapshotId: newId('snap'),
      owner: context.owner,
      volumeId: volume.volumeId,
      volumeSize: volume.size,
      state: 'pending',
      description,
      // Its blocks are its volume's, under the same data key.
      encrypted: volume.encrypted,
      ...(volume.kmsKeyId !== undefined && { kmsKeyId: volume.kmsKeyId }),
      ...(volume.wrappedKey !== undefined && { wrappedKey: volume.wrappedKey }),
      startTime: now,
      making: { kind: 'cut', cutId, ...(held && { held: true }) },
    };
    db.put(snapshots, row);
    addTags(db, { resourceId: row.snapshotId, resourceType: 'snapshot', owner: context.owner }, tags);
    return row;
  });
}

/** Has snapshots that `makeCut` held back be taken now. */
export function releaseCut(tx: Tx, snapshotIds: readonly string[]): void {
  for (const id of snapshotIds) {
    const row = tx.get(snapshots, id);
    if (row?.making?.kind !== 'cut' || row.making.held === undefined) continue;
    tx.put(snapshots, { ...row, making: { kind: 'cut', cutId: row.making.cutId } });
  }
}

/** Whether a volume is to be cut: it must not be removed before. */
export function isToBeCut(db: Reader, volumeId: string): boolean {
  return db.countBy(snapshots, 'uncut', volumeId) > 0;
}

/**
 * Waits until snapshots hold their volumes' content: what a guest writes after its owner heard of the snapshot must not
 * be in it. When that takes longer than ten seconds the owner hears of it nevertheless.
 */
export function untilCut(context: ReadContext, snapshotIds: readonly (string | undefined)[]): Promise<void> {
  const isCut = (id = '') => context.db.get(snapshots, id)?.making?.kind !== 'cut';
  return context.services.until(() => snapshotIds.every(isCut), longestWait);
}
