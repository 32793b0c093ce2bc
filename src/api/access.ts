import type { Reader } from '../state/state.ts';

/**
 * What a call needs to be allowed, in the terms of AWS's service authorization reference.
 * @see https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html
 */

/** Value or values of a condition key; undefined when the request does not have the key. */
export type ConditionValue = string | number | boolean | readonly string[] | undefined;

/** Condition keys by name, as AWS writes them: `{ 'ec2:InstanceType': 't3.micro' }`. */
export type ConditionKeys = Readonly<Record<string, ConditionValue>>;

/**
 * One resource that a call touches, where its ARN alone does not say everything.
 *
 * Authorization finds by itself: the keys of every request (`aws:…`); of a resource that exists, its tags and what
 * its service's `conditionKeys` tells of it (`ec2:InstanceType` of an instance, `ec2:Vpc` of a security group); the
 * tags that the request gives (`Tags`, `TagSpecifications`) and the `ec2:CreateTags` that these need.
 */
export interface AccessTarget {
  /** ARN; `…:instance/*` of a resource that the call makes, `*` where the action has no resources. */
  readonly arn: string;
  /** IAM action when it is another one than the operation's: `iam:PassRole` … */
  readonly action?: string;
  /** Further condition keys of this resource, such as those of a resource that is yet to be made. */
  readonly keys?: ConditionKeys;
}

/** The permission to hand a role to a service, which calls that give a role to something need. */
export function passRole(roleArn: string, service: string, keys: ConditionKeys = {}): AccessTarget {
  return { action: 'iam:PassRole', arn: roleArn, keys: { 'iam:PassedToService': service, ...keys } };
}

/** The parts of an ARN: `arn:aws:SERVICE:REGION:ACCOUNT:RESOURCE`. */
export interface ArnParts {
  readonly service: string;
  /** Empty for global resources. */
  readonly region: string;
  /** Empty for resources that may belong to anyone: AMIs and snapshots. */
  readonly account: string;
  /** `instance/i-0123456789abcdef0`, `role/path/name` … */
  readonly resource: string;
}

/** What policies may ask of a resource that exists. */
export interface ResourceFacts {
  /** The account that owns it. */
  readonly account: string;
  readonly keys: ConditionKeys;
  readonly tags: Readonly<Record<string, string>>;
}

/** A service's answer to what is known of a resource; undefined when it does not exist or the caller may not see it. */
export type ResourceLookup = (
  context: { readonly db: Reader; readonly account: string; readonly region: string },
  arn: ArnParts,
) => ResourceFacts | undefined;
