import type { Volume, VolumeStatusItem } from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { accountOf, regionOf } from '../../api/owner.ts';
import type { Reader } from '../../state/state.ts';
import { zonesOf } from '../regions/zones.ts';
import { tagList } from '../tags/model.ts';
import type { VolumeRow } from './model.ts';

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
    Iops: row.iops,
    MultiAttachEnabled: false,
    Operator: { Managed: false },
    Size: row.size,
    SnapshotId: row.snapshotId ?? '',
    State: row.state,
    Tags: tagList(db, row.volumeId),
    Throughput: row.throughput,
    VolumeType: row.volumeType,
  };
}

export function renderVolumeAttachments(row: VolumeRow): NonNullable<Volume['Attachments']> {
  const { attachment } = row;
  if (attachment === undefined) return [];
  return [
    {
      AttachTime: new Date(attachment.attachTime),
      DeleteOnTermination: attachment.deleteOnTermination,
      Device: attachment.device,
      InstanceId: attachment.instanceId,
      State: attachment.state,
      VolumeId: row.volumeId,
    },
  ];
}

/**
 * @see https://docs.aws.amazon.com/ebs/latest/userguide/monitoring-volume-checks.html
 */
export function renderVolumeStatus(row: VolumeRow): VolumeStatusItem {
  const { status, ioEnabled } = volumeStatus(row);
  const ioPerformance = performanceOf(row);
  return {
    VolumeId: row.volumeId,
    Actions: [],
    AttachmentStatuses:
      row.attachment === undefined ? [] : [{ InstanceId: row.attachment.instanceId, IoPerformance: ioPerformance }],
    AvailabilityZone: row.availabilityZone,
    AvailabilityZoneId: zoneIdOf(row),
    Events: [],
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
