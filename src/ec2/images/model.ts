import { regionOf } from '../../api/owner.ts';
import { defineTable } from '../../state/table.ts';
import type { EphemeralDevice } from '../instances/instance-store.ts';

export interface ImageBlockDevice {
  readonly deviceName: string;
  readonly snapshotId?: string;
  /** GiB. */
  readonly volumeSize?: number;
  readonly volumeType?: 'gp2' | 'gp3' | 'io1' | 'io2' | 'st1' | 'sc1' | 'standard';
  readonly iops?: number;
  readonly throughput?: number;
  readonly deleteOnTermination: boolean;
  readonly encrypted: boolean;
}

/** An AMI. */
export interface ImageRow {
  readonly imageId: string;
  readonly owner: string;
  readonly name: string;
  readonly description?: string;
  readonly architecture: 'x86_64' | 'arm64' | 'i386';
  readonly state: 'pending' | 'available' | 'failed' | 'disabled';
  readonly stateReason?: { readonly code: string; readonly message: string };
  readonly public: boolean;
  /** Account ids that may launch it besides its owner. */
  readonly launchPermissions: readonly string[];
  /** `amazon` for the AMIs that come with Fogbank. */
  readonly ownerAlias?: 'amazon';
  readonly rootDeviceName: string;
  readonly blockDevices: readonly ImageBlockDevice[];
  /** Disks of the host that its instances get, where their type has them. */
  readonly ephemeral?: readonly EphemeralDevice[];
  readonly bootMode: 'legacy-bios' | 'uefi' | 'uefi-preferred';
  readonly imdsSupport?: 'v2.0';
  /** Launches may continue from a frozen guest of it instead of booting. */
  readonly fastStart?: boolean;
  readonly enaSupport: boolean;
  readonly sriovNetSupport?: 'simple';
  readonly creationDate: number;
  /** It was deregistered, and can be restored until it is forgotten. */
  readonly recycleBin?: { readonly enterTime: number; readonly exitTime: number };
  /** The instance whose reboot its snapshots wait for. */
  readonly rebooting?: string;
  readonly deprecationTime?: number;
  /** With `disabledAt` it is switched off, and holds a day longer where it has a cooldown. */
  readonly deregistrationProtection?: { readonly withCooldown: boolean; readonly disabledAt?: number };
  /** What it was made of by CreateImage, CopyImage or CreateRestoreImageTask. */
  readonly sourceInstanceId?: string;
  readonly sourceImageId?: string;
  readonly sourceImageRegion?: string;
  /** Launches that tell when it was last used: see `lastLaunchedTime`. */
  readonly launches?: readonly number[];
  /** The login user, told in the description too: `fogbank ssh` uses it. */
  readonly loginUser?: string;
  /** Public SSM parameters that resolve to it. */
  readonly ssmAliases?: readonly string[];
}

export const images = defineTable<ImageRow>()({
  name: 'images',
  key: row => row.imageId,
  indexes: {
    owner: row => row.owner,
    region: row => regionOf(row.owner),
    pending: row => (row.state === 'pending' ? 'yes' : undefined),
    rebooting: row => row.rebooting,
    /** Of those that can be seen: the name of one in the Recycle Bin is free. */
    name: row => (row.recycleBin === undefined ? `${row.owner}/${row.name}` : undefined),
    /** Owner of those in the Recycle Bin. */
    recycled: row => (row.recycleBin === undefined ? undefined : row.owner),
    /** `REGION` of every AMI that more than its owner may launch. */
    shared: row => (row.public || row.launchPermissions.length > 0 ? regionOf(row.owner) : undefined),
    /** Snapshots that must stay for it. */
    snapshot: row => (row.recycleBin === undefined ? snapshotsOf(row) : undefined),
    ssm: row => row.ssmAliases?.map(alias => `${regionOf(row.owner)}${alias}`),
  },
});

/** The snapshots behind an AMI, each once. */
export function snapshotsOf(row: ImageRow): string[] {
  return [...new Set(row.blockDevices.flatMap(device => device.snapshotId ?? []))];
}
