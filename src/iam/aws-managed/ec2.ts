import {
  type AwsManagedPolicy,
  actions,
  allow,
  createServiceLinkedRoles,
  declare,
  type ManagedStatement,
} from './declare.ts';

/** What of EC2 belongs to networks: resources of VPCs, in the names of the actions on them. */
const vpcDescribe = actions(
  'ec2',
  `DescribeAccountAttributes DescribeAddresses DescribeAddressesAttribute DescribeAvailabilityZones DescribeCarrierGateways
   DescribeClassicLinkInstances DescribeCustomerGateways DescribeDhcpOptions DescribeEgressOnlyInternetGateways
   DescribeFlowLogs DescribeInternetGateways DescribeIpv6Pools DescribeLocalGateway* DescribeManagedPrefixLists
   DescribeMovingAddresses DescribeNatGateways DescribeNetworkAcls DescribeNetworkInterfaceAttribute
   DescribeNetworkInterfacePermissions DescribeNetworkInterfaces DescribePrefixLists DescribeRouteTables
   DescribeSecurityGroupReferences DescribeSecurityGroupRules DescribeSecurityGroupVpcAssociations DescribeSecurityGroups
   DescribeStaleSecurityGroups DescribeSubnets DescribeTags DescribeTrafficMirror* DescribeTransitGateway* DescribeVpcAttribute
   DescribeVpcClassicLink DescribeVpcClassicLinkDnsSupport DescribeVpcEndpointConnectionNotifications
   DescribeVpcEndpointConnections DescribeVpcEndpointServiceConfigurations DescribeVpcEndpointServicePermissions
   DescribeVpcEndpointServices DescribeVpcEndpoints DescribeVpcPeeringConnections DescribeVpcs DescribeVpnConnections
   DescribeVpnGateways GetManagedPrefixListAssociations GetManagedPrefixListEntries GetSecurityGroupsForVpc`,
);

const vpcWrite = actions(
  'ec2',
  `AcceptVpcEndpointConnections AcceptVpcPeeringConnection AllocateAddress AssignIpv6Addresses AssignPrivateIpAddresses
   AssociateAddress AssociateDhcpOptions AssociateRouteTable AssociateSecurityGroupVpc AssociateSubnetCidrBlock
   AssociateVpcCidrBlock AttachClassicLinkVpc AttachInternetGateway AttachNetworkInterface AttachVpnGateway
   AuthorizeSecurityGroupEgress AuthorizeSecurityGroupIngress CreateCarrierGateway CreateCustomerGateway CreateDefaultSubnet
   CreateDefaultVpc CreateDhcpOptions CreateEgressOnlyInternetGateway CreateFlowLogs CreateInternetGateway CreateLocalGateway*
   CreateManagedPrefixList CreateNatGateway CreateNetworkAcl CreateNetworkAclEntry CreateNetworkInterface
   CreateNetworkInterfacePermission CreateRoute CreateRouteTable CreateSecurityGroup CreateSubnet CreateTags CreateVpc
   CreateVpcEndpoint CreateVpcEndpointConnectionNotification CreateVpcEndpointServiceConfiguration
   CreateVpcPeeringConnection CreateVpnConnection CreateVpnConnectionRoute CreateVpnGateway DeleteCarrierGateway
   DeleteCustomerGateway DeleteDhcpOptions DeleteEgressOnlyInternetGateway DeleteFlowLogs DeleteInternetGateway
   DeleteLocalGateway* DeleteManagedPrefixList DeleteNatGateway DeleteNetworkAcl DeleteNetworkAclEntry DeleteNetworkInterface
   DeleteNetworkInterfacePermission DeleteRoute DeleteRouteTable DeleteSecurityGroup DeleteSubnet DeleteTags DeleteVpc
   DeleteVpcEndpointConnectionNotifications DeleteVpcEndpointServiceConfigurations DeleteVpcEndpoints
   DeleteVpcPeeringConnection DeleteVpnConnection DeleteVpnConnectionRoute DeleteVpnGateway DetachClassicLinkVpc
   DetachInternetGateway DetachNetworkInterface DetachVpnGateway DisableVgwRoutePropagation DisableVpcClassicLink
   DisableVpcClassicLinkDnsSupport DisassociateAddress DisassociateRouteTable DisassociateSecurityGroupVpc
   DisassociateSubnetCidrBlock DisassociateVpcCidrBlock EnableVgwRoutePropagation EnableVpcClassicLink
   EnableVpcClassicLinkDnsSupport ModifyAddressAttribute ModifyManagedPrefixList ModifyNetworkInterfaceAttribute
   ModifySecurityGroupRules ModifySubnetAttribute ModifyVpcAttribute ModifyVpcEndpoint ModifyVpcEndpointConnectionNotification
   ModifyVpcEndpointServiceConfiguration ModifyVpcEndpointServicePermissions ModifyVpcPeeringConnectionOptions ModifyVpcTenancy
   MoveAddressToVpc RejectVpcEndpointConnections RejectVpcPeeringConnection ReleaseAddress ReplaceNetworkAclAssociation
   ReplaceNetworkAclEntry ReplaceRoute ReplaceRouteTableAssociation ResetAddressAttribute ResetNetworkInterfaceAttribute
   RestoreAddressToClassic RestoreManagedPrefixListVersion RevokeSecurityGroupEgress RevokeSecurityGroupIngress
   UnassignIpv6Addresses UnassignPrivateIpAddresses UpdateSecurityGroupRuleDescriptionsEgress
   UpdateSecurityGroupRuleDescriptionsIngress`,
);

/** What fleets do with instances. */
const fleetInstances = actions(
  'ec2',
  'DescribeImages DescribeInstanceStatus DescribeInstances DescribeSubnets RequestSpotInstances RunInstances TerminateInstances',
);

const passToEc2 = (...services: readonly string[]): ManagedStatement =>
  allow(['iam:PassRole'], '*', { StringEquals: { 'iam:PassedToService': services } });

/** Policies for Amazon EC2, VPC, EC2 Auto Scaling and EC2 Instance Connect. */
export const ec2Policies: readonly AwsManagedPolicy[] = [
  declare('AmazonEC2FullAccess', 'Everything on EC2, load balancers, metrics and scaling groups.', [
    allow(['ec2:*', 'elasticloadbalancing:*', 'cloudwatch:*', 'autoscaling:*']),
    createServiceLinkedRoles(
      'autoscaling',
      'ec2scheduled',
      'elasticloadbalancing',
      'spot',
      'spotfleet',
      'transitgateway',
    ),
  ]),
  declare('AmazonEC2ReadOnlyAccess', 'Looking at EC2, load balancers, metrics and scaling groups.', [
    allow([
      ...actions('ec2', 'Describe* GetSecurityGroupsForVpc'),
      ...actions('elasticloadbalancing', 'Describe*'),
      ...actions('cloudwatch', 'ListMetrics GetMetricStatistics Describe*'),
      ...actions('autoscaling', 'Describe*'),
    ]),
  ]),
  declare('EC2InstanceConnect', 'Pushing SSH public keys to instances.', [
    allow(['ec2:DescribeInstances', 'ec2-instance-connect:SendSSHPublicKey']),
  ]),
  declare('EC2FastLaunchFullAccess', 'Everything on fast launches of Windows AMIs.', [
    allow(actions('ec2', 'EnableFastLaunch DisableFastLaunch DescribeFastLaunchImages')),
    createServiceLinkedRoles('ec2fastlaunch'),
  ]),
  declare('AmazonVPCFullAccess', 'Everything on VPCs.', [allow([...vpcDescribe, ...vpcWrite])]),
  declare('AmazonVPCReadOnlyAccess', 'Looking at VPCs.', [allow(vpcDescribe)]),
  declare('AutoScalingFullAccess', 'Everything on EC2 Auto Scaling.', [
    allow([
      'autoscaling:*',
      'cloudwatch:PutMetricAlarm',
      ...actions(
        'ec2',
        'DescribeAccountAttributes DescribeAvailabilityZones DescribeImages DescribeInstanceAttribute DescribeInstances DescribeKeyPairs DescribeLaunchTemplateVersions DescribePlacementGroups DescribeSecurityGroups DescribeSpotInstanceRequests DescribeSubnets DescribeVpcClassicLink',
      ),
      ...actions('elasticloadbalancing', 'DescribeLoadBalancers DescribeTargetGroups'),
    ]),
    createServiceLinkedRoles('autoscaling'),
  ]),
  declare('AutoScalingReadOnlyAccess', 'Looking at EC2 Auto Scaling.', [allow(['autoscaling:Describe*'])]),
  declare('AutoScalingConsoleFullAccess', 'Everything on EC2 Auto Scaling, in the console.', [
    allow([
      'autoscaling:*',
      ...actions(
        'ec2',
        'AuthorizeSecurityGroupIngress CreateKeyPair CreateSecurityGroup Describe* ImportKeyPair RunInstances',
      ),
      ...actions('elasticloadbalancing', 'Describe*'),
      ...actions(
        'cloudwatch',
        'ListMetrics GetMetricStatistics PutMetricAlarm DescribeAlarms DescribeAlarmsForMetric DeleteAlarms',
      ),
      ...actions('sns', 'ListSubscriptions ListTopics'),
      'iam:ListInstanceProfiles',
    ]),
    createServiceLinkedRoles('autoscaling'),
    passToEc2('autoscaling.amazonaws.com', 'ec2.amazonaws.com'),
  ]),
  declare('AutoScalingConsoleReadOnlyAccess', 'Looking at EC2 Auto Scaling, in the console.', [
    allow([
      ...actions('autoscaling', 'Describe*'),
      ...actions(
        'ec2',
        'DescribeAvailabilityZones DescribeImages DescribeInstanceTypes DescribeLaunchTemplate* DescribeSecurityGroups DescribeSubnets DescribeVpcs',
      ),
      ...actions('elasticloadbalancing', 'Describe*'),
      ...actions('cloudwatch', 'ListMetrics GetMetricStatistics DescribeAlarms'),
      ...actions('sns', 'ListSubscriptions ListTopics'),
    ]),
  ]),
  declare(
    'AutoScalingNotificationAccessRole',
    'Sending the notifications of EC2 Auto Scaling.',
    [allow(['sqs:SendMessage', 'sqs:GetQueueUrl', 'sns:Publish'])],
    '/service-role/',
  ),
  declare(
    'AmazonEC2SpotFleetTaggingRole',
    'Requesting, ending and tagging the instances of a Spot Fleet, and registering them with load balancers.',
    [
      allow([...fleetInstances, 'ec2:CreateTags']),
      passToEc2('ec2.amazonaws.com', 'ec2.amazonaws.com.cn'),
      allow(
        ['elasticloadbalancing:RegisterInstancesWithLoadBalancer'],
        'arn:aws:elasticloadbalancing:*:*:loadbalancer/*',
      ),
      allow(['elasticloadbalancing:RegisterTargets'], 'arn:aws:elasticloadbalancing:*:*:*/*'),
    ],
    '/service-role/',
  ),
  declare(
    'AmazonEC2SpotFleetAutoscaleRole',
    'Changing the size of a Spot Fleet.',
    [
      allow(['ec2:DescribeSpotFleetRequests', 'ec2:ModifySpotFleetRequest']),
      allow(['cloudwatch:DescribeAlarms', 'cloudwatch:PutMetricAlarm', 'cloudwatch:DeleteAlarms']),
      allow(
        ['iam:CreateServiceLinkedRole'],
        'arn:aws:iam::*:role/aws-service-role/ec2.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_EC2SpotFleetRequest',
        { StringLike: { 'iam:AWSServiceName': 'ec2.application-autoscaling.amazonaws.com' } },
      ),
    ],
    '/service-role/',
  ),
  declare(
    'AutoScalingServiceRolePolicy',
    'What EC2 Auto Scaling does for an account.',
    [
      allow([
        ...actions(
          'ec2',
          `AttachClassicLinkVpc CancelSpotInstanceRequests CreateFleet CreateTags DeleteTags Describe* DetachClassicLinkVpc
           GetInstanceTypesFromInstanceRequirements GetSecurityGroupsForVpc ModifyInstanceAttribute RequestSpotInstances
           RunInstances StartInstances StopInstances TerminateInstances`,
        ),
        ...actions('elasticloadbalancing', 'Register* Deregister* Describe*'),
        ...actions('cloudwatch', 'DeleteAlarms DescribeAlarms GetMetricData PutMetricAlarm'),
        'sns:Publish',
        ...actions('ssm', 'GetParameters'),
      ]),
      allow(['iam:PassRole'], '*', { StringLike: { 'iam:PassedToService': 'ec2.amazonaws.com*' } }),
      allow(['iam:CreateServiceLinkedRole'], '*', { StringEquals: { 'iam:AWSServiceName': 'spot.amazonaws.com' } }),
    ],
    '/aws-service-role/',
  ),
  declare(
    'AWSEC2SpotServiceRolePolicy',
    'What EC2 does for Spot Instances of an account.',
    [
      allow(
        actions(
          'ec2',
          'DescribeInstances StartInstances StopInstances RunInstances CreateTags DescribeImages DescribeSubnets TerminateInstances',
        ),
      ),
      passToEc2('ec2.amazonaws.com', 'ec2.amazonaws.com.cn'),
    ],
    '/aws-service-role/',
  ),
  declare(
    'AWSEC2SpotFleetServiceRolePolicy',
    'What EC2 does for Spot Fleets of an account.',
    [
      allow([...fleetInstances, 'ec2:CreateTags']),
      passToEc2('ec2.amazonaws.com', 'ec2.amazonaws.com.cn'),
      allow(['elasticloadbalancing:RegisterInstancesWithLoadBalancer', 'elasticloadbalancing:RegisterTargets']),
    ],
    '/aws-service-role/',
  ),
  declare(
    'AWSEC2FleetServiceRolePolicy',
    'What EC2 does for EC2 Fleets of an account.',
    [
      allow([...fleetInstances, ...actions('ec2', 'CreateTags DescribeInstanceTypes')]),
      createServiceLinkedRoles('spot'),
      passToEc2('ec2.amazonaws.com', 'ec2.amazonaws.com.cn'),
    ],
    '/aws-service-role/',
  ),
  declare(
    'AWSEC2CapacityReservationFleetRolePolicy',
    'What EC2 does for Capacity Reservation Fleets of an account.',
    [
      allow(
        actions(
          'ec2',
          'CancelCapacityReservation CreateCapacityReservation CreateTags DescribeCapacityReservations DescribeInstances ModifyCapacityReservation',
        ),
      ),
    ],
    '/aws-service-role/',
  ),
  declare(
    'AWSVPCTransitGatewayServiceRolePolicy',
    'What EC2 does for transit gateways of an account.',
    [
      allow(
        actions(
          'ec2',
          'AssignIpv6Addresses CreateNetworkInterface CreateNetworkInterfacePermission DeleteNetworkInterface DescribeNetworkInterfaces ModifyNetworkInterfaceAttribute UnAssignIpv6Addresses',
        ),
      ),
    ],
    '/aws-service-role/',
  ),
  declare(
    'Ec2InstanceConnectEndpoint',
    'What EC2 does for the Instance Connect Endpoints of an account.',
    [
      allow(
        actions(
          'ec2',
          'CreateNetworkInterface CreateTags DeleteNetworkInterface DescribeAvailabilityZones DescribeNetworkInterfaces ModifyNetworkInterfaceAttribute',
        ),
      ),
    ],
    '/aws-service-role/',
  ),
];
