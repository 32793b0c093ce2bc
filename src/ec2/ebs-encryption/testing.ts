import type { CreateKeyResponse, DescribeKeyResponse } from '@aws-sdk/client-kms';
import type { CallOptions } from '../../api/testing.ts';
import type { DiskKey, Engine } from '../../engine/engine.ts';
import { startTestEc2, type TestEc2 } from '../volumes/testing.ts';

/** The keys that the engine was given. */
export interface GivenKeys {
  /** By volume id. */
  readonly volumes: Map<string, { readonly key: DiskKey | undefined; readonly snapshotKey: DiskKey | undefined }>;
  /** By snapshot id: its own, and that of what it was copied from. */
  readonly snapshots: Map<string, { readonly key: DiskKey | undefined; readonly sourceKey?: DiskKey | undefined }>;
  /** Of starts, by volume id. */
  readonly started: Map<string, DiskKey>;
  /** Of volumes that were plugged in, by volume id. */
  readonly attached: Map<string, DiskKey | undefined>;
}

export interface TestEncryption extends TestEc2 {
  readonly given: GivenKeys;
  kms<Output = object>(operation: string, input?: object, options?: CallOptions): Promise<Output>;
  /** Makes a key. @returns its ARN */
  key(input?: object, options?: CallOptions): Promise<string>;
  /** ARN of `alias/aws/ebs`. */
  ebsKey(options?: CallOptions): Promise<string>;
}

/** EC2 on the simulator, whose keys are looked at. */
export async function startTestEncryption(): Promise<TestEncryption> {
  const given: GivenKeys = { volumes: new Map(), snapshots: new Map(), started: new Map(), attached: new Map() };
  const ec2 = await startTestEc2(engine => observed(engine, given));
  const kms: TestEncryption['kms'] = (operation, input, options) =>
    ec2.api.call(operation, input, { ...options, service: 'kms' });
  return {
    ...ec2,
    given,
    kms,
    key: async (input, options) => {
      const { KeyMetadata } = await kms<CreateKeyResponse>('CreateKey', input, options);
      return KeyMetadata?.Arn ?? '';
    },
    ebsKey: async options => {
      const { KeyMetadata } = await kms<DescribeKeyResponse>('DescribeKey', { KeyId: 'alias/aws/ebs' }, options);
      return KeyMetadata?.Arn ?? '';
    },
  };
}

function observed(engine: Engine, given: GivenKeys): Engine {
  const { disks, machines } = engine;
  return {
    ...engine,
    machines: {
      ...machines,
      ensureRunning: (spec, keys) => {
        for (const [id, key] of keys ?? []) given.started.set(id, key);
        return machines.ensureRunning(spec, keys);
      },
      attachDisk: (instanceId, disk, key) => {
        given.attached.set(disk.volumeId, key);
        return machines.attachDisk(instanceId, disk, key);
      },
    },
    disks: {
      ...disks,
      ensureVolume: (id, options) => {
        if (!given.volumes.has(id)) given.volumes.set(id, { key: options.key, snapshotKey: options.snapshotKey });
        return disks.ensureVolume(id, options);
      },
      ensureSnapshots: cuts => {
        for (const { snapshotId, key } of cuts) given.snapshots.set(snapshotId, { key });
        return disks.ensureSnapshots(cuts);
      },
      ensureSnapshotCopy: (id, source, options) => {
        given.snapshots.set(id, { key: options?.key, sourceKey: source.key });
        return disks.ensureSnapshotCopy(id, source, options);
      },
    },
  };
}
