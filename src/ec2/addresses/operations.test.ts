import { expect, test } from 'vitest';
import { createTestApi } from '../../api/testing.ts';

test('there are no Elastic IP addresses', async () => {
  const api = createTestApi();
  expect(await api.call('DescribeAddresses')).toEqual({ Addresses: [] });
  expect(await api.call('DescribeAddresses', { Filters: [{ Name: 'instance-id', Values: ['*'] }] })).toEqual({
    Addresses: [],
  });
});

test.each([
  [{ AllocationIds: ['eipalloc-00000001'] }, 'InvalidAllocationID.NotFound'],
  [{ PublicIps: ['198.18.0.9'] }, 'InvalidAddress.NotFound'],
  [{ PublicIps: ['198.18.0'] }, 'InvalidAddress.Malformed'],
  [{ Filters: [{ Name: 'x', Values: ['y'] }] }, 'InvalidParameterValue'],
])('%j answers %s', async (input, code) => {
  expect((await createTestApi().fail('DescribeAddresses', input)).code).toBe(code);
});
