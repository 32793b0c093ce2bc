import type { DescribeImagesResult, ImageAttribute, RegisterImageResult, Reservation } from '@aws-sdk/client-ec2';
import { beforeEach, describe, expect, test } from 'vitest';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import { instances } from '../instances/model.ts';
import { type SnapshotRow, snapshots } from '../snapshots/model.ts';
import { imageFilters } from './filters.ts';
import { images } from './model.ts';

const snapshotId = 'snap-0123456789abcdef0';
const stranger = { account: '111111111111' };
let api: TestApi;

function addSnapshot(more: Partial<SnapshotRow> = {}): void {
  const row: SnapshotRow = {
    snapshotId,
    owner: '000000000000/us-east-1',
    volumeId: 'vol-ffffffff',
    volumeSize: 8,
    state: 'completed',
    description: '',
    encrypted: false,
    startTime: 0,
    ...more,
  };
  api.state.write(tx => tx.put(snapshots, row));
}

beforeEach(async () => {
  api = createTestApi();
  addSnapshot();
  await api.call('DisableImageBlockPublicAccess');
});

const root = { DeviceName: '/dev/xvda', Ebs: { SnapshotId: snapshotId } };
const request = (Name: string, more: object = {}) => ({
  Name,
  Architecture: 'x86_64',
  VirtualizationType: 'hvm',
  RootDeviceName: '/dev/xvda',
  BlockDeviceMappings: [root],
  ...more,
});

async function register(name: string, more: object = {}, options: object = {}): Promise<string> {
  return (await api.call<RegisterImageResult>('RegisterImage', request(name, more), options)).ImageId ?? '';
}
const list = async (input: object = {}, options: object = {}) =>
  (await api.call<DescribeImagesResult>('DescribeImages', input, options)).Images ?? [];
const names = async (input: object = {}, options: object = {}) => (await list(input, options)).map(image => image.Name);
const share = (ImageId: string, change: object) =>
  api.call('ModifyImageAttribute', { ImageId, LaunchPermission: change });

describe('RegisterImage', () => {
  test('makes an AMI of a snapshot', async () => {
    const ImageId = await register('web-1', {
      Description: 'A web server',
      EnaSupport: true,
      SriovNetSupport: 'simple',
      ImdsSupport: 'v2.0',
      BootMode: 'uefi-preferred',
      ImageLocation: '',
      KernelId: '',
      BlockDeviceMappings: [
        root,
        {
          DeviceName: '/dev/sdf',
          Ebs: { VolumeSize: 100, VolumeType: 'gp3', Iops: 4000, Throughput: 250, DeleteOnTermination: false },
        },
      ],
      TagSpecifications: [{ ResourceType: 'image', Tags: [{ Key: 'stage', Value: 'test' }] }],
    });
    expect(ImageId).toMatch(/^ami-0[0-9a-f]{16}$/);
    expect(await list({ ImageIds: [ImageId] })).toEqual([
      {
        ImageId,
        Name: 'web-1',
        Description: 'A web server',
        ImageLocation: '000000000000/web-1',
        OwnerId: '000000000000',
        Public: false,
        State: 'available',
        Architecture: 'x86_64',
        BlockDeviceMappings: [
          {
            DeviceName: '/dev/xvda',
            Ebs: {
              SnapshotId: snapshotId,
              VolumeSize: 8,
              VolumeType: 'gp2',
              DeleteOnTermination: true,
              Encrypted: false,
            },
          },
          {
            DeviceName: '/dev/sdf',
            Ebs: {
              VolumeSize: 100,
              VolumeType: 'gp3',
              Iops: 4000,
              Throughput: 250,
              DeleteOnTermination: false,
              Encrypted: false,
            },
          },
        ],
        BootMode: 'uefi-preferred',
        CreationDate: new Date(api.clock.now()).toISOString(),
        DeregistrationProtection: 'disabled',
        EnaSupport: true,
        Hypervisor: 'xen',
        ImageType: 'machine',
        ImdsSupport: 'v2.0',
        PlatformDetails: 'Linux/UNIX',
        RootDeviceName: '/dev/xvda',
        RootDeviceType: 'ebs',
        SriovNetSupport: 'simple',
        Tags: [{ Key: 'stage', Value: 'test' }],
        UsageOperation: 'RunInstances',
        VirtualizationType: 'hvm',
      },
    ]);
  });

  test('has disks of the host, which instances get where their type has them', async () => {
    const ImageId = await register('store', {
      BlockDeviceMappings: [
        root,
        { DeviceName: '/dev/sdb', VirtualName: 'ephemeral0' },
        { DeviceName: '/dev/sdc', VirtualName: 'ephemeral1' },
      ],
    });
    expect((await list({ ImageIds: [ImageId] }))[0]?.BlockDeviceMappings?.slice(1)).toEqual([
      { DeviceName: '/dev/sdb', VirtualName: 'ephemeral0' },
      { DeviceName: '/dev/sdc', VirtualName: 'ephemeral1' },
    ]);
    const run = async (InstanceType: string, BlockDeviceMappings: object[] = []) => {
      const input = { ImageId, InstanceType, MinCount: 1, MaxCount: 1, BlockDeviceMappings };
      const { Instances } = await api.call<Reservation>('RunInstances', input);
      const row = api.state.get(instances, Instances?.[0]?.InstanceId ?? '');
      return (row?.instanceStore ?? []).map(one => `${one.deviceName} ${one.ephemeral}`);
    };
    expect(await run('t3.micro')).toEqual([]);
    expect(await run('m3.xlarge')).toEqual(['/dev/sdb 0', '/dev/sdc 1']);
    expect(await run('m3.xlarge', [{ DeviceName: '/dev/sdb', NoDevice: '' }])).toEqual(['/dev/sdc 1']);
    expect(await run('m3.xlarge', [{ DeviceName: '/dev/sdd', VirtualName: 'ephemeral0' }])).toEqual([
      '/dev/sdc 1',
      '/dev/sdd 0',
    ]);
  });

  test('has EC2’s defaults', async () => {
    const ImageId = await register('old', {
      Architecture: undefined,
      RootDeviceName: undefined,
      BlockDeviceMappings: [{ ...root, DeviceName: '/dev/sda1' }],
    });
    expect((await list({ ImageIds: [ImageId] }))[0]).toMatchObject({
      Architecture: 'i386',
      RootDeviceName: '/dev/sda1',
      EnaSupport: false,
    });
  });

  const device = (Ebs: object, DeviceName = '/dev/xvda') => ({ BlockDeviceMappings: [{ DeviceName, Ebs }] });
  test.each([
    ['a short name', { Name: 'ab' }, 'InvalidAMIName.Malformed'],
    ['a name with other characters', { Name: 'web#1' }, 'InvalidAMIName.Malformed'],
    ['no name', { Name: undefined }, 'MissingParameter'],
    ['no root device', { BlockDeviceMappings: undefined }, 'InvalidBlockDeviceMapping'],
    ['another root device', { RootDeviceName: '/dev/sda1' }, 'InvalidBlockDeviceMapping'],
    ['a root device without snapshot', device({ VolumeSize: 8 }), 'InvalidBlockDeviceMapping'],
    ['a device name from elsewhere', device({ SnapshotId: snapshotId }, '/etc/passwd'), 'InvalidBlockDeviceMapping'],
    ['a device twice', { BlockDeviceMappings: [root, root] }, 'InvalidBlockDeviceMapping'],
    ['a mapping without Ebs', { BlockDeviceMappings: [root, { DeviceName: '/dev/sdf' }] }, 'InvalidBlockDeviceMapping'],
    [
      'a mapping to nothing',
      { BlockDeviceMappings: [root, { DeviceName: '/dev/sdf', NoDevice: '' }] },
      'InvalidBlockDeviceMapping',
    ],
    [
      'a virtual name of another kind',
      { BlockDeviceMappings: [root, { DeviceName: '/dev/sdb', VirtualName: 'disk0' }] },
      'InvalidBlockDeviceMapping',
    ],
    [
      'a device under two names',
      { BlockDeviceMappings: [root, { ...root, DeviceName: '/dev/sda' }] },
      'InvalidBlockDeviceMapping',
    ],
    ['a snapshot that is not there', device({ SnapshotId: 'snap-00000000000000000' }), 'InvalidSnapshot.NotFound'],
    ['a snapshot id of another form', device({ SnapshotId: 'snap-1' }), 'InvalidSnapshotID.Malformed'],
    [
      'a volume smaller than its snapshot',
      device({ SnapshotId: snapshotId, VolumeSize: 7 }),
      'InvalidBlockDeviceMapping',
    ],
    ['an unknown volume type', device({ SnapshotId: snapshotId, VolumeType: 'gp9' }), 'UnknownVolumeType'],
    ['IOPS on gp2', device({ SnapshotId: snapshotId, Iops: 3000 }), 'InvalidParameterCombination'],
    ['a snapshot and encryption', device({ SnapshotId: snapshotId, Encrypted: false }), 'InvalidBlockDeviceMapping'],
    [
      'a key',
      {
        BlockDeviceMappings: [
          root,
          { DeviceName: '/dev/sdf', Ebs: { VolumeSize: 1, Encrypted: true, KmsKeyId: 'alias/a' } },
        ],
      },
      'InvalidBlockDeviceMapping',
    ],
    ['paravirtualization', { VirtualizationType: undefined }, 'UnsupportedOperation'],
    ['another virtualization', { VirtualizationType: 'vm' }, 'InvalidParameterValue'],
    ['another architecture', { Architecture: 'riscv64' }, 'InvalidParameterValue'],
    ['another boot mode', { BootMode: 'bios' }, 'InvalidParameterValue'],
    ['another IMDS support', { ImdsSupport: 'v1.0' }, 'InvalidParameterValue'],
    ['a long description', { Description: 'x'.repeat(256) }, 'InvalidParameterValue'],
    ['instance store', { ImageLocation: 'bucket/manifest.xml' }, 'UnsupportedOperation'],
    ['a TPM', { TpmSupport: 'v2.0' }, 'UnsupportedOperation'],
    [
      'tags for instances',
      { TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'a' }] }] },
      'InvalidParameterValue',
    ],
    ['a dry run', { DryRun: true }, 'DryRunOperation'],
  ])('refuses %s', async (_what, change, code) => {
    expect((await api.fail('RegisterImage', request('web-1', change))).code).toBe(code);
    expect(await list()).toEqual([]);
  });

  test('refuses a name in use, and snapshots that are not ready or another’s', async () => {
    const id = await register('web');
    expect(await api.fail('RegisterImage', request('web'))).toMatchObject({
      code: 'InvalidAMIName.Duplicate',
      message: expect.stringContaining(id),
    });
    expect((await api.fail('RegisterImage', request('theirs'), stranger)).code).toBe('InvalidSnapshot.NotFound');
    addSnapshot({ state: 'pending' });
    expect((await api.fail('RegisterImage', request('early'))).code).toBe('IncorrectState');
    addSnapshot({ ownerAlias: 'amazon' });
    await register('of-public-snapshot', {}, stranger);
  });
});

describe('DescribeImages', () => {
  test('shows own, shared and public AMIs, by owner and by who may launch them', async () => {
    const shared = await register('shared');
    const open = await register('open');
    await register('private');
    await share(shared, { Add: [{ UserId: '111111111111' }] });
    await share(open, { Add: [{ Group: 'all' }] });
    expect(await names()).toEqual(['shared', 'open', 'private']);
    expect(await names({}, stranger)).toEqual(['shared', 'open']);
    expect(await names({}, { account: '222222222222' })).toEqual(['open']);
    expect(await names({ Owners: ['self'] })).toHaveLength(3);
    expect(await names({ Owners: ['self'] }, stranger)).toEqual([]);
    expect(await names({ Owners: ['000000000000', 'amazon'] }, stranger)).toEqual(['shared', 'open']);
    expect(await names({ Owners: ['amazon'] })).toEqual([]);
    expect(await names({ ExecutableUsers: ['self'] }, stranger)).toEqual(['shared']);
    expect(await names({ ExecutableUsers: ['all'] }, stranger)).toEqual(['open']);
    expect(await names({ ExecutableUsers: ['111111111111'] })).toEqual(['shared']);
    expect(await names({}, { region: 'eu-west-1' })).toEqual([]);
  });

  test('an owner’s tags are not another’s to see or filter by', async () => {
    const id = await register('open', {
      TagSpecifications: [{ ResourceType: 'image', Tags: [{ Key: 'secret', Value: 'plan' }] }],
    });
    await share(id, { Add: [{ Group: 'all' }] });
    expect((await list({}, stranger))[0]?.Tags).toBeUndefined();
    const Filters = [{ Name: 'tag:secret', Values: ['plan'] }];
    expect(await names({ Filters }, stranger)).toEqual([]);
    expect(await names({ Filters })).toEqual(['open']);
  });

  test('filters', async () => {
    await register('web-1', { Description: 'first' });
    await register('web-2', {
      EnaSupport: true,
      BlockDeviceMappings: [root, { DeviceName: '/dev/sdf', Ebs: { VolumeSize: 5, DeleteOnTermination: false } }],
    });
    const by = (Name: string, ...Values: string[]) => names({ Filters: [{ Name, Values }] });
    expect(await by('name', 'web-*')).toEqual(['web-1', 'web-2']);
    expect(await by('description', 'first')).toEqual(['web-1']);
    expect(await by('ena-support', 'true')).toEqual(['web-2']);
    expect(await by('block-device-mapping.volume-size', '5')).toEqual(['web-2']);
    expect(await by('block-device-mapping.delete-on-termination', 'false')).toEqual(['web-2']);
    expect(await by('block-device-mapping.snapshot-id', snapshotId)).toEqual(['web-1', 'web-2']);
    expect(await by('creation-date', '2026-01-31T*')).toEqual(['web-1', 'web-2']);
    expect(await by('owner-id', '111111111111')).toEqual([]);
    expect(await by('is-public', 'false')).toHaveLength(2);
    expect(await by('platform', 'windows')).toEqual([]);
    for (const name of Object.keys(imageFilters)) await by(name, 'no-such-value');
  });

  test('pages, while AMIs are added', async () => {
    for (const name of ['one', 'two', 'three']) await register(name);
    const first = await api.call<DescribeImagesResult>('DescribeImages', { MaxResults: 2 });
    expect(first.Images?.map(image => image.Name)).toEqual(['one', 'two']);
    await register('four');
    expect(await names({ MaxResults: 2, NextToken: first.NextToken })).toEqual(['three', 'four']);
  });

  test('deprecated AMIs are listed for others only when asked, disabled ones for their owner only', async () => {
    const id = await register('old');
    await share(id, { Add: [{ Group: 'all' }] });
    const change = (more: object) =>
      api.state.write(tx => {
        const row = tx.get(images, id);
        if (row !== undefined) tx.put(images, { ...row, ...more });
      });
    change({ deprecationTime: api.clock.now() });
    expect(await names()).toEqual(['old']);
    expect(await names({}, stranger)).toEqual([]);
    expect(await names({ IncludeDeprecated: true }, stranger)).toEqual(['old']);
    expect(await names({ ImageIds: [id] }, stranger)).toEqual(['old']);
    change({ state: 'disabled' });
    expect(await names()).toEqual([]);
    expect(await names({ IncludeDisabled: true })).toEqual(['old']);
    expect(await names({ IncludeDisabled: true, IncludeDeprecated: true }, stranger)).toEqual([]);
  });

  test.each([
    [{ ImageIds: ['ami-00000000000000000'] }, 'InvalidAMIID.NotFound'],
    [{ ImageIds: ['ami-x'] }, 'InvalidAMIID.Malformed'],
    [{ ImageIds: ['ami-00000000000000000'], MaxResults: 5 }, 'InvalidParameterCombination'],
    [{ Owners: ['nobody'] }, 'InvalidUserID.Malformed'],
    [{ ExecutableUsers: ['everyone'] }, 'InvalidUserID.Malformed'],
    [{ Filters: [{ Name: 'colour', Values: ['x'] }] }, 'InvalidParameterValue'],
    [{ MaxResults: 1001 }, 'InvalidParameterValue'],
    [{ NextToken: 'x' }, 'InvalidNextToken'],
    [{ DryRun: true }, 'DryRunOperation'],
  ])('refuses %j', async (input, code) => {
    expect((await api.fail('DescribeImages', input)).code).toBe(code);
  });

  test('names every AMI that is not there', async () => {
    const error = await api.fail('DescribeImages', { ImageIds: ['ami-00000000000000000', 'ami-00000000000000001'] });
    expect(error.message).toBe("The image ids '[ami-00000000000000000, ami-00000000000000001]' do not exist");
  });
});

describe('image attributes', () => {
  const read = (ImageId: string, Attribute: string) =>
    api.call<ImageAttribute>('DescribeImageAttribute', { ImageId, Attribute });
  const modify = (ImageId: string, input: object) => api.call('ModifyImageAttribute', { ImageId, ...input });

  test('launch permission, in both forms, and back', async () => {
    const ImageId = await register('web');
    const permissions = async () => (await read(ImageId, 'launchPermission')).LaunchPermissions;
    await modify(ImageId, { LaunchPermission: { Add: [{ UserId: '111111111111' }, { UserId: '222222222222' }] } });
    await modify(ImageId, {
      Attribute: 'launchPermission',
      OperationType: 'add',
      UserGroups: ['all'],
      UserIds: ['111111111111'],
    });
    expect(await permissions()).toEqual([{ Group: 'all' }, { UserId: '111111111111' }, { UserId: '222222222222' }]);
    expect((await list())[0]?.Public).toBe(true);
    await modify(ImageId, {
      Attribute: 'launchPermission',
      OperationType: 'remove',
      UserIds: ['111111111111'],
      UserGroups: ['all'],
    });
    expect(await permissions()).toEqual([{ UserId: '222222222222' }]);
    await api.call('ResetImageAttribute', { ImageId, Attribute: 'launchPermission' });
    expect(await permissions()).toEqual([]);
  });

  test('description and IMDS support', async () => {
    const ImageId = await register('web');
    await modify(ImageId, { Description: { Value: 'new' } });
    expect(await read(ImageId, 'description')).toEqual({ ImageId, Description: { Value: 'new' } });
    await modify(ImageId, { Attribute: 'description', Value: 'newer' });
    expect((await list())[0]?.Description).toBe('newer');
    await modify(ImageId, { Description: { Value: '' } });
    expect((await list())[0]?.Description).toBeUndefined();
    await modify(ImageId, { ImdsSupport: { Value: 'v2.0' } });
    expect((await read(ImageId, 'imdsSupport')).ImdsSupport).toEqual({ Value: 'v2.0' });
  });

  test('the others can be read', async () => {
    const ImageId = await register('web');
    expect((await read(ImageId, 'blockDeviceMapping')).BlockDeviceMappings).toHaveLength(1);
    expect((await read(ImageId, 'bootMode')).BootMode).toEqual({ Value: 'legacy-bios' });
    for (const name of [
      'kernel',
      'ramdisk',
      'productCodes',
      'sriovNetSupport',
      'tpmSupport',
      'uefiData',
      'lastLaunchedTime',
      'deregistrationProtection',
    ]) {
      expect((await read(ImageId, name)).ImageId).toBe(ImageId);
    }
  });

  test.each([
    [{}, 'InvalidParameterCombination'],
    [{ Description: { Value: 'a' }, LaunchPermission: { Add: [{ Group: 'all' }] } }, 'InvalidParameterCombination'],
    [{ LaunchPermission: {} }, 'InvalidParameterCombination'],
    [{ LaunchPermission: { Add: [{ UserId: '12' }] } }, 'InvalidAMIAttributeItemValue'],
    [{ LaunchPermission: { Add: [{ Group: 'friends' }] } }, 'InvalidAMIAttributeItemValue'],
    [{ LaunchPermission: { Add: [{}] } }, 'InvalidAMIAttributeItemValue'],
    [
      { LaunchPermission: { Add: [{ OrganizationArn: 'arn:aws:organizations::1:organization/o-1' }] } },
      'UnsupportedOperation',
    ],
    [{ UserIds: ['111111111111'] }, 'InvalidParameterValue'],
    [{ Attribute: 'launchPermission' }, 'InvalidParameterValue'],
    [{ Attribute: 'imdsSupport', Value: 'v1.0' }, 'InvalidAMIAttributeItemValue'],
    [{ Description: { Value: 'x'.repeat(256) } }, 'InvalidParameterValue'],
    [{ ProductCodes: ['abc'] }, 'UnsupportedOperation'],
    [{ Description: { Value: 'a' }, DryRun: true }, 'DryRunOperation'],
  ])('ModifyImageAttribute refuses %j', async (input, code) => {
    const ImageId = await register('web');
    const before = await list();
    expect((await api.fail('ModifyImageAttribute', { ImageId, ...input })).code).toBe(code);
    expect(await list()).toEqual(before);
  });

  test('are their owner’s alone', async () => {
    const ImageId = await register('web');
    await share(ImageId, { Add: [{ Group: 'all' }] });
    const calls = [
      ['ModifyImageAttribute', { Description: { Value: 'mine' } }],
      ['ResetImageAttribute', { Attribute: 'launchPermission' }],
      ['DescribeImageAttribute', { Attribute: 'launchPermission' }],
      ['DeregisterImage', {}],
    ] as const;
    for (const [operation, input] of calls) {
      expect(await api.fail(operation, { ImageId, ...input }, stranger)).toMatchObject({
        code: 'AuthFailure',
        status: 401,
      });
      expect((await api.fail(operation, { ...input, ImageId: 'ami-00000000000000000' })).code).toBe(
        'InvalidAMIID.NotFound',
      );
      expect((await api.fail(operation, { ...input, ImageId: 'x' })).code).toBe('InvalidAMIID.Malformed');
    }
    expect(await names()).toEqual(['web']);
  });

  test('unknown ones are refused', async () => {
    const ImageId = await register('web');
    expect((await api.fail('DescribeImageAttribute', { ImageId, Attribute: 'constructor' })).code).toBe(
      'InvalidParameterValue',
    );
    expect((await api.fail('ResetImageAttribute', { ImageId, Attribute: 'description' })).code).toBe(
      'InvalidParameterValue',
    );
  });
});

describe('DeregisterImage', () => {
  test('takes the AMI away, but not its snapshot', async () => {
    const ImageId = await register('web', { TagSpecifications: [{ ResourceType: 'image', Tags: [{ Key: 'a' }] }] });
    expect(await api.call('DeregisterImage', { ImageId })).toEqual({ Return: true });
    expect((await api.fail('DescribeImages', { ImageIds: [ImageId] })).code).toBe('InvalidAMIID.NotFound');
    expect((await api.fail('DeregisterImage', { ImageId })).code).toBe('InvalidAMIID.NotFound');
    expect(api.state.get(snapshots, snapshotId)).toBeDefined();
    expect(JSON.stringify(api.store.load())).not.toContain(ImageId);
    await register('web');
  });
});
