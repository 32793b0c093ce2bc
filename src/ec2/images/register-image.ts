import type { RegisterImageRequest, RegisterImageResult } from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { newId } from '../../api/ids.ts';
import { type WriteContext, writeOperation } from '../../api/operation.ts';
import { addTags, parseTagSpecifications } from '../tags/model.ts';
import { imageArn } from './access.ts';
import { imageDevices } from './block-devices.ts';
import { type ImageRow, images } from './model.ts';
import { checkDescription, checkImageLimit, newName } from './names.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RegisterImage.html */
export const registerImage = writeOperation<RegisterImageRequest, RegisterImageResult>({
  service: 'ec2',
  name: 'RegisterImage',
  resources: (input, context) => [
    imageArn(context, undefined),
    ...(input.BlockDeviceMappings ?? []).flatMap(mapping =>
      mapping.Ebs?.SnapshotId === undefined ? [] : [arn(context, 'snapshot', mapping.Ebs.SnapshotId)],
    ),
  ],
  run: (input, context) => {
    const { db, owner } = context;
    refuseUnsupported(input);
    const tags = parseTagSpecifications(input.TagSpecifications, ['image', 'snapshot']);
    if (tags.snapshot !== undefined)
      throw new ApiError(
        'InvalidParameterValue',
        'RegisterImage makes no snapshots to tag. Use the resource type image.',
      );
    const row = newImage(input, context);
    db.put(images, row);
    addTags(db, { resourceId: row.imageId, resourceType: 'image', owner }, tags.image ?? {});
    return { ImageId: row.imageId };
  },
});

function newImage(input: RegisterImageRequest, context: WriteContext): ImageRow {
  const { owner, now } = context;
  checkImageLimit(context);
  const architecture = oneOf('Architecture', input.Architecture, ['i386', 'x86_64', 'arm64'], 'i386');
  const rootDeviceName = input.RootDeviceName ?? '/dev/sda1';
  return {
    imageId: newId('ami'),
    owner,
    name: newName(context, input.Name),
    description: checkDescription(input.Description),
    architecture,
    state: 'available',
    public: false,
    launchPermissions: [],
    rootDeviceName,
    ...imageDevices(context, input.BlockDeviceMappings, rootDeviceName),
    bootMode: oneOf(
      'BootMode',
      input.BootMode,
      ['legacy-bios', 'uefi', 'uefi-preferred'],
      architecture === 'arm64' ? 'uefi' : 'legacy-bios',
    ),
    imdsSupport:
      input.ImdsSupport === undefined ? undefined : oneOf<'v2.0'>('ImdsSupport', input.ImdsSupport, ['v2.0'], 'v2.0'),
    enaSupport: input.EnaSupport === true,
    sriovNetSupport:
      input.SriovNetSupport === undefined
        ? undefined
        : oneOf<'simple'>('SriovNetSupport', input.SriovNetSupport, ['simple'], 'simple'),
    creationDate: now,
  };
}

function refuseUnsupported(input: RegisterImageRequest): void {
  const refused: readonly [unknown, string][] = [
    [
      input.ImageLocation,
      'AMIs on instance store are not supported. Leave out ImageLocation and give BlockDeviceMappings with a snapshot.',
    ],
    [input.KernelId, 'Kernel ids are not supported. Leave out KernelId.'],
    [input.RamdiskId, 'RAM disk ids are not supported. Leave out RamdiskId.'],
    [input.TpmSupport, 'NitroTPM is not supported. Leave out TpmSupport.'],
    [input.UefiData, 'UEFI variable stores are not supported. Leave out UefiData.'],
    [
      input.BillingProducts?.length ? true : undefined,
      'Billing products are not supported. Leave out BillingProducts.',
    ],
  ];
  // Terraform sends those that are not set, too, without a value.
  for (const [value, message] of refused)
    if (value !== undefined && value !== '') throw new ApiError('UnsupportedOperation', message);
  // As on EC2, an AMI is paravirtual unless it says otherwise.
  if (oneOf('VirtualizationType', input.VirtualizationType, ['paravirtual', 'hvm'], 'paravirtual') === 'paravirtual') {
    throw new ApiError('UnsupportedOperation', 'Paravirtual AMIs are not supported. Set VirtualizationType to hvm.');
  }
}

function oneOf<Value extends string>(
  parameter: string,
  value: string | undefined,
  allowed: readonly Value[],
  fallback: Value,
): Value {
  if (value === undefined) return fallback;
  const found = allowed.find(one => one === value);
  if (found !== undefined) return found;
  throw new ApiError(
    'InvalidParameterValue',
    `Value ( ${value} ) for parameter ${parameter} is invalid. Use ${allowed.join(', ')}.`,
  );
}
