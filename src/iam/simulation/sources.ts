import type { InlinePolicyIdentifierType, PolicyIdentifier } from '@aws-sdk/client-iam';
import { matchesPattern } from '../../api/filters.ts';
import type { ReadContext } from '../../api/operation.ts';
import { isAwsManaged } from '../arns.ts';
import type { Bounded, Identity } from '../entity.ts';
import { invalidInput, noSuchEntity } from '../errors.ts';
import { groups } from '../groups/model.ts';
import { groupKind, type IdentityKind, lookUp, roleKind, userKind } from '../identities/kinds.ts';
import { defaultVersion, managedPolicy } from '../managed-policies/find.ts';
import type { PolicySourceType } from '../policy/types.ts';

/** A policy that an identity has. */
export interface SourcePolicy {
  readonly document: string;
  /** As decisions name it. */
  readonly id: string;
  readonly type: PolicySourceType;
  readonly name: string;
  /** Of managed ones. */
  readonly arn?: string;
  /** Of inline ones, whose they are. */
  readonly holder?: { readonly type: 'user' | 'group' | 'role'; readonly name: string };
}

export interface PolicySourceIdentity {
  readonly type: 'user' | 'group' | 'role';
  readonly arn: string;
  readonly id: string;
  readonly account: string;
  readonly policies: readonly SourcePolicy[];
  readonly boundary?: SourcePolicy;
}

/**
 * A user with his groups' policies, a group, or a role, by ARN.
 * @throws ApiError `InvalidInput`, `NoSuchEntity`
 */
export function policySource(context: ReadContext, arn: string): PolicySourceIdentity {
  const [, account = '', type = '', rest = ''] = /^arn:aws:iam::(\d{12}):(user|group|role)\/(\S+)$/.exec(arn) ?? [];
  if (account === '') {
    throw invalidInput(
      `Invalid Entity Arn: ${arn} does not clearly define entity type and name. It must be that of a user, group or role.`,
    );
  }
  const name = rest.slice(rest.lastIndexOf('/') + 1);
  const found =
    type === 'user'
      ? source(context, userKind, account, name)
      : type === 'role'
        ? source(context, roleKind, account, name)
        : source(context, groupKind, account, name);
  if (found === undefined || found.arn !== arn || account !== context.account) {
    throw noSuchEntity(`The ${type} with name ${name} cannot be found.`);
  }
  return found;
}

function source<Row extends Identity & Bounded>(
  context: ReadContext,
  kind: IdentityKind<Row>,
  account: string,
  name: string,
): PolicySourceIdentity | undefined {
  const row = lookUp(context.db, kind, account, name);
  if (row === undefined) return undefined;
  const groupIds: readonly string[] = 'groups' in row && Array.isArray(row.groups) ? row.groups : [];
  const policies = [
    ...policiesOf(context, kind, row),
    ...groupIds.flatMap(id => {
      const group = context.db.get(groups, id);
      return group === undefined ? [] : policiesOf(context, groupKind, group);
    }),
  ];
  const boundary =
    row.permissionsBoundary === undefined ? undefined : managed(context, account, row.permissionsBoundary);
  return {
    type: kind.type,
    arn: kind.arn(row),
    id: kind.id(row),
    account,
    policies,
    ...(boundary !== undefined && { boundary: { ...boundary, type: 'boundary' as const } }),
  };
}

/** Inline and attached policies of one user, group or role alone. */
export function policiesOf<Row extends Identity>(
  context: ReadContext,
  kind: IdentityKind<Row>,
  row: Row,
): SourcePolicy[] {
  const holder = { type: kind.type, name: kind.name(row) };
  return [
    ...row.inlinePolicies.map(({ name, document }) => ({
      document,
      name,
      id: `${kind.type}_${holder.name}_${name}`,
      type: kind.type,
      holder,
    })),
    ...row.attachedPolicies.flatMap(arn => managed(context, row.account, arn) ?? []),
  ];
}

function managed({ db }: ReadContext, account: string, arn: string): SourcePolicy | undefined {
  const policy = managedPolicy(db, account, arn);
  return (
    policy && {
      document: defaultVersion(policy).document,
      id: policy.policyName,
      type: isAwsManaged(arn) ? 'aws-managed' : 'user-managed',
      name: policy.policyName,
      arn,
    }
  );
}

/**
 * A test of which policies a simulation is to leave out.
 * @throws ApiError `InvalidInput`
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_PolicyIdentifier.html
 */
export function exclusion(identifiers: readonly PolicyIdentifier[] | undefined): (policy: SourcePolicy) => boolean {
  const tests = (identifiers ?? []).map(identifier => {
    const given = Object.values(identifier).filter(value => value !== undefined);
    if (given.length !== 1) {
      throw invalidInput('A policy identifier has one of PolicyType, PolicyArn and InlinePolicyIdentifier.');
    }
    if (identifier.PolicyType !== undefined) return ofType(identifier.PolicyType);
    if (identifier.PolicyArn !== undefined) return ofArn(identifier.PolicyArn);
    if (identifier.InlinePolicyIdentifier !== undefined) return inlineOf(identifier.InlinePolicyIdentifier);
    throw invalidInput('The policy identifier is not one that is known here.');
  });
  return policy => tests.some(test => test(policy));
}

type Test = (policy: SourcePolicy) => boolean;

function ofType(type: string): Test {
  switch (type) {
    case 'inline':
      return policy => policy.holder !== undefined && policy.type !== 'boundary';
    case 'aws-managed':
    case 'user-managed':
      return policy => policy.type === type;
    case 'permission-boundary':
      return policy => policy.type === 'boundary';
    // There are no organizations here.
    case 'scp':
    case 'rcp':
      return () => false;
    default:
      throw invalidInput(`'${type}' is not a type of policies.`);
  }
}

function ofArn(arn: string): Test {
  if (!/^arn:aws:iam::(?:aws|\d{12}):policy\/[^\s*]*\*?[^\s*]*$/.test(arn))
    throw invalidInput(`ARN ${arn} is not valid.`);
  return policy => policy.arn !== undefined && policy.type !== 'boundary' && matchesPattern(arn, policy.arn);
}

function inlineOf({
  PolicyName: name,
  AttachmentType: type,
  AttachmentName: pattern = '',
}: InlinePolicyIdentifierType): Test {
  if (!/^[^*]*\*?[^*]*$/.test(pattern)) throw invalidInput(`'${pattern}' has more than one *.`);
  return policy =>
    policy.holder !== undefined &&
    policy.name === name &&
    policy.holder.type === type &&
    matchesPattern(pattern, policy.holder.name);
}
