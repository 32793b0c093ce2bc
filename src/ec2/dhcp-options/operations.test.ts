import type { DescribeDhcpOptionsResult } from '@aws-sdk/client-ec2';
import { expect, test } from 'vitest';
import { createTestApi } from '../../api/testing.ts';

test('the default options name the domain of the Region and the VPC resolver', async () => {
  const api = createTestApi();
  const list = async (input: object = {}) =>
    (await api.call<DescribeDhcpOptionsResult>('DescribeDhcpOptions', input, { region: 'eu-west-1' })).DhcpOptions ??
    [];
  const all = await list();
  expect(all).toMatchObject([
    {
      DhcpConfigurations: [
        { Key: 'domain-name', Values: [{ Value: 'eu-west-1.compute.internal' }] },
        { Key: 'domain-name-servers', Values: [{ Value: 'AmazonProvidedDNS' }] },
      ],
      OwnerId: '000000000000',
    },
  ]);
  const finds = async (Name: string, value: string) => (await list({ Filters: [{ Name, Values: [value] }] })).length;
  expect(await finds('key', 'domain-name')).toBe(1);
  expect(await finds('key', 'ntp-servers')).toBe(0);
  expect(await finds('value', 'AmazonProvidedDNS')).toBe(1);
  expect(await finds('dhcp-options-id', all[0]?.DhcpOptionsId ?? '')).toBe(1);
});

test.each([
  [{ DhcpOptionsIds: ['dopt'] }, 'InvalidDhcpOptionsId.Malformed'],
  [{ DhcpOptionsIds: ['dopt-00000001'] }, 'InvalidDhcpOptionID.NotFound'],
  [{ Filters: [{ Name: 'vpc-id', Values: ['x'] }] }, 'InvalidParameterValue'],
])('%j answers %s', async (input, code) => {
  expect((await createTestApi().fail('DescribeDhcpOptions', input)).code).toBe(code);
});
