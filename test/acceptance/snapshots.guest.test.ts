import { EBSClient, GetSnapshotBlockCommand, ListSnapshotBlocksCommand } from '@aws-sdk/client-ebs';
import {
  AttachVolumeCommand,
  CopySnapshotCommand,
  CreateSnapshotsCommand,
  CreateVolumeCommand,
  DeleteSnapshotCommand,
  EC2Client,
  waitUntilSnapshotCompleted,
  waitUntilVolumeAvailable,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Guests, startGuests, tcp } from '../support/guests.ts';
import type { Login } from '../support/login.ts';
import { sdkSettings } from '../support/sdk.ts';
import { pools } from '../support/server.ts';

/*
 * Snapshots of the disks of an instance that writes to them without a pause. The tests are one story.
 */

let guests: Guests;
let ec2: EC2Client;
let login: Login;
let id: string;
let zone: string;
/** Of the first and of the second disk. */
let cut: { readonly first: string; readonly second: string };
/** What the writer had got to when the call was made. */
let before: number;
let counted: number;

beforeAll(async () => {
  guests = await startGuests({
    publicPool: pools.snapshots,
    parameter: '/aws/service/fogbank/micro/latest/amd64',
    user: 'ec2-user',
  });
  ({ ec2 } = guests);
  const group = await guests.group('login', tcp(22));
  const device = (DeviceName: string) => ({ DeviceName, Ebs: { VolumeSize: 1 } });
  const BlockDeviceMappings = [device('/dev/sdf'), device('/dev/sdg')];
  const instance = await guests.launch({ SecurityGroupIds: [group], BlockDeviceMappings });
  id = instance.InstanceId ?? '';
  zone = instance.Placement?.AvailabilityZone ?? '';
  login = await guests.login(id);
  await login.until('test -b /dev/vdb && test -b /dev/vdc', 180);
});
afterAll(() => guests?.server.stop());

/** The first block of a snapshot. */
async function firstBlock(SnapshotId: string, region?: string): Promise<Buffer> {
  const ebs = new EBSClient({ ...sdkSettings(guests.server.env), ...(region !== undefined && { region }) });
  const { Blocks } = await ebs.send(new ListSnapshotBlocksCommand({ SnapshotId }));
  const block = Blocks?.find(one => one.BlockIndex === 0);
  if (block === undefined) throw new Error(`${SnapshotId} has no block 0`);
  const { BlockToken, BlockIndex } = block;
  const { BlockData } = await ebs.send(new GetSnapshotBlockCommand({ SnapshotId, BlockToken, BlockIndex }));
  return Buffer.from((await BlockData?.transformToByteArray()) ?? []);
}

const numberIn = (block: Buffer) => Number(block.toString('latin1', 0, 10));
const readNumber = async (device: string) => Number(await login.run(`sudo dd if=${device} bs=10 count=1 2>/dev/null`));

test('both disks are cut at one instant, before the call is answered', { timeout: 120_000 }, async () => {
  // Each number is on the first disk before it is written to the second one, and there before the next.
  const write = (device: string) => `printf %010d $n | dd of=${device} bs=512 conv=sync,fsync,notrunc 2>/dev/null`;
  const script = `n=1; while :; do ${write('/dev/vdb')}; ${write('/dev/vdc')}; n=$((n + 1)); done`;
  await login.run(`sudo sh -c '(${script}) </dev/null >/dev/null 2>&1 & echo $! > /tmp/writer'`);
  await login.until('test "$(sudo dd if=/dev/vdc bs=10 count=1 2>/dev/null)" -gt 20', 30);
  before = await readNumber('/dev/vdc');
  const { Snapshots = [] } = await ec2.send(
    new CreateSnapshotsCommand({ InstanceSpecification: { InstanceId: id, ExcludeBootVolume: true } }),
  );
  const [first = '', second = ''] = Snapshots.map(one => one.SnapshotId ?? '');
  cut = { first, second };
  // Written after the answer, and on the disk before anything else.
  await login.run('echo late | sudo dd of=/dev/vdb bs=512 seek=1 conv=sync,fsync,notrunc 2>/dev/null');
  await login.run('sudo kill $(cat /tmp/writer)');
  const after = await readNumber('/dev/vdb');
  await waitUntilSnapshotCompleted({ client: ec2, maxWaitTime: 60, minDelay: 1 }, { SnapshotIds: [first, second] });
  const block = await firstBlock(first);
  counted = numberIn(block);
  expect(counted).toBeGreaterThanOrEqual(before);
  expect(counted).toBeLessThan(after);
  const other = numberIn(await firstBlock(second));
  expect([counted, counted - 1]).toContain(other);
  expect(block.toString('latin1', 512, 516)).toBe('\0\0\0\0');
});

test('a copy in another Region has it, when the source and the volume have gone on', { timeout: 60_000 }, async () => {
  const region = 'us-west-2';
  const west = new EC2Client({ ...sdkSettings(guests.server.env), region });
  const { SnapshotId = '' } = await west.send(
    new CopySnapshotCommand({ SourceRegion: 'us-east-1', SourceSnapshotId: cut.first }),
  );
  await waitUntilSnapshotCompleted({ client: west, maxWaitTime: 60, minDelay: 1 }, { SnapshotIds: [SnapshotId] });
  expect(numberIn(await firstBlock(SnapshotId, region))).toBe(counted);
});

test('a volume of it shows the guest that number, after the snapshot is deleted', { timeout: 120_000 }, async () => {
  const { VolumeId = '' } = await ec2.send(new CreateVolumeCommand({ SnapshotId: cut.first, AvailabilityZone: zone }));
  await ec2.send(new DeleteSnapshotCommand({ SnapshotId: cut.first }));
  await waitUntilVolumeAvailable({ client: ec2, maxWaitTime: 60, minDelay: 1 }, { VolumeIds: [VolumeId] });
  await ec2.send(new AttachVolumeCommand({ VolumeId, InstanceId: id, Device: '/dev/sdh' }));
  await login.until('test -b /dev/vdd', 30);
  expect(await readNumber('/dev/vdd')).toBe(counted);
});
