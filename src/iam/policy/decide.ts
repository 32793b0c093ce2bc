import { isExcluded, type Naming, namingOf } from './principals.ts';
import type {
  AccessRequest,
  CompiledPolicy,
  CompiledStatement,
  Decision,
  Gate,
  MatchedStatement,
  PolicySet,
} from './types.ts';

/** What the policies asked so far say. */
interface Findings {
  denies: MatchedStatement[];
  allows: MatchedStatement[];
  missingKeys: Set<string> | undefined;
}

/**
 * Decides as AWS documents it: a Deny anywhere denies; what is not allowed is denied. Within one account, the
 * resource's policy and the identity's policies allow together; between accounts both must. Boundary and session
 * policies must allow what the identity's policies do, and what the resource's policy allows to the role; not what it
 * allows to the user or the session itself. Trust policies of roles and policies of keys must always allow.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
 */
export function decide(set: PolicySet, request: AccessRequest): Decision {
  const findings: Findings = { denies: [], allows: [], missingKeys: undefined };
  let identity = set.principal.isRoot;
  for (const policy of set.identity) if (ask(policy, 'identity', set, request, findings) !== 'none') identity = true;
  const boundary = set.boundary === undefined || ask(set.boundary, 'boundary', set, request, findings) !== 'none';
  let session = set.session === undefined;
  for (const policy of set.session ?? []) if (ask(policy, 'session', set, request, findings) !== 'none') session = true;
  const resource = set.resource && ask(set.resource.policy, 'resource', set, request, findings);

  const missingContextKeys = findings.missingKeys === undefined ? noKeys : [...findings.missingKeys].sort();
  if (findings.denies.length > 0) return { effect: 'explicitDeny', matched: findings.denies, missingContextKeys };
  const missing = missingGate(set, { identity, boundary, session, resource });
  if (missing === undefined) return { effect: 'allowed', matched: findings.allows, missingContextKeys };
  return { effect: 'implicitDeny', matched: findings.allows, missing, missingContextKeys };
}

const noKeys: readonly string[] = [];

interface Allowing {
  readonly identity: boolean;
  readonly boundary: boolean;
  readonly session: boolean;
  /** By which name the resource's policy allows the caller; `undefined` without such a policy. */
  readonly resource: Naming | undefined;
}

/** Which gate would still have to allow. */
function missingGate(set: PolicySet, { identity, boundary, session, resource }: Allowing): Gate | undefined {
  const own = (granted: boolean): Gate | undefined =>
    !granted ? 'identity' : !boundary ? 'boundary' : !session ? 'session' : undefined;
  if (set.resource === undefined || resource === undefined) return own(identity);
  const within = set.principal.account === set.resource.account || set.principal.account === '';
  if (!within) return own(identity) ?? (resource === 'none' ? 'resource' : undefined);
  if (resource === 'self') return undefined;
  if (resource === 'role') return own(true);
  const { kind } = set.resource.policy;
  const onlyResource = kind === 'trust' || kind === 'key' || set.principal.account === '';
  if (resource === 'none' && onlyResource) return 'resource';
  return own(identity);
}

/** Asks one policy. Returns by which name it allows the caller; policies without principals speak of him only. */
function ask(policy: CompiledPolicy, gate: Gate, set: PolicySet, request: AccessRequest, findings: Findings): Naming {
  let allowed: Naming = 'none';
  for (const statement of policy.forAction(request.action)) {
    const naming = statement.principals === undefined ? 'self' : namedBy(statement, set);
    if (naming === 'none') continue;
    if (statement.resourceKeys.length > 0) noteMissing(statement.resourceKeys, request, findings);
    if (!statement.fitsResource(request.resource, request.keys)) continue;
    if (statement.conditions.length > 0) {
      noteMissing(statement.conditionKeys, request, findings);
      if (!holds(statement, request)) continue;
    }
    if (statement.effect === 'Deny') findings.denies.push(matchOf(policy, statement, gate));
    else {
      findings.allows.push(matchOf(policy, statement, gate));
      if (ranks[naming] > ranks[allowed]) allowed = naming;
    }
  }
  return allowed;
}

const ranks: Readonly<Record<Naming, number>> = { none: 0, account: 1, role: 2, self: 3 };

function namedBy(statement: CompiledStatement, set: PolicySet): Naming {
  const matcher = statement.principals;
  if (matcher === undefined) return 'self';
  if (!matcher.not) return namingOf(matcher, set.principal);
  return isExcluded(matcher, set.principal, statement.effect) ? 'none' : 'self';
}

function holds(statement: CompiledStatement, request: AccessRequest): boolean {
  for (const condition of statement.conditions) if (!condition.holds(request.keys)) return false;
  return true;
}

function noteMissing(keys: readonly string[], request: AccessRequest, findings: Findings): void {
  for (const key of keys) {
    if (request.keys.has(key)) continue;
    findings.missingKeys ??= new Set();
    findings.missingKeys.add(key);
  }
}

function matchOf(policy: CompiledPolicy, statement: CompiledStatement, gate: Gate): MatchedStatement {
  return {
    sourceId: policy.source.id,
    sourceType: policy.source.type,
    statementIndex: statement.index,
    ...(statement.sid === undefined ? {} : { sid: statement.sid }),
    effect: statement.effect,
    gate,
  };
}
