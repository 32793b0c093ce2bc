import type { BlockDeviceMapping } from '@aws-sdk/client-ec2';
import { ApiError } from '../../../api/errors.ts';
import type { ReadContext } from '../../../api/operation.ts';
import { type EncryptionPlan, planVolume } from '../../ebs-encryption/encryption.ts';
import type { ImageBlockDevice, ImageRow } from '../../images/model.ts';
import { usableSnapshot } from '../../snapshots/access.ts';
import type { SnapshotRow } from '../../snapshots/model.ts';
import { isSameDevice } from '../../volumes/device-names.ts';
import { checkRootType, type VolumeSpecification, volumeSpecification } from '../../volumes/specification.ts';
import type { EphemeralDevice } from '../instance-store.ts';

/** A volume that a launch will make. */
export interface LaunchVolume extends VolumeSpecification {
  readonly encryption: EncryptionPlan;
  readonly deviceName: string;
  readonly snapshotId?: string;
  readonly deleteOnTermination: boolean;
}

type Ebs = NonNullable<BlockDeviceMapping['Ebs']>;

/**
 * The volumes of a launch: the image's block device mapping with the request's laid over it; the root comes first.
 * @throws ApiError `InvalidBlockDeviceMapping`, `InvalidSnapshot.NotFound`, and what `volumeSpecification` throws.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/block-device-mapping-concepts.html
 */
export function launchVolumes(
  context: ReadContext,
  image: ImageRow,
  mappings: readonly BlockDeviceMapping[] | undefined,
): LaunchVolume[] {
  const requested = requestedDevices(mappings);
  const result: LaunchVolume[] = [];
  for (const device of image.blockDevices) {
    const request = requested.get(device.deviceName);
    requested.delete(device.deviceName);
    const root = device.deviceName === image.rootDeviceName;
    if (request === 'none') {
      if (root) throw invalid(`The root device ${device.deviceName} cannot be left out.`);
      continue;
    }
    const volume = overlay(context, device, request ?? {}, root);
    if (root) result.unshift(volume);
    else result.push(volume);
  }
  for (const [deviceName, request] of requested) {
    if (request === 'none') continue;
    result.push(additional(context, deviceName, request));
  }
  if (result[0]?.deviceName !== image.rootDeviceName)
    throw invalid(`The image ${image.imageId} has no mapping for its root device ${image.rootDeviceName}.`);
  return result;
}

/** Disks of the host that a launch maps: those of the AMI, unless the request has something else in their place. */
export function launchEphemerals(
  image: ImageRow,
  mappings: readonly BlockDeviceMapping[] | undefined,
): EphemeralDevice[] {
  const requested = ephemeralDevices(mappings);
  const own = (image.ephemeral ?? []).filter(
    device =>
      !(mappings ?? []).some(({ DeviceName: name = '' }) => isSameDevice(name, device.deviceName)) &&
      !requested.some(one => one.ephemeral === device.ephemeral),
  );
  return [...own, ...requested];
}

/** Disks of the host that a request maps. @throws ApiError `InvalidBlockDeviceMapping` */
export function ephemeralDevices(mappings: readonly BlockDeviceMapping[] | undefined): EphemeralDevice[] {
  const devices: EphemeralDevice[] = [];
  for (const { DeviceName: deviceName = '', VirtualName: virtualName } of mappings ?? []) {
    if (virtualName === undefined) continue;
    const match = /^ephemeral(\d{1,2})$/.exec(virtualName);
    if (match === null) throw invalid(`Virtual name '${virtualName}' is not valid. Use ephemeralN.`);
    const ephemeral = Number(match[1]);
    if (devices.some(one => one.ephemeral === ephemeral)) throw invalid(`${virtualName} appears more than once.`);
    devices.push({ deviceName, ephemeral });
  }
  return devices;
}

function requestedDevices(mappings: readonly BlockDeviceMapping[] | undefined): Map<string, Ebs | 'none'> {
  const requested = new Map<string, Ebs | 'none'>();
  const names: string[] = [];
  for (const mapping of mappings ?? []) {
    const name = mapping.DeviceName;
    if (name === undefined || !/^(?:\/dev\/)?(?:xvd|sd)[a-z]{1,2}\d{0,2}$/.test(name)) {
      throw invalid(`Invalid device name '${name ?? ''}'. Use names such as /dev/sdf or /dev/xvdf.`);
    }
    const twin = names.find(one => isSameDevice(one, name));
    if (twin === name) throw invalid(`Device name ${name} appears more than once.`);
    if (twin !== undefined) throw invalid(`${twin} and ${name} are the same device. Give one of them another letter.`);
    names.push(name);
    const kinds = [mapping.VirtualName, mapping.NoDevice, mapping.Ebs].filter(kind => kind !== undefined);
    if (kinds.length > 1) throw invalid(`The mapping of ${name} has more than one of VirtualName, NoDevice and Ebs.`);
    // A disk of the host takes the place of the image's volume.
    if (mapping.NoDevice !== undefined || mapping.VirtualName !== undefined) {
      requested.set(name, 'none');
      continue;
    }
    if (mapping.Ebs === undefined) throw invalid(`The mapping of ${name} needs Ebs, NoDevice, or VirtualName.`);
    refuseUnsupported(mapping.Ebs);
    requested.set(name, mapping.Ebs);
  }
  return requested;
}

function overlay(context: ReadContext, device: ImageBlockDevice, request: Ebs, root: boolean): LaunchVolume {
  if (root && request.SnapshotId !== undefined && request.SnapshotId !== device.snapshotId) {
    throw invalid(
      `The snapshot of the root device ${device.deviceName} cannot be replaced at launch. Register an image of ${request.SnapshotId} instead.`,
    );
  }
  const snapshotId = request.SnapshotId ?? device.snapshotId;
  const snapshot =
    snapshotId === undefined ? undefined : usableSnapshot(context, snapshotId, snapshotId === device.snapshotId);
  const volumeType = request.VolumeType ?? device.volumeType;
  const sameType = request.VolumeType === undefined || request.VolumeType === device.volumeType;
  const specification = volumeSpecification(
    {
      VolumeType: volumeType,
      Size: request.VolumeSize ?? device.volumeSize,
      Iops: request.Iops ?? (sameType ? device.iops : undefined),
      Throughput: request.Throughput ?? (sameType ? device.throughput : undefined),
    },
    { size: snapshot?.volumeSize, volumeType: 'gp2' },
  );
  checkSize(specification.size, snapshot);
  if (root) checkRootType(specification.volumeType);
  return {
    ...specification,
    encryption: planVolume(context, asRegistered(device, request), snapshot),
    deviceName: device.deviceName,
    ...(snapshotId === undefined ? {} : { snapshotId }),
    deleteOnTermination: request.DeleteOnTermination ?? device.deleteOnTermination,
  };
}

function additional(context: ReadContext, deviceName: string, request: Ebs): LaunchVolume {
  const snapshot = request.SnapshotId === undefined ? undefined : usableSnapshot(context, request.SnapshotId);
  const specification = volumeSpecification(
    { VolumeType: request.VolumeType, Size: request.VolumeSize, Iops: request.Iops, Throughput: request.Throughput },
    { size: snapshot?.volumeSize, volumeType: 'gp2' },
  );
  checkSize(specification.size, snapshot);
  return {
    ...specification,
    encryption: planVolume(context, request, snapshot),
    deviceName,
    ...(snapshot === undefined ? {} : { snapshotId: snapshot.snapshotId }),
    deleteOnTermination: request.DeleteOnTermination ?? true,
  };
}

/** An AMI may say of an empty volume that it is encrypted. */
function asRegistered(device: ImageBlockDevice, request: Ebs): Ebs {
  const decides = device.encrypted && device.snapshotId === undefined && request.SnapshotId === undefined;
  return decides && request.Encrypted === undefined ? { ...request, Encrypted: true } : request;
}

function checkSize(size: number, snapshot: SnapshotRow | undefined): void {
  if (snapshot !== undefined && size < snapshot.volumeSize) {
    throw invalid(
      `Volume of size ${size}GB is smaller than snapshot '${snapshot.snapshotId}', expect size >= ${snapshot.volumeSize}GB`,
    );
  }
}

function refuseUnsupported(ebs: Ebs): void {
  const member = (['VolumeInitializationRate', 'EbsCardIndex', 'AvailabilityZone', 'AvailabilityZoneId'] as const).find(
    name => ebs[name] !== undefined,
  );
  if (member !== undefined)
    throw new ApiError('UnsupportedOperation', `The parameter Ebs.${member} is not supported. Leave it out.`);
  if (ebs.OutpostArn !== undefined)
    throw new ApiError('UnsupportedOperation', 'Outposts are not supported. Leave out OutpostArn.');
}

function invalid(message: string): ApiError {
  return new ApiError('InvalidBlockDeviceMapping', message);
}
