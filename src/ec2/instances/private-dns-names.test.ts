import type { DescribeInstancesResult, DescribeSubnetsResult, Instance } from '@aws-sdk/client-ec2';
import { beforeEach, expect, it } from 'vitest';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import { portIntent } from '../intents.ts';
import { networkInterfaces } from '../network-interfaces/model.ts';
import { launch } from '../testing.ts';
import { instances } from './model.ts';

let api: TestApi;
let InstanceId: string;
beforeEach(async () => {
  api = createTestApi();
  const [instance] = await launch(api);
  InstanceId = instance?.InstanceId ?? '';
});

const seen = async (id = InstanceId): Promise<Instance | undefined> =>
  (await api.call<DescribeInstancesResult>('DescribeInstances', { InstanceIds: [id] })).Reservations?.[0]
    ?.Instances?.[0];
const modify = (input: object) => api.call('ModifyPrivateDnsNameOptions', { InstanceId, ...input });
const stop = () =>
  api.state.write(tx => {
    const row = tx.get(instances, InstanceId);
    if (row !== undefined) tx.put(instances, { ...row, state: 'stopped' });
  });

/** What VPC DNS is told of the instance's ID. */
function resolved(id = InstanceId) {
  const [row] = api.state.by(networkInterfaces, 'instance', id);
  return portIntent(api.state, row?.networkInterfaceId ?? '', 1).resourceName;
}

it('the name by the ID is resolved as far as its options say', async () => {
  expect(resolved()).toBeUndefined();
  api.state.write(tx => {
    const [row] = tx.by(networkInterfaces, 'instance', InstanceId);
    if (row !== undefined) tx.put(networkInterfaces, { ...row, ipv6Addresses: ['fdf0:9ba0::a', 'fdf0:9ba0::b'] });
  });
  await modify({ EnableResourceNameDnsAAAARecord: true });
  expect(resolved()).toEqual({ name: InstanceId, addresses: ['fdf0:9ba0::a'] });
  await modify({ EnableResourceNameDnsARecord: true });
  const address = (await seen())?.PrivateIpAddress;
  expect(resolved()).toEqual({ name: InstanceId, addresses: [address, 'fdf0:9ba0::a'] });
  await modify({ EnableResourceNameDnsAAAARecord: false });
  expect((await seen())?.PrivateDnsNameOptions).toEqual({
    HostnameType: 'ip-name',
    EnableResourceNameDnsARecord: true,
    EnableResourceNameDnsAAAARecord: false,
  });
});

it('the type of the host name changes while the instance is stopped', async () => {
  const change = { PrivateDnsHostnameType: 'resource-name' };
  const refused = await api.fail('ModifyPrivateDnsNameOptions', { InstanceId, ...change });
  expect(refused.code).toBe('IncorrectInstanceState');
  stop();
  await modify(change);
  expect((await seen())?.PrivateDnsName).toBe(`${InstanceId}.ec2.internal`);
  const wrong = await api.fail('ModifyPrivateDnsNameOptions', { InstanceId, PrivateDnsHostnameType: 'other' });
  expect(wrong.code).toBe('InvalidParameterValue');
});

it('a launch has the options of its subnet, unless it gives others', async () => {
  const { Subnets } = await api.call<DescribeSubnetsResult>('DescribeSubnets', {});
  const SubnetId = Subnets?.[0]?.SubnetId;
  await api.call('ModifySubnetAttribute', { SubnetId, EnableResourceNameDnsAAAARecordOnLaunch: { Value: true } });
  const [first] = await launch(api, { SubnetId });
  expect(first?.PrivateDnsNameOptions?.EnableResourceNameDnsAAAARecord).toBe(true);
  const [second] = await launch(api, { SubnetId, PrivateDnsNameOptions: { EnableResourceNameDnsAAAARecord: false } });
  expect(second?.PrivateDnsNameOptions?.EnableResourceNameDnsAAAARecord).toBe(false);
  const Filters = [{ Name: 'private-dns-name-options.enable-resource-name-dns-aaaa-record', Values: ['true'] }];
  const found = await api.call<DescribeInstancesResult>('DescribeInstances', { Filters });
  expect(found.Reservations?.map(one => one.Instances?.[0]?.InstanceId)).toEqual([first?.InstanceId]);
});
