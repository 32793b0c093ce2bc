import type { BlockDeviceMapping, CreateImageRequest, CreateImageResult } from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds, newId } from '../../api/ids.ts';
import { type ReadContext, type WriteContext, writeOperation } from '../../api/operation.ts';
import { regionOf } from '../../api/owner.ts';
import type { EphemeralDevice } from '../instances/instance-store.ts';
import { type InstanceRow, instances } from '../instances/model.ts';
import { makeCut, untilCut } from '../snapshots/cut.ts';
import { addTags, parseTagSpecifications, type Tags } from '../tags/model.ts';
import { type VolumeRow, volumes } from '../volumes/model.ts';
import { imageArn } from './access.ts';
import { newDevices } from './block-devices.ts';
import { type ImageBlockDevice, type ImageRow, images } from './model.ts';
import { checkDescription, checkImageLimit, newName } from './names.ts';

/**
 * An AMI of an instance and its volumes, all cut at one instant. An instance that runs is rebooted unless `NoReboot`: it
 * is shut down, its volumes are cut, and it starts again. The AMI is pending until its snapshots are complete.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateImage.html
 */
export const createImage = writeOperation<CreateImageRequest, CreateImageResult>({
  service: 'ec2',
  name: 'CreateImage',
  resources: (input, context) => [
    imageArn(context, undefined),
    arn(context, 'instance', input.InstanceId),
    arn(context, 'snapshot'),
  ],
  run: (input, context) => {
    const { db, owner } = context;
    refusePlaces(input);
    const tags = parseTagSpecifications(input.TagSpecifications, ['image', 'snapshot']);
    const instance = findById(context, instances, idKinds.instance, input.InstanceId ?? '');
    if (instance.state !== 'running' && instance.state !== 'stopped') {
      throw new ApiError(
        'IncorrectInstanceState',
        `The instance '${instance.instanceId}' is ${instance.state}; an image can be made of one that is running or stopped.`,
      );
    }
    checkImageLimit(context);
    const name = newName(context, input.Name);
    const description = checkDescription(input.Description);
    const imageId = newId('ami');
    const reboot = instance.state === 'running' && input.NoReboot !== true;
    const plan = planDevices(context, instance, input.BlockDeviceMappings);
    const row: ImageRow = {
      ...inherited(context, instance, input.BootModeOverride),
      imageId,
      owner,
      name,
      description,
      state: 'pending',
      public: false,
      launchPermissions: [],
      blockDevices: cutDevices(context, imageId, instance, plan, tags.snapshot, reboot),
      ...(plan.ephemeral.length > 0 ? { ephemeral: plan.ephemeral } : {}),
      creationDate: context.now,
      sourceInstanceId: instance.instanceId,
      ...(reboot ? { rebooting: instance.instanceId } : {}),
    };
    db.put(images, row);
    addTags(db, { resourceId: imageId, resourceType: 'image', owner }, tags.image ?? {});
    if (reboot && instance.wanted === undefined) db.put(instances, { ...instance, wanted: 'reboot' });
    return { ImageId: imageId };
  },
  afterwards: ({ ImageId = '' }, context) => {
    const row = context.db.get(images, ImageId);
    // With a reboot the caller hears of it at once, as on AWS.
    if (row === undefined || row.rebooting !== undefined) return Promise.resolve();
    return untilCut(
      context,
      row.blockDevices.map(device => device.snapshotId ?? ''),
    );
  },
});

/** @throws ApiError `InvalidParameterValue`, `UnsupportedOperation`: there are no Local Zones and Outposts. */
function refusePlaces({ SnapshotLocation: location }: CreateImageRequest): void {
  if (location === undefined || location === 'regional') return;
  if (location === 'local')
    throw new ApiError('UnsupportedOperation', 'Local Zones are not supported. Leave out SnapshotLocation.');
  throw new ApiError(
    'InvalidParameterValue',
    `Value ( ${String(location)} ) for parameter SnapshotLocation is invalid. Use regional.`,
  );
}

/** What an AMI has from its instance, and from the AMI that this was launched from. */
function inherited({ db }: ReadContext, instance: InstanceRow, override: CreateImageRequest['BootModeOverride']) {
  const source = db.get(images, instance.imageId);
  return {
    architecture: instance.architecture as ImageRow['architecture'],
    rootDeviceName: instance.rootDeviceName,
    bootMode: bootModeOf(instance, override),
    enaSupport: source?.enaSupport ?? true,
    ...(source?.imdsSupport === undefined ? {} : { imdsSupport: source.imdsSupport }),
    ...(source?.sriovNetSupport === undefined ? {} : { sriovNetSupport: source.sriovNetSupport }),
    ...(source?.loginUser === undefined ? {} : { loginUser: source.loginUser }),
    sourceImageId: instance.imageId,
    sourceImageRegion: regionOf(instance.owner),
  };
}

/** @throws ApiError `InvalidParameterValue`, `InvalidParameterCombination` */
function bootModeOf(instance: InstanceRow, override: string | undefined): ImageRow['bootMode'] {
  const own = instance.imageBootMode ?? instance.bootMode;
  if (override === undefined) return own;
  if (override !== 'uefi')
    throw new ApiError(
      'InvalidParameterValue',
      `Value ( ${override} ) for parameter BootModeOverride is invalid. Use uefi.`,
    );
  if (instance.bootMode !== 'uefi') {
    throw new ApiError(
      'InvalidParameterCombination',
      `The instance '${instance.instanceId}' boots in the mode ${instance.bootMode}, so its image cannot be for uefi only.`,
    );
  }
  return override;
}

interface DevicePlan {
  /** Volumes whose content the AMI gets. */
  readonly kept: readonly { readonly deviceName: string; readonly volume: VolumeRow; readonly delete: boolean }[];
  /** Of the request: new volumes at each launch. */
  readonly added: readonly ImageBlockDevice[];
  /** Disks of the host that are mapped: the instance's, and those of the request. */
  readonly ephemeral: readonly EphemeralDevice[];
}

/**
 * The volumes of the instance, root first, with what the request changes: `DeleteOnTermination` of those there are,
 * `NoDevice` for those to leave out, and further devices.
 * @throws ApiError `InvalidBlockDeviceMapping`, and those of `newDevices`
 */
function planDevices(
  context: ReadContext,
  instance: InstanceRow,
  mappings: readonly BlockDeviceMapping[] | undefined,
): DevicePlan {
  const requested = new Map<string, BlockDeviceMapping>();
  for (const mapping of mappings ?? []) {
    const name = mapping.DeviceName ?? '';
    if (requested.has(name)) throw invalid(`The device name ${name} appears more than once.`);
    requested.set(name, mapping);
  }
  const kept: DevicePlan['kept'][number][] = [];
  for (const device of instance.blockDevices) {
    const mapping = requested.get(device.deviceName);
    requested.delete(device.deviceName);
    const root = device.deviceName === instance.rootDeviceName;
    if (mapping?.NoDevice !== undefined) {
      if (root) throw invalid(`The root device ${device.deviceName} cannot be left out.`);
      continue;
    }
    const volume = context.db.get(volumes, device.volumeId);
    if (volume === undefined) continue;
    if (mapping !== undefined) checkUnchanged(device.deviceName, volume, mapping);
    const part = {
      deviceName: device.deviceName,
      volume,
      delete: mapping?.Ebs?.DeleteOnTermination ?? device.deleteOnTermination,
    };
    if (root) kept.unshift(part);
    else kept.push(part);
  }
  if (kept[0]?.deviceName !== instance.rootDeviceName) {
    throw new ApiError(
      'IncorrectInstanceState',
      `The instance '${instance.instanceId}' has no root volume at ${instance.rootDeviceName}.`,
    );
  }
  const further = newDevices(
    context,
    [...requested.values()].filter(mapping => mapping.NoDevice === undefined),
  );
  const own = (instance.instanceStore ?? []).flatMap(({ deviceName, ephemeral }) =>
    ephemeral === undefined || requested.has(deviceName) ? [] : [{ deviceName, ephemeral }],
  );
  return { kept, added: further.blockDevices, ephemeral: [...own, ...(further.ephemeral ?? [])] };
}

/** @throws ApiError `InvalidBlockDeviceMapping` when the request wants more of a volume that is there than it can. */
function checkUnchanged(name: string, volume: VolumeRow, { Ebs: ebs, VirtualName: virtual }: BlockDeviceMapping): void {
  const changed =
    virtual !== undefined ||
    ebs?.SnapshotId !== undefined ||
    (ebs?.VolumeSize !== undefined && ebs.VolumeSize !== volume.size) ||
    (ebs?.VolumeType !== undefined && ebs.VolumeType !== volume.volumeType) ||
    (ebs?.Iops !== undefined && ebs.Iops !== volume.iops) ||
    (ebs?.Throughput !== undefined && ebs.Throughput !== volume.throughput) ||
    (ebs?.Encrypted !== undefined && ebs.Encrypted !== volume.encrypted) ||
    ebs?.KmsKeyId !== undefined;
  if (changed) {
    throw invalid(
      `The device ${name} is the volume ${volume.volumeId} of the instance: only its DeleteOnTermination can be changed, or it can be left out with NoDevice.`,
    );
  }
}

function cutDevices(
  context: WriteContext,
  imageId: string,
  instance: InstanceRow,
  { kept, added }: DevicePlan,
  tags: Tags | undefined,
  held: boolean,
): ImageBlockDevice[] {
  const description = `Created by CreateImage(${instance.instanceId}) for ${imageId}`;
  const cuts = makeCut(
    context,
    kept.map(({ volume }) => ({ volume, description, tags })),
    held,
  );
  const ofVolumes = kept.map(({ deviceName, volume, delete: deleteOnTermination }, index): ImageBlockDevice => {
    const snapshotId = cuts[index]?.snapshotId;
    if (snapshotId === undefined) throw new Error(`there is no snapshot of ${volume.volumeId}`);
    return {
      deviceName,
      snapshotId,
      volumeSize: volume.size,
      volumeType: volume.volumeType,
      // Those of gp2 follow from its size.
      ...(volume.iops === undefined || volume.volumeType === 'gp2' ? {} : { iops: volume.iops }),
      ...(volume.throughput === undefined ? {} : { throughput: volume.throughput }),
      deleteOnTermination,
      encrypted: volume.encrypted,
    };
  });
  return [...ofVolumes, ...added];
}

function invalid(message: string): ApiError {
  return new ApiError('InvalidBlockDeviceMapping', message);
}
