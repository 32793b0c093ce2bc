import type { RunInstancesRequest } from '@aws-sdk/client-ec2';
import type { AccessTarget, ConditionKeys } from '../../../api/access.ts';
import { arn } from '../../../api/arn.ts';
import { ApiError } from '../../../api/errors.ts';
import type { ReadContext } from '../../../api/operation.ts';
import { metadataKeys, volumeKeys, zoneKeys } from '../../access/condition-keys.ts';
import { imageArn } from '../../images/access.ts';
import { namedArn, passTargets } from '../../instance-profiles/resolve.ts';
import { instanceType } from '../../instance-types/catalogue.ts';
import { metadataDefaults } from '../model.ts';
import { launchVolumes } from './block-devices.ts';
import { launchableImage } from './image.ts';
import { type InterfacePlan, placementOf, planInterfaces } from './interfaces.ts';
import { launchMetadataOptions } from './metadata-options.ts';

/**
 * Everything that a launch touches: AMI, instance, its interfaces with their subnets and groups, its volumes, and, if
 * the request names them, key pair and snapshots. What the request leaves open is what the launch will choose. Of a
 * request that is wrong in itself, only what it names.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ExamplePolicies_EC2.html#iam-example-runinstances
 */
export function launchTargets(context: ReadContext, input: RunInstancesRequest): (string | AccessTarget)[] {
  const image = attempt(() => launchableImage(context, input.ImageId));
  const plans = attempt(() => interfacePlans(context, input));
  const zone = plans === undefined ? undefined : placementOf(context.db, plans).availabilityZone;
  const volumes = image && attempt(() => launchVolumes(context, image, input.BlockDeviceMappings));
  const named = plans === undefined ? namedInterfaces(context, input) : undefined;
  return [
    imageArn(context, image?.imageId ?? (input.ImageId?.startsWith('ami-') ? input.ImageId : undefined)),
    { arn: arn(context, 'instance'), keys: instanceKeys(context, input, zone, image) },
    ...passTargets(context, input.IamInstanceProfile, arn(context, 'instance')),
    ...(named ?? interfaceTargets(context, plans ?? [])),
    ...(volumes === undefined
      ? [arn(context, 'volume')]
      : volumes.map(volume => ({
          arn: arn(context, 'volume'),
          keys: volumeKeys(
            {
              ...volume,
              encrypted: volume.encryption.encrypted,
              ...(zone === undefined ? {} : { availabilityZone: zone }),
            },
            context.region,
          ),
        }))),
    ...(input.KeyName === undefined ? [] : [arn(context, 'key-pair', input.KeyName)]),
    ...unique((input.BlockDeviceMappings ?? []).flatMap(mapping => mapping.Ebs?.SnapshotId ?? [])).map(id =>
      arn(context, 'snapshot', id),
    ),
  ];
}

function interfacePlans(context: ReadContext, input: RunInstancesRequest): InterfacePlan[] {
  const type = instanceType(input.InstanceType ?? 'm1.small');
  return planInterfaces(context, input, {
    instanceType: type?.name ?? '',
    maximumInterfaces: type?.maximumInterfaces ?? Number.POSITIVE_INFINITY,
    addressesPerInterface: type?.ipv4AddressesPerInterface ?? Number.POSITIVE_INFINITY,
    ipv6AddressesPerInterface: type?.ipv6AddressesPerInterface ?? Number.POSITIVE_INFINITY,
  });
}

function instanceKeys(
  context: ReadContext,
  input: RunInstancesRequest,
  zone: string | undefined,
  image: ReturnType<typeof launchableImage> | undefined,
): ConditionKeys {
  const defaults = context.db.get(metadataDefaults, context.owner);
  const metadata = attempt(() => launchMetadataOptions(input.MetadataOptions, defaults, image ?? {}));
  return {
    ...(zone === undefined ? {} : zoneKeys(zone)),
    'ec2:EbsOptimized': input.EbsOptimized === true,
    'ec2:InstanceAutoRecovery': input.MaintenanceOptions?.AutoRecovery ?? 'default',
    'ec2:InstanceMarketType': input.InstanceMarketOptions?.MarketType ?? 'on-demand',
    'ec2:InstanceProfile': namedArn(context, input.IamInstanceProfile),
    'ec2:InstanceType': input.InstanceType ?? 'm1.small',
    'ec2:RootDeviceType': 'ebs',
    'ec2:Tenancy': input.Placement?.Tenancy ?? 'default',
    ...(metadata === undefined ? {} : metadataKeys(metadata)),
  };
}

function interfaceTargets(context: ReadContext, plans: readonly InterfacePlan[]): (string | AccessTarget)[] {
  const interfaces = plans.map(plan => {
    if (plan.kind === 'existing') return arn(context, 'network-interface', plan.row.networkInterfaceId);
    return {
      arn: arn(context, 'network-interface'),
      keys: {
        'ec2:AssociatePublicIpAddress': plan.associatePublicIp,
        ...zoneKeys(plan.subnet.availabilityZone),
        'ec2:Subnet': arn(context, 'subnet', plan.subnet.subnetId),
        'ec2:Vpc': arn(context, 'vpc', plan.subnet.vpcId),
      },
    };
  });
  const subnets = plans.map(plan => (plan.kind === 'existing' ? plan.row.subnetId : plan.subnet.subnetId));
  const groups = plans.flatMap(plan => (plan.kind === 'existing' ? plan.row.groupIds : plan.groupIds));
  return [
    ...interfaces,
    ...unique(subnets).map(id => arn(context, 'subnet', id)),
    ...unique(groups).map(id => arn(context, 'security-group', id)),
  ];
}

/** What a request names of interfaces, subnets and groups when they do not go together or do not exist. */
function namedInterfaces(context: ReadContext, input: RunInstancesRequest): string[] {
  const given = input.NetworkInterfaces ?? [];
  const named = (type: string, ids: readonly (string | undefined)[]) => {
    const present = unique(ids.filter(id => id !== undefined && id !== ''));
    return (present.length === 0 ? [undefined] : present).map(id => arn(context, type, id));
  };
  return [
    ...named(
      'network-interface',
      given.map(one => one.NetworkInterfaceId),
    ),
    ...named('subnet', [input.SubnetId, ...given.map(one => one.SubnetId)]),
    ...named('security-group', [...(input.SecurityGroupIds ?? []), ...given.flatMap(one => one.Groups ?? [])]),
  ];
}

/** What a part of the launch would be; undefined when the request is wrong, which the launch itself will say. */
function attempt<Result>(plan: () => Result): Result | undefined {
  try {
    return plan();
  } catch (error) {
    if (error instanceof ApiError) return undefined;
    throw error;
  }
}

function unique<Value>(values: readonly Value[]): Value[] {
  return [...new Set(values)];
}
