import type { BlockDeviceMapping } from '@aws-sdk/client-ec2';
import { ApiError } from '../../api/errors.ts';
import type { ReadContext } from '../../api/operation.ts';
import { usableSnapshot } from '../snapshots/access.ts';
import { volumeSpecification } from '../volumes/specification.ts';
import type { ImageBlockDevice } from './model.ts';

/**
 * The block devices of an AMI that is being registered: its root device must come from a snapshot.
 * @throws ApiError `InvalidBlockDeviceMapping`, `InvalidSnapshot.NotFound`, `IncorrectState`, `UnsupportedOperation`, and
 * what `volumeSpecification` throws.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RegisterImage.html
 */
export function imageBlockDevices(
  context: ReadContext,
  mappings: readonly BlockDeviceMapping[] | undefined,
  rootDeviceName: string,
): ImageBlockDevice[] {
  const names = new Set<string>();
  const devices = (mappings ?? []).map(mapping => {
    const device = newDevice(context, mapping);
    if (names.has(device.deviceName)) throw invalid(`The device name ${device.deviceName} appears more than once.`);
    names.add(device.deviceName);
    return device;
  });
  const root = devices.find(device => device.deviceName === rootDeviceName);
  if (root === undefined)
    throw invalid(
      `No block device mapping for the root device ${rootDeviceName}. Add one with the snapshot to boot from.`,
    );
  if (root.snapshotId === undefined) throw invalid(`The root device ${rootDeviceName} needs a SnapshotId.`);
  return devices;
}

/**
 * One device of a new AMI.
 * @throws ApiError as `imageBlockDevices`
 */
export function newDevice(context: ReadContext, mapping: BlockDeviceMapping): ImageBlockDevice {
  return blockDevice(context, deviceName(mapping), mapping);
}

function deviceName(mapping: BlockDeviceMapping): string {
  const name = mapping.DeviceName ?? '';
  if (/^(?:\/dev\/)?(?:xvd|sd)[a-z]{1,2}\d{0,2}$/.test(name)) return name;
  throw invalid(`Invalid device name '${name}'. Use names such as /dev/sda1, /dev/sdf or /dev/xvdf.`);
}

function blockDevice(context: ReadContext, name: string, mapping: BlockDeviceMapping): ImageBlockDevice {
  const { Ebs: ebs } = mapping;
  if (mapping.VirtualName !== undefined)
    throw new ApiError('UnsupportedOperation', 'Instance store volumes are not supported. Leave out VirtualName.');
  if (mapping.NoDevice !== undefined)
    throw invalid(`NoDevice means nothing in a new image. Leave out the mapping of ${name}.`);
  if (ebs === undefined) throw invalid(`The mapping of ${name} has no Ebs.`);
  if (ebs.OutpostArn !== undefined)
    throw new ApiError('UnsupportedOperation', 'Outposts are not supported. Leave out OutpostArn.');
  if (ebs.SnapshotId !== undefined && ebs.Encrypted !== undefined) {
    throw invalid(`The mapping of ${name} has a snapshot, which decides alone about encryption. Leave out Encrypted.`);
  }
  if (ebs.KmsKeyId !== undefined)
    throw invalid(`An AMI names no KMS key. Leave out KmsKeyId of ${name}, and give it at launch.`);
  const snapshot = ebs.SnapshotId === undefined ? undefined : usableSnapshot(context, ebs.SnapshotId);
  const { size, volumeType, iops, throughput } = volumeSpecification(
    { VolumeType: ebs.VolumeType, Size: ebs.VolumeSize, Iops: ebs.Iops, Throughput: ebs.Throughput },
    { size: snapshot?.volumeSize, volumeType: 'gp2' },
  );
  if (snapshot !== undefined && size < snapshot.volumeSize) {
    throw invalid(
      `Volume of size ${size}GB is smaller than snapshot '${snapshot.snapshotId}', expect size >= ${snapshot.volumeSize}GB`,
    );
  }
  return {
    deviceName: name,
    snapshotId: snapshot?.snapshotId,
    volumeSize: size,
    volumeType,
    // Those of gp2 follow from its size, and may be another's at launch.
    iops: volumeType === 'gp2' ? undefined : iops,
    throughput,
    deleteOnTermination: ebs.DeleteOnTermination ?? true,
    encrypted: snapshot?.encrypted ?? ebs.Encrypted === true,
  };
}

function invalid(message: string): ApiError {
  return new ApiError('InvalidBlockDeviceMapping', message);
}
