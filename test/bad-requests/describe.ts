import { type BadRequest, ec2Cases, type Row } from './case.ts';

/** Actions that take ids, with the names of their parameters and the codes that speak of each kind. */
const kinds: readonly (readonly [
  action: string,
  parameter: string,
  prefix: string,
  malformed: string,
  notFound: string,
])[] = [
  ['DescribeInstances', 'InstanceId.1', 'i', 'InvalidInstanceID.Malformed', 'InvalidInstanceID.NotFound'],
  ['DescribeInstanceStatus', 'InstanceId.1', 'i', 'InvalidInstanceID.Malformed', 'InvalidInstanceID.NotFound'],
  ['StartInstances', 'InstanceId.1', 'i', 'InvalidInstanceID.Malformed', 'InvalidInstanceID.NotFound'],
  ['StopInstances', 'InstanceId.1', 'i', 'InvalidInstanceID.Malformed', 'InvalidInstanceID.NotFound'],
  ['RebootInstances', 'InstanceId.1', 'i', 'InvalidInstanceID.Malformed', 'InvalidInstanceID.NotFound'],
  ['TerminateInstances', 'InstanceId.1', 'i', 'InvalidInstanceID.Malformed', 'InvalidInstanceID.NotFound'],
  ['MonitorInstances', 'InstanceId.1', 'i', 'InvalidInstanceID.Malformed', 'InvalidInstanceID.NotFound'],
  ['GetConsoleOutput', 'InstanceId', 'i', 'InvalidInstanceID.Malformed', 'InvalidInstanceID.NotFound'],
  ['DescribeVolumes', 'VolumeId.1', 'vol', 'InvalidVolumeID.Malformed', 'InvalidVolume.NotFound'],
  ['DescribeSnapshots', 'SnapshotId.1', 'snap', 'InvalidSnapshotID.Malformed', 'InvalidSnapshot.NotFound'],
  ['DescribeImages', 'ImageId.1', 'ami', 'InvalidAMIID.Malformed', 'InvalidAMIID.NotFound'],
  ['DeregisterImage', 'ImageId', 'ami', 'InvalidAMIID.Malformed', 'InvalidAMIID.NotFound'],
  ['DescribeVpcs', 'VpcId.1', 'vpc', 'InvalidVpcID.Malformed', 'InvalidVpcID.NotFound'],
  ['DescribeSubnets', 'SubnetId.1', 'subnet', 'InvalidSubnetID.Malformed', 'InvalidSubnetID.NotFound'],
  ['DescribeSecurityGroups', 'GroupId.1', 'sg', 'InvalidGroupId.Malformed', 'InvalidGroup.NotFound'],
  ['DeleteSecurityGroup', 'GroupId', 'sg', 'InvalidGroupId.Malformed', 'InvalidGroup.NotFound'],
  [
    'DescribeSecurityGroupRules',
    'SecurityGroupRuleId.1',
    'sgr',
    'InvalidSecurityGroupRuleId.Malformed',
    'InvalidSecurityGroupRuleId.NotFound',
  ],
  [
    'DescribeNetworkInterfaces',
    'NetworkInterfaceId.1',
    'eni',
    'InvalidNetworkInterfaceId.Malformed',
    'InvalidNetworkInterfaceID.NotFound',
  ],
  [
    'DescribeInternetGateways',
    'InternetGatewayId.1',
    'igw',
    'InvalidInternetGatewayId.Malformed',
    'InvalidInternetGatewayID.NotFound',
  ],
  ['DescribeRouteTables', 'RouteTableId.1', 'rtb', 'InvalidRouteTableId.Malformed', 'InvalidRouteTableID.NotFound'],
  ['DescribeNetworkAcls', 'NetworkAclId.1', 'acl', 'InvalidNetworkAclId.Malformed', 'InvalidNetworkAclID.NotFound'],
  ['DescribeDhcpOptions', 'DhcpOptionsId.1', 'dopt', 'InvalidDhcpOptionsId.Malformed', 'InvalidDhcpOptionID.NotFound'],
];

const ids: Row[] = kinds.flatMap(([action, parameter, prefix, malformed, notFound]): Row[] => [
  [`${action}: an id that is no id`, `Action=${action}&${parameter}=${prefix}-xyz`, malformed],
  [`${action}: an id that nothing has`, `Action=${action}&${parameter}=${prefix}-0123456789abcdef0`, notFound],
]);

const listings = [
  'Instances',
  'Volumes',
  'Images',
  'Vpcs',
  'Subnets',
  'SecurityGroups',
  'KeyPairs',
  'NetworkInterfaces',
  'Tags',
  'Regions',
  'InstanceTypes',
  'Snapshots',
];
const unknownFilters: Row[] = listings.map(what => [
  `Describe${what}: a filter that does not exist`,
  `Action=Describe${what}&Filter.1.Name=colour&Filter.1.Value.1=red`,
  'InvalidParameterValue',
]);

const list = 'Action=DescribeInstances';
const values = (count: number): string =>
  Array.from({ length: count }, (_, at) => `&Filter.1.Value.${at + 1}=v${at}`).join('');

/** Ids, filters, and pages. */
export const describing: readonly BadRequest[] = [
  ...ec2Cases(ids),
  ...ec2Cases(unknownFilters),
  ...ec2Cases([
    ['an id of another kind', `${list}&InstanceId.1={group}`, 'InvalidInstanceID.Malformed'],
    ['an id in capitals', `${list}&InstanceId.1=I-0123456789ABCDEF0`, 'InvalidInstanceID.Malformed'],
    ['an empty id', `${list}&InstanceId.1=`, 'InvalidInstanceID.Malformed'],
    ['an id with a line end', `${list}&InstanceId.1={running}%0A`, 'InvalidInstanceID.Malformed'],
    [
      'one good id and one bad',
      `${list}&InstanceId.1={running}&InstanceId.2=i-00000000000000000`,
      'InvalidInstanceID.NotFound',
    ],
    ['a key pair name that nothing has', 'Action=DescribeKeyPairs&KeyName.1=nobody', 'InvalidKeyPair.NotFound'],
    ['a group name that nothing has', 'Action=DescribeSecurityGroups&GroupName.1=nobody', 'InvalidGroup.NotFound'],
    ['a Region that does not exist', 'Action=DescribeRegions&RegionName.1=mars-1', 'InvalidParameterValue'],
    ['a zone that does not exist', 'Action=DescribeAvailabilityZones&ZoneName.1=mars-1a', 'InvalidParameterValue'],
    [
      'an instance type that does not exist',
      'Action=DescribeInstanceTypes&InstanceType.1=t9.huge',
      'InvalidInstanceType',
    ],
    ['a filter without values', `${list}&Filter.1.Name=vpc-id`, 'InvalidParameterValue'],
    ['a filter without a name', `${list}&Filter.1.Value.1=x`, 'InvalidParameterValue'],
    ['a filter named in capitals', `${list}&Filter.1.Name=Vpc-Id&Filter.1.Value.1=x`, 'InvalidParameterValue'],
    ['a tag filter without a key', `${list}&Filter.1.Name=tag%3A&Filter.1.Value.1=x`, 'InvalidParameterValue'],
    [
      'a property of every object as filter',
      `${list}&Filter.1.Name=constructor&Filter.1.Value.1=x`,
      'InvalidParameterValue',
    ],
    ['201 values of a filter', `${list}&Filter.1.Name=vpc-id${values(201)}`, 'FilterLimitExceeded'],
    [
      'a good filter and a bad one',
      `${list}&Filter.1.Name=vpc-id&Filter.1.Value.1=x&Filter.2.Name=x&Filter.2.Value.1=y`,
      'InvalidParameterValue',
    ],
    ['pages of four', `${list}&MaxResults=4`, 'InvalidParameterValue'],
    ['pages of 1001', `${list}&MaxResults=1001`, 'InvalidParameterValue'],
    ['pages of none', `${list}&MaxResults=0`, 'InvalidParameterValue'],
    ['pages of less than none', `${list}&MaxResults=-5`, 'InvalidParameterValue'],
    ['pages and ids', `${list}&MaxResults=5&InstanceId.1={running}`, 'InvalidParameterCombination'],
    ['a token of nobody', `${list}&MaxResults=5&NextToken=abc`, 'InvalidNextToken'],
    ['an empty token', `${list}&MaxResults=5&NextToken=`, 'InvalidNextToken'],
    ['a token of 23 zero bytes', `${list}&MaxResults=5&NextToken=${'A'.repeat(31)}`, 'InvalidNextToken'],
    ['a changed token', `${list}&MaxResults=5&NextToken=X{token}`, 'InvalidNextToken'],
    ['a token of another action', 'Action=DescribeVolumes&MaxResults=5&NextToken={token}', 'InvalidNextToken'],
    [
      'a token of another filter',
      `${list}&MaxResults=5&Filter.1.Name=vpc-id&Filter.1.Value.1=x&NextToken={token}`,
      'InvalidNextToken',
    ],
  ]),
];
