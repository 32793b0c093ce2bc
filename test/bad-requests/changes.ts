import { type BadRequest, ec2Cases } from './case.ts';

const bare = 'Action=RunInstances&MinCount=1&MaxCount=1';
const run = `${bare}&ImageId={image}&InstanceType=t3.micro`;
const disk = `${run}&BlockDeviceMapping.1.DeviceName`;
const modify = 'Action=ModifyInstanceAttribute&InstanceId={running}';
const allow = 'Action=AuthorizeSecurityGroupIngress&GroupId={group}';
const tcp = `${allow}&IpPermissions.1.IpProtocol=tcp`;
const cidr = 'IpPermissions.1.IpRanges.1.CidrIp';
const create = 'Action=CreateSecurityGroup&GroupDescription=d&GroupName';
const tag = 'Action=CreateTags&ResourceId.1={running}';
const long = (length: number): string => 'a'.repeat(length);
const tags = (count: number): string =>
  Array.from({ length: count }, (_, at) => `&Tag.${at + 1}.Key=k${at}&Tag.${at + 1}.Value=v`).join('');

/** Calls that would change something. */
export const changes: readonly BadRequest[] = [
  ...ec2Cases([
    ['a launch without an image', bare, 'MissingParameter'],
    ['a launch of an image that does not exist', `${bare}&ImageId=ami-0123456789abcdef0`, 'InvalidAMIID.NotFound'],
    ['a launch of an image id that is none', `${bare}&ImageId=debian`, 'InvalidAMIID.Malformed'],
    ['a launch of an unknown type', `${bare}&ImageId={image}&InstanceType=t9.huge`, 'InvalidParameterValue'],
    ['a launch on another architecture', `${bare}&ImageId={image}&InstanceType=t4g.micro`, 'InvalidParameterValue'],
    ['a launch of none', `${run.replace('MinCount=1', 'MinCount=0')}`, 'InvalidParameterValue'],
    ['a launch of more than at most', `${run.replace('MinCount=1', 'MinCount=2')}`, 'InvalidParameterCombination'],
    ['a launch of a million', `${run.replace('MaxCount=1', 'MaxCount=1000000')}`, 'InstanceLimitExceeded'],
    ['a launch with an unknown key pair', `${run}&KeyName=nobody`, 'InvalidKeyPair.NotFound'],
    ['a launch into an unknown group', `${run}&SecurityGroupId.1=sg-0123456789abcdef0`, 'InvalidGroup.NotFound'],
    ['a launch into a group by an unknown name', `${run}&SecurityGroup.1=nobody`, 'InvalidGroup.NotFound'],
    ['a launch into an unknown subnet', `${run}&SubnetId=subnet-0123456789abcdef0`, 'InvalidSubnetID.NotFound'],
    ['a launch into an unknown zone', `${run}&Placement.AvailabilityZone=mars-1a`, 'InvalidParameterValue'],
    [
      'a launch with an address outside of the subnet',
      `${run}&SubnetId={subnet}&PrivateIpAddress=10.99.0.5`,
      'InvalidParameterValue',
    ],
    [
      'a launch with an address that is none',
      `${run}&SubnetId={subnet}&PrivateIpAddress=1.2.3`,
      'InvalidParameterValue',
    ],
    [
      'a launch with an address in use',
      `${run}&SubnetId={subnet}&PrivateIpAddress={address}`,
      'InvalidIPAddress.InUse',
    ],
    ['a launch with bad user data', `${run}&UserData=%21%21`, 'InvalidUserData.Malformed'],
    [
      'a launch with 17 KB of user data',
      `${run}&UserData=${Buffer.alloc(17 * 1024)
        .toString('base64')
        .replaceAll('=', '%3D')}`,
      'InvalidParameterValue',
    ],
    ['a launch with a long client token', `${run}&ClientToken=${long(65)}`, 'InvalidParameterValue'],
    [
      'a client token with other parameters',
      `${run}&InstanceInitiatedShutdownBehavior=terminate&ClientToken=used`,
      'IdempotentParameterMismatch',
    ],
    ['a launch with an unknown end', `${run}&InstanceInitiatedShutdownBehavior=explode`, 'InvalidParameterValue'],
    ['a launch on a dedicated host', `${run}&Placement.Tenancy=host`, 'UnsupportedOperation'],
    [
      'a launch from an unknown template',
      `${run}&LaunchTemplate.LaunchTemplateId=lt-0123456789abcdef0`,
      'UnsupportedOperation',
    ],
    ['a launch into an unknown placement group', `${run}&Placement.GroupName=nobody`, 'InvalidPlacementGroup.Unknown'],
    ['a launch with 65 metadata hops', `${run}&MetadataOptions.HttpPutResponseHopLimit=65`, 'InvalidParameterValue'],
    ['a launch with unknown metadata tokens', `${run}&MetadataOptions.HttpTokens=sometimes`, 'InvalidParameterValue'],
    ['a launch with half of the CPU options', `${run}&CpuOptions.CoreCount=1`, 'InvalidParameterCombination'],
    [
      'credits for a type that has none',
      `${bare}&ImageId={image}&InstanceType=m5.large&CreditSpecification.CpuCredits=unlimited`,
      'InvalidParameterCombination',
    ],
    ['a disk with a bad name', `${disk}=C%3A&BlockDeviceMapping.1.Ebs.VolumeSize=1`, 'InvalidBlockDeviceMapping'],
    [
      'a disk named twice',
      `${disk}=/dev/sdf&BlockDeviceMapping.1.Ebs.VolumeSize=1&BlockDeviceMapping.2.DeviceName=/dev/sdf&BlockDeviceMapping.2.Ebs.VolumeSize=1`,
      'InvalidBlockDeviceMapping',
    ],
    ['a disk of nothing', `${disk}=/dev/sdf`, 'InvalidBlockDeviceMapping'],
    ['a disk of no size', `${disk}=/dev/sdf&BlockDeviceMapping.1.Ebs.VolumeSize=0`, 'InvalidParameterValue'],
    ['a disk of 100 TiB', `${disk}=/dev/sdf&BlockDeviceMapping.1.Ebs.VolumeSize=102400`, 'InvalidParameterValue'],
    [
      'a disk of an unknown type',
      `${disk}=/dev/sdf&BlockDeviceMapping.1.Ebs.VolumeSize=1&BlockDeviceMapping.1.Ebs.VolumeType=floppy`,
      'UnknownVolumeType',
    ],
    [
      'a disk of an unknown snapshot',
      `${disk}=/dev/sdf&BlockDeviceMapping.1.Ebs.SnapshotId=snap-0123456789abcdef0`,
      'InvalidSnapshot.NotFound',
    ],
    ['a root disk that is left out', `${disk}=/dev/xvda&BlockDeviceMapping.1.NoDevice=`, 'InvalidBlockDeviceMapping'],
    [
      'tags for a type that a launch does not make',
      `${run}&TagSpecification.1.ResourceType=vpc&TagSpecification.1.Tag.1.Key=k`,
      'InvalidParameterValue',
    ],
    ['tags for nothing', `${run}&TagSpecification.1.ResourceType=instance`, 'InvalidParameterValue'],
    ['an interface without an index', `${run}&NetworkInterface.1.SubnetId={subnet}`, 'MissingParameter'],
    [
      'an interface and a subnet',
      `${run}&SubnetId={subnet}&NetworkInterface.1.DeviceIndex=0`,
      'InvalidParameterCombination',
    ],
    [
      'an interface in use',
      `${run}&NetworkInterface.1.DeviceIndex=0&NetworkInterface.1.NetworkInterfaceId={interface}`,
      'InvalidNetworkInterface.InUse',
    ],
    ['a dry run that would succeed', `${run}&DryRun=true`, 'DryRunOperation', 412],
    ['a dry run that would not', `${run}&KeyName=nobody&DryRun=true`, 'InvalidKeyPair.NotFound'],
    ['an end that is protected', 'Action=TerminateInstances&InstanceId.1={protected}', 'OperationNotPermitted'],
    [
      'an end of which one is protected',
      'Action=TerminateInstances&InstanceId.1={running}&InstanceId.2={protected}',
      'OperationNotPermitted',
    ],
    ['a start of what is terminated', 'Action=StartInstances&InstanceId.1={terminated}', 'IncorrectInstanceState'],
    ['a stop of what is terminated', 'Action=StopInstances&InstanceId.1={terminated}', 'IncorrectInstanceState'],
    [
      'a stop of which one is terminated',
      'Action=StopInstances&InstanceId.1={running}&InstanceId.2={terminated}',
      'IncorrectInstanceState',
    ],
    ['a reboot of what is stopped', 'Action=RebootInstances&InstanceId.1={stopped}', 'IncorrectInstanceState'],
    [
      'a hibernation that was not prepared',
      'Action=StopInstances&InstanceId.1={running}&Hibernate=true',
      'UnsupportedHibernationConfiguration',
    ],
    ['a type changed while running', `${modify}&InstanceType.Value=t3.small`, 'IncorrectInstanceState'],
    [
      'an unknown type',
      'Action=ModifyInstanceAttribute&InstanceId={stopped}&InstanceType.Value=t9.huge',
      'InvalidInstanceAttributeValue',
    ],
    ['nothing to modify', modify, 'MissingParameter'],
    [
      'two attributes at once',
      `${modify}&DisableApiTermination.Value=true&EbsOptimized.Value=true`,
      'InvalidParameterCombination',
    ],
    ['an unknown attribute', `${modify}&Attribute=colour&Value=red`, 'InvalidParameterValue'],
    ['an attribute that is no truth value', `${modify}&Attribute=disableApiStop&Value=maybe`, 'InvalidParameterValue'],
    ['a group that does not exist', `${modify}&GroupId.1=sg-0123456789abcdef0`, 'InvalidGroup.NotFound'],
    [
      'a modified end that is unknown',
      `${modify}&InstanceInitiatedShutdownBehavior.Value=explode`,
      'InvalidParameterValue',
    ],
    [
      'an attribute of what is terminated',
      'Action=ModifyInstanceAttribute&InstanceId={terminated}&DisableApiStop.Value=true',
      'IncorrectInstanceState',
    ],
    [
      'an unknown attribute described',
      'Action=DescribeInstanceAttribute&InstanceId={running}&Attribute=colour',
      'InvalidParameterValue',
    ],
    [
      'metadata hops of zero',
      'Action=ModifyInstanceMetadataOptions&InstanceId={running}&HttpPutResponseHopLimit=0',
      'InvalidParameterValue',
    ],
    ['a group named default', `${create}=default`, 'InvalidParameterValue'],
    ['a group named like an id', `${create}=sg-mine`, 'InvalidParameterValue'],
    ['a group name that exists', `${create}=mine`, 'InvalidGroup.Duplicate'],
    ['a group name of 256 characters', `${create}=${long(256)}`, 'InvalidParameterValue'],
    ['a group name beyond ASCII', `${create}=%C3%BC`, 'InvalidParameterValue'],
    ['a group in an unknown VPC', `${create}=never&VpcId=vpc-0123456789abcdef0`, 'InvalidVpcID.NotFound'],
    ['the end of the default group', 'Action=DeleteSecurityGroup&GroupName=default', 'CannotDelete'],
    ['the end of a group in use', 'Action=DeleteSecurityGroup&GroupId={group}', 'DependencyViolation'],
    [
      'a group by id and name',
      'Action=DeleteSecurityGroup&GroupId={group}&GroupName=mine',
      'InvalidParameterCombination',
    ],
    [
      'a rule without a protocol',
      `${allow}&IpPermissions.1.FromPort=1&IpPermissions.1.ToPort=1&${cidr}=10.0.0.0/8`,
      'InvalidParameterValue',
    ],
    [
      'a rule with an unknown protocol',
      `${allow}&IpPermissions.1.IpProtocol=smoke&${cidr}=10.0.0.0/8`,
      'InvalidParameterValue',
    ],
    ['a rule without a peer', `${tcp}&IpPermissions.1.FromPort=1&IpPermissions.1.ToPort=1`, 'MissingParameter'],
    ['a rule without ports', `${tcp}&${cidr}=10.0.0.0/8`, 'InvalidParameterValue'],
    [
      'a rule with a port beyond the last',
      `${tcp}&IpPermissions.1.FromPort=1&IpPermissions.1.ToPort=65536&${cidr}=10.0.0.0/8`,
      'InvalidParameterValue',
    ],
    [
      'a rule with ports in the wrong order',
      `${tcp}&IpPermissions.1.FromPort=9&IpPermissions.1.ToPort=1&${cidr}=10.0.0.0/8`,
      'InvalidParameterValue',
    ],
    [
      'a rule with a bad block',
      `${tcp}&IpPermissions.1.FromPort=1&IpPermissions.1.ToPort=1&${cidr}=10.0.0.0/33`,
      'InvalidParameterValue',
    ],
    [
      'a rule with a block of letters',
      `${tcp}&IpPermissions.1.FromPort=1&IpPermissions.1.ToPort=1&${cidr}=anywhere`,
      'InvalidParameterValue',
    ],
    [
      'a rule that exists',
      `${tcp}&IpPermissions.1.FromPort=22&IpPermissions.1.ToPort=22&${cidr}=10.0.0.0/8`,
      'InvalidPermission.Duplicate',
    ],
    [
      'a rule of an unknown group',
      `${tcp}&IpPermissions.1.FromPort=1&IpPermissions.1.ToPort=1&IpPermissions.1.Groups.1.GroupId=sg-0123456789abcdef0`,
      'InvalidGroup.NotFound',
    ],
    [
      'a good rule and a bad one',
      `${tcp}&IpPermissions.1.FromPort=1&IpPermissions.1.ToPort=1&${cidr}=10.0.0.0/8&IpPermissions.1.IpRanges.2.CidrIp=x`,
      'InvalidParameterValue',
    ],
    ['no rule at all', allow, 'MissingParameter'],
    [
      'a rule to remove that does not exist',
      'Action=RevokeSecurityGroupIngress&GroupId={group}&SecurityGroupRuleId.1=sgr-0123456789abcdef0',
      'InvalidSecurityGroupRuleId.NotFound',
    ],
    ['a tag without a key', `${tag}&Tag.1.Value=v`, 'InvalidParameterValue'],
    ['a tag with a long key', `${tag}&Tag.1.Key=${long(128)}`, 'InvalidParameterValue'],
    ['a tag with a long value', `${tag}&Tag.1.Key=k&Tag.1.Value=${long(256)}`, 'InvalidParameterValue'],
    ['a reserved tag', `${tag}&Tag.1.Key=aws%3Amine&Tag.1.Value=v`, 'InvalidParameterValue'],
    ['51 tags', `${tag}${tags(51)}`, 'TagLimitExceeded'],
    ['the same tag twice', `${tag}&Tag.1.Key=k&Tag.1.Value=a&Tag.2.Key=k&Tag.2.Value=b`, 'InvalidParameterValue'],
    [
      'tags for an unknown instance',
      'Action=CreateTags&ResourceId.1=i-0123456789abcdef0&Tag.1.Key=k',
      'InvalidInstanceID.NotFound',
    ],
    ['tags for an id of no kind', 'Action=CreateTags&ResourceId.1=x-0123456789abcdef0&Tag.1.Key=k', 'InvalidID'],
    [
      'tags for a good resource and a bad one',
      `${tag}&ResourceId.2=vol-0123456789abcdef0&Tag.1.Key=k&Tag.1.Value=v`,
      'InvalidVolume.NotFound',
    ],
    ['a key pair that exists', 'Action=CreateKeyPair&KeyName=mine', 'InvalidKeyPair.Duplicate'],
    ['a key pair without a name', 'Action=CreateKeyPair', 'MissingParameter'],
    ['a key pair of an unknown type', 'Action=CreateKeyPair&KeyName=never&KeyType=dsa', 'InvalidParameterValue'],
    ['a key pair with a long name', `Action=CreateKeyPair&KeyName=${long(256)}`, 'InvalidParameterValue'],
    [
      'an imported key that is none',
      `Action=ImportKeyPair&KeyName=never&PublicKeyMaterial=${Buffer.from('ssh-rsa AAAA').toString('base64').replaceAll('=', '%3D')}`,
      'InvalidKey.Format',
    ],
    [
      'an imported key that is private',
      `Action=ImportKeyPair&KeyName=never&PublicKeyMaterial=${Buffer.from('-----BEGIN PRIVATE KEY-----').toString('base64').replaceAll('=', '%3D')}`,
      'InvalidKey.Format',
    ],
    [
      'a key pair id that nothing has',
      'Action=DeleteKeyPair&KeyPairId=key-0123456789abcdef0',
      'InvalidKeyPair.NotFound',
    ],
    ['the end of an image of somebody else', 'Action=DeregisterImage&ImageId={image}', 'AuthFailure', 401],
    [
      'an image of an unknown snapshot',
      'Action=RegisterImage&Name=never&Architecture=x86_64&VirtualizationType=hvm&RootDeviceName=/dev/xvda&BlockDeviceMapping.1.DeviceName=/dev/xvda&BlockDeviceMapping.1.Ebs.SnapshotId=snap-0123456789abcdef0',
      'InvalidSnapshot.NotFound',
    ],
    [
      'an image without a root disk',
      'Action=RegisterImage&Name=never&Architecture=x86_64&VirtualizationType=hvm',
      'InvalidBlockDeviceMapping',
    ],
  ]),
];
