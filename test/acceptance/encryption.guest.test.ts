import { randomBytes } from 'node:crypto';
import { closeSync, globSync, openSync, readSync } from 'node:fs';
import {
  AttachVolumeCommand,
  CopySnapshotCommand,
  CreateSnapshotCommand,
  CreateVolumeCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  StartInstancesCommand,
  StopInstancesCommand,
} from '@aws-sdk/client-ec2';
import { CreateKeyCommand, DisableKeyCommand, EnableKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type Guests, startGuests, tcp } from '../support/guests.ts';
import type { Login } from '../support/login.ts';
import { findInstance, sdkSettings } from '../support/sdk.ts';
import { pools } from '../support/server.ts';

/*
 * An instance whose disks are encrypted. What it writes is on its disks, their snapshots and copies, and cannot be found
 * in any file of the host. Without the key nothing starts. The tests are one life.
 */

const boot = 240;
const Device = '/dev/xvdf';
/** Is written over and over, on a disk that is encrypted, and on one that is not. */
const secret = `secret-${randomBytes(12).toString('hex')}`;
const open = `open-${randomBytes(12).toString('hex')}`;

let guests: Guests;
let kms: KMSClient;
let rootKey: string;
let dataKey: string;
let id: string;
let login: Login;
let volumeId: string;
let copyId: string;

beforeAll(async () => {
  guests = await startGuests({
    publicPool: pools.encryption,
    parameter: '/aws/service/fogbank/micro/latest/amd64',
    user: 'ec2-user',
  });
  kms = new KMSClient(sdkSettings(guests.server.env));
  rootKey = await makeKey();
  dataKey = await makeKey();
});
afterAll(() => guests?.server.stop());

async function makeKey(): Promise<string> {
  return (await kms.send(new CreateKeyCommand({}))).KeyMetadata?.Arn ?? '';
}

async function makeVolume(input: object): Promise<string> {
  const { AvailabilityZone } = (await findInstance(guests.ec2, id)).Placement ?? {};
  const made = await guests.ec2.send(new CreateVolumeCommand({ AvailabilityZone, ...input }));
  const VolumeIds = [made.VolumeId ?? ''];
  await eventually('volume', 60, async () => {
    const { Volumes } = await guests.ec2.send(new DescribeVolumesCommand({ VolumeIds }));
    if (Volumes?.[0]?.State !== 'available') throw new Error(Volumes?.[0]?.State);
    return true;
  });
  return made.VolumeId ?? '';
}

async function attach(VolumeId: string, device: string): Promise<void> {
  await guests.ec2.send(new AttachVolumeCommand({ InstanceId: id, VolumeId, Device: device }));
  await login.until(`test -b ${device}`, 60);
}

async function completed(SnapshotId: string | undefined): Promise<string> {
  await eventually('snapshot', 120, async () => {
    const { Snapshots } = await guests.ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: [SnapshotId ?? ''] }));
    if (Snapshots?.[0]?.State !== 'completed') throw new Error(Snapshots?.[0]?.StateMessage ?? 'pending');
    return true;
  });
  return SnapshotId ?? '';
}

/** Writes a text all over the first megabyte of a disk. */
const fill = (text: string, device: string) =>
  login.run(`yes ${text} | head -c 1048576 | sudo dd of=${device} bs=1M conv=fsync 2>/dev/null`);

/** The files of disks in which a text stands. */
function filesWith(text: string): string[] {
  const files = globSync(['volumes/**', 'snapshots/**', 'machines/**'], {
    cwd: guests.server.dataDir,
    withFileTypes: true,
  });
  return files
    .filter(file => file.isFile())
    .map(file => `${file.parentPath}/${file.name}`)
    .filter(file => contains(file, Buffer.from(text)));
}

function contains(file: string, text: Buffer): boolean {
  const descriptor = openSync(file, 'r');
  const part = Buffer.alloc(16 * 1024 * 1024);
  try {
    for (let at = 0; ; at += part.length - text.length) {
      const length = readSync(descriptor, part, 0, part.length, at);
      if (part.subarray(0, length).includes(text)) return true;
      if (length < part.length) return false;
    }
  } finally {
    closeSync(descriptor);
  }
}

test('an instance boots from an encrypted root volume, and gets an encrypted disk while it runs', async () => {
  const group = await guests.group('login', tcp(22));
  const Ebs = { Encrypted: true, KmsKeyId: rootKey };
  const instance = await guests.launch({
    SecurityGroupIds: [group],
    BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs }],
  });
  id = instance.InstanceId ?? '';
  login = await guests.login(id);
  await login.until('test -e /var/lib/cloud/instance/boot-finished', boot);
  await login.run(`for i in $(seq 1000); do echo ${secret}; done >kept; sync`);
  volumeId = await makeVolume({ Size: 1, Encrypted: true, KmsKeyId: dataKey });
  await attach(volumeId, Device);
  await fill(secret, Device);
  const plain = await makeVolume({ Size: 1 });
  await attach(plain, '/dev/xvdg');
  await fill(open, '/dev/xvdg');
});

test('a snapshot is copied under another key, and a volume made of it has the content', async () => {
  const { SnapshotId } = await guests.ec2.send(new CreateSnapshotCommand({ VolumeId: volumeId }));
  const copied = await guests.ec2.send(
    new CopySnapshotCommand({
      SourceRegion: 'us-east-1',
      SourceSnapshotId: await completed(SnapshotId),
      Encrypted: true,
      KmsKeyId: rootKey,
    }),
  );
  copyId = await completed(copied.SnapshotId);
  await attach(await makeVolume({ SnapshotId: copyId }), '/dev/xvdh');
  expect(await login.run(`sudo head -c 100 /dev/xvdh | head -n 1`)).toBe(secret);
});

test('nothing of it stands in a file of the host', () => {
  // What is looked for would be found.
  expect(filesWith(open)).not.toEqual([]);
  expect(filesWith(secret)).toEqual([]);
});

test('without its key a disk is not attached, and the machine runs on', async () => {
  const other = await makeVolume({ Size: 1, Encrypted: true, KmsKeyId: dataKey });
  await kms.send(new DisableKeyCommand({ KeyId: dataKey }));
  await kms.send(new DisableKeyCommand({ KeyId: rootKey }));
  await expect(
    guests.ec2.send(new AttachVolumeCommand({ InstanceId: id, VolumeId: other, Device: '/dev/xvdi' })),
  ).rejects.toMatchObject({ name: 'CustomerKeyHasBeenRevoked' });
  expect(await login.run(`tail -n 1 kept; sudo head -c 100 ${Device} | head -n 1`)).toBe(`${secret}\n${secret}`);
});

test('nor does the machine start again, until the key is back', async () => {
  const InstanceIds = [id];
  await guests.ec2.send(new StopInstancesCommand({ InstanceIds }));
  await guests.inState(id, 'stopped');
  await guests.ec2.send(new StartInstancesCommand({ InstanceIds }));
  const { StateReason } = await eventually('refused start', 60, async () => {
    const instance = await findInstance(guests.ec2, id);
    if (instance.StateReason?.Code !== 'Client.InvalidKMSKey.InvalidState') throw new Error(instance.State?.Name);
    return instance;
  });
  expect(StateReason?.Message).toContain('The KMS key provided is in an incorrect state');
  await guests.inState(id, 'stopped');
  for (const KeyId of [rootKey, dataKey]) await kms.send(new EnableKeyCommand({ KeyId }));
  await guests.ec2.send(new StartInstancesCommand({ InstanceIds }));
  await guests.inState(id, 'running');
  login = await guests.login(id);
  expect(await login.until(`test -b ${Device} && tail -n 1 kept && sudo head -c 100 ${Device} | head -n 1`, boot)).toBe(
    `${secret}\n${secret}`,
  );
});
