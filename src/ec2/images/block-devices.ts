import type { BlockDeviceMapping } from '@aws-sdk/client-ec2';
import { ApiError } from '../../api/errors.ts';
import type { ReadContext } from '../../api/operation.ts';
import { ephemeralDevices } from '../instances/launch/block-devices.ts';
import { usableSnapshot } from '../snapshots/access.ts';
import { isSameDevice } from '../volumes/device-names.ts';
import { volumeSpecification } from '../volumes/specification.ts';
import type { ImageBlockDevice, ImageRow } from './model.ts';

/** The devices of an AMI: volumes, and disks of the host that an instance gets where its type has them. */
export type ImageDevices = Pick<ImageRow, 'blockDevices' | 'ephemeral'>;

/**
 * The devices of an AMI that is being registered: its root device must come from a snapshot.
 * @throws ApiError `InvalidBlockDeviceMapping`, and those of `newDevices`
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RegisterImage.html
 */
export function imageDevices(
  context: ReadContext,
  mappings: readonly BlockDeviceMapping[] | undefined,
  rootDeviceName: string,
): ImageDevices {
  const devices = newDevices(context, mappings ?? []);
  const root = devices.blockDevices.find(device => device.deviceName === rootDeviceName);
  if (root === undefined)
    throw invalid(
      `No block device mapping for the root device ${rootDeviceName}. Add one with the snapshot to boot from.`,
    );
  if (root.snapshotId === undefined) throw invalid(`The root device ${rootDeviceName} needs a SnapshotId.`);
  return devices;
}

/**
 * Devices of a new AMI.
 * @throws ApiError `InvalidBlockDeviceMapping`, `InvalidSnapshot.NotFound`, `IncorrectState`, `UnsupportedOperation`, and
 * what `volumeSpecification` throws.
 */
export function newDevices(context: ReadContext, mappings: readonly BlockDeviceMapping[]): ImageDevices {
  const names: string[] = [];
  const blockDevices: ImageBlockDevice[] = [];
  for (const mapping of mappings) {
    const name = deviceName(mapping);
    const twin = names.find(one => isSameDevice(one, name));
    if (twin === name) throw invalid(`The device name ${name} appears more than once.`);
    if (twin !== undefined) throw invalid(`${twin} and ${name} are the same device. Give one of them another letter.`);
    names.push(name);
    if (mapping.VirtualName === undefined) blockDevices.push(blockDevice(context, name, mapping));
    else if (mapping.Ebs !== undefined || mapping.NoDevice !== undefined)
      throw invalid(`The mapping of ${name} has more than one of VirtualName, NoDevice and Ebs.`);
  }
  const ephemeral = ephemeralDevices(mappings);
  return { blockDevices, ...(ephemeral.length > 0 && { ephemeral }) };
}

function deviceName(mapping: BlockDeviceMapping): string {
  const name = mapping.DeviceName ?? '';
  if (/^(?:\/dev\/)?(?:xvd|sd)[a-z]{1,2}\d{0,2}$/.test(name)) return name;
  throw invalid(`Invalid device name '${name}'. Use names such as /dev/sda1, /dev/sdf or /dev/xvdf.`);
}

function blockDevice(context: ReadContext, name: string, mapping: BlockDeviceMapping): ImageBlockDevice {
  const { Ebs: ebs } = mapping;
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
