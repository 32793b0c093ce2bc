import type { DescribeInstancesResult, DescribeVolumesResult, Reservation } from '@aws-sdk/client-ec2';
import { describe, expect, it } from 'vitest';
import { createTestApi } from '../../api/testing.ts';
import { launch, publishTestImage } from '../testing.ts';
import { instances } from './model.ts';

describe('RunInstances', () => {
  it('launches into the default subnet with a public address, a root volume, and the default group', async () => {
    const api = createTestApi();
    const [instance] = await launch(api);
    expect(instance).toMatchObject({
      State: { Code: 0, Name: 'pending' },
      InstanceType: 't3.micro',
      AmiLaunchIndex: 0,
      Architecture: 'x86_64',
      RootDeviceName: '/dev/xvda',
      CpuOptions: { CoreCount: 1, ThreadsPerCore: 2 },
      MetadataOptions: { HttpTokens: 'optional', HttpPutResponseHopLimit: 1, HttpEndpoint: 'enabled' },
      Placement: { AvailabilityZone: 'us-east-1a', Tenancy: 'default' },
    });
    expect(instance?.InstanceId).toMatch(/^i-[0-9a-f]{17}$/);
    expect(instance?.PrivateIpAddress).toMatch(/^172\.31\.\d+\.\d+$/);
    expect(instance?.PrivateDnsName).toBe(`ip-${instance?.PrivateIpAddress?.replaceAll('.', '-')}.ec2.internal`);
    expect(instance?.PublicIpAddress).toMatch(/^198\.18\./);
    expect(instance?.SecurityGroups?.[0]?.GroupName).toBe('default');
    const volumes = await api.call<DescribeVolumesResult>('DescribeVolumes', {
      VolumeIds: [instance?.BlockDeviceMappings?.[0]?.Ebs?.VolumeId],
    });
    expect(volumes.Volumes?.[0]).toMatchObject({ Size: 2, VolumeType: 'gp3', State: 'in-use' });
  });

  it('gives the instances of one request one reservation, launch indexes, and addresses of their own', async () => {
    const api = createTestApi();
    const launched = await launch(api, {
      MinCount: 5,
      MaxCount: 5,
      TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'Name', Value: 'web' }] }],
    });
    expect(launched.map(one => one.AmiLaunchIndex)).toEqual([0, 1, 2, 3, 4]);
    expect(new Set(launched.flatMap(one => [one.PrivateIpAddress, one.PublicIpAddress])).size).toBe(10);
    expect(launched.every(one => one.Tags?.[0]?.Value === 'web')).toBe(true);
    const seen = await api.call<DescribeInstancesResult>('DescribeInstances', {
      Filters: [{ Name: 'tag:Name', Values: ['w?b'] }],
    });
    expect(seen.Reservations).toHaveLength(1);
    expect(seen.Reservations?.[0]?.Instances).toHaveLength(5);
  });

  it('answers the same instances to the same token, and refuses it with other parameters', async () => {
    const api = createTestApi();
    const ImageId = await publishTestImage(api);
    const input = { ImageId, InstanceType: 't3.micro', MinCount: 2, MaxCount: 2, ClientToken: 'once' };
    const first = await api.call<Reservation>('RunInstances', input);
    const second = await api.call<Reservation>('RunInstances', input);
    expect(second).toEqual(first);
    expect(api.state.count(instances)).toBe(2);
    expect((await api.fail('RunInstances', { ...input, MaxCount: 3 })).code).toBe('IdempotentParameterMismatch');
    expect((await api.call<Reservation>('RunInstances', { ...input, ClientToken: 'Once' })).ReservationId).not.toBe(
      first.ReservationId,
    );
  });

  it('says that a dry run would succeed or why not, and leaves nothing behind', async () => {
    const api = createTestApi();
    const ImageId = await publishTestImage(api);
    const input = { ImageId, InstanceType: 't3.micro', MinCount: 1, MaxCount: 1, DryRun: true };
    expect(await api.fail('RunInstances', input)).toMatchObject({ code: 'DryRunOperation', status: 412 });
    expect((await api.fail('RunInstances', { ...input, KeyName: 'none' })).code).toBe('InvalidKeyPair.NotFound');
    expect(api.state.count(instances)).toBe(0);
  });

  it('lays the request over the block device mapping of the image', async () => {
    const api = createTestApi();
    const [instance] = await launch(api, {
      BlockDeviceMappings: [
        { DeviceName: '/dev/xvda', Ebs: { VolumeSize: 9, DeleteOnTermination: false } },
        { DeviceName: '/dev/sdf', Ebs: { VolumeSize: 4, VolumeType: 'io1', Iops: 200 } },
      ],
    });
    expect(instance?.BlockDeviceMappings?.map(one => [one.DeviceName, one.Ebs?.DeleteOnTermination])).toEqual([
      ['/dev/xvda', false],
      ['/dev/sdf', true],
    ]);
    const volumes = await api.call<DescribeVolumesResult>('DescribeVolumes');
    expect(volumes.Volumes?.map(one => [one.Size, one.VolumeType, one.Iops])).toEqual([
      [9, 'gp3', 3000],
      [4, 'io1', 200],
    ]);
  });

  it('takes metadata options from the request, then the account, then EC2', async () => {
    const api = createTestApi();
    await api.call('ModifyInstanceMetadataDefaults', { HttpTokens: 'required', HttpPutResponseHopLimit: 3 });
    const [byAccount] = await launch(api);
    expect(byAccount?.MetadataOptions).toMatchObject({ HttpTokens: 'required', HttpPutResponseHopLimit: 3 });
    const [byRequest] = await launch(api, { MetadataOptions: { HttpTokens: 'optional' } });
    expect(byRequest?.MetadataOptions).toMatchObject({ HttpTokens: 'optional', HttpPutResponseHopLimit: 3 });
    await api.call('ModifyInstanceMetadataDefaults', { HttpTokens: 'no-preference', HttpPutResponseHopLimit: -1 });
    const [byEc2] = await launch(api);
    expect(byEc2?.MetadataOptions).toMatchObject({ HttpTokens: 'optional', HttpPutResponseHopLimit: 1 });
  });

  it('takes the AMI from an SSM parameter', async () => {
    const api = createTestApi();
    const imageId = await publishTestImage(api);
    const name = 'resolve:ssm:/aws/service/fogbank/micro/latest/amd64';
    const [byName] = await launch(api, { ImageId: name });
    expect(byName?.ImageId).toBe(imageId);
    const arn = 'resolve:ssm:arn:aws:ssm:us-east-1::parameter/aws/service/fogbank/micro/latest/amd64';
    expect((await launch(api, { ImageId: arn }))[0]?.ImageId).toBe(imageId);
    for (const ImageId of [`${name}:1`, `${name}x`, 'resolve:ssm:', 'resolve:ssm:a b'])
      expect((await api.fail('RunInstances', { ImageId, MinCount: 1, MaxCount: 1 })).code).toBe('SsmInvalidParameter');
  });

  it('uses the interfaces that the request describes', async () => {
    const api = createTestApi();
    const [first] = await launch(api);
    const [instance] = await launch(api, {
      InstanceType: 't3.small',
      NetworkInterfaces: [
        { DeviceIndex: 1, SubnetId: first?.SubnetId, DeleteOnTermination: false },
        {
          DeviceIndex: 0,
          SubnetId: first?.SubnetId,
          PrivateIpAddress: '172.31.9.9',
          SecondaryPrivateIpAddressCount: 2,
        },
      ],
    });
    expect(instance?.PrivateIpAddress).toBe('172.31.9.9');
    expect(instance?.PublicIpAddress).toBeUndefined();
    expect(instance?.NetworkInterfaces?.map(one => one.PrivateIpAddresses?.length)).toEqual([3, 1]);
    expect(instance?.NetworkInterfaces?.map(one => one.Attachment?.DeviceIndex)).toEqual([0, 1]);
  });

  it('takes a zone by its id', async () => {
    const [instance] = await launch(createTestApi(), { Placement: { AvailabilityZoneId: 'use1-az2' } });
    expect(instance?.Placement?.AvailabilityZone).toBe('us-east-1b');
  });

  it.each([
    ['no image', { ImageId: undefined }, 'MissingParameter'],
    ['malformed image', { ImageId: 'ami-xyz' }, 'InvalidAMIID.Malformed'],
    ['unknown image', { ImageId: 'ami-00000000' }, 'InvalidAMIID.NotFound'],
    ['unknown type', { InstanceType: 't3.gigantic' }, 'InvalidParameterValue'],
    ['type of another architecture', { InstanceType: 't4g.micro' }, 'InvalidParameterValue'],
    ['unknown zone id', { Placement: { AvailabilityZoneId: 'use1-az9' } }, 'InvalidParameterValue'],
    [
      'zone and zone id',
      { Placement: { AvailabilityZone: 'us-east-1a', AvailabilityZoneId: 'use1-az1' } },
      'InvalidParameterCombination',
    ],
    ['unknown host names', { PrivateDnsNameOptions: { HostnameType: 'x' } }, 'InvalidParameterValue'],
    ['unknown recovery', { MaintenanceOptions: { AutoRecovery: 'x' } }, 'InvalidParameterValue'],
    ['a primary IPv6 address without IPv6', { EnablePrimaryIpv6: true }, 'InvalidParameterValue'],
    ['bandwidth', { NetworkPerformanceOptions: { BandwidthWeighting: 'vpc-1' } }, 'UnsupportedOperation'],
    [
      'reserved capacity',
      { CapacityReservationSpecification: { CapacityReservationPreference: 'capacity-reservations-only' } },
      'UnsupportedOperation',
    ],
    [
      'initialization rate',
      { BlockDeviceMappings: [{ DeviceName: '/dev/sdf', Ebs: { VolumeSize: 1, VolumeInitializationRate: 200 } }] },
      'UnsupportedOperation',
    ],
    ['unknown key', { KeyName: 'none' }, 'InvalidKeyPair.NotFound'],
    ['minimum over maximum', { MinCount: 2, MaxCount: 1 }, 'InvalidParameterCombination'],
    ['no instances', { MinCount: 0 }, 'InvalidParameterValue'],
    ['very many instances', { MaxCount: 100_000 }, 'InstanceLimitExceeded'],
    ['unknown subnet', { SubnetId: 'subnet-00000000' }, 'InvalidSubnetID.NotFound'],
    ['malformed subnet', { SubnetId: 'subnet' }, 'InvalidSubnetID.Malformed'],
    ['unknown group', { SecurityGroupIds: ['sg-00000000'] }, 'InvalidGroup.NotFound'],
    ['unknown group name', { SecurityGroups: ['none'] }, 'InvalidGroup.NotFound'],
    ['unknown zone', { Placement: { AvailabilityZone: 'us-east-1z' } }, 'InvalidParameterValue'],
    ['dedicated tenancy', { Placement: { Tenancy: 'dedicated' } }, 'UnsupportedOperation'],
    ['unknown placement group', { Placement: { GroupName: 'none' } }, 'InvalidPlacementGroup.Unknown'],
    ['user data that is no base64', { UserData: '#!/bin/sh' }, 'InvalidUserData.Malformed'],
    ['too much user data', { UserData: Buffer.alloc(16_385).toString('base64') }, 'InvalidParameterValue'],
    ['address outside the subnet', { PrivateIpAddress: '10.0.0.5' }, 'InvalidParameterValue'],
    ['reserved address', { PrivateIpAddress: '172.31.0.1' }, 'InvalidParameterValue'],
    ['one address for two', { PrivateIpAddress: '172.31.0.9', MaxCount: 2 }, 'InvalidParameterCombination'],
    [
      'subnet and interfaces',
      { SubnetId: 'subnet-00000000', NetworkInterfaces: [{ DeviceIndex: 0 }] },
      'InvalidParameterCombination',
    ],
    [
      'groups and interfaces',
      { SecurityGroupIds: ['sg-00000000'], NetworkInterfaces: [{ DeviceIndex: 0 }] },
      'InvalidParameterCombination',
    ],
    ['no primary interface', { NetworkInterfaces: [{ DeviceIndex: 1 }] }, 'InvalidParameterCombination'],
    [
      'two interfaces at one index',
      { NetworkInterfaces: [{ DeviceIndex: 0 }, { DeviceIndex: 0 }] },
      'InvalidParameterValue',
    ],
    [
      'too many interfaces',
      { NetworkInterfaces: [0, 1, 2].map(DeviceIndex => ({ DeviceIndex })) },
      'InvalidParameterValue',
    ],
    [
      'too many addresses',
      { NetworkInterfaces: [{ DeviceIndex: 0, SecondaryPrivateIpAddressCount: 2 }] },
      'PrivateIpAddressLimitExceeded',
    ],
    [
      'unknown interface',
      { NetworkInterfaces: [{ DeviceIndex: 0, NetworkInterfaceId: 'eni-00000000' }] },
      'InvalidNetworkInterfaceID.NotFound',
    ],
    [
      'root smaller than the image',
      { BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 1 } }] },
      'InvalidBlockDeviceMapping',
    ],
    ['no root', { BlockDeviceMappings: [{ DeviceName: '/dev/xvda', NoDevice: '' }] }, 'InvalidBlockDeviceMapping'],
    ['volume without size', { BlockDeviceMappings: [{ DeviceName: '/dev/sdf', Ebs: {} }] }, 'MissingParameter'],
    [
      'unknown volume type',
      { BlockDeviceMappings: [{ DeviceName: '/dev/sdf', Ebs: { VolumeSize: 1, VolumeType: 'gp9' } }] },
      'UnknownVolumeType',
    ],
    [
      'IOPS where there are none',
      { BlockDeviceMappings: [{ DeviceName: '/dev/sdf', Ebs: { VolumeSize: 1, VolumeType: 'gp2', Iops: 9 } }] },
      'InvalidParameterCombination',
    ],
    [
      'unknown snapshot',
      { BlockDeviceMappings: [{ DeviceName: '/dev/sdf', Ebs: { SnapshotId: 'snap-00000000' } }] },
      'InvalidSnapshot.NotFound',
    ],
    [
      'a key without encryption',
      { BlockDeviceMappings: [{ DeviceName: '/dev/sdf', Ebs: { VolumeSize: 1, KmsKeyId: 'alias/a' } }] },
      'InvalidParameterDependency',
    ],
    [
      'bad device name',
      { BlockDeviceMappings: [{ DeviceName: '../x', Ebs: { VolumeSize: 1 } }] },
      'InvalidBlockDeviceMapping',
    ],
    ['hop limit out of range', { MetadataOptions: { HttpPutResponseHopLimit: 65 } }, 'InvalidParameterValue'],
    ['bad token mode', { MetadataOptions: { HttpTokens: 'maybe' } }, 'InvalidParameterValue'],
    [
      'credits of a type without',
      { InstanceType: 'm5.large', CreditSpecification: { CpuCredits: 'unlimited' } },
      'InvalidParameterCombination',
    ],
    ['half of the CPU options', { CpuOptions: { CoreCount: 1 } }, 'InvalidParameterCombination'],
    ['too many cores', { CpuOptions: { CoreCount: 9, ThreadsPerCore: 1 } }, 'InvalidParameterValue'],
    ['launch template', { LaunchTemplate: { LaunchTemplateName: 'x' } }, 'UnsupportedOperation'],
    ['Spot', { InstanceMarketOptions: { MarketType: 'spot' } }, 'UnsupportedOperation'],
    [
      'hibernation of a type without',
      { InstanceType: 'c7g.large', HibernationOptions: { Configured: true } },
      'InvalidParameterValue',
    ],
    [
      'hibernation on a small root volume',
      { InstanceType: 'm5.4xlarge', HibernationOptions: { Configured: true } },
      'UnsupportedHibernationConfiguration',
    ],
    ['unknown instance profile', { IamInstanceProfile: { Name: 'none' } }, 'InvalidParameterValue'],
    [
      'reserved tag',
      { TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'aws:x', Value: '' }] }] },
      'InvalidParameterValue',
    ],
    [
      'tags of another type',
      { TagSpecifications: [{ ResourceType: 'vpc', Tags: [{ Key: 'x', Value: '' }] }] },
      'InvalidParameterValue',
    ],
    [
      'too many tags',
      {
        TagSpecifications: [
          { ResourceType: 'instance', Tags: Array.from({ length: 51 }, (_, i) => ({ Key: `k${i}`, Value: '' })) },
        ],
      },
      'TagLimitExceeded',
    ],
    ['shutdown behavior', { InstanceInitiatedShutdownBehavior: 'explode' }, 'InvalidParameterValue'],
    ['long client token', { ClientToken: 'x'.repeat(65) }, 'InvalidParameterValue'],
  ])('refuses: %s', async (_what, change, code) => {
    const api = createTestApi();
    const ImageId = await publishTestImage(api);
    const error = await api.fail('RunInstances', {
      ImageId,
      InstanceType: 't3.micro',
      MinCount: 1,
      MaxCount: 1,
      ...change,
    });
    expect(error.code).toBe(code);
    expect(error.message.length).toBeGreaterThan(10);
    expect(api.state.count(instances)).toBe(0);
  });

  it('refuses before anything is made when there is no room', async () => {
    const api = createTestApi({
      name: 'full',
      capabilities: {
        realMachines: true,
        consoleOutput: false,
        screenshot: false,
        hibernation: true,
        architectures: ['x86_64'],
      },
      admit: ({ memoryMib }) => (memoryMib <= 2048 ? true : 'not enough memory'),
      machines: createTestApi().engine.machines,
    });
    const ImageId = await publishTestImage(api);
    const input = { ImageId, InstanceType: 't3.micro', MinCount: 3, MaxCount: 5 };
    expect(await api.fail('RunInstances', input)).toMatchObject({ code: 'InsufficientInstanceCapacity', status: 500 });
    expect(api.state.count(instances)).toBe(0);
    // As many as fit, when that is at least the minimum.
    expect((await api.call<Reservation>('RunInstances', { ...input, MinCount: 1 })).Instances).toHaveLength(2);
  });
});
