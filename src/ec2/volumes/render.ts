import type {
  VolumeAttachment as RenderedAttachment,
  Volume,
  VolumeStatusEvent,
  VolumeStatusItem,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { accountOf, regionOf } from '../../api/owner.ts';
import type { Reader } from '../../state/state.ts';
import { zonesOf } from '../regions/zones.ts';
import { tagList } from '../tags/model.ts';
import type { VolumeAttachment, VolumeRow } from './model.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Volume.html */
export function renderVolume(db: Reader, row: VolumeRow): Volume {
  return {
    VolumeId: row.volumeId,
    VolumeArn: arn({ account: accountOf(row.owner), region: regionOf(row.owner) }, 'volume', row.volumeId),
    Attachments: renderVolumeAttachments(row),
    AvailabilityZone: row.availabilityZone,
    AvailabilityZoneId: zoneIdOf(row),
    CreateTime: new Date(row.createTime),
    Encrypted: row.encrypted,
    FastRestored: row.fastRestored,
    Iops: row.iops,
    KmsKeyId: row.kmsKeyId,
    MultiAttachEnabled: row.multiAttachEnabled === true,
    Operator: { Managed: false },
    Size: row.size,
    SnapshotId: row.snapshotId ?? '',
    SourceVolumeId: row.sourceVolumeId,
    State: row.state,
    Tags: tagList(db, row.volumeId),
    Throughput: row.throughput,
    VolumeType: row.volumeType,
  };
}

export function renderVolumeAttachments(row: VolumeRow): NonNullable<Volume['Attachments']> {
  return row.attachments.map(attachment => renderVolumeAttachment(row.volumeId, attachment));
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_VolumeAttachment.html */
export function renderVolumeAttachment(
  volumeId: string,
  { attachTime, deleteOnTermination, device, instanceId, state }: VolumeAttachment,
): RenderedAttachment {
  return {
    AttachTime: new Date(attachTime),
    DeleteOnTermination: deleteOnTermination,
    Device: device,
    InstanceId: instanceId,
    State: state,
    VolumeId: volumeId,
  };
}

/**
 * @see https://docs.aws.amazon.com/ebs/latest/userguide/monitoring-volume-checks.html
 */
export function renderVolumeStatus(row: VolumeRow): VolumeStatusItem {
  const { status, ioEnabled } = volumeStatus(row);
  const ioPerformance = performanceOf(row);
  const failure = failureOf(row);
  return {
    VolumeId: row.volumeId,
    Actions: [],
    AttachmentStatuses: row.attachments.map(one => ({ InstanceId: one.instanceId, IoPerformance: ioPerformance })),
    AvailabilityZone: row.availabilityZone,
    AvailabilityZoneId: zoneIdOf(row),
    Events: failure === undefined ? [] : [failure],
    Operator: { Managed: false },
    VolumeStatus: {
      Status: status,
      Details: [
        { Name: 'io-enabled', Status: ioEnabled },
        { Name: 'io-performance', Status: ioPerformance },
      ],
    },
  };
}

/** Nothing else of the API tells why a volume failed. */
export function failureOf(row: VolumeRow): VolumeStatusEvent | undefined {
  if (row.stateMessage === undefined) return undefined;
  return {
    EventId: `evol-${row.volumeId.slice('vol-'.length)}`,
    EventType: 'volume-creation-failed',
    Description: `The volume could not be created: ${row.stateMessage}`,
    NotBefore: new Date(row.createTime),
  };
}

/** A volume is checked from when it exists; one that failed can do no I/O. */
export function volumeStatus(row: VolumeRow): {
  readonly status: 'ok' | 'impaired' | 'insufficient-data';
  readonly ioEnabled: 'passed' | 'failed' | '-';
} {
  if (row.state === 'error') return { status: 'impaired', ioEnabled: 'failed' };
  if (row.state === 'creating') return { status: 'insufficient-data', ioEnabled: '-' };
  return { status: 'ok', ioEnabled: 'passed' };
}

/** Only volumes with provisioned IOPS that are attached have their performance judged. */
export function performanceOf(row: VolumeRow): 'normal' | 'not-applicable' {
  return (row.volumeType === 'io1' || row.volumeType === 'io2') && row.state === 'in-use' ? 'normal' : 'not-applicable';
}

export function zoneIdOf(row: { readonly owner: string; readonly availabilityZone: string }): string | undefined {
  return zonesOf(regionOf(row.owner)).find(zone => zone.name === row.availabilityZone)?.id;
}
