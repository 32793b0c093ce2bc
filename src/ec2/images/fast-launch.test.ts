import type {
  DescribeFastLaunchImagesResult,
  DisableFastLaunchResult,
  EnableFastLaunchResult,
  Reservation,
} from '@aws-sdk/client-ec2';
import { beforeEach, describe, expect, test } from 'vitest';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import { instances } from '../instances/model.ts';
import { images } from './model.ts';

const fast = 'ami-00000000000000001';
const slow = 'ami-00000000000000002';
const hidden = 'ami-00000000000000003';
const other = { account: '111111111111' };
let api: TestApi;

function publish(imageId: string, options: { fastStart?: true; public?: boolean; region?: string } = {}): void {
  api.state.write(tx =>
    tx.put(images, {
      imageId,
      owner: `137112412989/${options.region ?? 'us-east-1'}`,
      name: `image ${imageId}`,
      architecture: 'x86_64',
      state: 'available',
      public: options.public ?? true,
      launchPermissions: [],
      rootDeviceName: '/dev/xvda',
      blockDevices: [{ deviceName: '/dev/xvda', volumeSize: 2, deleteOnTermination: true, encrypted: false }],
      bootMode: 'legacy-bios',
      enaSupport: true,
      creationDate: api.clock.now(),
      ...(options.fastStart ? { fastStart: true } : {}),
    }),
  );
}

beforeEach(async () => {
  api = createTestApi();
  await api.call('DescribeVpcs', {}, other);
  await api.call('DescribeVpcs');
  publish(fast, { fastStart: true });
  publish(slow);
  publish(hidden, { fastStart: true, public: false });
});

const list = (input: object = {}, options: object = {}) =>
  api.call<DescribeFastLaunchImagesResult>('DescribeFastLaunchImages', input, options);
const ids = async (input: object = {}, options: object = {}) =>
  (await list(input, options)).FastLaunchImages?.map(image => image.ImageId);

/** Whether the next instance may continue from a frozen guest. */
async function launchesFast(options: object = {}): Promise<boolean> {
  const input = { ImageId: fast, InstanceType: 't3.micro', MinCount: 1, MaxCount: 1 };
  const { Instances } = await api.call<Reservation>('RunInstances', input, options);
  return api.state.get(instances, Instances?.[0]?.InstanceId ?? '')?.fastStart === true;
}

describe('fast launch', () => {
  test('is on for AMIs whose guests can be frozen, and lists those alone', async () => {
    expect((await list()).FastLaunchImages).toEqual([
      {
        ImageId: fast,
        ResourceType: 'snapshot',
        MaxParallelLaunches: 1,
        OwnerId: '137112412989',
        State: 'enabled',
        StateTransitionReason: expect.stringContaining('can be frozen'),
        StateTransitionTime: new Date(api.clock.now()),
      },
    ]);
    expect(await launchesFast()).toBe(true);
  });

  test('is switched off and on for one’s own launches, in one Region', async () => {
    api.clock.advance(1000);
    const off = await api.call<DisableFastLaunchResult>('DisableFastLaunch', { ImageId: fast, Force: true });
    expect(off).toMatchObject({ ImageId: fast, State: 'disabling' });
    expect(off.StateTransitionReason).toMatch(/^Client\.UserInitiated/);
    expect(await ids()).toEqual([]);
    expect(await launchesFast()).toBe(false);
    expect(await ids({}, other)).toEqual([fast]);
    expect(await launchesFast(other)).toBe(true);
    // A second time changes nothing, not even the time.
    api.clock.advance(1000);
    const again = await api.call<DisableFastLaunchResult>('DisableFastLaunch', { ImageId: fast });
    expect(again.StateTransitionTime).toEqual(off.StateTransitionTime);
    const on = await api.call<EnableFastLaunchResult>('EnableFastLaunch', { ImageId: fast, ResourceType: 'snapshot' });
    expect(on).toMatchObject({ ImageId: fast, State: 'enabled', StateTransitionTime: new Date(api.clock.now()) });
    expect((await list()).FastLaunchImages).toEqual([on]);
    expect(await launchesFast()).toBe(true);
  });

  test('is not for AMIs whose guests cannot be frozen, nor for those that one may not see', async () => {
    for (const operation of ['EnableFastLaunch', 'DisableFastLaunch']) {
      expect(await api.fail(operation, { ImageId: slow })).toMatchObject({
        code: 'UnsupportedOperation',
        message: expect.stringContaining('cannot be frozen'),
      });
      expect((await api.fail(operation, { ImageId: hidden })).code).toBe('InvalidAMIID.NotFound');
      expect((await api.fail(operation, { ImageId: 'ami-x' })).code).toBe('InvalidAMIID.Malformed');
      expect((await api.fail(operation, { ImageId: fast }, { region: 'eu-west-1' })).code).toBe(
        'InvalidAMIID.NotFound',
      );
    }
    expect((await api.fail('DescribeFastLaunchImages', { ImageIds: [hidden] })).code).toBe('InvalidAMIID.NotFound');
    expect(await ids({ ImageIds: [slow] })).toEqual([]);
  });

  test.each([
    ['LaunchTemplate', { LaunchTemplateName: 'x', Version: '1' }],
    ['MaxParallelLaunches', 6],
    ['SnapshotConfiguration', { TargetResourceCount: 5 }],
  ])('refuses %s by name, as it would have no effect', async (name, value) => {
    const error = await api.fail('EnableFastLaunch', { ImageId: fast, [name]: value });
    expect(error).toMatchObject({ code: 'UnsupportedOperation', message: expect.stringContaining(name) });
  });

  test('refuses another resource type', async () => {
    expect((await api.fail('EnableFastLaunch', { ImageId: fast, ResourceType: 'volume' })).code).toBe(
      'InvalidParameterValue',
    );
  });

  test('tries without doing', async () => {
    expect((await api.fail('DisableFastLaunch', { ImageId: fast, DryRun: true })).code).toBe('DryRunOperation');
    expect(await ids()).toEqual([fast]);
  });

  test('lists by filters and in pages', async () => {
    publish('ami-00000000000000004', { fastStart: true });
    const filtered = (Name: string, ...Values: string[]) => ids({ Filters: [{ Name, Values }] });
    expect(await filtered('state', 'enabled')).toHaveLength(2);
    expect(await filtered('state', 'enabling')).toEqual([]);
    expect(await filtered('resource-type', 'snapshot')).toHaveLength(2);
    expect(await filtered('owner-id', '137112412989')).toHaveLength(2);
    expect(await filtered('owner-id', '000000000000')).toEqual([]);
    expect((await api.fail('DescribeFastLaunchImages', { Filters: [{ Name: 'x', Values: ['y'] }] })).code).toBe(
      'InvalidParameterValue',
    );
    const first = await list({ MaxResults: 1 });
    expect(first.FastLaunchImages?.map(image => image.ImageId)).toEqual([fast]);
    expect(await ids({ MaxResults: 1, NextToken: first.NextToken })).toEqual(['ami-00000000000000004']);
    expect((await api.fail('DescribeFastLaunchImages', { MaxResults: 201 })).code).toBe('InvalidParameterValue');
  });
});
