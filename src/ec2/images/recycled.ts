import type {
  ListImagesInRecycleBinRequest,
  ListImagesInRecycleBinResult,
  RestoreImageFromRecycleBinRequest,
  RestoreImageFromRecycleBinResult,
} from '@aws-sdk/client-ec2';
import type { Clock } from '../../api/clock.ts';
import { findById, findByIds, idKinds, throwNotFound } from '../../api/ids.ts';
import { type AnyOperation, readOperation, writeOperation } from '../../api/operation.ts';
import { paginateEntries } from '../../api/pagination.ts';
import type { Controller } from '../../controllers/controllers.ts';
import type { State } from '../../state/state.ts';
import { entriesOf, sorted } from '../describe.ts';
import { snapshots } from '../snapshots/model.ts';
import { imageArn } from './access.ts';
import { forgetImage } from './deregister-image.ts';
import { type ImageRow, images, snapshotsOf } from './model.ts';
import { newName } from './names.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ListImagesInRecycleBin.html */
const listImagesInRecycleBin = readOperation<ListImagesInRecycleBinRequest, ListImagesInRecycleBinResult>({
  service: 'ec2',
  name: 'ListImagesInRecycleBin',
  resources: () => ['*'],
  run: (input, context) => {
    const { db, owner } = context;
    const isThere = (row: ImageRow) => row.owner === owner && row.recycleBin !== undefined;
    const ids = input.ImageIds ?? [];
    const named = findByIds(context, images, idKinds.image, ids, isThere).map(row => row.imageId);
    const page = paginateEntries<ImageRow>(context, input, {
      entries: after =>
        ids.length > 0
          ? sorted(entriesOf(context, images, named))(after)
          : db.entries(images, 'recycled', owner, after),
      range: [1, 1000],
    });
    return {
      Images: page.rows.map(row => ({
        ImageId: row.imageId,
        Name: row.name,
        Description: row.description,
        RecycleBinEnterTime: new Date(row.recycleBin?.enterTime ?? 0),
        RecycleBinExitTime: new Date(row.recycleBin?.exitTime ?? 0),
      })),
      NextToken: page.nextToken,
    };
  },
});

/**
 * Its snapshots must be there: those that were deleted with it are restored first.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RestoreImageFromRecycleBin.html
 */
const restoreImageFromRecycleBin = writeOperation<RestoreImageFromRecycleBinRequest, RestoreImageFromRecycleBinResult>({
  service: 'ec2',
  name: 'RestoreImageFromRecycleBin',
  resources: (input, context) => [imageArn(context, input.ImageId)],
  run: (input, context) => {
    const { db } = context;
    const isThere = (one: ImageRow) => one.owner === context.owner && one.recycleBin !== undefined;
    const { recycleBin: _bin, ...row } = findById(context, images, idKinds.image, input.ImageId ?? '', isThere);
    const missing = snapshotsOf(row).filter(id => {
      const snapshot = db.get(snapshots, id);
      return snapshot === undefined || snapshot.recycleBin !== undefined;
    });
    if (missing.length > 0) throwNotFound(idKinds.snapshot, missing);
    newName(context, row.name);
    db.put(images, row);
    return { Return: true };
  },
});

export const recycledImageOperations: readonly AnyOperation[] = [listImagesInRecycleBin, restoreImageFromRecycleBin];

/** Timers take no more than some 24 days. */
const longestWait = 24 * 3600 * 1000;

/** Ends AMIs whose time in the Recycle Bin is over. */
export function imageRecycleController(state: State, clock: Clock): Controller {
  return {
    name: 'image-recycle-bin',
    watch: ({ table, key, after }) =>
      table === images.name && (after as ImageRow | undefined)?.recycleBin !== undefined ? [key] : [],
    initial: function* () {
      for (const { row } of state.entries(images)) if (row.recycleBin !== undefined) yield row.imageId;
    },
    reconcile: async id => {
      const end = state.get(images, id)?.recycleBin?.exitTime;
      if (end === undefined) return undefined;
      const left = end - clock.now();
      if (left > 0) return Math.min(left, longestWait);
      state.write(tx => forgetImage(tx, id));
      return undefined;
    },
  };
}
