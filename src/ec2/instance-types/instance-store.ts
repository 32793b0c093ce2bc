import type { InstanceTypeFacts } from './catalogue.ts';

/** The disks that are built into the hosts of an instance type. */
export interface InstanceStore {
  /** Every instance has all of them; otherwise those that its block device mapping names. */
  readonly nvme: boolean;
  readonly disks: readonly StoreDisk[];
}

export interface StoreDisk {
  /** 10^9 bytes. */
  readonly gb: number;
  readonly count: number;
  readonly kind: 'hdd' | 'ssd';
}

/** Families on Xen whose instance store is NVMe all the same. */
const nvmeFamilies = new Set(['f1', 'i3']);

/** Undefined for types that have none. */
export function instanceStore(type: InstanceTypeFacts): InstanceStore | undefined {
  if (type.instanceStoreGb === undefined) return undefined;
  const family = type.name.slice(0, type.name.indexOf('.'));
  return {
    nvme: type.hypervisor !== 'xen' || nvmeFamilies.has(family),
    disks: (type.instanceStoreDisks ?? '').split(',').flatMap(text => {
      const match = /^(\d+)x(\d+)(hdd|ssd)$/.exec(text);
      if (match === null) return [];
      return [
        {
          gb: Number(match[2]),
          count: Number(match[1]),
          kind: match[3] === 'hdd' ? ('hdd' as const) : ('ssd' as const),
        },
      ];
    }),
  };
}
