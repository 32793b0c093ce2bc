import type {
  CreateSecurityGroupResult,
  DescribeNetworkInterfaceAttributeResult,
  DescribeNetworkInterfacesResult,
  NetworkInterface,
} from '@aws-sdk/client-ec2';
import { describe, expect, test } from 'vitest';
import { createTestApi } from '../../api/testing.ts';
import { resolveGroups } from '../security-groups/resolve.ts';
import { chooseSubnet } from '../subnets/choose.ts';
import { assignPublicIp, createNetworkInterface } from './lifecycle.ts';
import type { NetworkInterfaceRow } from './model.ts';

const owner = '000000000000/us-east-1';

async function setUp() {
  const api = createTestApi();
  await api.call('DescribeVpcs');
  const create = (options: { instanceId?: string; description?: string; deviceIndex?: number } = {}) =>
    api.state.write(tx => {
      const context = { db: tx, owner, region: 'us-east-1', now: api.clock.now() };
      const subnet = chooseSubnet(context, {});
      const { instanceId, description, deviceIndex = 0 } = options;
      const row = createNetworkInterface(context, {
        subnet,
        groupIds: resolveGroups(context, { vpcId: subnet.vpcId }),
        associatePublicIp: true,
        description,
        attachment: instanceId === undefined ? undefined : { instanceId, deviceIndex, deleteOnTermination: true },
      });
      return instanceId === undefined ? row : assignPublicIp(tx, row, '198.18.0.0/16');
    });
  const list = async (input: object = {}) =>
    (await api.call<DescribeNetworkInterfacesResult>('DescribeNetworkInterfaces', input)).NetworkInterfaces ?? [];
  return { api, create, list };
}

const instanceId = 'i-00000000000000001';

describe('DescribeNetworkInterfaces', () => {
  test('shows an attached interface as EC2 does', async () => {
    const { create, list } = await setUp();
    const row = create({ instanceId, description: 'web' });
    const [shown] = await list();
    const address = row.privateIpAddresses[0]?.address ?? '';
    const publicIp = row.privateIpAddresses[0]?.publicIp ?? '';
    expect(shown).toMatchObject({
      NetworkInterfaceId: row.networkInterfaceId,
      Status: 'in-use',
      Description: 'web',
      InterfaceType: 'interface',
      AvailabilityZone: 'us-east-1a',
      MacAddress: row.macAddress,
      OwnerId: '000000000000',
      PrivateIpAddress: address,
      PrivateDnsName: `ip-${address.replaceAll('.', '-')}.ec2.internal`,
      SourceDestCheck: true,
      Attachment: { InstanceId: instanceId, DeviceIndex: 0, DeleteOnTermination: true, Status: 'attached' },
      Association: {
        PublicIp: publicIp,
        IpOwnerId: 'amazon',
        PublicDnsName: `ec2-${publicIp.replaceAll('.', '-')}.compute-1.amazonaws.com`,
      },
      Groups: [{ GroupName: 'default' }],
      TagSet: [],
    } satisfies NetworkInterface);
    expect(shown?.PrivateIpAddresses).toHaveLength(1);
  });

  test.each<[string, (row: NetworkInterfaceRow) => string]>([
    ['attachment.instance-id', () => instanceId],
    ['attachment.attachment-id', row => row.attachment?.attachmentId ?? ''],
    ['attachment.device-index', () => '0'],
    ['attachment.status', () => 'attached'],
    ['association.public-ip', row => row.privateIpAddresses[0]?.publicIp ?? ''],
    ['addresses.private-ip-address', row => row.privateIpAddresses[0]?.address ?? ''],
    ['private-ip-address', row => row.privateIpAddresses[0]?.address ?? ''],
    ['mac-address', row => row.macAddress],
    ['network-interface-id', row => row.networkInterfaceId],
    ['description', () => 'w*'],
    ['status', () => 'in-use'],
  ])('filter %s finds the one', async (Name, value) => {
    const { create, list } = await setUp();
    for (let index = 0; index < 5; index++) create();
    const row = create({ instanceId, description: 'web' });
    const found = await list({ Filters: [{ Name, Values: [value(row)] }] });
    expect(found.map(one => one.NetworkInterfaceId)).toEqual([row.networkInterfaceId]);
  });

  test('filters that all match find all, those that none matches find none', async () => {
    const { create, list } = await setUp();
    const row = create();
    create();
    for (const [Name, value] of [
      ['vpc-id', row.vpcId],
      ['subnet-id', row.subnetId],
      ['group-id', row.groupIds[0]],
    ]) {
      expect(await list({ Filters: [{ Name, Values: [value] }] })).toHaveLength(2);
    }
    expect(await list({ Filters: [{ Name: 'subnet-id', Values: ['subnet-00000000000000009'] }] })).toEqual([]);
  });

  test('another account sees none and finds none by id', async () => {
    const { api, create } = await setUp();
    const row = create();
    const options = { account: '111111111111' };
    expect(await api.call('DescribeNetworkInterfaces', {}, options)).toMatchObject({ NetworkInterfaces: [] });
    const error = await api.fail(
      'DescribeNetworkInterfaces',
      { NetworkInterfaceIds: [row.networkInterfaceId] },
      options,
    );
    expect(error.code).toBe('InvalidNetworkInterfaceID.NotFound');
  });
});

describe('attributes', () => {
  test('what is modified is described', async () => {
    const { api, create, list } = await setUp();
    const row = create({ instanceId });
    const NetworkInterfaceId = row.networkInterfaceId;
    const modify = (change: object) => api.call('ModifyNetworkInterfaceAttribute', { NetworkInterfaceId, ...change });
    const attribute = (Attribute: string) =>
      api.call<DescribeNetworkInterfaceAttributeResult>('DescribeNetworkInterfaceAttribute', {
        NetworkInterfaceId,
        Attribute,
      });
    await modify({ Description: { Value: 'new' } });
    expect((await attribute('description')).Description).toEqual({ Value: 'new' });
    await modify({ SourceDestCheck: { Value: false } });
    expect((await attribute('sourceDestCheck')).SourceDestCheck).toEqual({ Value: false });
    await api.call('ResetNetworkInterfaceAttribute', { NetworkInterfaceId, SourceDestCheck: 'true' });
    expect((await attribute('sourceDestCheck')).SourceDestCheck).toEqual({ Value: true });
    const AttachmentId = row.attachment?.attachmentId;
    await modify({ Attachment: { AttachmentId, DeleteOnTermination: false } });
    expect((await attribute('attachment')).Attachment).toMatchObject({ AttachmentId, DeleteOnTermination: false });
    const { GroupId } = await api.call<CreateSecurityGroupResult>('CreateSecurityGroup', {
      GroupName: 'g',
      Description: 'd',
    });
    await modify({ Groups: [GroupId] });
    expect((await attribute('groupSet')).Groups).toEqual([{ GroupId, GroupName: 'g' }]);
    expect(await list({ Filters: [{ Name: 'group-id', Values: [GroupId] }] })).toHaveLength(1);
    expect((await attribute('associatePublicIpAddress')).AssociatePublicIpAddress).toBe(true);
  });

  const eni = 'ENI';
  test.each<[string, object, string]>([
    ['DescribeNetworkInterfaces', { NetworkInterfaceIds: ['eni-1'] }, 'InvalidNetworkInterfaceId.Malformed'],
    [
      'DescribeNetworkInterfaces',
      { NetworkInterfaceIds: ['eni-00000000000000009'] },
      'InvalidNetworkInterfaceID.NotFound',
    ],
    ['DescribeNetworkInterfaces', { NetworkInterfaceIds: [eni], MaxResults: 5 }, 'InvalidParameterCombination'],
    ['DescribeNetworkInterfaces', { MaxResults: 4 }, 'InvalidParameterValue'],
    ['DescribeNetworkInterfaces', { Filters: [{ Name: 'nope', Values: ['x'] }] }, 'InvalidParameterValue'],
    ['DescribeNetworkInterfaces', { NextToken: 'AAAA' }, 'InvalidNextToken'],
    ['DescribeNetworkInterfaceAttribute', { NetworkInterfaceId: eni }, 'MissingParameter'],
    ['DescribeNetworkInterfaceAttribute', { NetworkInterfaceId: eni, Attribute: 'x' }, 'InvalidParameterValue'],
    ['ModifyNetworkInterfaceAttribute', { NetworkInterfaceId: eni }, 'MissingParameter'],
    ['ModifyNetworkInterfaceAttribute', { NetworkInterfaceId: eni, Groups: [] }, 'InvalidParameterValue'],
    ['ModifyNetworkInterfaceAttribute', { NetworkInterfaceId: eni, Groups: ['sg-x'] }, 'InvalidGroupId.Malformed'],
    [
      'ModifyNetworkInterfaceAttribute',
      { NetworkInterfaceId: eni, Groups: ['sg-00000000000000009'] },
      'InvalidGroup.NotFound',
    ],
    [
      'ModifyNetworkInterfaceAttribute',
      { NetworkInterfaceId: eni, Description: { Value: 'x'.repeat(256) } },
      'InvalidParameterValue',
    ],
    [
      'ModifyNetworkInterfaceAttribute',
      { NetworkInterfaceId: eni, Description: { Value: '' }, SourceDestCheck: { Value: true } },
      'InvalidParameterCombination',
    ],
    [
      'ModifyNetworkInterfaceAttribute',
      { NetworkInterfaceId: eni, Attachment: { DeleteOnTermination: true } },
      'MissingParameter',
    ],
    [
      'ModifyNetworkInterfaceAttribute',
      { NetworkInterfaceId: eni, Attachment: { AttachmentId: 'x', DeleteOnTermination: true } },
      'InvalidNetworkInterfaceAttachmentId.Malformed',
    ],
    [
      'ModifyNetworkInterfaceAttribute',
      { NetworkInterfaceId: eni, Attachment: { AttachmentId: 'eni-attach-00000001', DeleteOnTermination: true } },
      'InvalidAttachmentID.NotFound',
    ],
    ['ModifyNetworkInterfaceAttribute', { NetworkInterfaceId: eni, EnablePrimaryIpv6: true }, 'InvalidParameterValue'],
    [
      'ModifyNetworkInterfaceAttribute',
      { NetworkInterfaceId: eni, AssociatePublicIpAddress: true },
      'UnsupportedOperation',
    ],
    ['ResetNetworkInterfaceAttribute', { NetworkInterfaceId: eni }, 'MissingParameter'],
  ])('%s %j answers %s and changes nothing', async (operation, input, code) => {
    const { api, create } = await setUp();
    const id = create().networkInterfaceId;
    const before = await api.call('DescribeNetworkInterfaces');
    const error = await api.fail(operation, JSON.parse(JSON.stringify(input).replaceAll(eni, id)));
    expect(error.code).toBe(code);
    expect(await api.call('DescribeNetworkInterfaces')).toEqual(before);
  });
});
