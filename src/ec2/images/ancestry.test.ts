import type {
  CopyImageResult,
  CreateImageResult,
  DescribeImageReferencesResult,
  GetImageAncestryResult,
} from '@aws-sdk/client-ec2';
import { beforeEach, expect, test } from 'vitest';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import { instances } from '../instances/model.ts';
import { launch } from '../testing.ts';
import { images } from './model.ts';

const friend = { account: '222222222222' };
let api: TestApi;
let micro: string;
let instance: string;

beforeEach(async () => {
  api = createTestApi();
  const [first] = await launch(api);
  micro = first?.ImageId ?? '';
  instance = first?.InstanceId ?? '';
});

test('an AMI tells of those that it was made of, as far as they can be seen', async () => {
  api.state.write(tx => {
    const row = tx.get(instances, instance);
    if (row !== undefined) tx.put(instances, { ...row, state: 'running' });
  });
  const input = { InstanceId: instance, Name: 'mine', NoReboot: true };
  const { ImageId: mine = '' } = await api.call<CreateImageResult>('CreateImage', input);
  const there = { region: 'eu-west-1' };
  const change = (more: object) =>
    api.state.write(tx => {
      const row = tx.get(images, mine);
      if (row !== undefined) tx.put(images, { ...row, ...more, blockDevices: [] });
    });
  change({ state: 'available' });
  const copied = { Name: 'copy', SourceImageId: mine, SourceRegion: 'us-east-1' };
  const { ImageId: copy = '' } = await api.call<CopyImageResult>('CopyImage', copied, there);
  const ancestry = async (options: object = there) => {
    const answer = await api.call<GetImageAncestryResult>('GetImageAncestry', { ImageId: copy }, options);
    return answer.ImageAncestryEntries?.map(entry => [entry.ImageId, entry.SourceImageId, entry.ImageOwnerAlias]);
  };
  expect(await ancestry()).toEqual([
    [copy, mine, undefined],
    [mine, micro, undefined],
    [micro, undefined, 'amazon'],
  ]);
  await api.call(
    'ModifyImageAttribute',
    { ImageId: copy, LaunchPermission: { Add: [{ UserId: friend.account }] } },
    there,
  );
  expect(await ancestry({ ...there, ...friend })).toEqual([[copy, mine, undefined]]);
  expect((await api.fail('GetImageAncestry', { ImageId: copy })).code).toBe('InvalidAMIID.NotFound');
});

test('instances refer to the AMI that they were launched from', async () => {
  const arn = `arn:aws:ec2:us-east-1:000000000000:instance/${instance}`;
  const references = async (input: object, options: object = {}) =>
    (
      await api.call<DescribeImageReferencesResult>('DescribeImageReferences', { ImageIds: [micro], ...input }, options)
    ).ImageReferences?.map(one => one.Arn);
  const ofInstances = (...OptionValues: string[]) => ({
    ResourceTypes: [
      { ResourceType: 'ec2:Instance', ResourceTypeOptions: [{ OptionName: 'state-name', OptionValues }] },
    ],
  });
  expect(await references({ IncludeAllResourceTypes: true })).toEqual([arn]);
  expect(await references({ IncludeAllResourceTypes: true }, friend)).toEqual([]);
  expect(await references(ofInstances('pending', 'stopped'))).toEqual([arn]);
  expect(await references(ofInstances('stopped'))).toEqual([]);
  expect(await references({ ResourceTypes: [{ ResourceType: 'ec2:LaunchTemplate' }] })).toEqual([]);
  const wrong: [object, string][] = [
    [{}, 'MissingParameter'],
    [{ ImageIds: [], IncludeAllResourceTypes: true }, 'InvalidParameterValue'],
    [{ ImageIds: ['x'], IncludeAllResourceTypes: true }, 'InvalidAMIID.Malformed'],
    [{ ResourceTypes: [{ ResourceType: 'ec2:Volume' }] }, 'InvalidParameterValue'],
    [ofInstances('terminated'), 'InvalidParameterValue'],
  ];
  for (const [input, code] of wrong)
    expect((await api.fail('DescribeImageReferences', { ImageIds: [micro], ...input })).code).toBe(code);
});
