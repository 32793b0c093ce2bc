import type {
  DescribeVolumeStatusRequest,
  DescribeVolumeStatusResult,
  DescribeVolumesRequest,
  DescribeVolumesResult,
} from '@aws-sdk/client-ec2';
import type { FilterTable } from '../../api/filters.ts';
import { idKinds } from '../../api/ids.ts';
import { type AnyOperation, readOperation } from '../../api/operation.ts';
import { describeOwn } from '../describe.ts';
import { type VolumeRow, volumes } from './model.ts';
import { failureOf, performanceOf, renderVolume, renderVolumeStatus, volumeStatus, zoneIdOf } from './render.ts';

const time = (milliseconds: number | undefined) =>
  milliseconds === undefined ? undefined : new Date(milliseconds).toISOString();

const filters: FilterTable<VolumeRow> = {
  'attachment.attach-time': row => row.attachments.map(one => time(one.attachTime)),
  'attachment.delete-on-termination': row => row.attachments.map(one => String(one.deleteOnTermination)),
  'attachment.device': row => row.attachments.map(one => one.device),
  'attachment.instance-id': row => row.attachments.map(one => one.instanceId),
  'attachment.status': row => row.attachments.map(one => one.state),
  'availability-zone': row => row.availabilityZone,
  'availability-zone-id': zoneIdOf,
  'create-time': row => time(row.createTime),
  encrypted: row => row.encrypted,
  'fast-restored': row => row.fastRestored === true,
  'multi-attach-enabled': row => row.multiAttachEnabled === true,
  'operator.managed': () => false,
  'operator.principal': () => undefined,
  size: row => row.size,
  'snapshot-id': row => row.snapshotId,
  status: row => row.state,
  'volume-id': row => row.volumeId,
  'volume-type': row => row.volumeType,
};

const statusFilters: FilterTable<VolumeRow> = {
  'action.code': () => undefined,
  'action.description': () => undefined,
  'action.event-id': () => undefined,
  'attachment-status.instance-id': row => row.attachments.map(one => one.instanceId),
  'attachment-status.io-performance': row => row.attachments.map(() => performanceOf(row)),
  'availability-zone': row => row.availabilityZone,
  'availability-zone-id': zoneIdOf,
  'event.description': row => failureOf(row)?.Description,
  'event.event-id': row => failureOf(row)?.EventId,
  'event.event-type': row => failureOf(row)?.EventType,
  'event.not-after': () => undefined,
  'event.not-before': row => failureOf(row)?.NotBefore?.toISOString(),
  'volume-status.details-name': () => ['io-enabled', 'io-performance'],
  'volume-status.details-status': row => [volumeStatus(row).ioEnabled, performanceOf(row)],
  'volume-status.status': row => volumeStatus(row).status,
};

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumes.html */
const describeVolumes = readOperation<DescribeVolumesRequest, DescribeVolumesResult>({
  service: 'ec2',
  name: 'DescribeVolumes',
  resources: () => ['*'],
  run: (input, context) => {
    const page = describeOwn(context, input, {
      table: volumes,
      kind: idKinds.volume,
      ids: input.VolumeIds,
      filters,
      keyFilter: 'volume-id',
      indexed: { 'attachment.instance-id': 'instance', 'snapshot-id': 'snapshot' },
    });
    return { Volumes: page.rows.map(row => renderVolume(context.db, row)), NextToken: page.nextToken };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumeStatus.html */
const describeVolumeStatus = readOperation<DescribeVolumeStatusRequest, DescribeVolumeStatusResult>({
  service: 'ec2',
  name: 'DescribeVolumeStatus',
  resources: () => ['*'],
  run: (input, context) => {
    const page = describeOwn(context, input, {
      table: volumes,
      kind: idKinds.volume,
      ids: input.VolumeIds,
      filters: statusFilters,
      keyFilter: 'volume-id',
      indexed: { 'attachment-status.instance-id': 'instance' },
    });
    return { VolumeStatuses: page.rows.map(renderVolumeStatus), NextToken: page.nextToken };
  },
});

export const volumeReadOperations: readonly AnyOperation[] = [describeVolumes, describeVolumeStatus];
