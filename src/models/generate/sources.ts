import type { ProtocolName } from '../table.ts';

/** A service whose table is generated, and what its SDK package does not say. */
export interface Source {
  readonly service: string;
  /** npm package that holds the schemas. */
  readonly package: string;
  readonly client: string;
  readonly protocols: readonly ProtocolName[];
  readonly jsonVersion?: string;
  /** Target prefixes that clients send besides the SDK's own. */
  readonly otherTargetPrefixes?: readonly string[];
  /**
   * Input members that are floating-point, as `Shape.Member`. The schemas say only "number"; where this list is
   * given, every other number of the service is an integer and is checked to be one.
   */
  readonly floats?: readonly string[];
}

const instanceRequirementFloats = (suffix: string): string[] =>
  ['MemoryGiBPerVCpu', 'NetworkBandwidthGbps', 'TotalLocalStorageGB'].flatMap(shape => [
    `${shape}${suffix}.Min`,
    `${shape}${suffix}.Max`,
  ]);

export const sources: readonly Source[] = [
  {
    service: 'ec2',
    package: '@aws-sdk/client-ec2',
    client: 'EC2Client',
    protocols: ['ec2-query'],
    floats: [
      ...instanceRequirementFloats(''),
      ...instanceRequirementFloats('Request'),
      'ClientData.UploadSize',
      'FleetLaunchTemplateOverridesRequest.Priority',
      'FleetLaunchTemplateOverridesRequest.WeightedCapacity',
      'LaunchTemplateOverrides.Priority',
      'LaunchTemplateOverrides.WeightedCapacity',
      'PriceScheduleSpecification.Price',
      'ReservationFleetInstanceSpecification.Weight',
      'ReservedInstanceLimitPrice.Amount',
      'SpotFleetLaunchSpecification.WeightedCapacity',
      'SpotFleetRequestConfigData.FulfilledCapacity',
      'SpotFleetRequestConfigData.OnDemandFulfilledCapacity',
    ],
  },
  {
    service: 'autoscaling',
    package: '@aws-sdk/client-auto-scaling',
    client: 'AutoScalingClient',
    protocols: ['aws-query'],
    floats: [
      ...instanceRequirementFloats('Request'),
      'ExecutePolicyType.BreachThreshold',
      'ExecutePolicyType.MetricValue',
      'PredictiveScalingMetricSpecification.TargetValue',
      'StepAdjustment.MetricIntervalLowerBound',
      'StepAdjustment.MetricIntervalUpperBound',
      'TargetTrackingConfiguration.TargetValue',
    ],
  },
  {
    service: 'cloudwatch',
    package: '@aws-sdk/client-cloudwatch',
    client: 'CloudWatchClient',
    protocols: ['aws-json', 'aws-query'],
    jsonVersion: '1.0',
  },
  { service: 'iam', package: '@aws-sdk/client-iam', client: 'IAMClient', protocols: ['aws-query'], floats: [] },
  { service: 'sts', package: '@aws-sdk/client-sts', client: 'STSClient', protocols: ['aws-query'], floats: [] },
  { service: 'ssm', package: '@aws-sdk/client-ssm', client: 'SSMClient', protocols: ['aws-json'], jsonVersion: '1.1' },
  {
    service: 'ec2-instance-connect',
    package: '@aws-sdk/client-ec2-instance-connect',
    client: 'EC2InstanceConnectClient',
    protocols: ['aws-json'],
    jsonVersion: '1.1',
  },
  {
    service: 'cloudtrail',
    package: '@aws-sdk/client-cloudtrail',
    client: 'CloudTrailClient',
    protocols: ['aws-json'],
    jsonVersion: '1.1',
    otherTargetPrefixes: ['com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101'],
  },
  { service: 'kms', package: '@aws-sdk/client-kms', client: 'KMSClient', protocols: ['aws-json'], jsonVersion: '1.1' },
  { service: 'ebs', package: '@aws-sdk/client-ebs', client: 'EBSClient', protocols: ['rest-json'] },
];
