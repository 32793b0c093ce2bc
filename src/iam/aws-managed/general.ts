import { type AwsManagedPolicy, actions, allow, declare } from './declare.ts';

/** Services that the read-only policies here speak of: those of this server and what instances commonly use besides. */
const readServices = [
  'access-analyzer',
  'acm',
  'application-autoscaling',
  'autoscaling',
  'cloudformation',
  'cloudtrail',
  'cloudwatch',
  'config',
  'dynamodb',
  'ebs',
  'ec2',
  'ecr',
  'ecs',
  'eks',
  'elasticfilesystem',
  'elasticloadbalancing',
  'events',
  'kms',
  'lambda',
  'logs',
  'organizations',
  'rds',
  'route53',
  's3',
  'secretsmanager',
  'servicequotas',
  'sns',
  'sqs',
  'ssm',
  'tag',
] as const;

/** What reads and is named otherwise than by the verbs of reading. */
const otherReads = [
  ...actions('iam', 'Generate* Get* List* Simulate*'),
  ...actions('cloudtrail', 'LookupEvents'),
  ...actions('config', 'BatchGet* SelectResourceConfig'),
  ...actions('dynamodb', 'BatchGetItem Query Scan'),
  ...actions('ecr', 'BatchCheck* BatchGet*'),
  ...actions('logs', 'FilterLogEvents StartQuery StopQuery TestMetricFilter'),
  ...actions('sqs', 'Receive*'),
];

/** Services whose Get operations tell secrets. */
const opensSecrets = new Set(['secretsmanager', 'kms']);

const everythingReadable = readServices.flatMap(service =>
  opensSecrets.has(service) ? actions(service, 'Describe* List*') : actions(service, 'Describe* Get* List*'),
);

/** Policies for people, whatever they work on. */
export const generalPolicies: readonly AwsManagedPolicy[] = [
  declare('AdministratorAccess', 'Everything on every resource.', [allow(['*'])]),
  declare('PowerUserAccess', 'Everything but managing users, groups, organizations and the account.', [
    { Effect: 'Allow', NotAction: ['iam:*', 'organizations:*', 'account:*'], Resource: '*' },
    allow([
      ...actions('account', 'GetAccountInformation GetPrimaryEmail ListRegions'),
      ...actions('iam', 'CreateServiceLinkedRole DeleteServiceLinkedRole ListRoles'),
      'organizations:DescribeOrganization',
    ]),
  ]),
  declare('ReadOnlyAccess', 'Looking at everything, changing nothing.', [
    allow([...everythingReadable, 'sts:GetAccessKeyInfo', 'sts:GetCallerIdentity', 'kms:Get*', ...otherReads]),
  ]),
  declare('SecurityAudit', 'Looking at the configuration that security depends on, not at data.', [
    allow([
      ...actions('autoscaling', 'Describe*'),
      ...actions('cloudtrail', 'DescribeTrails Get* List* LookupEvents'),
      ...actions('cloudwatch', 'Describe* GetDashboard GetMetricStream ListDashboards ListTagsForResource'),
      ...actions('config', 'Batch* Deliver* Describe* Get* List* SelectResourceConfig'),
      ...actions(
        'ec2',
        'Describe* GetEbsEncryptionByDefault GetImageBlockPublicAccessState GetInstanceMetadataDefaults GetManagedPrefixListAssociations GetManagedPrefixListEntries GetNetworkInsightsAccessScopeAnalysisFindings GetSecurityGroupsForVpc GetSerialConsoleAccessStatus GetSnapshotBlockPublicAccessState GetTransitGatewayRouteTableAssociations SearchTransitGatewayRoutes',
      ),
      ...actions('elasticloadbalancing', 'Describe*'),
      ...actions(
        'iam',
        'GenerateCredentialReport GenerateServiceLastAccessedDetails Get* List* SimulateCustomPolicy SimulatePrincipalPolicy',
      ),
      ...actions('kms', 'Describe* GetKeyPolicy GetKeyRotationStatus List*'),
      ...actions('logs', 'Describe* ListTagsLogGroup'),
      ...actions('s3', 'GetAccountPublicAccessBlock GetBucket* GetEncryptionConfiguration ListAllMyBuckets'),
      ...actions(
        'ssm',
        'Describe* GetAutomationExecution GetServiceSetting ListAssociationVersions ListAssociations ListCommands ListCompliance* ListDocument* ListInventoryEntries ListResource* ListTagsForResource',
      ),
      'sts:GetAccessKeyInfo',
    ]),
  ]),
  declare(
    'ViewOnlyAccess',
    'Seeing which resources there are, and their basic metadata, not their contents.',
    [
      allow([
        ...actions('autoscaling', 'Describe*'),
        ...actions('cloudformation', 'DescribeStacks List*'),
        ...actions('cloudtrail', 'DescribeTrails ListTrails LookupEvents'),
        ...actions('cloudwatch', 'Describe* Get* List*'),
        ...actions(
          'ec2',
          'DescribeAccountAttributes DescribeAddresses DescribeAvailabilityZones DescribeBundleTasks DescribeCarrierGateways DescribeCustomerGateways DescribeDhcpOptions DescribeFlowLogs DescribeHost* DescribeIamInstanceProfileAssociations DescribeIdFormat DescribeIdentityIdFormat DescribeImageAttribute DescribeImages DescribeInstance* DescribeInternetGateways DescribeKeyPairs DescribeLaunchTemplate* DescribeManagedPrefixLists DescribeNatGateways DescribeNetworkAcls DescribeNetworkInterface* DescribePlacementGroups DescribePrefixLists DescribeRegions DescribeReserved* DescribeRouteTables DescribeSecurityGroup* DescribeSnapshot* DescribeSpot* DescribeSubnets DescribeTags DescribeVolume* DescribeVpc* DescribeVpnConnections DescribeVpnGateways GetSecurityGroupsForVpc',
        ),
        ...actions('elasticloadbalancing', 'DescribeListeners DescribeLoadBalancers DescribeTargetGroups DescribeTags'),
        ...actions('iam', 'GetAccountSummary GetLoginProfile GetInstanceProfile List*'),
        ...actions('logs', 'Describe*'),
        ...actions('s3', 'ListAllMyBuckets ListBucket'),
        ...actions('ssm', 'ListDocuments DescribeInstanceInformation'),
      ]),
    ],
    '/job-function/',
  ),
  declare('AmazonS3FullAccess', 'Everything on every bucket.', [allow(['s3:*', 's3-object-lambda:*'])]),
  declare('AmazonS3ReadOnlyAccess', 'Reading every bucket.', [
    allow([...actions('s3', 'Describe* Get* List*'), ...actions('s3-object-lambda', 'Get* List*')]),
  ]),
  declare('AmazonEC2ContainerRegistryReadOnly', 'Pulling container images.', [
    allow(
      actions(
        'ecr',
        'GetAuthorizationToken BatchCheckLayerAvailability GetDownloadUrlForLayer GetRepositoryPolicy DescribeRepositories ListImages DescribeImages BatchGetImage GetLifecyclePolicy GetLifecyclePolicyPreview ListTagsForResource DescribeImageScanFindings',
      ),
    ),
  ]),
];
