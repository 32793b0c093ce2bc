import type {
  AttachVolumeRequest,
  DetachVolumeRequest,
  VolumeAttachment as RenderedAttachment,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds } from '../../api/ids.ts';
import { type ReadContext, writeOperation } from '../../api/operation.ts';
import { isKeyUsable } from '../ebs-encryption/permission.ts';
import { instanceType } from '../instance-types/catalogue.ts';
import { type InstanceRow, instances } from '../instances/model.ts';
import { attachmentLimit } from './attachment-limit.ts';
import { attachmentTo, attachVolumeTo, detachVolumeFrom } from './attachments.ts';
import { isDeviceName, isSameDevice } from './device-names.ts';
import { type VolumeAttachment, type VolumeRow, volumes } from './model.ts';
import { renderVolumeAttachment } from './render.ts';
import { maximumMultiAttachments } from './specification.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AttachVolume.html */
export const attachVolume = writeOperation<AttachVolumeRequest, RenderedAttachment>({
  service: 'ec2',
  name: 'AttachVolume',
  resources: (input, context) => [arn(context, 'instance', input.InstanceId), arn(context, 'volume', input.VolumeId)],
  run: (input, context) => {
    const volume = findById(context, volumes, idKinds.volume, input.VolumeId ?? '');
    const instance = findById(context, instances, idKinds.instance, input.InstanceId ?? '');
    if (input.EbsCardIndex !== undefined && input.EbsCardIndex !== 0)
      throw new ApiError('UnsupportedOperation', 'Instances have one EBS card here. Leave out EbsCardIndex.');
    checkVolume(volume, instance);
    checkInstance(volume, instance);
    const device = input.Device ?? '';
    checkDevice(volume, instance, device);
    checkKey(context, volume);
    return renderVolumeAttachment(volume.volumeId, attachVolumeTo(context, volume, instance, device));
  },
});

/** @throws ApiError `CustomerKeyHasBeenRevoked` */
export function checkKey(context: ReadContext, { volumeId, kmsKeyId }: VolumeRow): void {
  if (kmsKeyId === undefined || isKeyUsable(context, kmsKeyId, 'attach')) return;
  throw new ApiError(
    'CustomerKeyHasBeenRevoked',
    `Volume ${volumeId} cannot be attached. The encrypted volume was unable to access the KMS key.`,
  );
}

function checkVolume(volume: VolumeRow, instance: InstanceRow): void {
  const { volumeId, state, attachments } = volume;
  if (attachmentTo(volume, instance.instanceId) !== undefined)
    throw new ApiError('VolumeInUse', `${volumeId} is already attached to the instance ${instance.instanceId}`);
  if (state === 'in-use' && volume.multiAttachEnabled !== true)
    throw new ApiError('VolumeInUse', `${volumeId} is already attached to an instance`);
  if (state !== 'available' && state !== 'in-use')
    throw new ApiError('IncorrectState', `Volume '${volumeId}' is in the '${state}' state; it must be 'available'.`);
  if (attachments.length >= maximumMultiAttachments) {
    throw new ApiError(
      'AttachmentLimitExceeded',
      `${volumeId} is attached to ${attachments.length} instances; Multi-Attach allows ${maximumMultiAttachments}.`,
    );
  }
  if (volume.availabilityZone !== instance.availabilityZone) {
    throw new ApiError(
      'InvalidVolume.ZoneMismatch',
      `The volume '${volumeId}' is not in the same availability zone as instance '${instance.instanceId}'`,
    );
  }
}

function checkInstance(volume: VolumeRow, instance: InstanceRow): void {
  const { instanceId, state } = instance;
  if (state !== 'running' && state !== 'stopped')
    throw new ApiError('IncorrectState', `Instance '${instanceId}' is not 'running': it is '${state}'.`);
  const type = instanceType(instance.instanceType);
  if (type === undefined) throw new Error(`instance type ${instance.instanceType} is unknown`);
  const limit = attachmentLimit(type, instance.networkInterfaceIds.length);
  if (instance.blockDevices.length >= limit) {
    throw new ApiError(
      'AttachmentLimitExceeded',
      `Volume count ${instance.blockDevices.length + 1} exceeds the limit of '${instanceId}': an instance of type ${type.name} may have ${limit}.`,
    );
  }
  if (volume.multiAttachEnabled === true && type.hypervisor !== 'nitro' && !type.bareMetal) {
    throw new ApiError(
      'UnsupportedOperation',
      `Volumes with Multi-Attach can be attached to instances of the Nitro System only; ${type.name} is none.`,
    );
  }
}

function checkDevice(volume: VolumeRow, instance: InstanceRow, device: string): void {
  if (!isDeviceName(device, instance.rootDeviceName)) {
    throw new ApiError(
      'InvalidParameterValue',
      `Value (${device}) for parameter device is invalid. ${device} is not a valid EBS device name. Use one such as /dev/sdf.`,
    );
  }
  if (instance.blockDevices.some(one => isSameDevice(one.deviceName, device))) {
    throw new ApiError(
      'InvalidParameterValue',
      `Invalid value '${device}' for unixDevice. Attachment point ${device} is already in use`,
    );
  }
  if (device !== instance.rootDeviceName) return;
  if (volume.multiAttachEnabled === true)
    throw new ApiError('InvalidParameterValue', 'A volume with Multi-Attach cannot be a root device.');
  // A root volume is detached while its instance is stopped; so is the next one attached.
  if (instance.state !== 'stopped')
    throw new ApiError('IncorrectState', `Instance '${instance.instanceId}' is not 'stopped'.`);
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DetachVolume.html */
export const detachVolume = writeOperation<DetachVolumeRequest, RenderedAttachment>({
  service: 'ec2',
  name: 'DetachVolume',
  resources: (input, context) => [
    arn(context, 'instance', input.InstanceId ?? attachedTo(context, input.VolumeId)),
    arn(context, 'volume', input.VolumeId),
  ],
  run: (input, context) => {
    const { db } = context;
    const volume = findById(context, volumes, idKinds.volume, input.VolumeId ?? '');
    const instance =
      input.InstanceId === undefined ? undefined : findById(context, instances, idKinds.instance, input.InstanceId);
    const attachment = namedAttachment(volume, instance?.instanceId, input.Device);
    const { instanceId } = attachment;
    checkDetachable(volume, attachment, instance ?? db.get(instances, instanceId));
    detachVolumeFrom(db, volume, instanceId, input.Force === true);
    return renderVolumeAttachment(volume.volumeId, { ...attachment, state: 'detaching' });
  },
});

/** Where the caller's volume is attached, if that is one instance. */
function attachedTo(context: ReadContext, volumeId = ''): string | undefined {
  const row = context.db.get(volumes, volumeId);
  return row?.owner === context.owner && row.attachments.length === 1 ? row.attachments[0]?.instanceId : undefined;
}

/** @throws ApiError `IncorrectState`, `InvalidAttachment.NotFound`, `MissingParameter` */
function namedAttachment(
  volume: VolumeRow,
  instanceId: string | undefined,
  device: string | undefined,
): VolumeAttachment {
  const { volumeId, attachments } = volume;
  if (attachments.length === 0)
    throw new ApiError('IncorrectState', `Volume '${volumeId}' is in the '${volume.state}' state.`);
  if (instanceId === undefined && attachments.length > 1) {
    throw new ApiError(
      'MissingParameter',
      `The request must contain the parameter instanceId: ${volumeId} is attached to ${attachments.length} instances.`,
    );
  }
  const found = attachments.find(one => instanceId === undefined || one.instanceId === instanceId);
  if (found === undefined || (device !== undefined && !isSameDevice(found.device, device))) {
    const to = instanceId === undefined ? 'an instance' : `instance '${instanceId}'`;
    const as = device === undefined ? '' : ` as device '${device}'`;
    throw new ApiError('InvalidAttachment.NotFound', `The volume '${volumeId}' is not attached to ${to}${as}.`);
  }
  return found;
}

function checkDetachable(volume: VolumeRow, attachment: VolumeAttachment, instance: InstanceRow | undefined): void {
  if (instance === undefined) return;
  const { instanceId, state } = instance;
  if (attachment.device === instance.rootDeviceName && state !== 'stopped') {
    throw new ApiError(
      'OperationNotPermitted',
      `Unable to detach root volume '${volume.volumeId}' from instance '${instanceId}'. Stop the instance first.`,
    );
  }
  if (state !== 'running' && state !== 'stopped' && state !== 'stopping') {
    throw new ApiError(
      'IncorrectState',
      `Instance '${instanceId}' is '${state}'. Detach a volume while it is running or stopped.`,
    );
  }
}
