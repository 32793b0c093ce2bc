import type {
  EvaluationResult,
  PolicyEvaluationDecisionType,
  PolicySourceType,
  ResourceSpecificResult,
  Statement,
} from '@aws-sdk/client-iam';
import { compilePolicy } from '../policy/compile.ts';
import { decide } from '../policy/decide.ts';
import { type Position, statementPositions } from '../policy/positions.ts';
import type {
  AccessRequest,
  CompiledPolicy,
  ContextKeys,
  Decision,
  MatchedStatement,
  PolicyPrincipal,
  PolicySet,
} from '../policy/types.ts';

/** A policy of a simulation, with the text that its statements stand in. */
export interface SimulatedPolicy {
  readonly policy: CompiledPolicy;
  readonly document: string;
}

export interface Simulation {
  readonly caller: PolicyPrincipal;
  readonly identity: readonly SimulatedPolicy[];
  readonly boundary?: SimulatedPolicy | undefined;
  /** Of each level of an organization, the root's first. */
  readonly organization?: readonly (readonly SimulatedPolicy[])[] | undefined;
  readonly resource?: SimulatedPolicy | undefined;
  /** Owner of resources whose ARNs name no account. */
  readonly resourceOwner: string;
  readonly keys: ContextKeys;
  /** By lower-case names, how policies write them. */
  readonly keyNames: ReadonlyMap<string, string>;
}

/** What was found for one resource. */
interface Outcome {
  readonly effect: Decision['effect'];
  readonly statements: readonly Statement[];
  readonly missing: readonly string[];
  readonly boundary?: boolean;
  readonly organization?: boolean;
  /** Of a cross-account request, what each account's policies say; empty within one account. */
  readonly details: Readonly<Record<string, PolicyEvaluationDecisionType>>;
}

/**
 * One action on each of the resources. The result as a whole is the strictest of them.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html
 */
export function simulate(simulation: Simulation, action: string, resources: readonly string[]): EvaluationResult {
  const outcomes = resources.map(resource => outcomeOf(simulation, { action, resource, keys: simulation.keys }));
  const effect = strictest(outcomes.map(one => one.effect));
  const deciding = outcomes.filter(one => one.effect === effect);
  const everything = resources.length === 1 && resources[0] === '*';
  const boundary = inAll(outcomes, 'boundary');
  const organization = inAll(outcomes, 'organization');
  return {
    EvalActionName: action,
    EvalResourceName: resources.length === 1 ? resources[0] : '*',
    EvalDecision: effect,
    MatchedStatements: uniqueStatements(deciding.flatMap(one => one.statements)),
    MissingContextValues: [...new Set(outcomes.flatMap(one => one.missing))],
    ...(boundary !== undefined && { PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: boundary } }),
    ...(organization !== undefined && { OrganizationsDecisionDetail: { AllowedByOrganizations: organization } }),
    ...(!everything && {
      EvalDecisionDetails: strictestDetails(outcomes),
      ResourceSpecificResults: outcomes.map((one, at) => specific(resources[at] ?? '*', one)),
    }),
  };
}

function specific(resource: string, outcome: Outcome): ResourceSpecificResult {
  return {
    EvalResourceName: resource,
    EvalResourceDecision: outcome.effect,
    MatchedStatements: [...outcome.statements],
    MissingContextValues: [...outcome.missing],
    EvalDecisionDetails: { ...outcome.details },
    ...(outcome.boundary !== undefined && {
      PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: outcome.boundary },
    }),
  };
}

function outcomeOf(simulation: Simulation, request: AccessRequest): Outcome {
  const { caller, identity, boundary, organization, resource } = simulation;
  const bare = (policies: readonly SimulatedPolicy[]): PolicySet => ({
    principal: { ...caller, isRoot: false },
    identity: policies.map(one => one.policy),
  });
  const set: PolicySet = {
    ...bare(identity),
    principal: caller,
    ...(boundary !== undefined && { boundary: boundary.policy }),
  };
  const account = accountIn(request.resource) ?? simulation.resourceOwner;
  const decision = decide(
    resource === undefined ? set : { ...set, resource: { policy: resource.policy, account } },
    request,
  );
  const levels = organization?.map(level => decide(bare(level), request).effect);
  const organized = levels?.every(one => one === 'allowed');
  // What the organization forbids needs no further look.
  if (organized === false) {
    const denied = levels?.includes('explicitDeny') ? 'explicitDeny' : 'implicitDeny';
    const effect = strictest([denied, decision.effect === 'explicitDeny' ? 'explicitDeny' : 'implicitDeny']);
    return { effect, statements: [], missing: missingOf(simulation, decision), organization: false, details: {} };
  }
  const crossAccount = resource !== undefined && account !== caller.account;
  return {
    effect: decision.effect,
    statements: decision.matched.map(one => statementOf(simulation, one)),
    missing: missingOf(simulation, decision),
    ...(boundary !== undefined && { boundary: decide(bare([boundary]), request).effect === 'allowed' }),
    ...(organized !== undefined && { organization: organized }),
    details: crossAccount
      ? {
          'IAM Policy': decide(set, request).effect,
          'Resource Policy': decide(
            {
              principal: { ...caller, isRoot: false },
              identity: [everything],
              resource: { policy: resource.policy, account },
            },
            request,
          ).effect,
        }
      : {},
  };
}

/** Of an account whose own policies allow all, what another's resource policy does is all that counts. */
const everything = compilePolicy(
  JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] }),
  { id: 'everything', type: 'user' },
  'identity',
);

/** The account in a resource's ARN. */
function accountIn(resource: string): string | undefined {
  const account = resource.split(':')[4];
  return account !== undefined && /^\d{12}$/.test(account) ? account : undefined;
}

function missingOf({ keyNames }: Simulation, decision: Decision): string[] {
  return decision.missingContextKeys.map(key => keyNames.get(key) ?? key);
}

/** As IAM names where a statement is from: policies that the request gives are from nowhere. */
function statementOf(simulation: Simulation, matched: MatchedStatement): Statement {
  const { identity, boundary, resource } = simulation;
  const sources = { identity, boundary: boundary ? [boundary] : [], resource: resource ? [resource] : [], session: [] };
  const from = sources[matched.gate].find(one => one.policy.source.id === matched.sourceId);
  const span = from && positionsOf(from)[matched.statementIndex];
  return {
    SourcePolicyId: matched.sourceId,
    SourcePolicyType: sourceType(matched),
    ...(span && { StartPosition: rendered(span.start), EndPosition: rendered(span.end) }),
  };
}

type Positions = ReturnType<typeof statementPositions>;
const positions = new WeakMap<SimulatedPolicy, Positions>();

/** A policy's statements are looked for once, however many actions are simulated. */
function positionsOf(policy: SimulatedPolicy): Positions {
  let found = positions.get(policy);
  if (found === undefined) {
    found = statementPositions(policy.document);
    positions.set(policy, found);
  }
  return found;
}

const rendered = ({ line, column }: Position) => ({ Line: line, Column: column });

function sourceType({ sourceId, sourceType: type, gate }: MatchedStatement): PolicySourceType {
  if (gate === 'resource') return 'resource';
  if (/InputList\.\d+$/.test(sourceId) || type === 'session' || type === 'boundary') return 'none';
  return type;
}

const strictness = ['explicitDeny', 'implicitDeny', 'allowed'] as const;

function strictest(effects: readonly Decision['effect'][]): Decision['effect'] {
  return strictness.find(one => effects.includes(one)) ?? 'implicitDeny';
}

function strictestDetails(outcomes: readonly Outcome[]): Record<string, PolicyEvaluationDecisionType> {
  const names = new Set(outcomes.flatMap(one => Object.keys(one.details)));
  return Object.fromEntries(
    [...names].map(name => [name, strictest(outcomes.flatMap(one => one.details[name] ?? []))]),
  );
}

/** Whether all say yes; undefined when none says anything. */
function inAll(outcomes: readonly Outcome[], member: 'boundary' | 'organization'): boolean | undefined {
  const said = outcomes.flatMap(one => one[member] ?? []);
  return said.length === 0 ? undefined : said.every(Boolean);
}

function uniqueStatements(statements: readonly Statement[]): Statement[] {
  return [...new Map(statements.map(one => [JSON.stringify(one), one])).values()];
}
