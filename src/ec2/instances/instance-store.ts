import { newId } from '../../api/ids.ts';
import type { InstanceTypeFacts } from '../instance-types/catalogue.ts';
import { instanceStore } from '../instance-types/instance-store.ts';
import type { InstanceRow } from './model.ts';

/**
 * A disk of the host that an instance has while it runs: what is on it survives a reboot and nothing else. The API shows
 * none of them.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/InstanceStorage.html
 */
export interface InstanceStoreVolume {
  /** Of the engine's disk. */
  readonly volumeId: string;
  readonly deviceName: string;
  /** N of `ephemeralN`; undefined for NVMe disks, which have no such name. */
  readonly ephemeral?: number;
  readonly sizeGib: number;
}

/** A disk that a block device mapping names: `VirtualName=ephemeralN`. */
export interface EphemeralDevice {
  readonly deviceName: string;
  /** N */
  readonly ephemeral: number;
}

/** The instance store volumes of a new instance. Mappings for disks that its type has not are ignored, as on EC2. */
export function launchInstanceStore(
  type: InstanceTypeFacts,
  mapped: readonly EphemeralDevice[],
): readonly InstanceStoreVolume[] {
  const store = instanceStore(type);
  if (store === undefined) return [];
  const sizes = sizesOf(type);
  if (store.nvme) {
    return sizes.map((sizeGib, index) => ({
      volumeId: newId('vol'),
      deviceName: `/dev/nvme${index + 1}n1`,
      sizeGib,
    }));
  }
  return mapped.flatMap(({ deviceName, ephemeral }) => {
    const sizeGib = sizes[ephemeral];
    return sizeGib === undefined ? [] : [{ volumeId: newId('vol'), deviceName, ephemeral, sizeGib }];
  });
}

/** Those of an instance that starts, perhaps as another type than before. */
export function startInstanceStore(
  row: InstanceRow,
  type: InstanceTypeFacts | undefined,
): readonly InstanceStoreVolume[] {
  if (type === undefined) return [];
  const mapped = (row.instanceStore ?? []).flatMap(({ deviceName, ephemeral }) =>
    ephemeral === undefined ? [] : [{ deviceName, ephemeral }],
  );
  return launchInstanceStore(type, mapped);
}

const gibibyte = 2 ** 30;

/** Of each disk, in GiB: the engine's disks are whole ones, and none is larger than EC2's. */
function sizesOf(type: InstanceTypeFacts): number[] {
  return (instanceStore(type)?.disks ?? []).flatMap(({ gb, count }) =>
    Array.from({ length: count }, () => Math.max(1, Math.floor((gb * 1e9) / gibibyte))),
  );
}
