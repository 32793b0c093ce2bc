import type {
  CreateRestoreImageTaskRequest,
  CreateRestoreImageTaskResult,
  CreateStoreImageTaskRequest,
  CreateStoreImageTaskResult,
  DescribeStoreImageTasksRequest,
  DescribeStoreImageTasksResult,
} from '@aws-sdk/client-ec2';
import { ApiError } from '../../api/errors.ts';
import { newId } from '../../api/ids.ts';
import { type AnyOperation, readOperation, type WriteContext, writeOperation } from '../../api/operation.ts';
import { isObjectKey } from '../../images/buckets.ts';
import { describeOwn } from '../describe.ts';
import { encrypt, planVolume } from '../ebs-encryption/encryption.ts';
import { imageArn, ownImage, visibleImages } from '../images/access.ts';
import { type ImageRow, images } from '../images/model.ts';
import { checkImageLimit, newName } from '../images/names.ts';
import { checkSnapshotLimits } from '../snapshots/limits.ts';
import { noVolume } from '../snapshots/lineage.ts';
import { snapshots } from '../snapshots/model.ts';
import { addTags, parseTagSpecifications } from '../tags/model.ts';
import { checkBucket } from './source.ts';
import { restoreTasks, type StoreTaskRow, storeKey, storeTasks } from './store-model.ts';
import { storedImage } from './stored-image.ts';

const maximumIds = 20;

/**
 * Writes an AMI with its snapshots into a bucket, as `ami-….bin`.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateStoreImageTask.html
 */
const createStoreImageTask = writeOperation<CreateStoreImageTaskRequest, CreateStoreImageTaskResult>({
  service: 'ec2',
  name: 'CreateStoreImageTask',
  resources: (input, context) => [imageArn(context, input.ImageId)],
  run: (input, context) => {
    const { db, owner, now } = context;
    if (input.S3ObjectTags?.length)
      throw new ApiError('UnsupportedOperation', 'Objects here have no tags. Leave out S3ObjectTags.');
    const bucket = input.Bucket ?? '';
    checkBucket(context, bucket);
    const image = ownImage(context, input.ImageId);
    checkStorable(context, image);
    const key = storeKey(owner, image.imageId);
    if (db.get(storeTasks, key)?.state === 'InProgress')
      throw new ApiError('InvalidRequest', `The image ${image.imageId} is being stored already.`);
    db.put(storeTasks, {
      key,
      owner,
      imageId: image.imageId,
      bucket,
      state: 'InProgress',
      progress: 0,
      started: now,
    });
    return { ObjectKey: objectKey(image.imageId) };
  },
});

export function objectKey(imageId: string): string {
  return `${imageId}.bin`;
}

/** @throws ApiError `IncorrectState`, `UnsupportedOperation` */
function checkStorable({ db }: WriteContext, image: ImageRow): void {
  if (image.state !== 'available')
    throw new ApiError('IncorrectState', `The image ${image.imageId} is ${image.state}; it must be available.`);
  for (const { snapshotId } of image.blockDevices) {
    const snapshot = snapshotId === undefined ? undefined : db.get(snapshots, snapshotId);
    if (snapshot?.encrypted) {
      throw new ApiError(
        'UnsupportedOperation',
        `The snapshot ${snapshot.snapshotId} of the image is encrypted; encrypted ones cannot be stored.`,
      );
    }
  }
}

/**
 * The last task of each AMI, for 31 days.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeStoreImageTasks.html
 */
const describeStoreImageTasks = readOperation<DescribeStoreImageTasksRequest, DescribeStoreImageTasksResult>({
  service: 'ec2',
  name: 'DescribeStoreImageTasks',
  resources: () => ['*'],
  run: (input, context) => {
    const ids = input.ImageIds ?? [];
    if (ids.length > maximumIds)
      throw new ApiError('InvalidParameterValue', `ImageIds has ${ids.length} values; ${maximumIds} are allowed.`);
    if (ids.length > 0 && input.MaxResults !== undefined) {
      throw new ApiError('InvalidParameterCombination', 'MaxResults cannot be given together with ImageIds.');
    }
    visibleImages(context, ids);
    const { rows, nextToken } = describeOwn(
      context,
      // With ids AWS ignores filters.
      { ...input, Filters: ids.length > 0 ? undefined : input.Filters },
      {
        table: storeTasks,
        kind: { prefix: 'store', noun: 'task', malformed: 'InvalidParameterValue', notFound: 'InvalidParameterValue' },
        filters: { 'task-state': (row: StoreTaskRow) => row.state, bucket: (row: StoreTaskRow) => row.bucket },
        keyFilter: 'key',
        visible: row =>
          row.owner === context.owner &&
          (ids.length === 0 || ids.includes(row.imageId)) &&
          context.now - row.started < 31 * day,
        range: [1, 200],
      },
    );
    return {
      StoreImageTaskResults: rows.map(row => ({
        AmiId: row.imageId,
        Bucket: row.bucket,
        ProgressPercentage: row.progress,
        S3objectKey: objectKey(row.imageId),
        StoreTaskFailureReason: row.failure,
        StoreTaskState: row.state,
        TaskStartTime: new Date(row.started),
      })),
      NextToken: nextToken,
    };
  },
});

const day = 24 * 3600 * 1000;

/**
 * Makes an AMI of a stored one, in any Region.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRestoreImageTask.html
 */
const createRestoreImageTask = writeOperation<
  CreateRestoreImageTaskRequest,
  CreateRestoreImageTaskResult,
  Awaited<ReturnType<typeof storedImage>>
>({
  service: 'ec2',
  name: 'CreateRestoreImageTask',
  resources: (_input, context) => [imageArn(context, undefined)],
  prepare: async (input, context) => {
    const bucket = input.Bucket ?? '';
    checkBucket(context, bucket);
    const key = input.ObjectKey ?? '';
    if (!isObjectKey(key))
      throw new ApiError('InvalidParameterValue', `Value (${key.slice(0, 200)}) for parameter ObjectKey is invalid.`);
    return storedImage(context.services.buckets, bucket, key);
  },
  run: (input, context, stored) => {
    const { db, owner, now } = context;
    const tags = parseTagSpecifications(input.TagSpecifications, ['image', 'snapshot']);
    checkImageLimit(context);
    const imageId = newId('ami');
    const byFile = new Map(stored.disks.map(disk => [disk.file, newId('snap')]));
    checkSnapshotLimits(context, byFile.size);
    // A request cannot ask for encryption, but the account may want it for everything.
    const plan = planVolume(context, {});
    db.put(images, {
      ...stored.image,
      blockDevices: stored.image.blockDevices.map(device =>
        device.snapshotId === undefined
          ? device
          : { ...device, snapshotId: byFile.get(device.snapshotId) ?? '', encrypted: plan.encrypted },
      ),
      imageId,
      owner,
      name: newName(context, input.Name ?? stored.image.name),
      state: 'pending',
      public: false,
      launchPermissions: [],
      creationDate: now,
      sourceImageId: stored.source.imageId,
      sourceImageRegion: stored.source.region,
    });
    db.put(restoreTasks, {
      imageId,
      owner,
      bucket: input.Bucket ?? '',
      objectKey: input.ObjectKey ?? '',
      disks: Object.fromEntries([...byFile].map(([file, id]) => [id, file])),
    });
    for (const disk of stored.disks) {
      const snapshotId = byFile.get(disk.file) ?? '';
      db.put(snapshots, {
        snapshotId,
        owner,
        volumeId: noVolume,
        volumeSize: disk.volumeSize,
        state: 'pending',
        description: disk.description,
        ...encrypt(context, plan),
        startTime: now,
      });
      addTags(db, { resourceId: snapshotId, resourceType: 'snapshot', owner }, { ...disk.tags, ...tags.snapshot });
    }
    addTags(db, { resourceId: imageId, resourceType: 'image', owner }, { ...stored.tags, ...tags.image });
    return { ImageId: imageId };
  },
});

export const storeImageOperations: readonly AnyOperation[] = [
  createRestoreImageTask,
  createStoreImageTask,
  describeStoreImageTasks,
];
