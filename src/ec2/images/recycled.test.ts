import type { DescribeImagesResult, ListImagesInRecycleBinResult, RegisterImageResult } from '@aws-sdk/client-ec2';
import { beforeEach, describe, expect, test } from 'vitest';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import { Controllers } from '../../controllers/controllers.ts';
import { snapshots } from '../snapshots/model.ts';
import { imageRecycleController } from './recycled.ts';

const snapshotId = 'snap-0123456789abcdef0';
const stranger = { account: '111111111111' };
const day = 24 * 3600 * 1000;
let api: TestApi;
let ImageId: string;

beforeEach(async () => {
  api = createTestApi();
  api.state.write(tx =>
    tx.put(snapshots, {
      snapshotId,
      owner: '000000000000/us-east-1',
      volumeId: 'vol-ffffffff',
      volumeSize: 8,
      state: 'completed',
      description: '',
      encrypted: false,
      startTime: 0,
    }),
  );
  await rule('EC2_IMAGE', 7);
  ImageId = await register();
});

const rule = (ResourceType: string, RetentionPeriodValue: number) =>
  api.call(
    'CreateRule',
    { ResourceType, RetentionPeriod: { RetentionPeriodValue, RetentionPeriodUnit: 'DAYS' } },
    { service: 'rbin' },
  );
async function register(Name = 'web'): Promise<string> {
  const result = await api.call<RegisterImageResult>('RegisterImage', {
    Name,
    Description: 'a server',
    VirtualizationType: 'hvm',
    RootDeviceName: '/dev/xvda',
    BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId: snapshotId } }],
    TagSpecifications: [{ ResourceType: 'image', Tags: [{ Key: 'stage', Value: 'test' }] }],
  });
  return result.ImageId ?? '';
}
const bin = async (input: object = {}, options: object = {}) =>
  (await api.call<ListImagesInRecycleBinResult>('ListImagesInRecycleBin', input, options)).Images ?? [];
const shown = async () =>
  (await api.call<DescribeImagesResult>('DescribeImages', { Owners: ['self'] })).Images?.map(one => one.ImageId);

describe('an AMI that a rule of the Recycle Bin keeps', () => {
  test('can be seen and used by nobody until it is restored', async () => {
    await api.call('DeregisterImage', { ImageId });
    const now = api.clock.now();
    expect(await bin()).toEqual([
      {
        ImageId,
        Name: 'web',
        Description: 'a server',
        RecycleBinEnterTime: new Date(now),
        RecycleBinExitTime: new Date(now + 7 * day),
      },
    ]);
    expect(await bin({ ImageIds: [ImageId] })).toHaveLength(1);
    expect(await bin({}, stranger)).toEqual([]);
    expect(await shown()).toEqual([]);
    for (const [operation, input] of [
      ['DescribeImages', { ImageIds: [ImageId] }],
      ['DeregisterImage', { ImageId }],
      ['RunInstances', { ImageId, MinCount: 1, MaxCount: 1 }],
      ['CopyImage', { Name: 'copy', SourceImageId: ImageId, SourceRegion: 'us-east-1' }],
      ['CreateTags', { Resources: [ImageId], Tags: [{ Key: 'a', Value: 'b' }] }],
    ] as const)
      expect((await api.fail(operation, input)).code).toBe('InvalidAMIID.NotFound');
    expect((await api.fail('RestoreImageFromRecycleBin', { ImageId }, stranger)).code).toBe('InvalidAMIID.NotFound');
    expect(await api.call('RestoreImageFromRecycleBin', { ImageId })).toEqual({ Return: true });
    const [image] = (await api.call<DescribeImagesResult>('DescribeImages', { ImageIds: [ImageId] })).Images ?? [];
    expect(image).toMatchObject({ State: 'available', Tags: [{ Key: 'stage', Value: 'test' }] });
    expect(await bin()).toEqual([]);
    expect((await api.fail('RestoreImageFromRecycleBin', { ImageId })).code).toBe('InvalidAMIID.NotFound');
  });

  test('leaves its name and its snapshots free, and needs both again', async () => {
    await api.call('DeregisterImage', { ImageId });
    const other = await register();
    expect((await api.fail('RestoreImageFromRecycleBin', { ImageId })).code).toBe('InvalidAMIName.Duplicate');
    await rule('EBS_SNAPSHOT', 3);
    await api.call('DeregisterImage', { ImageId: other, DeleteAssociatedSnapshots: true });
    expect((await api.fail('RestoreImageFromRecycleBin', { ImageId })).code).toBe('InvalidSnapshot.NotFound');
    await api.call('RestoreSnapshotFromRecycleBin', { SnapshotId: snapshotId });
    await api.call('RestoreImageFromRecycleBin', { ImageId });
    expect(await shown()).toEqual([ImageId]);
    expect((await api.fail('DeleteSnapshot', { SnapshotId: snapshotId })).code).toBe('InvalidSnapshot.InUse');
  });

  test('goes when its time is over', async () => {
    const controllers = new Controllers(api.state, [imageRecycleController(api.state, api.clock)], () => {});
    controllers.start();
    await api.call('DeregisterImage', { ImageId });
    for (const [wait, left] of [
      [7 * day - 1, 1],
      [1, 0],
    ] as const) {
      api.clock.advance(wait);
      controllers.wake('image-recycle-bin', ImageId);
      await controllers.idle();
      expect(await bin()).toHaveLength(left);
    }
    expect(JSON.stringify(api.store.load())).not.toContain(ImageId);
    await controllers.close();
  });
});
