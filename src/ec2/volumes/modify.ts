import type {
  DescribeVolumesModificationsRequest,
  DescribeVolumesModificationsResult,
  ModifyVolumeRequest,
  ModifyVolumeResult,
  VolumeModification,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import type { FilterTable } from '../../api/filters.ts';
import { findById, findByIds, idKinds } from '../../api/ids.ts';
import { readOperation, type WriteContext, writeOperation } from '../../api/operation.ts';
import type { Reader } from '../../state/state.ts';
import { describeOwn } from '../describe.ts';
import { instances } from '../instances/model.ts';
import { type VolumeRow, volumes } from './model.ts';
import {
  isUnderWay,
  modificationsPerDay,
  nextModification,
  progressOf,
  recentModifications,
  shapeOf,
  type VolumeModificationRow,
  type VolumeShape,
  volumeModifications,
} from './modifications.ts';
import { checkQuotas } from './quotas.ts';
import { checkMultiAttach, checkRootType, volumeSpecification } from './specification.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVolume.html */
export const modifyVolume = writeOperation<ModifyVolumeRequest, ModifyVolumeResult>({
  service: 'ec2',
  name: 'ModifyVolume',
  resources: (input, context) => [arn(context, 'volume', input.VolumeId)],
  run: (input, context) => {
    const { db, owner, now } = context;
    const volume = findById(context, volumes, idKinds.volume, input.VolumeId ?? '');
    const before = db.get(volumeModifications, volume.volumeId);
    const recent = recentModifications(before, now);
    checkModifiable(volume, before, recent);
    const original = shapeOf(volume);
    const target = shapeOf(wanted(context, volume, input));
    checkQuotas(db, owner, target, volume);
    const row: VolumeModificationRow = {
      volumeId: volume.volumeId,
      owner,
      state: 'modifying',
      original,
      target,
      startTime: now,
      recent: [...recent, now],
    };
    // The latest goes behind the others, as listings show it.
    if (before !== undefined) db.delete(volumeModifications, volume.volumeId);
    db.put(volumeModifications, row);
    return { VolumeModification: renderModification(row, now) };
  },
});

/** @throws ApiError `IncorrectState`, `IncorrectModificationState`, `VolumeModificationRateExceeded` */
function checkModifiable(
  { volumeId, state }: VolumeRow,
  before: VolumeModificationRow | undefined,
  recent: readonly number[],
): void {
  if (state !== 'available' && state !== 'in-use') {
    throw new ApiError(
      'IncorrectState',
      `Volume '${volumeId}' is in the '${state}' state; it must be 'available' or 'in-use'.`,
    );
  }
  if (before !== undefined && isUnderWay(before)) {
    throw new ApiError(
      'IncorrectModificationState',
      `Volume ${volumeId} cannot be modified in modification state ${before.state.toUpperCase()}`,
    );
  }
  if (recent.length >= modificationsPerDay) {
    const next = new Date(nextModification(recent)).toISOString();
    throw new ApiError(
      'VolumeModificationRateExceeded',
      `You've reached the maximum modification rate per volume limit: ${modificationsPerDay} in 24 hours. ${volumeId} can be modified again at ${next}.`,
    );
  }
}

/** What the volume is to be. @throws ApiError and what `volumeSpecification` throws. */
function wanted(context: WriteContext, volume: VolumeRow, input: ModifyVolumeRequest): VolumeShape {
  const asked = [input.Size, input.VolumeType, input.Iops, input.Throughput, input.MultiAttachEnabled];
  if (asked.every(value => value === undefined)) {
    throw new ApiError(
      'MissingParameter',
      'Give at least one of size, volumeType, iops, throughput and multiAttachEnabled.',
    );
  }
  if (volume.volumeType === 'standard' || input.VolumeType === 'standard') {
    throw new ApiError(
      'InvalidParameterValue',
      'Magnetic volumes (standard) cannot be modified, and none becomes one. Make a volume of a snapshot instead.',
    );
  }
  if (input.Size !== undefined && input.Size < volume.size) {
    throw new ApiError(
      'InvalidParameterValue',
      `New size cannot be smaller than existing size: ${volume.volumeId} has ${volume.size} GiB.`,
    );
  }
  const type = input.VolumeType ?? volume.volumeType;
  const same = type === volume.volumeType;
  const provisions = type === 'io1' || type === 'io2' || type === 'gp3';
  const specification = volumeSpecification(
    {
      VolumeType: type,
      Size: input.Size,
      Iops: input.Iops ?? (provisions ? (same ? volume.iops : 3_000) : undefined),
      Throughput: input.Throughput ?? (same ? volume.throughput : undefined),
    },
    { size: volume.size, volumeType: volume.volumeType },
  );
  const multiAttachEnabled = input.MultiAttachEnabled ?? volume.multiAttachEnabled === true;
  const after: VolumeShape = { ...specification, multiAttachEnabled };
  checkMultiAttachChange(volume, after);
  if (isRoot(context.db, volume)) checkRootType(after.volumeType);
  return after;
}

/** @see https://docs.aws.amazon.com/ebs/latest/userguide/ebs-volumes-multi.html */
function checkMultiAttachChange(volume: VolumeRow, after: VolumeShape): void {
  const enabled = volume.multiAttachEnabled === true;
  const enable = after.multiAttachEnabled === true;
  if (!enabled && !enable) return;
  if (enable) checkMultiAttach(after.volumeType);
  if (enabled && after.volumeType !== volume.volumeType)
    throw unsupported(`The type of a volume with Multi-Attach cannot be changed.`);
  if (volume.volumeType === 'io1' && (enabled !== enable || enabled))
    throw unsupported(
      'Multi-Attach of io1 volumes is chosen when they are made, and those that have it stay as they are.',
    );
  if (!enabled && volume.attachments.length > 0)
    throw unsupported(`Multi-Attach can be enabled while a volume is not attached. Detach ${volume.volumeId} first.`);
  if (!enable && volume.attachments.length > 1) {
    throw unsupported(
      `Multi-Attach can be disabled while a volume is attached to one instance at most; ${volume.volumeId} is attached to ${volume.attachments.length}.`,
    );
  }
}

function isRoot(db: Reader, volume: VolumeRow): boolean {
  return volume.attachments.some(one => db.get(instances, one.instanceId)?.rootDeviceName === one.device);
}

function unsupported(message: string): ApiError {
  return new ApiError('UnsupportedOperation', message);
}

const filters: FilterTable<VolumeModificationRow> = {
  'modification-state': row => row.state,
  'original-iops': row => row.original.iops,
  'original-size': row => row.original.size,
  'original-volume-type': row => row.original.volumeType,
  originalMultiAttachEnabled: row => row.original.multiAttachEnabled === true,
  'start-time': row => new Date(row.startTime).toISOString(),
  'target-iops': row => row.target.iops,
  'target-size': row => row.target.size,
  'target-volume-type': row => row.target.volumeType,
  targetMultiAttachEnabled: row => row.target.multiAttachEnabled === true,
  'volume-id': row => row.volumeId,
};

/** A volume is found, but its modification may not be there. */
const modificationKind = {
  ...idKinds.volume,
  noun: 'modification for volume',
  notFound: 'InvalidVolumeModification.NotFound',
};

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumesModifications.html */
export const describeVolumesModifications = readOperation<
  DescribeVolumesModificationsRequest,
  DescribeVolumesModificationsResult
>({
  service: 'ec2',
  name: 'DescribeVolumesModifications',
  resources: () => ['*'],
  run: (input, context) => {
    findByIds(context, volumes, idKinds.volume, input.VolumeIds ?? []);
    const page = describeOwn(context, input, {
      table: volumeModifications,
      kind: modificationKind,
      ids: input.VolumeIds,
      filters,
      keyFilter: 'volume-id',
    });
    return {
      VolumesModifications: page.rows.map(row => renderModification(row, context.now)),
      NextToken: page.nextToken,
    };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_VolumeModification.html */
function renderModification(row: VolumeModificationRow, now: number): VolumeModification {
  const { original, target } = row;
  return {
    VolumeId: row.volumeId,
    ModificationState: row.state,
    StatusMessage: row.statusMessage,
    TargetSize: target.size,
    TargetIops: target.iops,
    TargetVolumeType: target.volumeType,
    TargetThroughput: target.throughput,
    TargetMultiAttachEnabled: target.multiAttachEnabled === true,
    OriginalSize: original.size,
    OriginalIops: original.iops,
    OriginalVolumeType: original.volumeType,
    OriginalThroughput: original.throughput,
    OriginalMultiAttachEnabled: original.multiAttachEnabled === true,
    Progress: progressOf(row, now),
    StartTime: new Date(row.startTime),
    EndTime: row.endTime === undefined ? undefined : new Date(row.endTime),
  };
}
