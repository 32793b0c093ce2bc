import type { DescribeImagesResult } from '@aws-sdk/client-ec2';
import { beforeEach, describe, expect, test } from 'vitest';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import { images } from './model.ts';

const ImageId = 'ami-0123456789abcdef0';
const stranger = { account: '111111111111' };
const day = 24 * 3600 * 1000;
let api: TestApi;

beforeEach(() => {
  api = createTestApi();
  api.state.write(tx =>
    tx.put(images, {
      imageId: ImageId,
      owner: '000000000000/us-east-1',
      name: 'web',
      architecture: 'x86_64',
      state: 'available',
      public: true,
      launchPermissions: ['222222222222'],
      rootDeviceName: '/dev/xvda',
      blockDevices: [],
      bootMode: 'legacy-bios',
      enaSupport: true,
      creationDate: api.clock.now(),
    }),
  );
});

const list = async (input: object = {}, options: object = {}) =>
  (await api.call<DescribeImagesResult>('DescribeImages', input, options)).Images ?? [];
const from = (milliseconds: number) => new Date(api.clock.now() + milliseconds);

describe('deprecation', () => {
  test('hides the AMI from others’ lists from its time on', async () => {
    expect(await api.call('EnableImageDeprecation', { ImageId, DeprecateAt: from(day + 29_000) })).toEqual({
      Return: true,
    });
    expect((await list())[0]?.DeprecationTime).toBe(from(day).toISOString());
    expect(await list({}, stranger)).toHaveLength(1);
    api.clock.advance(day);
    expect(await list({}, stranger)).toHaveLength(0);
    expect(await list({ IncludeDeprecated: true }, stranger)).toHaveLength(1);
    expect(await list()).toHaveLength(1);
    await api.call('DisableImageDeprecation', { ImageId });
    expect(await list({}, stranger)).toHaveLength(1);
    expect((await list())[0]?.DeprecationTime).toBeUndefined();
  });

  test.each([
    ['the past', -1000],
    ['three years of a public AMI', 3 * 366 * day],
  ])('refuses %s', async (_what, offset) => {
    expect((await api.fail('EnableImageDeprecation', { ImageId, DeprecateAt: from(offset) })).code).toBe(
      'InvalidParameterValue',
    );
    expect((await list())[0]?.DeprecationTime).toBeUndefined();
  });
});

test('a disabled AMI is its owner’s alone, and no longer shared when it is enabled again', async () => {
  expect((await api.fail('EnableImage', { ImageId })).code).toBe('IncorrectState');
  expect(await api.call('DisableImage', { ImageId })).toEqual({ Return: true });
  expect((await list({ ImageIds: [ImageId] }))[0]).toMatchObject({ State: 'disabled', Public: false });
  expect((await api.fail('DescribeImages', { ImageIds: [ImageId] }, stranger)).code).toBe('InvalidAMIID.NotFound');
  expect(await api.fail('RunInstances', { ImageId, MinCount: 1, MaxCount: 1, InstanceType: 't3.micro' })).toMatchObject(
    { code: 'InvalidAMIID.Unavailable' },
  );
  expect((await api.fail('DisableImage', { ImageId })).code).toBe('IncorrectState');
  await api.call('EnableImage', { ImageId });
  expect((await list())[0]).toMatchObject({ State: 'available', Public: false });
  expect(await list({}, { account: '222222222222' })).toEqual([]);
});

test('only the owner decides', async () => {
  for (const operation of ['EnableImageDeprecation', 'DisableImageDeprecation', 'DisableImage', 'EnableImage']) {
    const input = { ImageId, DeprecateAt: from(day) };
    expect((await api.fail(operation, input, stranger)).code).toBe('AuthFailure');
    expect((await api.fail(operation, { ...input, ImageId: 'ami-00000000000000000' })).code).toBe(
      'InvalidAMIID.NotFound',
    );
  }
  expect(await list({}, stranger)).toHaveLength(1);
});
