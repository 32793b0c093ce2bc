import type { CreateDhcpOptionsResult, DescribeVpcsResult } from '@aws-sdk/client-ec2';
import { expect, test } from 'vitest';
import { createTestApi } from '../../api/testing.ts';
import { vpcIntent } from '../intents.ts';
import { makeVpc } from '../vpcs/testing.ts';

test('a set is made, used by a VPC, and deleted when none uses it', async () => {
  const api = createTestApi();
  const { VpcId, DhcpOptionsId: standard } = await makeVpc(api);
  const made = await api.call<CreateDhcpOptionsResult>('CreateDhcpOptions', {
    DhcpConfigurations: [
      { Key: 'domain-name', Values: ['example.com'] },
      { Key: 'domain-name-servers', Values: ['10.0.0.2', 'fd00:ec2::253'] },
      { Key: 'ntp-servers', Values: ['169.254.169.123'] },
      { Key: 'netbios-name-servers', Values: ['10.0.0.3'] },
      { Key: 'netbios-node-type', Values: ['2'] },
    ],
  });
  const DhcpOptionsId = made.DhcpOptions?.DhcpOptionsId;
  await api.call('AssociateDhcpOptions', { DhcpOptionsId, VpcId });
  const seen = await api.call<DescribeVpcsResult>('DescribeVpcs', { VpcIds: [VpcId] });
  expect(seen.Vpcs?.[0]?.DhcpOptionsId).toBe(DhcpOptionsId);
  expect(vpcIntent(api.state, VpcId)).toMatchObject({
    domainName: 'example.com',
    dhcpOptions: {
      domainNameServers: ['10.0.0.2', 'fd00:ec2::253'],
      ntpServers: ['169.254.169.123'],
      netbiosNameServers: ['10.0.0.3'],
      netbiosNodeType: 2,
    },
  });
  expect((await api.fail('DeleteDhcpOptions', { DhcpOptionsId })).code).toBe('DependencyViolation');
  expect((await api.fail('AssociateDhcpOptions', { DhcpOptionsId, VpcId }, { account: '111111111111' })).code).toBe(
    'InvalidDhcpOptionID.NotFound',
  );
  await api.call('AssociateDhcpOptions', { DhcpOptionsId: 'default', VpcId });
  expect(vpcIntent(api.state, VpcId).dhcpOptions).toEqual({ domainNameServers: [] });
  await api.call('DeleteDhcpOptions', { DhcpOptionsId });
  expect((await api.fail('AssociateDhcpOptions', { DhcpOptionsId, VpcId })).code).toBe('InvalidDhcpOptionID.NotFound');
  await api.call('AssociateDhcpOptions', { DhcpOptionsId: standard, VpcId });
  expect(vpcIntent(api.state, VpcId).dhcpOptions).toBeUndefined();
});

test.each([
  [[], 'MissingParameter'],
  [[{ Key: 'x', Values: ['y'] }], 'InvalidParameterValue'],
  [[{ Key: 'domain-name', Values: ['a b'] }], 'InvalidParameterValue'],
  [[{ Key: 'domain-name-servers', Values: ['x'] }], 'InvalidParameterValue'],
  [[{ Key: 'netbios-node-type', Values: ['3'] }], 'InvalidParameterValue'],
  [[{ Key: 'netbios-node-type', Values: [] }], 'InvalidParameterValue'],
  [
    [{ Key: 'domain-name-servers', Values: ['1.1.1.1', '1.1.1.2', '1.1.1.3', '1.1.1.4', '1.1.1.5'] }],
    'InvalidParameterValue',
  ],
])('CreateDhcpOptions %j answers %s', async (DhcpConfigurations, code) => {
  expect((await createTestApi().fail('CreateDhcpOptions', { DhcpConfigurations })).code).toBe(code);
});
