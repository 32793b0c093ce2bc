import { beforeEach, expect, it } from 'vitest';
import { newDataKey, unwrap } from './data-keys.ts';
import { createTestKms, type TestKms } from './testing.ts';

let api: TestKms;
beforeEach(() => {
  api = createTestKms();
});

const place = { account: '000000000000', region: 'us-east-1', owner: '000000000000/us-east-1' };
const wrap = (identifier: string) => newDataKey(api.state, api.secrets, place, identifier);

it('a data key is unwrapped to the same bytes, also after a rotation', async () => {
  const { KeyId, Arn } = await api.key();
  const made = wrap(KeyId);
  expect(made.keyArn).toBe(Arn);
  expect(made.plaintext).toHaveLength(32);
  expect(Buffer.from(made.wrapped, 'base64').includes(Buffer.from(made.plaintext))).toBe(false);
  await api.kms('RotateKeyOnDemand', { KeyId });
  expect(unwrap(api.state, api.secrets, made.wrapped)).toEqual(made.plaintext);
  expect(wrap(Arn).plaintext).not.toEqual(made.plaintext);
});

it('it cannot be unwrapped while its key is disabled or pending deletion, and users cannot decrypt it', async () => {
  const { KeyId } = await api.key();
  const { wrapped } = wrap(KeyId);
  const reason = () => {
    try {
      unwrap(api.state, api.secrets, wrapped);
    } catch (error) {
      return (error as { reason: string }).reason;
    }
    return undefined;
  };
  expect(await api.code('Decrypt', { CiphertextBlob: Buffer.from(wrapped, 'base64') })).toBe(
    'InvalidCiphertextException',
  );
  await api.kms('DisableKey', { KeyId });
  expect(reason()).toBe('disabled');
  expect(() => wrap(KeyId)).toThrow(/disabled/);
  await api.kms('ScheduleKeyDeletion', { KeyId });
  expect(reason()).toBe('pending-deletion');
  await api.kms('CancelKeyDeletion', { KeyId });
  await api.kms('EnableKey', { KeyId });
  expect(reason()).toBeUndefined();
});

it('there is none under a key that does not exist', () => {
  expect(() => wrap('alias/none')).toThrow(/missing/);
});
