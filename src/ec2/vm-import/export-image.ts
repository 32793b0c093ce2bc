import type {
  CancelExportTaskRequest,
  DescribeExportImageTasksRequest,
  DescribeExportImageTasksResult,
  ExportImageRequest,
  ExportImageResult,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds, newId } from '../../api/ids.ts';
import { type AnyOperation, type ReadContext, readOperation, writeOperation } from '../../api/operation.ts';
import { isObjectKey } from '../../images/buckets.ts';
import { describeOwn } from '../describe.ts';
import { imageArn, ownImage } from '../images/access.ts';
import type { ImageRow } from '../images/model.ts';
import { checkDescription } from '../images/names.ts';
import { snapshots } from '../snapshots/model.ts';
import { addTags, parseTagSpecifications } from '../tags/model.ts';
import { checkTaskLimit } from './limits.ts';
import { type ExportTaskRow, exportTasks } from './model.ts';
import { renderExportTask } from './render.ts';
import { checkBucket, checkRole, diskFormat } from './source.ts';

/**
 * Writes the disk of an AMI into a bucket, as `PREFIXexport-ami-….vmdk`.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ExportImage.html
 */
const exportImage = writeOperation<ExportImageRequest, ExportImageResult>({
  service: 'ec2',
  name: 'ExportImage',
  resources: (input, context) => [arn(context, 'export-image-task'), imageArn(context, input.ImageId)],
  run: (input, context) => {
    const { db, owner, now } = context;
    checkRole(context, input.RoleName);
    const tags = parseTagSpecifications(input.TagSpecifications, ['export-image-task']);
    const format = diskFormat(input.DiskImageFormat, ['VMDK', 'RAW', 'VHD', 'VHDX', 'QCOW2']);
    if (format === undefined || format === 'ova')
      throw new ApiError('MissingParameter', 'The request must contain the parameter DiskImageFormat');
    const bucket = input.S3ExportLocation?.S3Bucket ?? '';
    const prefix = input.S3ExportLocation?.S3Prefix ?? '';
    checkBucket(context, bucket);
    const image = ownImage(context, input.ImageId);
    const snapshotId = exportableSnapshot(context, image);
    checkTaskLimit(context);
    const row: ExportTaskRow = {
      taskId: newId('export-ami'),
      owner,
      imageId: image.imageId,
      snapshotId,
      description: checkDescription(input.Description),
      format,
      bucket,
      prefix,
      roleName: input.RoleName,
      state: 'active',
      message: 'validating',
      created: now,
    };
    if (!isObjectKey(exportKey(row)))
      throw new ApiError('InvalidParameterValue', `Value (${prefix.slice(0, 100)}) for parameter S3Prefix is invalid.`);
    db.put(exportTasks, row);
    const resource = { resourceId: row.taskId, resourceType: 'export-image-task', owner };
    addTags(db, resource, tags['export-image-task'] ?? {});
    return { ...renderExportTask(db, row), DiskImageFormat: input.DiskImageFormat, RoleName: input.RoleName };
  },
});

export function exportKey({ prefix, taskId, format }: ExportTaskRow): string {
  return `${prefix}${taskId}.${format}`;
}

/**
 * The limits are AWS's: one disk, and not an encrypted one.
 * @throws ApiError `IncorrectState`, `UnsupportedOperation`
 * @see https://docs.aws.amazon.com/vm-import/latest/userguide/vmexport_image.html
 */
function exportableSnapshot(context: ReadContext, image: ImageRow): string {
  if (image.state !== 'available')
    throw new ApiError('IncorrectState', `The image ${image.imageId} is ${image.state}; it must be available.`);
  const ids = image.blockDevices.flatMap(device => device.snapshotId ?? []);
  const [snapshotId] = ids;
  const snapshot = context.db.get(snapshots, snapshotId ?? '');
  if (snapshotId === undefined || snapshot === undefined || ids.length > 1) {
    throw new ApiError(
      'UnsupportedOperation',
      `The image ${image.imageId} has ${ids.length} disks with content; one with exactly one can be exported.`,
    );
  }
  if (snapshot.encrypted) {
    throw new ApiError(
      'UnsupportedOperation',
      `The snapshot ${snapshotId} of the image is encrypted; encrypted ones cannot be exported.`,
    );
  }
  return snapshotId;
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeExportImageTasks.html */
const describeExportImageTasks = readOperation<DescribeExportImageTasksRequest, DescribeExportImageTasksResult>({
  service: 'ec2',
  name: 'DescribeExportImageTasks',
  resources: () => ['*'],
  run: (input, context) => {
    const { rows, nextToken } = describeOwn(context, input, {
      table: exportTasks,
      kind: idKinds.exportImageTask,
      ids: input.ExportImageTaskIds,
      filters: { 'task-state': row => row.state },
      keyFilter: 'export-image-task-id',
    });
    return { ExportImageTasks: rows.map(row => renderExportTask(context.db, row)), NextToken: nextToken };
  },
});

/**
 * Of ExportImage; tasks of CreateInstanceExportTask do not exist here.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CancelExportTask.html
 */
const cancelExportTask = writeOperation<CancelExportTaskRequest, void>({
  service: 'ec2',
  name: 'CancelExportTask',
  resources: (input, context) => [arn(context, 'export-image-task', input.ExportTaskId)],
  run: (input, context) => {
    const row = findById(context, exportTasks, idKinds.exportImageTask, input.ExportTaskId ?? '');
    if (row.state !== 'active') {
      throw new ApiError(
        'IncorrectState',
        `The task ${row.taskId} is ${row.state}; only an active one can be cancelled.`,
      );
    }
    context.db.put(exportTasks, { ...row, state: 'deleting', message: 'cancelled' });
  },
});

export const exportOperations: readonly AnyOperation[] = [cancelExportTask, describeExportImageTasks, exportImage];
