import { expect, test } from 'vitest';
import { createTestApi } from '../api/testing.ts';

test('GetCallerIdentity tells the account of the key that signed', async () => {
  const api = createTestApi();
  for (const account of ['000000000000', '111122223333']) {
    expect(await api.call('GetCallerIdentity', {}, { service: 'sts', account })).toEqual({
      UserId: account,
      Account: account,
      Arn: `arn:aws:iam::${account}:root`,
    });
  }
});
