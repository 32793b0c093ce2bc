import type {
  CreateSnapshotRequest,
  CreateSnapshotsRequest,
  CreateSnapshotsResult,
  InstanceSpecification,
  Snapshot,
} from '@aws-sdk/client-ec2';
import type { AccessTarget } from '../../api/access.ts';
import { arn, arns } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { checkId, findById, idKinds } from '../../api/ids.ts';
import { type ReadContext, writeOperation } from '../../api/operation.ts';
import type { Reader } from '../../state/state.ts';
import { type InstanceRow, instances } from '../instances/model.ts';
import { parseTagSpecifications, tagsOf } from '../tags/model.ts';
import { type VolumeRow, volumes } from '../volumes/model.ts';
import { makeCut, untilCut } from './cut.ts';
import { renderSnapshot, renderSnapshotInfo } from './render.ts';

const maximumDescription = 255;
const maximumExclusions = 40;

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSnapshot.html */
export const createSnapshot = writeOperation<CreateSnapshotRequest, Snapshot>({
  service: 'ec2',
  name: 'CreateSnapshot',
  resources: (input, context) => [newSnapshot(context, input.VolumeId), arn(context, 'volume', input.VolumeId)],
  run: (input, context) => {
    refusePlaces(input);
    const volume = findById(context, volumes, idKinds.volume, input.VolumeId ?? '');
    const { snapshot: tags } = parseTagSpecifications(input.TagSpecifications, ['snapshot']);
    const description = checkDescription(input.Description);
    const [row] = makeCut(context, [{ volume, description, tags }]);
    if (row === undefined) throw new Error('no snapshot was made');
    return { ...renderSnapshot(context.db, row), Progress: '' };
  },
  afterwards: (output, context) => untilCut(context, [output.SnapshotId]),
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSnapshots.html */
export const createSnapshots = writeOperation<CreateSnapshotsRequest, CreateSnapshotsResult>({
  service: 'ec2',
  name: 'CreateSnapshots',
  resources: (input, context) => {
    const { InstanceId, ExcludeBootVolume, ExcludeDataVolumeIds = [] } = input.InstanceSpecification ?? {};
    const instance = context.db.get(instances, InstanceId ?? '');
    const own = instance?.owner === context.owner ? instance : undefined;
    const ids = (own?.blockDevices ?? [])
      .filter(device => !(ExcludeBootVolume === true && device.deviceName === own?.rootDeviceName))
      .map(device => device.volumeId)
      .filter(id => !ExcludeDataVolumeIds.includes(id));
    return [
      arn(context, 'instance', InstanceId),
      ...(ids.length === 0 ? [arn(context, 'volume')] : arns(context, 'volume', ids)),
      ...(ids.length === 0 ? [newSnapshot(context, undefined)] : ids.map(id => newSnapshot(context, id))),
    ];
  },
  run: (input, context) => {
    const { db } = context;
    refusePlaces(input);
    const { snapshot: tags = {} } = parseTagSpecifications(input.TagSpecifications, ['snapshot']);
    const description = checkDescription(input.Description);
    const copied: string | undefined = input.CopyTagsFromSource;
    if (copied !== undefined && copied !== 'volume') throw invalid(copied, 'CopyTagsFromSource', 'Use volume.');
    const requests = volumesOf(context, input.InstanceSpecification).map(volume => ({
      volume,
      description,
      // Those of the request win.
      tags: copied === 'volume' ? { ...userTags(tagsOf(db, volume.volumeId)), ...tags } : tags,
    }));
    const rows = makeCut(context, requests);
    return { Snapshots: rows.map(row => renderSnapshotInfo(db, row)) };
  },
  afterwards: (output, context) => untilCut(context, output.Snapshots?.map(one => one.SnapshotId) ?? []),
});

function newSnapshot(context: ReadContext, volumeId: string | undefined): AccessTarget {
  const volume = context.db.get(volumes, volumeId ?? '');
  return {
    arn: arn(context, 'snapshot'),
    keys: {
      'ec2:ParentVolume': arn(context, 'volume', volumeId),
      ...(volume?.owner === context.owner && { 'ec2:VolumeSize': volume.size }),
    },
  };
}

/** @throws ApiError `UnsupportedOperation`: there are neither Outposts nor Local Zones. */
function refusePlaces({ OutpostArn, Location }: CreateSnapshotRequest | CreateSnapshotsRequest): void {
  if (OutpostArn !== undefined)
    throw new ApiError('UnsupportedOperation', 'Outposts are not supported. Leave out OutpostArn.');
  if (Location === undefined || Location === 'regional') return;
  if (Location !== 'local') throw invalid(Location, 'Location', 'Use regional.');
  throw new ApiError('UnsupportedOperation', 'Local Zones are not supported. Leave out Location.');
}

/** @throws ApiError `InvalidParameterValue` */
export function checkDescription(description = ''): string {
  if (description.length <= maximumDescription) return description;
  throw new ApiError(
    'InvalidParameterValue',
    `The description must have at most ${maximumDescription} characters; it has ${description.length}.`,
  );
}

/**
 * The volumes of an instance that are wanted, the root first.
 * @throws ApiError those of instances' ids, `IncorrectInstanceState`, `InvalidParameterValue`
 */
function volumesOf(context: ReadContext, specification: InstanceSpecification | undefined): VolumeRow[] {
  const { InstanceId = '', ExcludeBootVolume = false, ExcludeDataVolumeIds: excluded = [] } = specification ?? {};
  const instance = findById(context, instances, idKinds.instance, InstanceId);
  if (instance.state === 'terminated' || instance.state === 'shutting-down') {
    throw new ApiError(
      'IncorrectInstanceState',
      `The instance '${InstanceId}' is ${instance.state} and has no volumes to take snapshots of.`,
    );
  }
  if (excluded.length > maximumExclusions) {
    throw invalid(excluded.length, 'ExcludeDataVolumeIds', `Name at most ${maximumExclusions} volumes.`);
  }
  const attached = volumesOfInstance(context.db, instance);
  const root = rootOf(instance);
  for (const id of excluded) {
    checkId(idKinds.volume, id);
    if (id === root) throw invalid(id, 'ExcludeDataVolumeIds', 'It is the root volume: use ExcludeBootVolume.');
    if (!attached.some(volume => volume.volumeId === id))
      throw invalid(id, 'ExcludeDataVolumeIds', `It is not attached to ${InstanceId}.`);
  }
  const wanted = attached.filter(
    ({ volumeId }) => !(ExcludeBootVolume && volumeId === root) && !excluded.includes(volumeId),
  );
  if (wanted.length === 0)
    throw new ApiError(
      'InvalidParameterValue',
      `No volume of the instance '${InstanceId}' is left to take a snapshot of.`,
    );
  return wanted;
}

/** The volumes that are attached to an instance, the root first. */
export function volumesOfInstance(db: Reader, instance: InstanceRow): VolumeRow[] {
  const root = rootOf(instance);
  const rows = instance.blockDevices.flatMap(device => db.get(volumes, device.volumeId) ?? []);
  return [...rows.filter(row => row.volumeId === root), ...rows.filter(row => row.volumeId !== root)];
}

function rootOf(instance: InstanceRow): string | undefined {
  return instance.blockDevices.find(device => device.deviceName === instance.rootDeviceName)?.volumeId;
}

/** Tags that people may give. */
function userTags(tags: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(tags).filter(([key]) => !/^aws:/i.test(key)));
}

function invalid(value: unknown, name: string, advice: string): ApiError {
  return new ApiError('InvalidParameterValue', `Value (${value}) for parameter ${name} is invalid. ${advice}`);
}
