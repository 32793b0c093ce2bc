import type { Reservation } from '@aws-sdk/client-ec2';
import { expect, test } from 'vitest';
import { launch, publishTestImage } from '../ec2/testing.ts';
import { clientTokenController, clientTokenLifetime, clientTokens } from './client-tokens.ts';
import { createTestApi } from './testing.ts';

test('tokens are forgotten when their day is over, and may then be used for something else', async () => {
  const api = createTestApi();
  const { reconcile } = clientTokenController(api.state, api.clock);
  const tokens = () => [...api.state.entries(clientTokens)].map(one => one.key.split('/').at(-1));
  await launch(api, { ClientToken: 'old' });
  api.clock.advance(clientTokenLifetime / 2);
  await launch(api, { ClientToken: 'young' });
  await reconcile('expired');
  expect(tokens()).toEqual(['old', 'young']);
  api.clock.advance(clientTokenLifetime / 2);
  const ImageId = await publishTestImage(api);
  const again = { ImageId, InstanceType: 't3.nano', MinCount: 1, MaxCount: 1, ClientToken: 'old' };
  expect((await api.call<Reservation>('RunInstances', again)).Instances).toHaveLength(1);
  // In order of their end, though the name is an old one.
  expect(tokens()).toEqual(['young', 'old']);
  api.clock.advance(clientTokenLifetime / 2);
  await reconcile('expired');
  expect(tokens()).toEqual(['old']);
});
