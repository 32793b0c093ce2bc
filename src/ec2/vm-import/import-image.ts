import type { ImageDiskContainer, ImportImageRequest, ImportImageResult } from '@aws-sdk/client-ec2';
import { arn, arns } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { newId } from '../../api/ids.ts';
import { type WriteContext, writeOperation } from '../../api/operation.ts';
import { type EncryptionPlan, encrypt, planVolume } from '../ebs-encryption/encryption.ts';
import { checkDescription } from '../images/names.ts';
import { usableSnapshot } from '../snapshots/access.ts';
import { addTags, parseTagSpecifications } from '../tags/model.ts';
import { checkTaskLimit } from './limits.ts';
import { type ImportDisk, type ImportedImage, type ImportTaskRow, importTasks } from './model.ts';
import { renderImageTask } from './render.ts';
import { checkRole, diskFormat, diskSource } from './source.ts';

const maximumDisks = 21;

/**
 * Makes an AMI of disk files; the first disk is the one that it boots from. What is on the disks stays as it is.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ImportImage.html
 */
export const importImage = writeOperation<ImportImageRequest, ImportImageResult>({
  service: 'ec2',
  name: 'ImportImage',
  resources: (input, context) => {
    const ids = (input.DiskContainers ?? []).flatMap(container => container.SnapshotId ?? []);
    return [arn(context, 'image'), arn(context, 'import-image-task'), ...arns(context, 'snapshot', ids)];
  },
  run: (input, context) => {
    const { db, owner, now } = context;
    const plan = planVolume(context, input);
    checkRole(context, input.RoleName);
    const tags = parseTagSpecifications(input.TagSpecifications, ['import-image-task']);
    const containers = input.DiskContainers ?? [];
    if (containers.length === 0)
      throw new ApiError('MissingParameter', 'The request must contain the parameter DiskContainers');
    if (containers.length > maximumDisks)
      throw new ApiError('InvalidParameterValue', `An image has at most ${maximumDisks} disks.`);
    checkTaskLimit(context);
    const row: ImportTaskRow = {
      taskId: newId('import-ami'),
      owner,
      description: checkDescription(input.Description),
      state: 'active',
      message: 'pending',
      disks: containers.map((container, index) => disk(context, container, index, plan)),
      image: importedImage(input),
      created: now,
    };
    const names = row.disks.map(one => one.deviceName);
    if (new Set(names).size < names.length)
      throw new ApiError('InvalidParameterValue', 'Two disk containers have the same DeviceName.');
    db.put(importTasks, row);
    const resource = { resourceId: row.taskId, resourceType: 'import-image-task', owner };
    addTags(db, resource, tags['import-image-task'] ?? {});
    return renderImageTask(db, row);
  },
});

function disk(context: WriteContext, container: ImageDiskContainer, index: number, plan: EncryptionPlan): ImportDisk {
  const deviceName = container.DeviceName ?? (index === 0 ? '/dev/sda1' : `/dev/sd${letter(index)}`);
  if (!/^(?:\/dev\/)?(?:xvd|sd)[a-z]{1,2}\d{0,2}$/.test(deviceName)) {
    throw new ApiError(
      'InvalidParameterValue',
      `Value (${deviceName.slice(0, 50)}) for parameter DeviceName is invalid. Use names such as /dev/sda1 or /dev/sdf.`,
    );
  }
  const description = checkDescription(container.Description);
  if (container.SnapshotId !== undefined) {
    if (container.Url !== undefined || container.UserBucket !== undefined || container.Format !== undefined)
      throw new ApiError('InvalidParameterCombination', 'A disk container has a snapshot or a file, not both.');
    return {
      description,
      deviceName,
      snapshotId: usableSnapshot(context, container.SnapshotId).snapshotId,
      done: true,
    };
  }
  const format = diskFormat(container.Format, ['OVA', 'VHD', 'VHDX', 'VMDK', 'RAW', 'QCOW2']);
  const source = diskSource(context, container);
  return { description, deviceName, format, source, encryption: encrypt(context, plan) };
}

/** EC2 names further disks from /dev/sdf on. */
function letter(index: number): string {
  const code = 'f'.charCodeAt(0) + index - 1;
  return code <= 'z'.charCodeAt(0) ? String.fromCharCode(code) : `a${String.fromCharCode(code - 26)}`;
}

/** @throws ApiError `InvalidParameterValue`, `UnsupportedOperation` */
function importedImage(input: ImportImageRequest): ImportedImage {
  const architecture = input.Architecture ?? 'x86_64';
  if (architecture !== 'x86_64' && architecture !== 'i386' && architecture !== 'arm64')
    throw invalid('Architecture', architecture, 'Use i386, x86_64 or arm64.');
  const bootMode = input.BootMode;
  if (bootMode !== undefined && bootMode !== 'legacy-bios' && bootMode !== 'uefi')
    throw invalid('BootMode', bootMode, 'Use legacy-bios or uefi.');
  if (input.Hypervisor !== undefined && input.Hypervisor !== 'xen')
    throw invalid('Hypervisor', input.Hypervisor, 'Use xen.');
  if (input.Platform !== undefined && input.Platform !== 'Linux') {
    if (input.Platform !== 'Windows') throw invalid('Platform', input.Platform, 'Use Linux.');
    throw new ApiError('UnsupportedOperation', 'Importing Windows is not supported. Use the platform Linux.');
  }
  if (input.LicenseType !== undefined && input.LicenseType !== 'BYOL') {
    if (input.LicenseType !== 'AWS') throw invalid('LicenseType', input.LicenseType, 'Use BYOL.');
    throw new ApiError('UnsupportedOperation', 'Licenses of AWS are not sold here. Use the license type BYOL.');
  }
  if (input.LicenseSpecifications?.length)
    throw new ApiError('UnsupportedOperation', 'License configurations are not supported. Leave them out.');
  if (input.UsageOperation !== undefined && input.UsageOperation !== 'RunInstances')
    throw invalid('UsageOperation', input.UsageOperation, 'Use RunInstances.');
  return { architecture, bootMode, licenseType: input.LicenseType, usageOperation: input.UsageOperation };
}

function invalid(name: string, value: string, advice: string): ApiError {
  return new ApiError(
    'InvalidParameterValue',
    `Value (${value.slice(0, 50)}) for parameter ${name} is invalid. ${advice}`,
  );
}
