import { invalidInput } from '../errors.ts';

/**
 * What a scenario of RunInstances is about, by the types of resources in ARNs. EBS stands for a volume.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html
 */
const scenarios: Readonly<Record<string, readonly string[]>> = {
  'EC2-Classic-InstanceStore': ['instance', 'image', 'security-group'],
  'EC2-Classic-EBS': ['instance', 'image', 'security-group', 'volume'],
  'EC2-VPC-InstanceStore': ['instance', 'image', 'security-group', 'network-interface'],
  'EC2-VPC-InstanceStore-Subnet': ['instance', 'image', 'security-group', 'network-interface', 'subnet'],
  'EC2-VPC-EBS': ['instance', 'image', 'security-group', 'network-interface', 'volume'],
  'EC2-VPC-EBS-Subnet': ['instance', 'image', 'security-group', 'network-interface', 'subnet', 'volume'],
};

/**
 * A scenario asks for all resources that a launch touches, so that its result is that of the launch.
 * @throws ApiError `InvalidInput`
 */
export function checkHandling(
  option: string | undefined,
  actions: readonly string[],
  resources: readonly string[],
): void {
  if (option === undefined) return;
  const types = Object.hasOwn(scenarios, option) ? scenarios[option] : undefined;
  if (types === undefined) {
    throw invalidInput(
      `'${option}' is not a scenario. ResourceHandlingOption must be one of ${Object.keys(scenarios).join(', ')}.`,
    );
  }
  if (actions.some(action => action.toLowerCase() !== 'ec2:runinstances')) {
    throw invalidInput('ResourceHandlingOption is for ec2:RunInstances only.');
  }
  const missing = types.filter(type => !resources.some(arn => arn.split(':')[5]?.startsWith(`${type}/`)));
  if (missing.length > 0)
    throw invalidInput(`The scenario ${option} needs resources of these types too: ${missing.join(', ')}.`);
}
