/** One of AWS's managed policies: what it grants. */
export interface AwsManagedPolicy {
  readonly name: string;
  /** `/`, `/job-function/`, `/service-role/`, or `/aws-service-role/` of those only for service-linked roles. */
  readonly path: string;
  readonly description: string;
  readonly statements: readonly ManagedStatement[];
}

export interface ManagedStatement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Action?: readonly string[];
  readonly NotAction?: readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

export function declare(
  name: string,
  description: string,
  statements: readonly ManagedStatement[],
  path = '/',
): AwsManagedPolicy {
  return { name, path, description, statements };
}

/** A statement that allows actions, on every resource unless some are named. */
export function allow(
  actions: readonly string[],
  resource: string | readonly string[] = '*',
  condition?: ManagedStatement['Condition'],
): ManagedStatement {
  return {
    Effect: 'Allow',
    Action: actions,
    Resource: resource,
    ...(condition === undefined ? {} : { Condition: condition }),
  };
}

/** Actions of one service: `actions('ec2', 'Describe* RunInstances')`. */
export function actions(service: string, names: string): readonly string[] {
  return names
    .trim()
    .split(/\s+/)
    .map(name => `${service}:${name}`);
}

/** The right to have service-linked roles made for some services. */
export function createServiceLinkedRoles(...services: readonly string[]): ManagedStatement {
  return allow(['iam:CreateServiceLinkedRole'], '*', {
    StringEquals: { 'iam:AWSServiceName': services.map(service => `${service}.amazonaws.com`) },
  });
}
