import type { DiskLimits } from '../../engine/engine.ts';
import type { VolumeRow } from './model.ts';

const kib = 1024;
const mib = 1024 * kib;
const gibPerTib = 1024;

/**
 * What a volume may do in a second. Where a type saves up credits for bursts (gp2, st1, sc1, standard), it is what the
 * type does while it has some: those of a small volume last for half an hour of full load, and are not counted here.
 * @see https://docs.aws.amazon.com/ebs/latest/userguide/ebs-volume-types.html
 */
export function diskLimits(volume: Pick<VolumeRow, 'volumeType' | 'size' | 'iops' | 'throughput'>): DiskLimits {
  const { size, iops = 0 } = volume;
  switch (volume.volumeType) {
    case 'gp2':
      return ssd(Math.max(iops, gp2Burst), size <= 170 ? 128 : 250);
    case 'gp3':
      return ssd(iops, volume.throughput ?? 125);
    case 'io1':
      return ssd(iops, io1Throughput(iops));
    case 'io2':
      // 0.256 MiB/s for each.
      return ssd(iops, Math.min(4_000, iops * 0.256));
    case 'st1':
      return hdd(Math.min(500, (size / gibPerTib) * 250));
    case 'sc1':
      return hdd(Math.min(250, (size / gibPerTib) * 80));
    case 'standard':
      return { iops: 200, bytesPerSecond: 90 * mib, operationBytes: mib };
  }
}

/** IOPS that a gp2 volume of less than 1,000 GiB reaches. */
const gp2Burst = 3_000;

/** MiB/s: 256 KiB an operation up to 500, which is held until 16 KiB an operation are more. */
function io1Throughput(iops: number): number {
  return Math.min(1_000, Math.max(Math.min(500, iops / 4), iops / 64));
}

function ssd(iops: number, mibPerSecond: number): DiskLimits {
  return { iops, bytesPerSecond: Math.round(mibPerSecond * mib), operationBytes: 256 * kib };
}

/** An operation of a hard disk is 1 MiB long. */
function hdd(mibPerSecond: number): DiskLimits {
  return { iops: Math.ceil(mibPerSecond), bytesPerSecond: Math.round(mibPerSecond * mib), operationBytes: mib };
}
