import { ApiError } from '../../api/errors.ts';
import type { Reader } from '../../state/state.ts';
import { type VolumeRow, volumes } from './model.ts';
import { coming, type VolumeShape } from './modifications.ts';

const gibPerTib = 1024;

/** Of an account in a Region: TiB of a type, and IOPS of those that are provisioned. */
const quotas: Readonly<Record<VolumeRow['volumeType'], { readonly tib: number; readonly iops?: number }>> = {
  gp2: { tib: 50 },
  gp3: { tib: 50 },
  io1: { tib: 50, iops: 300_000 },
  io2: { tib: 20, iops: 100_000 },
  st1: { tib: 50 },
  sc1: { tib: 50 },
  standard: { tib: 50 },
};

/**
 * EC2's default quotas of volumes. Launches are not held to them, so that an account may have more instances than their
 * root volumes would allow.
 * @param instead a volume that is to become this
 * @throws ApiError `VolumeLimitExceeded`, `MaxIOPSLimitExceeded`
 * @see https://docs.aws.amazon.com/general/latest/gr/ebs-service.html#limits_ebs
 */
export function checkQuotas(db: Reader, owner: string, wanted: VolumeShape, instead?: VolumeRow): void {
  const { volumeType } = wanted;
  const quota = quotas[volumeType];
  let gib = wanted.size;
  let iops = wanted.iops ?? 0;
  for (const { row } of db.entries(volumes, 'type', `${owner}/${volumeType}`)) {
    if (row.volumeId === instead?.volumeId || row.state === 'deleting' || row.state === 'error') continue;
    const shape = coming(db, row);
    gib += shape.size;
    iops += shape.iops ?? 0;
  }
  if (gib > quota.tib * gibPerTib) {
    throw new ApiError(
      'VolumeLimitExceeded',
      `You have exceeded your maximum ${volumeType} storage limit of ${quota.tib} TiB in this region. Delete volumes that are not needed.`,
    );
  }
  if (quota.iops !== undefined && iops > quota.iops) {
    throw new ApiError(
      'MaxIOPSLimitExceeded',
      `You have exceeded your maximum ${volumeType} IOPS limit of ${quota.iops} in this region.`,
    );
  }
}
