import { type AwsManagedPolicy, actions, allow, declare } from './declare.ts';

const agentMessages = [
  ...actions('ssmmessages', 'CreateControlChannel CreateDataChannel OpenControlChannel OpenDataChannel'),
  ...actions('ec2messages', 'AcknowledgeMessage DeleteMessage FailMessage GetEndpoint GetMessages SendReply'),
];

const agent = actions(
  'ssm',
  `DescribeAssociation DescribeDocument GetDeployablePatchSnapshotForInstance GetDocument GetManifest GetParameter
   GetParameters ListAssociations ListInstanceAssociations PutComplianceItems PutConfigurePackageResult PutInventory
   UpdateAssociationStatus UpdateInstanceAssociationStatus UpdateInstanceInformation`,
);

const cloudWatchAgent = [
  'cloudwatch:PutMetricData',
  ...actions('ec2', 'DescribeTags DescribeVolumes'),
  ...actions(
    'logs',
    'CreateLogGroup CreateLogStream DescribeLogGroups DescribeLogStreams PutLogEvents PutRetentionPolicy',
  ),
  ...actions(
    'xray',
    'GetSamplingRules GetSamplingStatisticSummaries GetSamplingTargets PutTelemetryRecords PutTraceSegments',
  ),
];

const agentParameters = 'arn:aws:ssm:*:*:parameter/AmazonCloudWatch-*';

const logsRead = actions(
  'logs',
  'Describe* FilterLogEvents Get* List* StartLiveTail StartQuery StopLiveTail StopQuery TestMetricFilter',
);

/** Policies for Systems Manager, CloudWatch and CloudTrail. */
/** What both of CloudWatch's full policies allow for its events and for accounts that watch each other. */
const cloudWatchSetUp = [
  allow(
    ['iam:CreateServiceLinkedRole'],
    'arn:aws:iam::*:role/aws-service-role/events.amazonaws.com/AWSServiceRoleForCloudWatchEvents*',
    { StringLike: { 'iam:AWSServiceName': 'events.amazonaws.com' } },
  ),
  allow(['oam:ListAttachedLinks'], 'arn:aws:oam:*:*:sink/*'),
];

export const managementPolicies: readonly AwsManagedPolicy[] = [
  declare('AmazonSSMManagedInstanceCore', 'What the SSM Agent on an instance needs.', [
    allow(agent),
    allow(agentMessages),
  ]),
  declare('AmazonSSMFullAccess', 'Everything on Systems Manager.', [
    allow([
      'cloudwatch:PutMetricData',
      ...actions('ds', 'CreateComputer DescribeDirectories'),
      'ec2:DescribeInstanceStatus',
      'logs:*',
      'ssm:*',
      'ec2messages:*',
    ]),
    allow(
      ['iam:CreateServiceLinkedRole'],
      'arn:aws:iam::*:role/aws-service-role/ssm.amazonaws.com/AWSServiceRoleForAmazonSSM*',
      { StringLike: { 'iam:AWSServiceName': 'ssm.amazonaws.com' } },
    ),
    allow(
      actions('iam', 'DeleteServiceLinkedRole GetServiceLinkedRoleDeletionStatus'),
      'arn:aws:iam::*:role/aws-service-role/ssm.amazonaws.com/AWSServiceRoleForAmazonSSM*',
    ),
    allow(actions('ssmmessages', 'CreateControlChannel CreateDataChannel OpenControlChannel OpenDataChannel')),
  ]),
  declare('AmazonSSMReadOnlyAccess', 'Looking at Systems Manager.', [allow(actions('ssm', 'Describe* Get* List*'))]),
  declare('AmazonSSMPatchAssociation', 'What patch policies need on an instance.', [
    allow(['ssm:DescribeEffectivePatchesForPatchBaseline'], 'arn:aws:ssm:*:*:patchbaseline/*'),
    allow(['ssm:GetPatchBaseline'], 'arn:aws:ssm:*:*:patchbaseline/*'),
    allow(['tag:GetResources', 'ssm:DescribePatchBaselines']),
  ]),
  declare(
    'AmazonEC2RoleforSSM',
    'What the SSM Agent needed before AmazonSSMManagedInstanceCore; it opens buckets, logs and directories too.',
    [
      allow([
        ...agent,
        ...agentMessages,
        'cloudwatch:PutMetricData',
        'ec2:DescribeInstanceStatus',
        ...actions('ds', 'CreateComputer DescribeDirectories'),
        ...actions('logs', 'CreateLogGroup CreateLogStream DescribeLogGroups DescribeLogStreams PutLogEvents'),
        ...actions(
          's3',
          'GetBucketLocation PutObject GetObject GetEncryptionConfiguration AbortMultipartUpload ListMultipartUploadParts ListBucket ListBucketMultipartUploads',
        ),
      ]),
    ],
    '/service-role/',
  ),
  declare(
    'AmazonSSMMaintenanceWindowRole',
    'What maintenance windows run.',
    [
      allow([
        ...actions(
          'ssm',
          'GetAutomationExecution GetParameters ListCommands SendCommand StartAutomationExecution GetCommandInvocation ListCommandInvocations ListTagsForResource',
        ),
        'ec2:DescribeInstanceStatus',
        'tag:GetResources',
      ]),
      allow(['iam:PassRole'], '*', { StringEquals: { 'iam:PassedToService': 'ssm.amazonaws.com' } }),
    ],
    '/service-role/',
  ),
  declare(
    'AmazonSSMAutomationRole',
    'What automations do with instances and images.',
    [
      allow(
        actions(
          'ec2',
          `CreateImage CopyImage DeregisterImage DescribeImages DeleteSnapshot StartInstances RunInstances StopInstances
           TerminateInstances DescribeInstanceStatus CreateTags DeleteTags DescribeTags DescribeInstances`,
        ),
      ),
      allow(['ssm:*']),
      allow(['sns:Publish'], 'arn:aws:sns:*:*:Automation*'),
      allow(['lambda:InvokeFunction'], 'arn:aws:lambda:*:*:function:Automation*'),
    ],
    '/service-role/',
  ),
  declare(
    'AmazonSSMServiceRolePolicy',
    'What Systems Manager does for an account.',
    [
      allow([
        ...actions(
          'ssm',
          'CancelCommand GetAutomationExecution GetCalendarState GetCommandInvocation GetParameters List* SendCommand StartAutomationExecution',
        ),
        ...actions('ec2', 'DescribeInstanceAttribute DescribeInstanceStatus DescribeInstances'),
        ...actions('autoscaling', 'DescribeAutoScalingGroups'),
        ...actions('tag', 'GetResources'),
      ]),
      allow(['iam:PassRole'], '*', { StringEquals: { 'iam:PassedToService': 'ssm.amazonaws.com' } }),
    ],
    '/aws-service-role/',
  ),
  declare('CloudWatchFullAccess', 'Everything on CloudWatch.', [
    allow([
      'autoscaling:Describe*',
      'cloudwatch:*',
      'logs:*',
      'sns:*',
      ...actions('iam', 'GetPolicy GetPolicyVersion GetRole'),
      'oam:ListSinks',
    ]),
    ...cloudWatchSetUp,
  ]),
  declare('CloudWatchFullAccessV2', 'Everything on CloudWatch, and no more than looking at what it works with.', [
    allow([
      'application-autoscaling:DescribeScalingPolicies',
      ...actions('autoscaling', 'DescribeAutoScalingGroups DescribePolicies'),
      'cloudwatch:*',
      'logs:*',
      ...actions('sns', 'CreateTopic ListSubscriptions ListSubscriptionsByTopic ListTopics Subscribe'),
      ...actions('iam', 'GetPolicy GetPolicyVersion GetRole'),
      'oam:ListSinks',
    ]),
    ...cloudWatchSetUp,
  ]),
  declare('CloudWatchReadOnlyAccess', 'Looking at CloudWatch.', [
    allow([
      'application-autoscaling:DescribeScalingPolicies',
      'autoscaling:Describe*',
      ...actions('cloudwatch', 'BatchGet* Describe* GenerateQuery Get* List*'),
      ...logsRead,
      'oam:ListSinks',
      ...actions('sns', 'Get* List*'),
    ]),
    allow(['oam:ListAttachedLinks'], 'arn:aws:oam:*:*:sink/*'),
  ]),
  declare('CloudWatchLogsFullAccess', 'Everything on CloudWatch Logs.', [
    allow(['logs:*', 'cloudwatch:GenerateQuery']),
  ]),
  declare('CloudWatchLogsReadOnlyAccess', 'Looking at CloudWatch Logs.', [
    allow([...logsRead, 'cloudwatch:GenerateQuery']),
  ]),
  declare('CloudWatchAgentServerPolicy', 'What the CloudWatch agent on an instance needs.', [
    allow(cloudWatchAgent),
    allow(['ssm:GetParameter'], agentParameters),
  ]),
  declare('CloudWatchAgentAdminPolicy', 'What the CloudWatch agent needs, and storing its configuration.', [
    allow(cloudWatchAgent),
    allow(['ssm:GetParameter', 'ssm:PutParameter'], agentParameters),
  ]),
  declare('CloudWatchActionsEC2Access', 'Looking at alarms and instances, and stopping, ending or rebooting these.', [
    allow(['cloudwatch:Describe*', ...actions('ec2', 'Describe* RebootInstances StopInstances TerminateInstances')]),
  ]),
  declare(
    'CloudWatchEventsServiceRolePolicy',
    'What CloudWatch does to instances and volumes for an account.',
    [
      allow([
        'cloudwatch:DescribeAlarms',
        ...actions(
          'ec2',
          'CreateSnapshot DescribeInstanceStatus DescribeInstances DescribeSnapshots DescribeVolumeStatus DescribeVolumes RebootInstances StopInstances TerminateInstances',
        ),
      ]),
    ],
    '/aws-service-role/',
  ),
  declare('AWSCloudTrail_FullAccess', 'Everything on CloudTrail.', [
    allow(
      actions('sns', 'AddPermission CreateTopic GetTopicAttributes SetTopicAttributes'),
      'arn:aws:sns:*:*:aws-cloudtrail-logs*',
    ),
    allow(['sns:ListTopics']),
    allow(
      actions('s3', 'CreateBucket PutBucketPolicy PutBucketPublicAccessBlock'),
      'arn:aws:s3:::aws-cloudtrail-logs*',
    ),
    allow(actions('s3', 'GetBucketLocation GetBucketPolicy ListAllMyBuckets')),
    allow(['cloudtrail:*']),
    allow(['logs:CreateLogGroup'], 'arn:aws:logs:*:*:log-group:aws-cloudtrail-logs*'),
    allow(actions('iam', 'GetRolePolicy GetUser ListRoles')),
    allow(['iam:PassRole'], '*', { StringEquals: { 'iam:PassedToService': 'cloudtrail.amazonaws.com' } }),
    allow(actions('kms', 'CreateKey CreateAlias ListKeys ListAliases')),
    allow(['lambda:ListFunctions']),
    allow(actions('dynamodb', 'ListGlobalTables ListTables')),
  ]),
  declare('AWSCloudTrail_ReadOnlyAccess', 'Looking at CloudTrail and its events.', [
    allow(actions('cloudtrail', 'Get* Describe* List* LookupEvents')),
  ]),
  declare(
    'CloudTrailServiceRolePolicy',
    "What CloudTrail does for an organization's trails.",
    [
      allow(['cloudtrail:*']),
      allow(
        actions(
          'organizations',
          'DescribeAccount DescribeOrganization ListAccounts ListAWSServiceAccessForOrganization ListDelegatedAdministrators',
        ),
      ),
    ],
    '/aws-service-role/',
  ),
];
