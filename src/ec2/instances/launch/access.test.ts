import { beforeEach, describe, expect, it } from 'vitest';
import { makeUser, type Statements, setPolicy } from '../../../api/access-testing.ts';
import type { UserPrincipal } from '../../../api/call.ts';
import { createTestApi, type TestApi } from '../../../api/testing.ts';
import { publishTestImage } from '../../testing.ts';

/** A launch needs everything that it touches, each with its own condition keys. */
let api: TestApi;
let ann: UserPrincipal;
let ImageId: string;
beforeEach(async () => {
  api = createTestApi();
  ann = await makeUser(api, 'ann');
  ImageId = await publishTestImage(api);
  await api.call('CreateKeyPair', { KeyName: 'mine', KeyType: 'ed25519' });
});

const arn = (type: string, id = '*') => `arn:aws:ec2:us-east-1:000000000000:${type}/${id}`;
const shared = (type: string, id = '*') => `arn:aws:ec2:us-east-1::${type}/${id}`;

async function may(statements: Statements, input: object = {}): Promise<boolean> {
  await setPolicy(api, 'ann', statements);
  const launch = { ImageId, InstanceType: 't3.micro', MinCount: 1, MaxCount: 1, DryRun: true, ...input };
  const { code, message } = await api.fail('RunInstances', launch, { as: ann });
  if (code === 'UnauthorizedOperation') return false;
  expect([code, message]).toEqual(['DryRunOperation', expect.any(String)]);
  return true;
}

/** The resources of which the launch is allowed none but these. */
const only = (...Resource: string[]) => ({ Action: 'ec2:RunInstances', Resource });
/** Allowed, but for one kind of resource under a condition. */
const deny = (Resource: string, Condition: object) => [
  { Action: 'ec2:*' },
  { Effect: 'Deny', Action: 'ec2:RunInstances', Resource, Condition },
];
const equals = (key: string, value: string) => ({ StringEquals: { [key]: value } });

const needed = [
  shared('image'),
  arn('instance'),
  arn('network-interface'),
  arn('subnet'),
  arn('security-group'),
  arn('volume'),
];

describe('a launch needs', () => {
  it('its AMI, instance, interface, subnet, groups and volumes, and no more', async () => {
    expect(await may(only(...needed))).toBe(true);
    for (const left of needed)
      expect([left, await may(only(...needed.filter(one => one !== left)))]).toEqual([left, false]);
  });

  it('the key pair that it names', async () => {
    expect(await may(only(...needed), { KeyName: 'mine' })).toBe(false);
    expect(await may(only(...needed, arn('key-pair', 'mine')), { KeyName: 'mine' })).toBe(true);
    expect(await may(only(...needed, arn('key-pair', 'other')), { KeyName: 'mine' })).toBe(false);
  });

  it('the snapshots of volumes that it adds', async () => {
    const SnapshotId = (
      await api.call<{ Snapshots: { SnapshotId: string }[] }>('DescribeSnapshots', { OwnerIds: ['amazon'] })
    ).Snapshots[0]?.SnapshotId;
    const BlockDeviceMappings = [{ DeviceName: '/dev/xvdf', Ebs: { SnapshotId } }];
    expect(await may(only(...needed), { BlockDeviceMappings })).toBe(false);
    expect(await may(only(...needed, shared('snapshot', SnapshotId)), { BlockDeviceMappings })).toBe(true);
  });

  it('the very AMI, subnet and groups that it uses', async () => {
    const subnet = async () => {
      const { Subnets } = await api.call<{ Subnets: { SubnetId: string; AvailabilityZone: string }[] }>(
        'DescribeSubnets',
      );
      return Subnets.find(one => one.AvailabilityZone === 'us-east-1b')?.SubnetId ?? '';
    };
    const SubnetId = await subnet();
    const rest = needed.filter(one => one !== arn('subnet'));
    expect(await may(only(...rest, arn('subnet', SubnetId)), { SubnetId })).toBe(true);
    // Without one, the first zone's default subnet is used.
    expect(await may(only(...rest, arn('subnet', SubnetId)))).toBe(false);
    const images = needed.filter(one => one !== shared('image'));
    expect(await may(only(...images, shared('image', ImageId)))).toBe(true);
    expect(await may(only(...images, shared('image', 'ami-0123456789abcdef0')))).toBe(false);
    const { GroupId } = await api.call<{ GroupId: string }>('CreateSecurityGroup', {
      GroupName: 'web',
      Description: 'd',
    });
    const groups = needed.filter(one => one !== arn('security-group'));
    expect(await may(only(...groups, arn('security-group', GroupId)), { SecurityGroupIds: [GroupId] })).toBe(true);
    expect(await may(only(...groups, arn('security-group', GroupId)), { SecurityGroups: ['web'] })).toBe(true);
    expect(await may(only(...groups, arn('security-group', GroupId)))).toBe(false);
  });

  it('the AMI that a parameter stands for', async () => {
    const images = needed.filter(one => one !== shared('image'));
    const input = { ImageId: 'resolve:ssm:/aws/service/fogbank/micro/latest/amd64' };
    expect(await may(only(...images, shared('image', ImageId)), input)).toBe(true);
    expect(await may(only(...images, shared('image', 'ami-0123456789abcdef0')), input)).toBe(false);
  });

  it('what it names, if it is wrong in itself, and says what is wrong to those who may', async () => {
    await setPolicy(api, 'ann', only(arn('instance')));
    const wrong = { ImageId: 'ami-0123456789abcdef0', InstanceType: 't3.micro', MinCount: 1, MaxCount: 1 };
    expect((await api.fail('RunInstances', wrong, { as: ann })).code).toBe('UnauthorizedOperation');
    await setPolicy(api, 'ann', only('*'));
    expect((await api.fail('RunInstances', wrong, { as: ann })).code).toBe('InvalidAMIID.NotFound');
  });
});

describe('conditions of a launch', () => {
  it.each<[string, string, object, object, boolean]>([
    ['the type', arn('instance'), equals('ec2:InstanceType', 't3.micro'), {}, false],
    ['another type', arn('instance'), equals('ec2:InstanceType', 't3.micro'), { InstanceType: 't3.small' }, true],
    ['the zone', arn('instance'), equals('ec2:AvailabilityZone', 'us-east-1a'), {}, false],
    ['EBS optimization', arn('instance'), { Bool: { 'ec2:EbsOptimized': 'true' } }, { EbsOptimized: true }, false],
    ['none', arn('instance'), { Bool: { 'ec2:EbsOptimized': 'true' } }, {}, true],
    ['tenancy', arn('instance'), equals('ec2:Tenancy', 'default'), {}, false],
    ['the root device', arn('instance'), equals('ec2:RootDeviceType', 'ebs'), {}, false],
    [
      'tokens of the metadata service',
      arn('instance'),
      { StringNotEquals: { 'ec2:MetadataHttpTokens': 'required' } },
      {},
      false,
    ],
    [
      'tokens that it asks for',
      arn('instance'),
      { StringNotEquals: { 'ec2:MetadataHttpTokens': 'required' } },
      { MetadataOptions: { HttpTokens: 'required' } },
      true,
    ],
    [
      'the hop limit',
      arn('instance'),
      { NumericGreaterThan: { 'ec2:MetadataHttpPutResponseHopLimit': '2' } },
      { MetadataOptions: { HttpPutResponseHopLimit: 3 } },
      false,
    ],
    ['the size of a volume', arn('volume'), { NumericGreaterThan: { 'ec2:VolumeSize': '10' } }, {}, true],
    [
      'a large volume among others',
      arn('volume'),
      { NumericGreaterThan: { 'ec2:VolumeSize': '10' } },
      { BlockDeviceMappings: [{ DeviceName: '/dev/xvdf', Ebs: { VolumeSize: 20 } }] },
      false,
    ],
    [
      'the type of a volume',
      arn('volume'),
      { StringNotEquals: { 'ec2:VolumeType': 'gp3' } },
      { BlockDeviceMappings: [{ DeviceName: '/dev/xvdf', Ebs: { VolumeSize: 20, VolumeType: 'io1', Iops: 100 } }] },
      false,
    ],
    ['encryption', arn('volume'), { Bool: { 'ec2:Encrypted': 'false' } }, {}, false],
    ['the owner of the AMI', shared('image'), { StringNotEquals: { 'ec2:Owner': 'amazon' } }, {}, true],
    ['public AMIs', shared('image'), { Bool: { 'ec2:Public': 'true' } }, {}, false],
    ['a public address', arn('network-interface'), { Bool: { 'ec2:AssociatePublicIpAddress': 'true' } }, {}, false],
    [
      'no public address',
      arn('network-interface'),
      { Bool: { 'ec2:AssociatePublicIpAddress': 'true' } },
      { NetworkInterfaces: [{ DeviceIndex: 0, AssociatePublicIpAddress: false }] },
      true,
    ],
    ['the VPC of the subnet', arn('subnet'), { ArnLike: { 'ec2:Vpc': arn('vpc') } }, {}, false],
    ['the VPC of the group', arn('security-group'), { ArnLike: { 'ec2:Vpc': arn('vpc') } }, {}, false],
    ['the profile', arn('instance'), { Null: { 'ec2:InstanceProfile': 'false' } }, {}, true],
  ])('%s', async (_what, resource, condition, input, allowed) => {
    expect(await may(deny(resource, condition), input)).toBe(allowed);
  });

  it('on the AMI by its type keep policies from speaking of other resources', async () => {
    const onlyThis = {
      Effect: 'Deny',
      Action: 'ec2:RunInstances',
      NotResource: shared('image', ImageId),
      Condition: { Null: { 'ec2:ImageType': 'false' } },
    };
    expect(await may([{ Action: 'ec2:*' }, onlyThis])).toBe(true);
    const other = { ...onlyThis, NotResource: shared('image', 'ami-0123456789abcdef0') };
    expect(await may([{ Action: 'ec2:*' }, other])).toBe(false);
  });
});
