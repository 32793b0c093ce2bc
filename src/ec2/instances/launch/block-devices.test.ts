import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { images } from '../../images/model.ts';
import { publishTestImage } from '../../testing.ts';
import { startTestEc2, type TestEc2 } from '../../volumes/testing.ts';

let ec2: TestEc2;
beforeEach(async () => {
  ec2 = await startTestEc2();
});
afterEach(() => ec2.controllers.close());

/** Gives the test image a second volume. */
async function imageWithData(): Promise<string> {
  const imageId = await publishTestImage(ec2.api);
  ec2.api.state.write(tx => {
    const row = tx.get(images, imageId);
    if (row === undefined) throw new Error('no image');
    const data = { deviceName: '/dev/sdb', volumeSize: 3, volumeType: 'gp3', deleteOnTermination: false } as const;
    const [root] = row.blockDevices;
    if (root) tx.put(images, { ...row, blockDevices: [root, { ...data, encrypted: false }] });
  });
  return imageId;
}

async function launched(BlockDeviceMappings: object[], more: object = {}) {
  const instance = await ec2.running({ ImageId: await imageWithData(), BlockDeviceMappings, ...more });
  const devices = await Promise.all(
    (instance.BlockDeviceMappings ?? []).map(async one => {
      const { Size, VolumeType, Iops, SnapshotId } = await ec2.volume(one.Ebs?.VolumeId);
      return [one.DeviceName, Size, VolumeType, Iops, SnapshotId !== '', one.Ebs?.DeleteOnTermination];
    }),
  );
  return { instance, devices };
}

describe('block device mappings', () => {
  it("are the image's, where the request says nothing", async () => {
    expect((await launched([])).devices).toEqual([
      ['/dev/xvda', 2, 'gp3', 3000, true, true],
      ['/dev/sdb', 3, 'gp3', 3000, false, false],
    ]);
  });

  it('of the request are laid over those of the image, and added', async () => {
    const { devices } = await launched([
      { DeviceName: '/dev/sdf', Ebs: { VolumeSize: 5 } },
      { DeviceName: '/dev/sdb', Ebs: { VolumeSize: 8, VolumeType: 'io2', Iops: 200, DeleteOnTermination: true } },
      { DeviceName: '/dev/xvda', Ebs: { VolumeSize: 4, DeleteOnTermination: false } },
    ]);
    expect(devices).toEqual([
      ['/dev/xvda', 4, 'gp3', 3000, true, false],
      ['/dev/sdb', 8, 'io2', 200, false, true],
      ['/dev/sdf', 5, 'gp2', 100, false, true],
    ]);
  });

  it('are left out with NoDevice, or for a disk of the host', async () => {
    const root = ['/dev/xvda', 2, 'gp3', 3000, true, true];
    expect((await launched([{ DeviceName: '/dev/sdb', NoDevice: '' }])).devices).toEqual([root]);
    expect((await launched([{ DeviceName: '/dev/sdb', VirtualName: 'ephemeral0' }])).devices).toEqual([root]);
  });

  it('make volumes of snapshots, no smaller than these', async () => {
    const { instance } = await launched([]);
    const VolumeId = instance.BlockDeviceMappings?.[1]?.Ebs?.VolumeId;
    const { SnapshotId } = await ec2.api.call<{ SnapshotId: string }>('CreateSnapshot', { VolumeId });
    const { devices } = await launched([{ DeviceName: '/dev/sdf', Ebs: { SnapshotId } }]);
    expect(devices[2]).toEqual(['/dev/sdf', 3, 'gp2', 100, true, true]);
    const small = [{ DeviceName: '/dev/sdf', Ebs: { SnapshotId, VolumeSize: 2 } }];
    expect((await failing(small)).code).toBe('InvalidBlockDeviceMapping');
  });

  const failing = async (BlockDeviceMappings: object[], more: object = {}) =>
    ec2.api.fail('RunInstances', {
      ImageId: await imageWithData(),
      InstanceType: 't3.micro',
      MinCount: 1,
      MaxCount: 1,
      BlockDeviceMappings,
      ...more,
    });
  const ebs = { VolumeSize: 1 };
  const bad = 'InvalidBlockDeviceMapping';

  test.each<[string, object[], string]>([
    ['a root that is left out', [{ DeviceName: '/dev/xvda', NoDevice: '' }], bad],
    ['a root that is a disk of the host', [{ DeviceName: '/dev/xvda', VirtualName: 'ephemeral0' }], bad],
    ['a root of another snapshot', [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId: 'snap-0123456789abcdef0' } }], bad],
    [
      'a root on a hard disk',
      [{ DeviceName: '/dev/xvda', Ebs: { VolumeType: 'st1', VolumeSize: 125 } }],
      'InvalidParameterCombination',
    ],
    ['a smaller root', [{ DeviceName: '/dev/xvda', Ebs: ebs }], bad],
    ['a name that is none', [{ DeviceName: '/dev/nvme1n1', Ebs: ebs }], bad],
    [
      'a name twice',
      [
        { DeviceName: '/dev/sdf', Ebs: ebs },
        { DeviceName: '/dev/sdf', Ebs: ebs },
      ],
      bad,
    ],
    [
      'two names of one device',
      [
        { DeviceName: '/dev/sdf', Ebs: ebs },
        { DeviceName: '/dev/xvdf', Ebs: ebs },
      ],
      bad,
    ],
    ['two kinds', [{ DeviceName: '/dev/sdf', Ebs: ebs, NoDevice: '' }], bad],
    ['no kind', [{ DeviceName: '/dev/sdf' }], bad],
    ['a virtual name that is none', [{ DeviceName: '/dev/sdf', VirtualName: 'floppy0' }], bad],
    [
      'a disk of the host twice',
      [
        { DeviceName: '/dev/sdf', VirtualName: 'ephemeral0' },
        { DeviceName: '/dev/sdg', VirtualName: 'ephemeral0' },
      ],
      bad,
    ],
    ['a volume without size', [{ DeviceName: '/dev/sdf', Ebs: {} }], 'MissingParameter'],
    [
      'too many IOPS',
      [{ DeviceName: '/dev/sdf', Ebs: { VolumeSize: 4, VolumeType: 'io1', Iops: 201 } }],
      'InvalidParameterValue',
    ],
    [
      'a snapshot that is not',
      [{ DeviceName: '/dev/sdf', Ebs: { SnapshotId: 'snap-0123456789abcdef0' } }],
      'InvalidSnapshot.NotFound',
    ],
    ['a rate', [{ DeviceName: '/dev/sdf', Ebs: { ...ebs, VolumeInitializationRate: 100 } }], 'UnsupportedOperation'],
  ])('refuse %s', async (_what, mappings, code) => {
    expect((await failing(mappings)).code).toBe(code);
  });

  it('are as many as the type has slots', async () => {
    const letters = [...'fghijklmnopqrstuvwxyz', 'ba', 'bb', 'bc', 'bd', 'be'];
    const mappings = letters.map(letter => ({ DeviceName: `/dev/xvd${letter}`, Ebs: ebs }));
    expect((await failing(mappings)).code).toBe('AttachmentLimitExceeded');
    expect((await launched(mappings.slice(1))).devices).toHaveLength(27);
  });
});
