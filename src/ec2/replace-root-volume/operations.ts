import type {
  CreateReplaceRootVolumeTaskRequest,
  CreateReplaceRootVolumeTaskResult,
  DescribeReplaceRootVolumeTasksRequest,
  DescribeReplaceRootVolumeTasksResult,
  ReplaceRootVolumeTask,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds, newId } from '../../api/ids.ts';
import { type AnyOperation, type ReadContext, readOperation, writeOperation } from '../../api/operation.ts';
import type { Reader } from '../../state/state.ts';
import { volumeKeys } from '../access/condition-keys.ts';
import { describeOwn } from '../describe.ts';
import { instances } from '../instances/model.ts';
import { addTags, parseTagSpecifications, tagList } from '../tags/model.ts';
import { checkKey } from '../volumes/attach.ts';
import { createVolumeRow } from '../volumes/lifecycle.ts';
import { volumes } from '../volumes/model.ts';
import { isUnderWay, type ReplaceRootVolumeTaskRow, replaceRootVolumeTasks } from './model.ts';
import { planReplacement, rootOf } from './plan.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateReplaceRootVolumeTask.html */
const createTask = writeOperation<CreateReplaceRootVolumeTaskRequest, CreateReplaceRootVolumeTaskResult>({
  service: 'ec2',
  name: 'CreateReplaceRootVolumeTask',
  resources: (input, context) => [
    arn(context, 'instance', input.InstanceId),
    arn(context, 'replace-root-volume-task'),
    input.VolumeId === undefined
      ? { arn: arn(context, 'volume'), keys: replacementKeys(context, input.InstanceId) }
      : arn(context, 'volume', input.VolumeId),
    ...(input.ImageId === undefined ? [] : [arn(context, 'image', input.ImageId)]),
    ...(input.SnapshotId === undefined ? [] : [arn(context, 'snapshot', input.SnapshotId)]),
  ],
  run: (input, context) => {
    const { db, owner, now } = context;
    if (input.VolumeInitializationRate !== undefined)
      throw new ApiError(
        'UnsupportedOperation',
        'The parameter VolumeInitializationRate is not supported. Leave it out.',
      );
    const instance = findById(context, instances, idKinds.instance, input.InstanceId ?? '');
    if (instance.state !== 'running') {
      throw new ApiError(
        'IncorrectInstanceState',
        `The instance '${instance.instanceId}' is ${instance.state}; its root volume can be replaced while it is running.`,
      );
    }
    const earlier = db.by(replaceRootVolumeTasks, 'instance', instance.instanceId);
    const other = earlier.find(isUnderWay);
    if (other !== undefined) {
      throw new ApiError(
        'IncorrectState',
        `The root volume of '${instance.instanceId}' is being replaced by ${other.taskId} already.`,
      );
    }
    const tags = parseTagSpecifications(input.TagSpecifications, ['replace-root-volume-task']);
    const { replacement, imageId, snapshotId, launchSnapshotId } = planReplacement(context, instance, earlier, input);
    const volume = 'volumeId' in replacement ? replacement : createVolumeRow(context, replacement, {});
    checkKey(context, volume);
    const row: ReplaceRootVolumeTaskRow = {
      taskId: newId('replacevol'),
      owner,
      instanceId: instance.instanceId,
      state: 'pending',
      volumeId: volume.volumeId,
      ownVolume: volume !== replacement,
      ...(imageId === undefined ? {} : { imageId }),
      ...(snapshotId === undefined ? {} : { snapshotId }),
      ...(launchSnapshotId === undefined ? {} : { launchSnapshotId }),
      deleteReplaced: input.DeleteReplacedRootVolume === true,
      startTime: now,
    };
    db.put(replaceRootVolumeTasks, row);
    const type = 'replace-root-volume-task';
    addTags(db, { resourceId: row.taskId, resourceType: type, owner }, tags[type] ?? {});
    return { ReplaceRootVolumeTask: renderTask(db, row) };
  },
});

/** What can be told of a replacement beforehand: it is as the volume that it replaces. */
function replacementKeys(context: ReadContext, instanceId = '') {
  const instance = context.db.get(instances, instanceId);
  const root = instance?.owner === context.owner ? rootOf(context.db, instance) : undefined;
  return root === undefined ? {} : volumeKeys(root, context.region);
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeReplaceRootVolumeTasks.html */
const describeTasks = readOperation<DescribeReplaceRootVolumeTasksRequest, DescribeReplaceRootVolumeTasksResult>({
  service: 'ec2',
  name: 'DescribeReplaceRootVolumeTasks',
  resources: () => ['*'],
  run: (input, context) => {
    const page = describeOwn(context, input, {
      table: replaceRootVolumeTasks,
      kind: idKinds.replaceRootVolumeTask,
      ids: input.ReplaceRootVolumeTaskIds,
      filters: { 'instance-id': row => row.instanceId },
      keyFilter: 'replace-root-volume-task-id',
      indexed: { 'instance-id': 'instance' },
      range: [1, 50],
    });
    return {
      ReplaceRootVolumeTasks: page.rows.map(row => renderTask(context.db, row)),
      NextToken: page.nextToken,
    };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReplaceRootVolumeTask.html */
function renderTask(db: Reader, row: ReplaceRootVolumeTaskRow): ReplaceRootVolumeTask {
  const time = (milliseconds: number | undefined) =>
    milliseconds === undefined ? undefined : new Date(milliseconds).toISOString();
  return {
    ReplaceRootVolumeTaskId: row.taskId,
    InstanceId: row.instanceId,
    TaskState: row.state,
    StartTime: time(row.startTime),
    CompleteTime: time(row.completeTime),
    Tags: tagList(db, row.taskId),
    ImageId: row.imageId,
    SnapshotId: row.snapshotId ?? db.get(volumes, row.volumeId)?.snapshotId,
    DeleteReplacedRootVolume: row.deleteReplaced,
  };
}

export const replaceRootVolumeOperations: readonly AnyOperation[] = [createTask, describeTasks];
