import type { CreateInternetGatewayResult, DescribeInternetGatewaysResult } from '@aws-sdk/client-ec2';
import { expect, test } from 'vitest';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import { launch } from '../testing.ts';
import { makeVpc } from '../vpcs/testing.ts';

async function create(api: TestApi): Promise<string> {
  const made = await api.call<CreateInternetGatewayResult>('CreateInternetGateway');
  return made.InternetGateway?.InternetGatewayId ?? '';
}

test('a gateway is made, attached, detached and deleted', async () => {
  const api = createTestApi();
  const { VpcId } = await makeVpc(api);
  const InternetGatewayId = await create(api);
  const both = { InternetGatewayId, VpcId };
  expect((await api.fail('DetachInternetGateway', both)).code).toBe('Gateway.NotAttached');
  await api.call('AttachInternetGateway', both);
  const seen = await api.call<DescribeInternetGatewaysResult>('DescribeInternetGateways', {
    Filters: [{ Name: 'attachment.vpc-id', Values: [VpcId] }],
  });
  expect(seen.InternetGateways).toMatchObject([{ InternetGatewayId }]);
  expect((await api.fail('AttachInternetGateway', both)).code).toBe('Resource.AlreadyAssociated');
  const second = { InternetGatewayId: await create(api), VpcId };
  expect((await api.fail('AttachInternetGateway', second)).code).toBe('InvalidParameterValue');
  expect((await api.fail('DeleteInternetGateway', { InternetGatewayId })).code).toBe('DependencyViolation');
  expect((await api.fail('DeleteVpc', { VpcId })).code).toBe('DependencyViolation');
  await api.call('DetachInternetGateway', both);
  await api.call('DeleteInternetGateway', { InternetGatewayId });
  expect((await api.fail('DeleteInternetGateway', { InternetGatewayId })).code).toBe(
    'InvalidInternetGatewayID.NotFound',
  );
});

test('a gateway stays while an instance is public through it', async () => {
  const api = createTestApi();
  const [instance] = await launch(api);
  const VpcId = instance?.VpcId;
  const { InternetGateways } = await api.call<DescribeInternetGatewaysResult>('DescribeInternetGateways');
  const InternetGatewayId = InternetGateways?.[0]?.InternetGatewayId;
  expect((await api.fail('DetachInternetGateway', { InternetGatewayId, VpcId })).code).toBe('DependencyViolation');
});

test('five gateways and no more; those of others are not there', async () => {
  const api = createTestApi();
  const InternetGatewayId = await create(api);
  for (let index = 0; index < 3; index++) await create(api);
  expect((await api.fail('CreateInternetGateway')).code).toBe('InternetGatewayLimitExceeded');
  const other = await api.fail('DeleteInternetGateway', { InternetGatewayId }, { account: '111111111111' });
  expect(other.code).toBe('InvalidInternetGatewayID.NotFound');
});
