/** A service that has a role of its own in an account. */
export interface LinkedService {
  /** `autoscaling.amazonaws.com` */
  readonly service: string;
  readonly roleName: string;
  /** AWS's managed policy that the role has, under `/aws-service-role/`. */
  readonly policy: string;
  /** What the role is described by when the service itself has it made. */
  readonly description: string;
  /** Whether an account may have several, told apart by a suffix. */
  readonly suffixes?: true;
}

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html */
export const linkedServices: readonly LinkedService[] = [
  {
    service: 'autoscaling.amazonaws.com',
    roleName: 'AWSServiceRoleForAutoScaling',
    policy: 'AutoScalingServiceRolePolicy',
    description:
      'Default Service-Linked Role enables access to AWS Services and Resources used or managed by Auto Scaling',
    suffixes: true,
  },
  {
    service: 'spot.amazonaws.com',
    roleName: 'AWSServiceRoleForEC2Spot',
    policy: 'AWSEC2SpotServiceRolePolicy',
    description: 'Default EC2 Spot Service Linked Role',
  },
  {
    service: 'spotfleet.amazonaws.com',
    roleName: 'AWSServiceRoleForEC2SpotFleet',
    policy: 'AWSEC2SpotFleetServiceRolePolicy',
    description: 'Default EC2 Spot Fleet Service Linked Role',
  },
  {
    service: 'ec2fleet.amazonaws.com',
    roleName: 'AWSServiceRoleForEC2Fleet',
    policy: 'AWSEC2FleetServiceRolePolicy',
    description: 'Default EC2 Fleet Service Linked Role',
  },
  {
    service: 'capacity-reservation-fleet.ec2.amazonaws.com',
    roleName: 'AWSServiceRoleForEC2CapacityReservationFleet',
    policy: 'AWSEC2CapacityReservationFleetRolePolicy',
    description: 'Lets EC2 manage the Capacity Reservations of fleets.',
  },
  {
    service: 'ec2-instance-connect.amazonaws.com',
    roleName: 'AWSServiceRoleForEC2InstanceConnect',
    policy: 'Ec2InstanceConnectEndpoint',
    description: 'Lets EC2 Instance Connect Endpoints make network interfaces.',
  },
  {
    service: 'transitgateway.amazonaws.com',
    roleName: 'AWSServiceRoleForVPCTransitGateway',
    policy: 'AWSVPCTransitGatewayServiceRolePolicy',
    description: 'Lets transit gateways make network interfaces.',
  },
  {
    service: 'ssm.amazonaws.com',
    roleName: 'AWSServiceRoleForAmazonSSM',
    policy: 'AmazonSSMServiceRolePolicy',
    description: 'Provides access to AWS Resources managed or used by Amazon SSM.',
  },
  {
    service: 'events.amazonaws.com',
    roleName: 'AWSServiceRoleForCloudWatchEvents',
    policy: 'CloudWatchEventsServiceRolePolicy',
    description: 'Allows alarms to stop, reboot and terminate instances.',
  },
  {
    service: 'cloudtrail.amazonaws.com',
    roleName: 'AWSServiceRoleForCloudTrail',
    policy: 'CloudTrailServiceRolePolicy',
    description: "Lets CloudTrail manage an organization's trails.",
  },
];

export function linkedServiceNamed(service: string): LinkedService | undefined {
  return linkedServices.find(one => one.service === service);
}
