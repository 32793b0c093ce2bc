import type { CreateAccessKeyResponse } from '@aws-sdk/client-iam';
import { expect, test } from 'vitest';
import { accessKeyOf } from './access-keys.ts';
import { lastUses } from './keys/model.ts';
import { createTestIam } from './testing.ts';

test('uses are written in batches, and none of keys that are gone', async () => {
  const api = createTestIam();
  await api.iam('CreateUser', { UserName: 'bob' });
  const make = async () => {
    const { AccessKey } = await api.iam<CreateAccessKeyResponse>('CreateAccessKey', { UserName: 'bob' });
    return AccessKey?.AccessKeyId ?? '';
  };
  const [kept, gone] = [await make(), await make()];
  for (const id of [kept, gone]) {
    const principal = accessKeyOf(api.state, api.secrets, id)?.principal;
    if (principal === undefined) throw new Error('no key');
    api.lastUse.record({ principal, service: 'ec2', region: 'us-east-1' }, api.clock.now());
  }
  await api.iam('DeleteAccessKey', { UserName: 'bob', AccessKeyId: gone });
  expect(api.state.count(lastUses)).toBe(0);
  api.lastUse.flush(api.state);
  expect(api.state.get(lastUses, kept)).toMatchObject({ service: 'ec2', date: api.clock.now() });
  expect(api.state.count(lastUses)).toBe(1);
});

test('of temporary keys, those of roles are noted, as the role', () => {
  const api = createTestIam();
  const session = { session: {} } as object;
  type Noted = Parameters<typeof api.lastUse.record>[0]['principal'];
  const user = { type: 'user', accessKeyId: 'ASIA1', ...session } as Noted;
  const role = { type: 'assumed-role', accessKeyId: 'ASIA2', roleId: 'AROA1', ...session } as Noted;
  for (const principal of [user, role]) api.lastUse.record({ principal, service: 'ec2', region: 'us-east-1' }, 5);
  expect(api.lastUse.of(api.state, 'ASIA1')).toBeUndefined();
  expect(api.lastUse.of(api.state, 'AROA1')).toMatchObject({ date: 5 });
});
