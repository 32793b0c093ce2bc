import type { ExportImageResult, ExportImageTask, ImportImageTask, ImportSnapshotTask } from '@aws-sdk/client-ec2';
import type { Reader } from '../../state/state.ts';
import { tagList } from '../tags/model.ts';
import type { ExportTaskRow, ImportDisk, ImportTaskRow } from './model.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ImportSnapshotTask.html */
export function renderSnapshotTask(db: Reader, row: ImportTaskRow): ImportSnapshotTask {
  const [disk] = row.disks;
  return {
    Description: row.description,
    ImportTaskId: row.taskId,
    SnapshotTaskDetail: {
      Description: disk?.description ?? row.description,
      ...(disk && {
        ...renderFile(disk),
        DiskImageSize: disk.bytes,
        Format: disk.format?.toUpperCase(),
        SnapshotId: disk.done ? disk.snapshotId : undefined,
      }),
      ...renderEncryption(row),
      Progress: progressOf(row),
      Status: row.state,
      StatusMessage: row.message,
    },
    Tags: tagList(db, row.taskId),
  };
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ImportImageTask.html */
export function renderImageTask(db: Reader, row: ImportTaskRow): ImportImageTask {
  const { image } = row;
  return {
    Architecture: image?.architecture,
    BootMode: image?.bootMode,
    Description: row.description,
    ...renderEncryption(row),
    Hypervisor: 'xen',
    ImageId: image?.imageId,
    ImportTaskId: row.taskId,
    LicenseType: image?.licenseType ?? 'BYOL',
    Platform: 'Linux',
    Progress: progressOf(row),
    SnapshotDetails: row.disks.map(disk => ({
      Description: disk.description,
      DeviceName: disk.deviceName,
      DiskImageSize: disk.bytes,
      Format: disk.format?.toUpperCase(),
      Progress: row.state === 'active' && !disk.done ? String(disk.progress ?? 0) : undefined,
      SnapshotId: disk.done ? disk.snapshotId : undefined,
      Status: disk.done ? 'completed' : row.state,
      ...renderFile(disk),
    })),
    Status: row.state,
    StatusMessage: row.message,
    Tags: tagList(db, row.taskId),
    UsageOperation: image?.usageOperation ?? 'RunInstances',
  };
}

function renderFile({ source }: ImportDisk) {
  if (source?.kind === 'url') return { Url: source.url };
  return source && { UserBucket: { S3Bucket: source.bucket, S3Key: source.key } };
}

/** Of all disks together, in percent; a task that has ended has none. */
function progressOf({ state, disks }: ImportTaskRow): string | undefined {
  if (state !== 'active') return undefined;
  const sum = disks.reduce((total, disk) => total + (disk.done ? 100 : (disk.progress ?? 0)), 0);
  return String(Math.floor(sum / disks.length));
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ExportImageTask.html */
export function renderExportTask(db: Reader, row: ExportTaskRow): ExportImageTask & Pick<ExportImageResult, 'Tags'> {
  return {
    Description: row.description,
    ExportImageTaskId: row.taskId,
    ImageId: row.imageId,
    Progress: row.state === 'active' ? String(row.progress ?? 0) : undefined,
    S3ExportLocation: { S3Bucket: row.bucket, S3Prefix: row.prefix },
    Status: row.state,
    StatusMessage: row.message,
    Tags: tagList(db, row.taskId),
  };
}

function renderEncryption({ disks }: ImportTaskRow): { Encrypted: boolean; KmsKeyId?: string } {
  const found = disks.find(disk => disk.encryption?.encrypted)?.encryption;
  return { Encrypted: found !== undefined, ...(found?.kmsKeyId !== undefined && { KmsKeyId: found.kmsKeyId }) };
}
