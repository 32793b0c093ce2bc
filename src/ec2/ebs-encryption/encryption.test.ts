import type {
  CopySnapshotResult,
  DescribeSnapshotsResult,
  Image,
  Instance,
  Snapshot,
  Volume,
} from '@aws-sdk/client-ec2';
import { beforeEach, describe, expect, it } from 'vitest';
import { makeUser, setPolicy } from '../../api/access-testing.ts';
import type { CallOptions } from '../../api/testing.ts';
import { volumes } from '../volumes/model.ts';
import { startTestEncryption, type TestEncryption } from './testing.ts';

let ec2: TestEncryption;
beforeEach(async () => {
  ec2 = await startTestEncryption();
});

const rootVolume = (instance: Instance) => instance.BlockDeviceMappings?.[0]?.Ebs?.VolumeId ?? '';
const code = async (operation: string, input: object, options?: CallOptions) =>
  (await ec2.api.fail(operation, input, options)).code;

async function snapshotOf(VolumeId: string): Promise<string> {
  const { SnapshotId = '' } = await ec2.api.call<Snapshot>('CreateSnapshot', { VolumeId });
  await ec2.settle();
  return SnapshotId;
}

async function snapshot(id: string, options?: CallOptions): Promise<Snapshot> {
  const input = { SnapshotIds: [id] };
  return (await ec2.api.call<DescribeSnapshotsResult>('DescribeSnapshots', input, options)).Snapshots?.[0] ?? {};
}

async function copy(SourceSnapshotId: string, input: object = {}, options: CallOptions = {}): Promise<string> {
  const { SnapshotId = '' } = await ec2.api.call<CopySnapshotResult>(
    'CopySnapshot',
    { SourceRegion: 'us-east-1', SourceSnapshotId, ...input },
    options,
  );
  await ec2.settle();
  return SnapshotId;
}

describe('a new volume', () => {
  it('is not encrypted unless that is asked for', async () => {
    const id = await ec2.create();
    expect(await ec2.volume(id)).toMatchObject({ Encrypted: false });
    expect((await ec2.volume(id)).KmsKeyId).toBeUndefined();
    expect(ec2.given.volumes.get(id)).toEqual({ key: undefined, snapshotKey: undefined });
  });

  it('is encrypted under EBS’s key, by a data key of its own that the store does not have in plain', async () => {
    const one = await ec2.create({ Encrypted: true });
    const other = await ec2.create({ Encrypted: true });
    expect(await ec2.volume(one)).toMatchObject({ Encrypted: true, State: 'available', KmsKeyId: await ec2.ebsKey() });
    const key = ec2.given.volumes.get(one)?.key ?? new Uint8Array();
    expect(key).toHaveLength(32);
    expect(ec2.given.volumes.get(other)?.key).not.toEqual(key);
    expect(JSON.stringify(ec2.api.state.get(volumes, one))).not.toContain(Buffer.from(key).toString('base64'));
  });

  it('is encrypted under a key that is named in any way', async () => {
    const arn = await ec2.key();
    await ec2.kms('CreateAlias', { AliasName: 'alias/disks', TargetKeyId: arn });
    for (const KmsKeyId of [arn, arn.split('/')[1], 'alias/disks', arn.replace(/key\/.*/, 'alias/disks')]) {
      const id = await ec2.create({ Encrypted: true, KmsKeyId });
      expect(await ec2.volume(id)).toMatchObject({ Encrypted: true, KmsKeyId: arn });
    }
  });

  it('is encrypted where that is the account’s default, under its default key', async () => {
    const arn = await ec2.key();
    await ec2.api.call('EnableEbsEncryptionByDefault');
    expect(await ec2.volume(await ec2.create({ Encrypted: false }))).toMatchObject({ KmsKeyId: await ec2.ebsKey() });
    await ec2.api.call('ModifyEbsDefaultKmsKeyId', { KmsKeyId: arn });
    expect(await ec2.volume(await ec2.create())).toMatchObject({ Encrypted: true, KmsKeyId: arn });
    await ec2.api.call('DisableEbsEncryptionByDefault');
    expect(await ec2.volume(await ec2.create({ Encrypted: true }))).toMatchObject({ KmsKeyId: arn });
  });

  it('cannot have a key without being encrypted', async () => {
    const input = { AvailabilityZone: 'us-east-1a', Size: 1, KmsKeyId: await ec2.key() };
    expect(await code('CreateVolume', input)).toBe('InvalidParameterDependency');
    expect(await code('CreateVolume', { ...input, Encrypted: false })).toBe('InvalidParameterDependency');
  });

  it('vanishes when its key does not exist, or is disabled', async () => {
    const arn = await ec2.key();
    await ec2.kms('DisableKey', { KeyId: arn });
    for (const KmsKeyId of ['alias/none', arn]) {
      const input = { AvailabilityZone: 'us-east-1a', Size: 1, Encrypted: true, KmsKeyId };
      const made = await ec2.api.call<Volume>('CreateVolume', input);
      expect(made).toMatchObject({ State: 'creating', KmsKeyId });
      await ec2.settle();
      expect(await code('DescribeVolumes', { VolumeIds: [made.VolumeId] })).toBe('InvalidVolume.NotFound');
    }
  });
});

describe('a snapshot', () => {
  it('has its volume’s key, and so has a volume that is made of it', async () => {
    const KmsKeyId = await ec2.key();
    const id = await ec2.create({ Encrypted: true, KmsKeyId });
    const key = ec2.given.volumes.get(id)?.key;
    const SnapshotId = await snapshotOf(id);
    expect(await snapshot(SnapshotId)).toMatchObject({ State: 'completed', Encrypted: true, KmsKeyId });
    expect(ec2.given.snapshots.get(SnapshotId)?.key).toEqual(key);
    for (const input of [{}, { Encrypted: true }, { Encrypted: true, KmsKeyId }]) {
      const made = await ec2.create({ SnapshotId, ...input });
      expect(await ec2.volume(made)).toMatchObject({ Encrypted: true, KmsKeyId });
      expect(ec2.given.volumes.get(made)).toEqual({ key, snapshotKey: key });
    }
    const input = { AvailabilityZone: 'us-east-1a', SnapshotId, Encrypted: false };
    expect(await code('CreateVolume', input)).toBe('InvalidParameterValue');
  });

  it('gives a volume under another key, and an unencrypted one an encrypted volume', async () => {
    const plain = await snapshotOf(await ec2.create());
    const first = await ec2.create({ SnapshotId: plain, Encrypted: true });
    expect(ec2.given.volumes.get(first)).toMatchObject({ key: expect.anything(), snapshotKey: undefined });
    const KmsKeyId = await ec2.key();
    const SnapshotId = await snapshotOf(first);
    const second = await ec2.create({ SnapshotId, Encrypted: true, KmsKeyId });
    expect(await ec2.volume(second)).toMatchObject({ KmsKeyId });
    const { key, snapshotKey } = ec2.given.volumes.get(second) ?? {};
    expect(snapshotKey).toEqual(ec2.given.volumes.get(first)?.key);
    expect(key).not.toEqual(snapshotKey);
  });

  it('may lose its key when a volume under another has been made of it', async () => {
    const old = await ec2.key();
    const SnapshotId = await snapshotOf(await ec2.create({ Encrypted: true, KmsKeyId: old }));
    const made = await ec2.create({ SnapshotId, Encrypted: true, KmsKeyId: await ec2.key() });
    await ec2.kms('ScheduleKeyDeletion', { KeyId: old });
    const { InstanceId = '' } = await ec2.running({ Placement: { AvailabilityZone: 'us-east-1a' } });
    await ec2.api.call('AttachVolume', { InstanceId, VolumeId: made, Device: '/dev/sdf' });
    await ec2.settle();
    expect((await ec2.volume(made)).Attachments?.[0]?.State).toBe('attached');
    expect(await snapshot(await snapshotOf(made))).toMatchObject({ State: 'completed' });
    const late = { AvailabilityZone: 'us-east-1a', SnapshotId };
    const { VolumeId } = await ec2.api.call<Volume>('CreateVolume', late);
    await ec2.settle();
    expect(await code('DescribeVolumes', { VolumeIds: [VolumeId] })).toBe('InvalidVolume.NotFound');
  });
});

describe('a copy of a snapshot', () => {
  it('is encrypted when that is asked for', async () => {
    const source = await snapshotOf(await ec2.create());
    expect(await snapshot(await copy(source))).toMatchObject({ Encrypted: false });
    const KmsKeyId = await ec2.key();
    const id = await copy(source, { Encrypted: true, KmsKeyId });
    expect(await snapshot(id)).toMatchObject({ Encrypted: true, KmsKeyId, State: 'completed' });
    expect(ec2.given.snapshots.get(id)).toMatchObject({ key: expect.anything(), sourceKey: undefined });
    expect(await code('CopySnapshot', { SourceRegion: 'us-east-1', SourceSnapshotId: source, KmsKeyId })).toBe(
      'InvalidParameterDependency',
    );
  });

  it('changes the key, within a Region and to another', async () => {
    const source = await snapshotOf(await ec2.create({ Encrypted: true, KmsKeyId: await ec2.key() }));
    const sourceKey = ec2.given.snapshots.get(source)?.key;
    const near = await copy(source, { Encrypted: true, KmsKeyId: await ec2.key() });
    expect(ec2.given.snapshots.get(near)?.sourceKey).toEqual(sourceKey);
    expect(ec2.given.snapshots.get(near)?.key).not.toEqual(sourceKey);
    const west = { region: 'us-west-2' };
    const far = await copy(source, {}, west);
    expect(await snapshot(far, west)).toMatchObject({
      State: 'completed',
      Encrypted: true,
      KmsKeyId: await ec2.ebsKey(west),
    });
    expect(ec2.given.snapshots.get(far)?.key).not.toEqual(sourceKey);
  });

  it('goes to another Region from under EBS’s own key, too', async () => {
    const source = await snapshotOf(await ec2.create({ Encrypted: true }));
    const west = { region: 'us-west-2' };
    expect(await snapshot(await copy(source, {}, west), west)).toMatchObject({ State: 'completed', Encrypted: true });
  });

  it('keeps the data key under the same key', async () => {
    const KmsKeyId = await ec2.key();
    const source = await snapshotOf(await ec2.create({ Encrypted: true, KmsKeyId }));
    const { key, sourceKey } = ec2.given.snapshots.get(await copy(source, { Encrypted: true, KmsKeyId })) ?? {};
    expect(key).toBeDefined();
    expect(key).toEqual(sourceKey);
  });

  it('fails without its keys', async () => {
    const KmsKeyId = await ec2.key();
    const source = await snapshotOf(await ec2.create({ Encrypted: true, KmsKeyId }));
    const missing = await copy(source, { Encrypted: true, KmsKeyId: 'alias/none' });
    await ec2.kms('DisableKey', { KeyId: KmsKeyId });
    const locked = await copy(source);
    for (const id of [missing, locked]) {
      expect(await snapshot(id)).toMatchObject({ State: 'error', StateMessage: 'Given key ID is not accessible' });
    }
  });
});

describe('another account', () => {
  const account = '111122223333';

  it('reads a shared snapshot only if it may use the key, and makes volumes under its own', async () => {
    const KmsKeyId = await ec2.key();
    const SnapshotId = await snapshotOf(await ec2.create({ Encrypted: true, KmsKeyId }));
    await ec2.api.call('ModifySnapshotAttribute', { SnapshotId, OperationType: 'add', UserIds: [account] });
    const refused = await copy(SnapshotId, {}, { account });
    expect(await snapshot(refused, { account })).toMatchObject({
      State: 'error',
      StateMessage: 'Given key ID is not accessible',
    });
    const statement = (AWS: string, Action: string | string[]) => ({
      Effect: 'Allow',
      Principal: { AWS },
      Action,
      Resource: '*',
    });
    const Policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [statement('000000000000', 'kms:*'), statement(account, ['kms:Decrypt', 'kms:CreateGrant'])],
    });
    await ec2.kms('PutKeyPolicy', { KeyId: KmsKeyId, Policy });
    const shared = await copy(SnapshotId, {}, { account });
    expect(await snapshot(shared, { account })).toMatchObject({
      State: 'completed',
      KmsKeyId: await ec2.ebsKey({ account }),
    });
    const input = { AvailabilityZone: 'us-east-1a', SnapshotId };
    const made = await ec2.api.call<Volume>('CreateVolume', input, { account });
    expect(made).toMatchObject({ Encrypted: true, KmsKeyId: await ec2.ebsKey({ account }) });
    await ec2.settle();
    const { key, snapshotKey } = ec2.given.volumes.get(made.VolumeId ?? '') ?? {};
    expect(snapshotKey).toEqual(ec2.given.snapshots.get(SnapshotId)?.key);
    expect(key).not.toEqual(snapshotKey);
  });

  it('does not get what is encrypted under EBS’s own key', async () => {
    const SnapshotId = await snapshotOf(await ec2.create({ Encrypted: true }));
    const input = { SnapshotId, OperationType: 'add', UserIds: [account] };
    expect(await code('ModifySnapshotAttribute', input)).toBe('OperationNotPermitted');
  });
});

describe('a machine', () => {
  const mapping = (Ebs: object) => ({ BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs }] });

  it('is started with the keys of its volumes', async () => {
    const KmsKeyId = await ec2.key();
    const instance = await ec2.running(mapping({ Encrypted: true, KmsKeyId }));
    expect(instance.State?.Name).toBe('running');
    const id = rootVolume(instance);
    expect(await ec2.volume(id)).toMatchObject({ Encrypted: true, KmsKeyId });
    expect(ec2.given.started.get(id)).toHaveLength(32);
    expect(ec2.given.started.get(id)).toEqual(ec2.given.volumes.get(id)?.key);
  });

  it('gets encrypted volumes that its AMI says are', async () => {
    const plain = await ec2.running();
    const { Images } = await ec2.api.call<{ Images: Image[] }>('DescribeImages', { ImageIds: [plain.ImageId] });
    const SnapshotId = Images[0]?.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId ?? '';
    const source = await copy(SnapshotId, { Encrypted: true });
    const { ImageId } = await ec2.api.call<{ ImageId: string }>('RegisterImage', {
      Name: 'encrypted',
      Architecture: 'x86_64',
      VirtualizationType: 'hvm',
      RootDeviceName: '/dev/xvda',
      BlockDeviceMappings: [
        { DeviceName: '/dev/xvda', Ebs: { SnapshotId: source } },
        { DeviceName: '/dev/xvdb', Ebs: { VolumeSize: 1, Encrypted: true } },
      ],
    });
    const instance = await ec2.running({ ImageId });
    expect(instance.State?.Name).toBe('running');
    for (const device of instance.BlockDeviceMappings ?? []) {
      expect(await ec2.volume(device.Ebs?.VolumeId)).toMatchObject({ Encrypted: true, KmsKeyId: await ec2.ebsKey() });
    }
    expect(ec2.given.started.size).toBe(2);
  });

  it('runs on when a key is disabled, but does not start again until it is enabled', async () => {
    const KmsKeyId = await ec2.key();
    const { InstanceId = '' } = await ec2.running(mapping({ Encrypted: true, KmsKeyId }));
    await ec2.kms('DisableKey', { KeyId: KmsKeyId });
    await ec2.settle();
    expect((await ec2.instance(InstanceId)).State?.Name).toBe('running');
    const InstanceIds = [InstanceId];
    await ec2.api.call('StopInstances', { InstanceIds });
    await ec2.settle();
    await ec2.api.call('StartInstances', { InstanceIds });
    await ec2.settle();
    expect(await ec2.instance(InstanceId)).toMatchObject({
      State: { Name: 'stopped' },
      StateReason: {
        Code: 'Client.InvalidKMSKey.InvalidState',
        Message: 'Client.InvalidKMSKey.InvalidState: The KMS key provided is in an incorrect state',
      },
    });
    await ec2.kms('EnableKey', { KeyId: KmsKeyId });
    await ec2.api.call('StartInstances', { InstanceIds });
    await ec2.settle();
    expect((await ec2.instance(InstanceId)).State?.Name).toBe('running');
  });

  it('is terminated when it is launched with a key that is disabled or does not exist', async () => {
    const KmsKeyId = await ec2.key();
    await ec2.kms('DisableKey', { KeyId: KmsKeyId });
    const disabled = await ec2.running(mapping({ Encrypted: true, KmsKeyId }));
    const missing = await ec2.running(mapping({ Encrypted: true, KmsKeyId: 'alias/none' }));
    const reason = (Code: string) => ({ State: { Name: 'terminated' }, StateReason: { Code } });
    expect(disabled).toMatchObject(reason('Client.InvalidKMSKey.InvalidState'));
    expect(missing).toMatchObject(reason('Client.InternalError'));
    const launch = { ImageId: disabled.ImageId, MinCount: 1, MaxCount: 1 };
    expect(await code('RunInstances', { ...launch, ...mapping({ KmsKeyId }) })).toBe('InvalidParameterDependency');
  });

  it('gets a volume with its key, and none without', async () => {
    const KmsKeyId = await ec2.key();
    const VolumeId = await ec2.create({ Encrypted: true, KmsKeyId });
    const { InstanceId } = await ec2.running({ Placement: { AvailabilityZone: 'us-east-1a' } });
    const attach = { InstanceId, VolumeId, Device: '/dev/sdf' };
    await ec2.kms('DisableKey', { KeyId: KmsKeyId });
    expect(await code('AttachVolume', attach)).toBe('CustomerKeyHasBeenRevoked');
    await ec2.kms('EnableKey', { KeyId: KmsKeyId });
    await ec2.api.call('AttachVolume', attach);
    await ec2.settle();
    expect((await ec2.volume(VolumeId)).Attachments?.[0]?.State).toBe('attached');
    expect(ec2.given.attached.get(VolumeId)).toEqual(ec2.given.volumes.get(VolumeId)?.key);
  });
});

describe('a user', () => {
  it('needs permission for the key, too', async () => {
    const KmsKeyId = await ec2.key();
    const as = await makeUser(ec2.api, 'ann', { Action: 'ec2:*' });
    const input = { AvailabilityZone: 'us-east-1a', Size: 1, Encrypted: true, KmsKeyId };
    const make = async () => {
      const { VolumeId = '' } = await ec2.api.call<Volume>('CreateVolume', input, { as });
      await ec2.settle();
      return VolumeId;
    };
    expect(await code('DescribeVolumes', { VolumeIds: [await make()] })).toBe('InvalidVolume.NotFound');
    await setPolicy(ec2.api, 'ann', [
      { Action: 'ec2:*' },
      { Action: ['kms:GenerateDataKeyWithoutPlaintext', 'kms:Decrypt'], Resource: KmsKeyId },
    ]);
    const VolumeId = await make();
    expect((await ec2.volume(VolumeId)).State).toBe('available');
    const { InstanceId = '' } = await ec2.running({ Placement: { AvailabilityZone: 'us-east-1a' } });
    const attach = { InstanceId, VolumeId, Device: '/dev/sdf' };
    expect(await code('AttachVolume', attach, { as })).toBe('CustomerKeyHasBeenRevoked');
    await setPolicy(ec2.api, 'ann', [
      { Action: 'ec2:*' },
      { Action: 'kms:Decrypt', Resource: KmsKeyId },
      { Action: 'kms:CreateGrant', Resource: KmsKeyId, Condition: { Bool: { 'kms:GrantIsForAWSResource': true } } },
    ]);
    await ec2.api.call('AttachVolume', attach, { as });
    await ec2.settle();
    const InstanceIds = [InstanceId];
    await ec2.api.call('StopInstances', { InstanceIds });
    await ec2.settle();
    await setPolicy(ec2.api, 'ann', { Action: 'ec2:*' });
    await ec2.api.call('StartInstances', { InstanceIds }, { as });
    await ec2.settle();
    expect(await ec2.instance(InstanceId)).toMatchObject({
      State: { Name: 'stopped' },
      StateReason: { Code: 'Client.InternalError', Message: 'Client.InternalError: Client error on launch' },
    });
    await ec2.api.call('StartInstances', { InstanceIds });
    await ec2.settle();
    expect((await ec2.instance(InstanceId)).State?.Name).toBe('running');
  });

  it('needs none for EBS’s own key', async () => {
    const as = await makeUser(ec2.api, 'ann', { Action: 'ec2:*' });
    const input = { AvailabilityZone: 'us-east-1a', Size: 1, Encrypted: true };
    const { VolumeId } = await ec2.api.call<Volume>('CreateVolume', input, { as });
    await ec2.settle();
    expect((await ec2.volume(VolumeId)).State).toBe('available');
  });
});
