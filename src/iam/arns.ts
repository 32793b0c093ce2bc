/**
 * ARNs of IAM: global, so without a Region.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns
 */
export function iamArn(account: string, resource: string): string {
  return `arn:aws:iam::${account}:${resource}`;
}

export const rootArn = (account: string): string => iamArn(account, 'root');

/** @param path begins and ends with a slash */
export function entityArn(
  account: string,
  type: 'user' | 'group' | 'role' | 'policy' | 'instance-profile',
  path: string,
  name: string,
): string {
  return iamArn(account, type + path + name);
}

/** The account of AWS's own managed policies, where an ARN names it. */
export const awsManagedAccount = 'aws';

export function isAwsManaged(policyArn: string): boolean {
  return policyArn.startsWith('arn:aws:iam::aws:policy/');
}
