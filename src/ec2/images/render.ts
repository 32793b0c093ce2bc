import type { BlockDeviceMapping, Image } from '@aws-sdk/client-ec2';
import type { ReadContext } from '../../api/operation.ts';
import { accountOf } from '../../api/owner.ts';
import { type Tags, tagList, tagsOf } from '../tags/model.ts';
import { imageAllowed } from './allowed-images.ts';
import { deregistrationProtection } from './deregistration-protection.ts';
import { lastLaunchedTime } from './last-launched.ts';
import type { ImageBlockDevice, ImageRow } from './model.ts';

/** An AMI as DescribeImages answers it. */
export function renderImage(context: ReadContext, row: ImageRow): Image {
  const own = row.owner === context.owner;
  return {
    ImageId: row.imageId,
    Name: row.name,
    Description: row.description,
    ImageLocation: imageLocation(row),
    ImageOwnerAlias: row.ownerAlias,
    OwnerId: accountOf(row.owner),
    Public: row.public,
    State: row.state,
    StateReason: row.stateReason && { Code: row.stateReason.code, Message: row.stateReason.message },
    Architecture: row.architecture,
    BlockDeviceMappings: renderDevices(row),
    BootMode: row.bootMode,
    CreationDate: new Date(row.creationDate).toISOString(),
    DeprecationTime: row.deprecationTime === undefined ? undefined : new Date(row.deprecationTime).toISOString(),
    DeregistrationProtection: own ? deregistrationProtection(row) : undefined,
    EnaSupport: row.enaSupport,
    Hypervisor: 'xen',
    ImageAllowed: imageAllowed(context, row),
    ImageType: 'machine',
    ImdsSupport: row.imdsSupport,
    LastLaunchedTime: own ? lastLaunchedTime(row, context.now) : undefined,
    PlatformDetails: 'Linux/UNIX',
    PublicSsmParameterName: row.public ? row.ssmAliases?.[0] : undefined,
    RootDeviceName: row.rootDeviceName,
    RootDeviceType: 'ebs',
    SourceImageId: row.sourceImageId,
    SourceImageRegion: row.sourceImageRegion,
    SourceInstanceId: row.sourceInstanceId,
    SriovNetSupport: row.sriovNetSupport,
    Tags: own ? tagList(context.db, row.imageId) : undefined,
    UsageOperation: 'RunInstances',
    VirtualizationType: 'hvm',
  };
}

export function imageLocation(row: ImageRow): string {
  return `${row.ownerAlias ?? accountOf(row.owner)}/${row.name}`;
}

/** Tags are their account's own: others who may launch an AMI do not see its owner's. */
export function imageTags(context: ReadContext, row: ImageRow): Tags {
  return row.owner === context.owner ? tagsOf(context.db, row.imageId) : {};
}

export function renderDevices(row: ImageRow): BlockDeviceMapping[] {
  const ephemeral = (row.ephemeral ?? []).map(device => ({
    DeviceName: device.deviceName,
    VirtualName: `ephemeral${device.ephemeral}`,
  }));
  return [...row.blockDevices.map(renderBlockDevice), ...ephemeral];
}

function renderBlockDevice(device: ImageBlockDevice): BlockDeviceMapping {
  return {
    DeviceName: device.deviceName,
    Ebs: {
      SnapshotId: device.snapshotId,
      VolumeSize: device.volumeSize,
      VolumeType: device.volumeType,
      Iops: device.iops,
      Throughput: device.throughput,
      DeleteOnTermination: device.deleteOnTermination,
      Encrypted: device.encrypted,
    },
  };
}
