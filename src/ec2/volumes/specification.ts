import { ApiError } from '../../api/errors.ts';
import type { VolumeRow } from './model.ts';

export type VolumeType = VolumeRow['volumeType'];

/** Sizes in GiB, IOPS, and throughput in MiB/s that a volume may have. */
export interface VolumeSpecification {
  readonly volumeType: VolumeType;
  readonly size: number;
  readonly iops?: number;
  readonly throughput?: number;
}

interface Limits {
  readonly size: readonly [number, number];
  /** IOPS that may be asked for; absent where they follow from the size. */
  readonly iops?: readonly [number, number];
  readonly iopsPerGib?: number;
  readonly throughput?: readonly [number, number];
}

/** @see https://docs.aws.amazon.com/ebs/latest/userguide/ebs-volume-types.html */
const limits: Readonly<Record<VolumeType, Limits>> = {
  gp2: { size: [1, 16_384] },
  gp3: { size: [1, 65_536], iops: [3_000, 80_000], iopsPerGib: 500, throughput: [125, 2_000] },
  io1: { size: [4, 16_384], iops: [100, 64_000], iopsPerGib: 50 },
  io2: { size: [4, 65_536], iops: [100, 256_000], iopsPerGib: 1_000 },
  st1: { size: [125, 16_384] },
  sc1: { size: [125, 16_384] },
  standard: { size: [1, 1_024] },
};

export interface VolumeRequest {
  readonly VolumeType?: string | undefined;
  readonly Size?: number | undefined;
  readonly Iops?: number | undefined;
  readonly Throughput?: number | undefined;
}

/**
 * Completes and checks what a request asks of a volume.
 * @throws ApiError `UnknownVolumeType`, `InvalidParameterValue`, `InvalidParameterCombination`, `MissingParameter`.
 */
export function volumeSpecification(
  request: VolumeRequest,
  fallback: { size?: number; volumeType: VolumeType },
): VolumeSpecification {
  const volumeType = (request.VolumeType ?? fallback.volumeType) as VolumeType;
  const limit = Object.hasOwn(limits, volumeType) ? limits[volumeType] : undefined;
  if (limit === undefined) {
    throw new ApiError(
      'UnknownVolumeType',
      `Unsupported volume type '${volumeType}'. Use one of ${Object.keys(limits).join(', ')}.`,
    );
  }
  const size = request.Size ?? fallback.size;
  if (size === undefined)
    throw new ApiError('MissingParameter', 'The request must contain the parameter size or snapshotId');
  inRange('size', size, limit.size, `for a ${volumeType} volume, in GiB`);
  const iops = checkIops(volumeType, size, request.Iops, limit);
  const throughput = checkThroughput(volumeType, request.Throughput, limit);
  if (throughput !== undefined && iops !== undefined) checkThroughputRatio(throughput, iops);
  return {
    volumeType,
    size,
    ...(iops === undefined ? {} : { iops }),
    ...(throughput === undefined ? {} : { throughput }),
  };
}

function checkIops(type: VolumeType, size: number, wanted: number | undefined, limit: Limits): number | undefined {
  if (limit.iops === undefined) {
    if (wanted !== undefined)
      throw new ApiError('InvalidParameterCombination', `The parameter iops is not supported for ${type} volumes.`);
    return type === 'gp2' ? Math.min(Math.max(100, size * 3), 16_000) : undefined;
  }
  if (wanted === undefined) {
    if (type === 'gp3') return 3_000;
    throw new ApiError('MissingParameter', `The parameter iops must be specified for ${type} volumes.`);
  }
  inRange('iops', wanted, limit.iops, `for a ${type} volume`);
  const most = Math.max(limit.iops[0], size * (limit.iopsPerGib ?? Number.POSITIVE_INFINITY));
  if (wanted > most) {
    throw new ApiError(
      'InvalidParameterValue',
      `Iops to volume size ratio is too high: a ${type} volume of ${size} GiB may have at most ${most}.`,
    );
  }
  return wanted;
}

function checkThroughput(type: VolumeType, wanted: number | undefined, limit: Limits): number | undefined {
  if (limit.throughput === undefined) {
    if (wanted !== undefined)
      throw new ApiError(
        'InvalidParameterCombination',
        `The parameter throughput is not supported for ${type} volumes.`,
      );
    return undefined;
  }
  if (wanted === undefined) return limit.throughput[0];
  inRange('throughput', wanted, limit.throughput, `for a ${type} volume, in MiB/s`);
  return wanted;
}

/** MiB/s for each of the IOPS. */
const throughputPerIops = 0.25;

function checkThroughputRatio(throughput: number, iops: number): void {
  if (throughput <= iops * throughputPerIops) return;
  throw new ApiError(
    'InvalidParameterValue',
    `Throughput (MiBps) to iops ratio of ${throughput / iops} is too high; maximum is ${throughputPerIops} MiBps per iops.`,
  );
}

function inRange(name: string, value: number, [least, most]: readonly [number, number], what: string): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new ApiError(
    'InvalidParameterValue',
    `Value ( ${value} ) for parameter ${name} is invalid. It must be a whole number from ${least} to ${most} ${what}.`,
  );
}

/** Instances that a volume may be attached to at once. */
export const maximumMultiAttachments = 16;

/**
 * @throws ApiError `InvalidParameterCombination`
 * @see https://docs.aws.amazon.com/ebs/latest/userguide/ebs-volumes-multi.html
 */
export function checkMultiAttach(type: VolumeType): void {
  if (type === 'io1' || type === 'io2') return;
  throw new ApiError(
    'InvalidParameterCombination',
    `The parameter MultiAttachEnabled is not supported for ${type} volumes. Use io1 or io2.`,
  );
}

/**
 * Hard disks cannot be booted from.
 * @throws ApiError `InvalidParameterCombination`
 */
export function checkRootType(type: VolumeType): void {
  if (type !== 'st1' && type !== 'sc1') return;
  throw new ApiError('InvalidParameterCombination', `A volume of type ${type} cannot be a root volume.`);
}
