import type {
  CancelImportTaskRequest,
  CancelImportTaskResult,
  DescribeImportImageTasksRequest,
  DescribeImportImageTasksResult,
  DescribeImportSnapshotTasksRequest,
  DescribeImportSnapshotTasksResult,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import type { FilterTable } from '../../api/filters.ts';
import { findById, idKinds } from '../../api/ids.ts';
import { type AnyOperation, readOperation, writeOperation } from '../../api/operation.ts';
import { describeOwn } from '../describe.ts';
import { type ImportTaskRow, importTasks } from './model.ts';
import { renderImageTask, renderSnapshotTask } from './render.ts';

const filters: FilterTable<ImportTaskRow> = { 'task-state': row => row.state };

const isImage = (row: ImportTaskRow) => row.image !== undefined;

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImportImageTasks.html */
const describeImportImageTasks = readOperation<DescribeImportImageTasksRequest, DescribeImportImageTasksResult>({
  service: 'ec2',
  name: 'DescribeImportImageTasks',
  resources: () => ['*'],
  run: (input, context) => {
    const { rows, nextToken } = describeOwn(context, input, {
      table: importTasks,
      kind: idKinds.importImageTask,
      ids: input.ImportTaskIds,
      filters,
      keyFilter: 'import-task-id',
      visible: row => row.owner === context.owner && isImage(row),
    });
    return { ImportImageTasks: rows.map(row => renderImageTask(context.db, row)), NextToken: nextToken };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImportSnapshotTasks.html */
const describeImportSnapshotTasks = readOperation<
  DescribeImportSnapshotTasksRequest,
  DescribeImportSnapshotTasksResult
>({
  service: 'ec2',
  name: 'DescribeImportSnapshotTasks',
  resources: () => ['*'],
  run: (input, context) => {
    const { rows, nextToken } = describeOwn(context, input, {
      table: importTasks,
      kind: idKinds.importSnapshotTask,
      ids: input.ImportTaskIds,
      filters,
      keyFilter: 'import-task-id',
      visible: row => row.owner === context.owner && !isImage(row),
    });
    return { ImportSnapshotTasks: rows.map(row => renderSnapshotTask(context.db, row)), NextToken: nextToken };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CancelImportTask.html */
const cancelImportTask = writeOperation<CancelImportTaskRequest, CancelImportTaskResult>({
  service: 'ec2',
  name: 'CancelImportTask',
  resources: ({ ImportTaskId: id }, context) => [
    arn(context, id?.startsWith('import-snap-') === true ? 'import-snapshot-task' : 'import-image-task', id),
  ],
  run: (input, context) => {
    const id = input.ImportTaskId ?? '';
    if (id === '') throw new ApiError('MissingParameter', 'The request must contain the parameter ImportTaskId');
    const kind = id.startsWith('import-snap-') ? idKinds.importSnapshotTask : idKinds.importImageTask;
    const row = findById(context, importTasks, kind, id);
    if (row.state !== 'active') {
      throw new ApiError('IncorrectState', `The task ${id} is ${row.state}; only an active one can be cancelled.`);
    }
    context.db.put(importTasks, { ...row, state: 'deleting', message: input.CancelReason ?? 'cancelled' });
    return { ImportTaskId: id, PreviousState: row.state, State: 'deleting' };
  },
});

export const importTaskOperations: readonly AnyOperation[] = [
  cancelImportTask,
  describeImportImageTasks,
  describeImportSnapshotTasks,
];
