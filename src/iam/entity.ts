import type { Tag } from '@aws-sdk/client-iam';

/** What rows of users, groups, roles, policies and instance profiles have in common. They belong to an account. */
export interface Owned {
  readonly account: string;
  /** Begins and ends with a slash. */
  readonly path: string;
  /** Milliseconds since the epoch. */
  readonly createDate: number;
}

export interface Tagged {
  readonly tags: readonly TagRow[];
}

export interface TagRow {
  readonly Key: string;
  readonly Value: string;
}

/** Users, groups and roles: what policies are written into and attached to. */
export interface Identity extends Owned {
  /** In order of their making. */
  readonly inlinePolicies: readonly InlinePolicy[];
  /** ARNs of managed policies, in order of their attachment. */
  readonly attachedPolicies: readonly string[];
}

export interface InlinePolicy {
  readonly name: string;
  /** As it was put. */
  readonly document: string;
}

/** Users and roles, whose permissions a managed policy may bound. */
export interface Bounded {
  /** ARN of a managed policy. */
  readonly permissionsBoundary?: string;
}

/** Where a row is found by its name: names are unique in an account whatever their case. */
export function nameKey(account: string, name: string): string {
  return `${account}/${name.toLowerCase()}`;
}

/** Where rows are found by a managed policy: AWS's own are the same for every account. */
export function policyKey(account: string, policyArn: string): string {
  return `${account}/${policyArn}`;
}

export function policyKeys(row: Identity): readonly string[] {
  return row.attachedPolicies.map(arn => policyKey(row.account, arn));
}

/** Tags as answers have them. */
export function renderTags(row: Tagged): Tag[] | undefined {
  return row.tags.length === 0 ? undefined : row.tags.map(({ Key, Value }) => ({ Key, Value }));
}

/** A time as IAM tells it: whole seconds. @param time milliseconds since the epoch */
export function timestamp(time: number): Date {
  return new Date(Math.floor(time / 1000) * 1000);
}
