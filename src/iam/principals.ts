import type { Principal } from '../api/call.ts';
import type { Reader } from '../state/state.ts';
import { isAwsManaged } from './arns.ts';
import type { Bounded, Identity } from './entity.ts';
import { groups } from './groups/model.ts';
import { groupKind, type IdentityKind, lookUp, roleKind, userKind } from './identities/kinds.ts';
import { defaultVersion, managedPolicy } from './managed-policies/find.ts';
import type { PolicyRow } from './managed-policies/model.ts';
import { compilePolicy } from './policy/compile.ts';
import type { CompiledPolicy, PolicyPrincipal, PolicySet, PolicySource } from './policy/types.ts';
import { roles } from './roles/model.ts';
import { type UserRow, users } from './users/model.ts';

export { principalKeys } from './principal-keys.ts';

/** What of a policy set depends on a user or role alone, not on his session. */
export type OwnPolicies = Pick<PolicySet, 'identity' | 'boundary'>;

/**
 * Every policy that decides for a principal: his own, his groups', what bounds them, and those of his session. Policies
 * are compiled when they are first asked, and kept until their rows change.
 * @returns of a user or role that is gone, a set that allows nothing
 */
export function policySetOf(db: Reader, principal: Principal): PolicySet {
  return { principal: namesOf(principal), ...ownPoliciesOf(db, principal), ...sessionPoliciesOf(db, principal) };
}

const nothing: OwnPolicies = { identity: [] };

function ownPoliciesOf(db: Reader, principal: Principal): OwnPolicies {
  switch (principal.type) {
    case 'anonymous':
    case 'root':
      return nothing;
    case 'user': {
      const row = db.get(users, principal.userId);
      return row === undefined ? nothing : policiesOf(db, userKind, row);
    }
    case 'assumed-role': {
      const row = db.get(roles, principal.roleId);
      return row === undefined ? nothing : policiesOf(db, roleKind, row);
    }
    case 'federated-user': {
      const { userName } = principal.issuer;
      const row = userName === undefined ? undefined : lookUp(db, userKind, principal.account, userName);
      return row === undefined ? nothing : policiesOf(db, userKind, row);
    }
  }
}

/**
 * All names of a principal. One whom root federated has root's rights within his session's policies.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
 */
function namesOf(principal: Principal): PolicyPrincipal {
  const { account, arn, userId } = principal;
  if (principal.type === 'assumed-role') {
    return { account, arns: [arn, principal.roleArn, principal.roleId, userId], isRoot: false };
  }
  if (principal.type === 'federated-user') {
    const isRoot = principal.issuer.userName === undefined;
    return { account, arns: [arn, principal.issuer.arn], isRoot };
  }
  return { account, arns: [arn, userId], isRoot: principal.type === 'root' };
}

interface Assembled {
  readonly policies: OwnPolicies;
  /** The rows besides his own that it was made from, as they were. */
  readonly from: readonly Dependency[];
}

interface Dependency {
  readonly row: object | undefined;
  readonly find: (db: Reader) => object | undefined;
}

const assembled = new WeakMap<object, Assembled>();

/** The policies of a user (with his groups'), group or role, and the boundary of his permissions. */
export function policiesOf<Row extends Identity & Bounded>(db: Reader, kind: IdentityKind<Row>, row: Row): OwnPolicies {
  const known = assembled.get(row);
  if (known?.from.every(({ find, row: before }) => find(db) === before)) return known.policies;

  const from: Dependency[] = [];
  const look = <Found extends object>(find: (db: Reader) => Found | undefined): Found | undefined => {
    const found = find(db);
    from.push({ row: found, find });
    return found;
  };
  const managed = (arn: string) => look(reader => managedPolicy(reader, row.account, arn));
  const policiesIn = <One extends Identity>(ofKind: IdentityKind<One>, one: One): CompiledPolicy[] => [
    ...inlinePoliciesOf(ofKind, one),
    ...one.attachedPolicies.flatMap(arn => {
      const policy = managed(arn);
      return policy === undefined ? [] : [compiledManaged(policy)];
    }),
  ];
  const identity = policiesIn(kind, row);
  for (const id of groupIdsOf(row)) {
    const group = look(reader => reader.get(groups, id));
    if (group !== undefined) identity.push(...policiesIn(groupKind, group));
  }
  const bounding = row.permissionsBoundary === undefined ? undefined : managed(row.permissionsBoundary);
  const policies =
    bounding === undefined ? { identity } : { identity, boundary: compiledManaged(bounding, 'boundary') };
  assembled.set(row, { policies, from });
  return policies;
}

function groupIdsOf(row: Identity & Partial<Pick<UserRow, 'groups'>>): readonly string[] {
  return row.groups ?? [];
}

function inlinePoliciesOf<Row extends Identity>(kind: IdentityKind<Row>, row: Row): readonly CompiledPolicy[] {
  return row.inlinePolicies.map(policy => {
    const id = `${kind.type}_${kind.name(row)}_${policy.name}`;
    return compiled(policy, id, () => compilePolicy(policy.document, { id, type: kind.type }, 'identity'));
  });
}

/** A managed policy's default version, ready to decide. */
export function compiledManaged(row: PolicyRow, as?: 'boundary' | 'session'): CompiledPolicy {
  const type: PolicySource['type'] = as ?? (isAwsManaged(row.arn) ? 'aws-managed' : 'user-managed');
  return compiled(row, type, () =>
    compilePolicy(defaultVersion(row).document, { id: row.policyName, type }, 'identity'),
  );
}

/** Compiled policies by the objects that hold their documents, which are replaced when these change. */
const byHolder = new WeakMap<object, Map<string, CompiledPolicy>>();

function compiled(holder: object, variant: string, make: () => CompiledPolicy): CompiledPolicy {
  let variants = byHolder.get(holder);
  if (variants === undefined) {
    variants = new Map();
    byHolder.set(holder, variants);
  }
  let policy = variants.get(variant);
  if (policy === undefined) {
    policy = make();
    variants.set(variant, policy);
  }
  return policy;
}

/**
 * Session policies bound a role's session when it was given any, and a federated user's always.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session
 */
function sessionPoliciesOf(db: Reader, principal: Principal): Pick<PolicySet, 'session'> {
  const { session, account } = principal;
  if (session === undefined) return {};
  if (principal.type !== 'federated-user' && session.policies.length === 0 && session.policyArns.length === 0)
    return {};
  const managed = session.policyArns.map(arn => {
    const policy = managedPolicy(db, account, arn);
    // A policy that was deleted allows nothing any more; the session stays bounded.
    return policy === undefined ? [] : [compiledManaged(policy, 'session')];
  });
  return { session: [...session.policies.map(sessionPolicy), ...managed.flat()] };
}

/** Sessions last hours and their documents come with each call: the texts last used are kept compiled. */
const sessionPolicies = new Map<string, CompiledPolicy>();
const keptSessionPolicies = 1000;

function sessionPolicy(document: string): CompiledPolicy {
  let policy = sessionPolicies.get(document);
  if (policy === undefined) {
    policy = compilePolicy(document, { id: 'session', type: 'session' }, 'identity');
    if (sessionPolicies.size >= keptSessionPolicies) sessionPolicies.clear();
    sessionPolicies.set(document, policy);
  }
  return policy;
}
