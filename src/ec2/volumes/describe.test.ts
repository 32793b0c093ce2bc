import type { DescribeVolumeStatusResult, DescribeVolumesResult } from '@aws-sdk/client-ec2';
import { describe, expect, test } from 'vitest';
import { createTestApi } from '../../api/testing.ts';
import { type VolumeRow, volumes } from './model.ts';

const free: VolumeRow = {
  volumeId: 'vol-00000000000000001',
  owner: '000000000000/us-east-1',
  availabilityZone: 'us-east-1a',
  size: 8,
  volumeType: 'gp3',
  iops: 3000,
  throughput: 125,
  encrypted: false,
  state: 'available',
  createTime: Date.UTC(2026, 0, 31, 10),
  attachments: [],
};
const root: VolumeRow = {
  ...free,
  volumeId: 'vol-00000000000000002',
  availabilityZone: 'us-east-1b',
  volumeType: 'io2',
  snapshotId: 'snap-00000000000000001',
  state: 'in-use',
  attachments: [
    {
      instanceId: 'i-00000000000000001',
      device: '/dev/xvda',
      attachTime: Date.UTC(2026, 0, 31, 11),
      deleteOnTermination: true,
      state: 'attached',
    },
  ],
};
const fresh: VolumeRow = { ...free, volumeId: 'vol-00000000000000003', state: 'creating' };
const broken: VolumeRow = { ...free, volumeId: 'vol-00000000000000004', state: 'error' };

function setUp() {
  const api = createTestApi();
  api.state.write(tx => {
    for (const row of [free, root, fresh, broken]) tx.put(volumes, row);
    tx.put(volumes, { ...free, volumeId: 'vol-00000000000000005', owner: '111111111111/us-east-1' });
  });
  const list = async (input: object = {}) =>
    (await api.call<DescribeVolumesResult>('DescribeVolumes', input)).Volumes ?? [];
  const status = async (input: object = {}) =>
    (await api.call<DescribeVolumeStatusResult>('DescribeVolumeStatus', input)).VolumeStatuses ?? [];
  return { api, list, status };
}

describe('DescribeVolumes', () => {
  test('shows volumes as EC2 does', async () => {
    const { list } = setUp();
    const [first, second] = await list();
    expect(first).toMatchObject({
      Attachments: [],
      AvailabilityZoneId: 'use1-az1',
      Iops: 3000,
      SnapshotId: '',
      Size: 8,
      State: 'available',
      Throughput: 125,
    });
    expect(second).toMatchObject({
      Attachments: [
        { InstanceId: 'i-00000000000000001', Device: '/dev/xvda', State: 'attached', DeleteOnTermination: true },
      ],
      SnapshotId: 'snap-00000000000000001',
      State: 'in-use',
    });
  });

  test.each<[string, string, VolumeRow[]]>([
    ['attachment.instance-id', 'i-00000000000000001', [root]],
    ['attachment.device', '/dev/xvda', [root]],
    ['attachment.delete-on-termination', 'true', [root]],
    ['attachment.attach-time', '2026-01-31T11:*', [root]],
    ['availability-zone', 'us-east-1b', [root]],
    ['availability-zone-id', 'use1-az2', [root]],
    ['create-time', '2026-01-31*', [free, root, fresh, broken]],
    ['snapshot-id', 'snap-00000000000000001', [root]],
    ['size', '8', [free, root, fresh, broken]],
    ['status', 'available', [free]],
    ['volume-id', 'vol-00000000000000003', [fresh]],
    ['volume-id', 'vol-00000000000000005', []],
    ['volume-type', 'gp*', [free, fresh, broken]],
    ['encrypted', 'true', []],
  ])('filter %s=%s', async (Name, value, expected) => {
    const found = await setUp().list({ Filters: [{ Name, Values: [value] }] });
    expect(found.map(one => one.VolumeId)).toEqual(expected.map(one => one.volumeId));
  });
});

test('DescribeVolumeStatus tells whether I/O works', async () => {
  const { status } = setUp();
  const statuses = (await status()).map(one => [
    one.VolumeStatus?.Status,
    ...(one.VolumeStatus?.Details ?? []).map(detail => detail.Status),
  ]);
  expect(statuses).toEqual([
    ['ok', 'passed', 'not-applicable'],
    ['ok', 'passed', 'normal'],
    ['insufficient-data', '-', 'not-applicable'],
    ['impaired', 'failed', 'not-applicable'],
  ]);
  const found = await status({ Filters: [{ Name: 'volume-status.status', Values: ['impaired'] }] });
  expect(found.map(one => one.VolumeId)).toEqual([broken.volumeId]);
});

test('DescribeVolumeAttribute', async () => {
  const { api } = setUp();
  const VolumeId = free.volumeId;
  const attribute = (Attribute: string) => api.call('DescribeVolumeAttribute', { VolumeId, Attribute });
  expect(await attribute('autoEnableIO')).toEqual({ VolumeId, AutoEnableIO: { Value: false } });
  expect(await attribute('productCodes')).toEqual({ VolumeId, ProductCodes: [] });
});

test.each([
  ['DescribeVolumes', { VolumeIds: ['vol-x'] }, 'InvalidVolumeID.Malformed'],
  ['DescribeVolumes', { VolumeIds: ['vol-00000000000000005'] }, 'InvalidVolume.NotFound'],
  ['DescribeVolumes', { Filters: [{ Name: 'state', Values: ['x'] }] }, 'InvalidParameterValue'],
  ['DescribeVolumes', { MaxResults: 1 }, 'InvalidParameterValue'],
  ['DescribeVolumeStatus', { VolumeIds: ['vol-00000000000000005'] }, 'InvalidVolume.NotFound'],
  ['DescribeVolumeStatus', { Filters: [{ Name: 'size', Values: ['8'] }] }, 'InvalidParameterValue'],
  ['DescribeVolumeAttribute', { VolumeId: free.volumeId, Attribute: 'size' }, 'InvalidParameterValue'],
])('%s %j answers %s', async (operation, input, code) => {
  expect((await setUp().api.fail(operation, input)).code).toBe(code);
});
