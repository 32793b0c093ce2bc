import type { Instance } from '@aws-sdk/client-ec2';
import { expect, test } from 'vitest';
import { createTestApi } from '../../api/testing.ts';
import { launch } from '../testing.ts';

const tagged = (Key: string) => ({ Tags: [{ Key, Value: 'x' }] });
const enabled = { MetadataOptions: { InstanceMetadataTags: 'enabled' } };

test.each(['with space', 'a/b', 'ü', '_index', '.', '..'])(
  'an instance that shows its tags in its metadata can have no key %j',
  async key => {
    const api = createTestApi();
    const [instance = {} as Instance] = await launch(api, enabled);
    const Resources = [instance.InstanceId];
    expect((await api.fail('CreateTags', { Resources, ...tagged(key) })).code).toBe('InvalidParameterValue');
    await api.call('CreateTags', { Resources, ...tagged('a-b_c+d=e,f.g@h:i') });
    const [other = {} as Instance] = await launch(api);
    const InstanceId = other.InstanceId;
    await api.call('CreateTags', { Resources: [InstanceId], ...tagged(key) });
    const modify = { InstanceId, InstanceMetadataTags: 'enabled' };
    expect((await api.fail('ModifyInstanceMetadataOptions', modify)).code).toBe('InvalidParameterValue');
    await api.call('DeleteTags', { Resources: [InstanceId] });
    await api.call('ModifyInstanceMetadataOptions', modify);
  },
);

test('nor can it be launched with one', async () => {
  const api = createTestApi();
  const TagSpecifications = [{ ResourceType: 'instance' as const, ...tagged('a b') }];
  await launch(api, { TagSpecifications });
  await expect(launch(api, { ...enabled, TagSpecifications })).rejects.toMatchObject({ code: 'InvalidParameterValue' });
});
