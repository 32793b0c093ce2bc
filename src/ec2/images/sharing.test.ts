import type { DescribeImagesResult, GetAllowedImagesSettingsResult, ImageAttribute, Volume } from '@aws-sdk/client-ec2';
import type { CreateKeyCommandOutput } from '@aws-sdk/client-kms';
import { beforeEach, describe, expect, test } from 'vitest';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import { snapshots } from '../snapshots/model.ts';
import { publishTestImage } from '../testing.ts';
import { type ImageRow, images } from './model.ts';

const ImageId = 'ami-0123456789abcdef0';
const friend = { account: '222222222222' };
const stranger = { account: '111111111111' };
const hour = 3600 * 1000;
let api: TestApi;

function addImage(more: Partial<ImageRow> = {}): void {
  const row: ImageRow = {
    imageId: ImageId,
    owner: '000000000000/us-east-1',
    name: 'web',
    architecture: 'x86_64',
    state: 'available',
    public: false,
    launchPermissions: [],
    rootDeviceName: '/dev/xvda',
    blockDevices: [],
    bootMode: 'legacy-bios',
    enaSupport: true,
    creationDate: api.clock.now(),
    ...more,
  };
  api.state.write(tx => tx.put(images, row));
}

beforeEach(() => {
  api = createTestApi();
  addImage();
});

const list = async (input: object = {}, options: object = {}) =>
  (await api.call<DescribeImagesResult>('DescribeImages', input, options)).Images ?? [];
const share = (change: object) => api.call('ModifyImageAttribute', { ImageId, LaunchPermission: change });
const launchBy = (options: object, id = ImageId) =>
  api.fail('RunInstances', { ImageId: id, MinCount: 1, MaxCount: 1, InstanceType: 't3.micro' }, options);

describe('launches', () => {
  test('need permission: an AMI of another account’s is no secret, but not to be launched', async () => {
    expect(await launchBy(stranger)).toMatchObject({
      code: 'AuthFailure',
      status: 400,
      message: `Not authorized for images: [${ImageId}]`,
    });
    await share({ Add: [{ UserId: stranger.account }] });
    // It is his to launch now; what is missing is its root device.
    expect((await launchBy(stranger)).code).toBe('InvalidBlockDeviceMapping');
    expect((await launchBy(friend)).code).toBe('AuthFailure');
    expect((await launchBy({ ...stranger, region: 'eu-west-1' })).code).toBe('InvalidAMIID.NotFound');
  });

  test('of an AMI that is still being made are refused', async () => {
    addImage({ state: 'pending' });
    expect((await launchBy({})).code).toBe('InvalidAMIID.Unavailable');
  });

  test('are told of to the owner a day later', async () => {
    const [micro] = await list({ ImageIds: [await publishTestImage(api)] });
    addImage({
      blockDevices: [
        {
          deviceName: '/dev/xvda',
          snapshotId: micro?.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId ?? '',
          deleteOnTermination: true,
          encrypted: false,
        },
      ],
      launchPermissions: [friend.account],
    });
    const run = () => api.call('RunInstances', { ImageId, MinCount: 1, MaxCount: 1, InstanceType: 't3.micro' }, friend);
    const told = async () => {
      const read = { ImageId, Attribute: 'lastLaunchedTime' };
      const { LastLaunchedTime } = await api.call<ImageAttribute>('DescribeImageAttribute', read);
      expect((await list({ ImageIds: [ImageId] }))[0]?.LastLaunchedTime).toBe(LastLaunchedTime?.Value);
      return LastLaunchedTime?.Value;
    };
    const first = api.clock.now();
    await run();
    expect(await told()).toBeUndefined();
    api.clock.advance(10 * hour);
    await run();
    api.clock.advance(14 * hour);
    expect(await told()).toBe(new Date(first).toISOString());
    await run();
    expect(await told()).toBe(new Date(first).toISOString());
    expect((await list({ ImageIds: [ImageId] }, friend))[0]?.LastLaunchedTime).toBeUndefined();
    api.clock.advance(10 * hour);
    expect(await told()).toBe(new Date(first + 10 * hour).toISOString());
  });
});

test('an account gives back an AMI that is shared with it', async () => {
  await share({ Add: [{ UserId: friend.account }, { UserId: stranger.account }] });
  expect(await api.call('CancelImageLaunchPermission', { ImageId }, friend)).toEqual({ Return: true });
  expect(await list({}, friend)).toEqual([]);
  expect(await list({}, stranger)).toHaveLength(1);
  expect((await api.fail('CancelImageLaunchPermission', { ImageId }, friend)).code).toBe('InvalidAMIID.NotFound');
  expect((await api.fail('CancelImageLaunchPermission', { ImageId })).code).toBe('InvalidParameterValue');
});

test('no AMI becomes public until the account says that it may', async () => {
  const state = async (options: object = {}) =>
    (await api.call<{ ImageBlockPublicAccessState: string }>('GetImageBlockPublicAccessState', {}, options))
      .ImageBlockPublicAccessState;
  expect(await state()).toBe('block-new-sharing');
  const everybody = { Add: [{ Group: 'all' }] };
  const refused = await api.fail('ModifyImageAttribute', { ImageId, LaunchPermission: everybody });
  expect(refused.code).toBe('OperationNotPermitted');
  expect(await list({}, stranger)).toEqual([]);
  await share({ Add: [{ UserId: friend.account }] });
  expect(await api.call('DisableImageBlockPublicAccess')).toEqual({ ImageBlockPublicAccessState: 'unblocked' });
  expect(await state()).toBe('unblocked');
  expect(await state({ region: 'eu-west-1' })).toBe('block-new-sharing');
  await share(everybody);
  const ImageBlockPublicAccessState = 'block-new-sharing';
  expect(await api.call('EnableImageBlockPublicAccess', { ImageBlockPublicAccessState })).toEqual({
    ImageBlockPublicAccessState,
  });
  // What is public stays so, and can be changed in other ways.
  await share({ Remove: [{ UserId: friend.account }] });
  expect(await list({}, stranger)).toHaveLength(1);
  expect(
    (await api.fail('EnableImageBlockPublicAccess', { ImageBlockPublicAccessState: 'block-all-sharing' })).code,
  ).toBe('InvalidParameterValue');
});

describe('deregistration protection', () => {
  const protection = async () =>
    (await api.call<ImageAttribute>('DescribeImageAttribute', { ImageId, Attribute: 'deregistrationProtection' }))
      .DeregistrationProtection?.Value;

  test('keeps the AMI until it is switched off', async () => {
    expect(await api.call('EnableImageDeregistrationProtection', { ImageId })).toEqual({
      Return: 'enabled-without-cooldown',
    });
    expect((await list())[0]?.DeregistrationProtection).toBe('enabled-without-cooldown');
    expect((await api.fail('DeregisterImage', { ImageId })).code).toBe('OperationNotPermitted');
    expect(await api.call('DisableImageDeregistrationProtection', { ImageId })).toEqual({ Return: 'disabled' });
    await api.call('DeregisterImage', { ImageId });
    expect(await list()).toEqual([]);
  });

  test('with cooldown keeps it a day longer', async () => {
    await api.call('EnableImageDeregistrationProtection', { ImageId, WithCooldown: true });
    expect(await protection()).toBe('enabled-with-cooldown');
    await api.call('DisableImageDeregistrationProtection', { ImageId });
    expect(await protection()).toBe('disabled');
    api.clock.advance(24 * hour - 1);
    await api.call('DisableImageDeregistrationProtection', { ImageId });
    expect((await api.fail('DeregisterImage', { ImageId })).message).toContain('24 hours');
    api.clock.advance(1);
    await api.call('DeregisterImage', { ImageId });
  });

  test('is its owner’s', async () => {
    await share({ Add: [{ UserId: friend.account }] });
    for (const operation of ['EnableImageDeregistrationProtection', 'DisableImageDeregistrationProtection'])
      expect((await api.fail(operation, { ImageId }, friend)).code).toBe('AuthFailure');
    expect((await list({}, friend))[0]?.DeregistrationProtection).toBeUndefined();
  });
});

describe('allowed AMIs', () => {
  const settings = () => api.call<GetAllowedImagesSettingsResult>('GetAllowedImagesSettings', {}, friend);
  const enable = (AllowedImagesSettingsState: string) =>
    api.call('EnableAllowedImagesSettings', { AllowedImagesSettingsState }, friend);
  const replace = (...ImageCriteria: object[]) =>
    api.call('ReplaceImageCriteriaInAllowedImagesSettings', { ImageCriteria }, friend);

  beforeEach(() => {
    addImage({ launchPermissions: [friend.account] });
    addImage({ imageId: 'ami-0123456789abcdef1', name: 'db', owner: '222222222222/us-east-1' });
  });
  const seen = async () => (await list({}, friend)).map(image => `${image.Name} ${image.ImageAllowed}`);

  test('hide others’ AMIs that meet no criterion, and forbid their launch', async () => {
    expect(await settings()).toEqual({ State: 'disabled', ImageCriteria: [], ManagedBy: 'account' });
    expect(await seen()).toEqual(['web undefined', 'db undefined']);
    expect(await enable('enabled')).toEqual({ AllowedImagesSettingsState: 'enabled' });
    expect(await seen()).toEqual(['db true']);
    expect((await launchBy(friend)).code).toBe('InvalidAMIID.NotFound');
    expect((await api.fail('DescribeImages', { ImageIds: [ImageId] }, friend)).code).toBe('InvalidAMIID.NotFound');
    // The owner of the AMI, and others, see it as before.
    expect(await list()).toHaveLength(1);
    expect(await replace({ ImageProviders: ['000000000000'], ImageNames: ['w?b*'] })).toEqual({ ReturnValue: true });
    expect(await seen()).toEqual(['web true', 'db true']);
    expect((await launchBy(friend)).code).toBe('InvalidBlockDeviceMapping');
    expect((await settings()).ImageCriteria).toEqual([{ ImageProviders: ['000000000000'], ImageNames: ['w?b*'] }]);
    expect(await api.call('DisableAllowedImagesSettings', {}, friend)).toEqual({
      AllowedImagesSettingsState: 'disabled',
    });
    expect(await seen()).toEqual(['web undefined', 'db undefined']);
  });

  test('in audit mode only mark them', async () => {
    await enable('audit-mode');
    await replace({ ImageProviders: ['none'] });
    expect(await seen()).toEqual(['web false', 'db true']);
    const Filters = [{ Name: 'image-allowed', Values: ['false'] }];
    expect(await list({ Filters }, friend)).toHaveLength(1);
    expect((await launchBy(friend)).code).toBe('InvalidBlockDeviceMapping');
  });

  test.each([
    [{ ImageNames: ['web'] }, true],
    [{ ImageNames: ['web-*', 'db'] }, false],
    [{ ImageProviders: ['amazon'] }, false],
    [{ ImageProviders: ['000000000000', 'amazon'], ImageNames: ['db'] }, false],
    [{ CreationDateCondition: { MaximumDaysSinceCreated: 3 } }, true],
    [{ CreationDateCondition: { MaximumDaysSinceCreated: 2 } }, false],
    [{ DeprecationTimeCondition: { MaximumDaysSinceDeprecated: 1 } }, true],
    [{ DeprecationTimeCondition: { MaximumDaysSinceDeprecated: 0 } }, false],
    [{ MarketplaceProductCodes: ['abc123'] }, false],
  ])('%j on an AMI three days old and deprecated for one', async (criterion, allowed) => {
    addImage({ launchPermissions: [friend.account], deprecationTime: api.clock.now() + 48 * hour });
    api.clock.advance(72 * hour);
    await enable('audit-mode');
    await replace(criterion);
    const [image] = await list({ ImageIds: [ImageId] }, friend);
    expect(image?.ImageAllowed).toBe(allowed);
  });

  test.each([
    [[{}]],
    [Array.from({ length: 11 }, () => ({ ImageNames: ['a'] }))],
    [[{ ImageProviders: ['none', 'amazon'] }]],
    [[{ ImageProviders: ['somebody'] }]],
    [[{ ImageNames: ['a?'] }]],
    [[{ ImageNames: ['a#'] }]],
    [[{ MarketplaceProductCodes: ['a-b'] }]],
    [[{ CreationDateCondition: { MaximumDaysSinceCreated: -1 } }]],
  ])('refuses the criteria %j', async ImageCriteria => {
    const name = 'ReplaceImageCriteriaInAllowedImagesSettings';
    expect((await api.fail(name, { ImageCriteria }, friend)).code).toBe('InvalidParameterValue');
    expect((await settings()).ImageCriteria).toEqual([]);
  });

  test('refuses what cannot be judged, and unknown states', async () => {
    const name = 'ReplaceImageCriteriaInAllowedImagesSettings';
    for (const criterion of [{ ScanResultCondition: {} }, { ImageWatermarks: [{}] }])
      expect((await api.fail(name, { ImageCriteria: [criterion] })).code).toBe('UnsupportedOperation');
    expect((await api.fail('EnableAllowedImagesSettings', { AllowedImagesSettingsState: 'disabled' })).code).toBe(
      'InvalidParameterValue',
    );
  });
});

describe('what cannot be shared', () => {
  const everybody = { LaunchPermission: { Add: [{ Group: 'all' }] } };
  const friends = { LaunchPermission: { Add: [{ UserId: friend.account }] } };
  const device = (snapshotId: string) => ({
    blockDevices: [{ deviceName: '/dev/xvda', snapshotId, deleteOnTermination: true, encrypted: true }],
  });
  async function encrypted(KmsKeyId?: string): Promise<void> {
    const volume = { AvailabilityZone: 'us-east-1a', Size: 1, Encrypted: true, KmsKeyId };
    const { VolumeId = '', KmsKeyId: kmsKeyId = '' } = await api.call<Volume>('CreateVolume', volume);
    const snapshotId = 'snap-0123456789abcdef0';
    api.state.write(tx =>
      tx.put(snapshots, {
        snapshotId,
        owner: '000000000000/us-east-1',
        volumeId: VolumeId,
        volumeSize: 1,
        state: 'completed',
        description: '',
        encrypted: true,
        kmsKeyId,
        startTime: 0,
      }),
    );
    addImage(device(snapshotId));
  }

  test('disks under EBS’s own key at all, and under another not with everybody', async () => {
    await api.call('DisableImageBlockPublicAccess');
    await encrypted();
    for (const change of [friends, everybody])
      expect(await api.fail('ModifyImageAttribute', { ImageId, ...change })).toMatchObject({
        code: 'InvalidParameter',
        message: "Snapshots encrypted with the AWS Managed CMK can't be shared. Specify another snapshot.",
      });
    const { KeyMetadata } = await api.call<CreateKeyCommandOutput>('CreateKey', {}, { service: 'kms' });
    await encrypted(KeyMetadata?.Arn);
    expect((await api.fail('ModifyImageAttribute', { ImageId, ...everybody })).code).toBe('InvalidParameter');
    await api.call('ModifyImageAttribute', { ImageId, ...friends });
    // And not copied without encryption.
    const copy = { Name: 'copy', SourceImageId: ImageId, SourceRegion: 'us-east-1', Encrypted: false };
    expect((await api.fail('CopyImage', copy)).code).toBe('InvalidRequest');
  });

  test('more than five AMIs with everybody', async () => {
    await api.call('DisableImageBlockPublicAccess');
    for (let number = 0; number < 6; number++) {
      const imageId = `ami-0123456789abcdef${number}`;
      addImage({ imageId, name: `web ${number}`, deprecationTime: undefined });
      if (number < 5) await api.call('ModifyImageAttribute', { ImageId: imageId, ...everybody });
      else
        expect((await api.fail('ModifyImageAttribute', { ImageId: imageId, ...everybody })).code).toBe(
          'ResourceLimitExceeded',
        );
    }
    // Public ones are deprecated two years after their creation.
    const [image] = await list({ ImageIds: ['ami-0123456789abcdef0'] });
    expect(image?.DeprecationTime).toBe(
      new Date(Date.parse(image?.CreationDate ?? '') + 2 * 365.25 * 24 * hour).toISOString(),
    );
  });
});
