import type { DiskKey, Engine } from '../../engine/engine.ts';
import type { Secrets } from '../../iam/secrets.ts';
import { KeyUnavailableError, unwrap } from '../../kms/data-keys.ts';
import type { Reader } from '../../state/state.ts';
import { snapshots } from '../snapshots/model.ts';
import { volumes } from '../volumes/model.ts';
import type { DiskEncryption } from './model.ts';

/**
 * An engine that is given the keys of encrypted disks with every request that needs them, so that those who make the
 * requests need not know of keys. A key is unwrapped for the moment; while its KMS key is disabled or gone, requests that
 * need it fail.
 * @throws KeyUnavailableError from every method that takes a key
 */
export function withDiskKeys(engine: Engine, db: Reader, secrets: Secrets): Engine {
  const open = (wrapped: string | undefined): DiskKey | undefined =>
    wrapped === undefined ? undefined : unwrap(db, secrets, wrapped);
  const keyOf = (row: DiskEncryption | undefined): DiskKey | undefined => {
    if (row?.keyRefused !== undefined) throw new KeyUnavailableError(row.keyRefused, row.kmsKeyId ?? '');
    return open(row?.wrappedKey);
  };
  const ofVolume = (id: string) => withKey(keyOf(db.get(volumes, id)));
  const ofSnapshot = (id: string) => withKey(keyOf(db.get(snapshots, id)));
  const { machines, disks } = engine;

  /** The source's key is needed until the disk is there, and may be gone after that. */
  async function sourceKey(volumeId: string): Promise<{ snapshotKey?: DiskKey }> {
    const row = db.get(volumes, volumeId);
    if (row?.sourceKey === undefined) return {};
    if (row.sourceKey !== row.wrappedKey && (await disks.listVolumes()).includes(volumeId)) return {};
    const key = open(row.sourceKey);
    return key === undefined ? {} : { snapshotKey: key };
  }

  return overlaid(engine, {
    machines: overlaid(machines, {
      async ensureRunning(spec) {
        const keys = new Map<string, DiskKey>();
        for (const { volumeId } of spec.disks) {
          const { key } = ofVolume(volumeId);
          if (key !== undefined) keys.set(volumeId, key);
        }
        return machines.ensureRunning(spec, ...(keys.size === 0 ? [] : [keys]));
      },
      async attachDisk(instanceId, disk) {
        const { key } = ofVolume(disk.volumeId);
        return machines.attachDisk(instanceId, disk, ...(key === undefined ? [] : [key]));
      },
    }),
    disks: overlaid(disks, {
      async ensureVolume(volumeId, options) {
        await disks.ensureVolume(volumeId, { ...options, ...ofVolume(volumeId), ...(await sourceKey(volumeId)) });
      },
      async ensureVolumeSize(volumeId, sizeGib) {
        const { key } = ofVolume(volumeId);
        await disks.ensureVolumeSize(volumeId, sizeGib, ...(key === undefined ? [] : [key]));
      },
      async ensureSnapshots(cuts) {
        await disks.ensureSnapshots(cuts.map(cut => ({ ...cut, ...ofVolume(cut.volumeId) })));
      },
      async ensureSnapshotCopy(snapshotId, source, options) {
        const key = withKey(open(db.get(snapshots, snapshotId)?.sourceKey));
        await disks.ensureSnapshotCopy(snapshotId, { ...source, ...key }, { ...options, ...ofSnapshot(snapshotId) });
      },
      async ensureSnapshotImport(snapshotId, source, options) {
        await disks.ensureSnapshotImport(snapshotId, source, { ...options, ...ofSnapshot(snapshotId) });
      },
      async exportSnapshot(source, target) {
        await disks.exportSnapshot({ ...source, ...ofSnapshot(source.snapshotId) }, target);
      },
      async ensureSnapshotDraft(snapshotId, options) {
        await disks.ensureSnapshotDraft(snapshotId, { ...options, ...ofSnapshot(snapshotId) });
      },
      async openSnapshot(snapshotId, options) {
        return disks.openSnapshot(snapshotId, { ...options, ...ofSnapshot(snapshotId) });
      },
      async changedBlocks(first, second) {
        const keyed = [first, second].map(one => ({ ...one, ...ofSnapshot(one.snapshotId) }));
        return disks.changedBlocks(keyed[0] ?? first, keyed[1] ?? second);
      },
    }),
  });
}

function withKey(key: DiskKey | undefined): { key?: DiskKey } {
  return key === undefined ? {} : { key };
}

/** An object with other methods in place of some; the rest are its own. */
function overlaid<Target extends object>(target: Target, others: Partial<Target>): Target {
  return new Proxy(target, {
    get(_target, name) {
      if (Object.hasOwn(others, name)) return Reflect.get(others, name);
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
