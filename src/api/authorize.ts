import { decide } from '../iam/policy/decide.ts';
import type { CompiledPolicy, ContextKeys, Decision, PolicySet } from '../iam/policy/types.ts';
import type { Reader } from '../state/state.ts';
import type { AccessTarget, ResourceLookup } from './access.ts';
import { accessDenied, type Refusal } from './access-denied.ts';
import { parseArn } from './arn.ts';
import type { Principal } from './call.ts';
import type { AnyOperation, ReadContext } from './operation.ts';
import { CallKeys, RequestKeys, type ResourceSource, requestTags, tagSpecifications } from './request-keys.ts';

/** What authorization asks of the services: who has which policies, and what is known of resources. */
export interface AccessRules {
  readonly policySetOf: (db: Reader, principal: Principal) => PolicySet;
  /** Keys that tell of the caller, lower-case. @param now milliseconds since the epoch */
  readonly principalKeys: (db: Reader, principal: Principal, now: number) => ContextKeys;
  /** What temporary credentials cannot be used for, whatever policies say. @throws ApiError */
  readonly checkSession: (principal: Principal, service: string, operation: string) => void;
  /** By the service of an ARN. */
  readonly resources: Readonly<Record<string, ResourceLookup>>;
  /** The policy that a resource itself has for an action, as roles have one for being assumed, and keys for their use. */
  readonly resourcePolicyOf: (
    context: ReadContext,
    action: string,
    arn: string,
  ) => { readonly policy: CompiledPolicy; readonly account: string } | undefined;
}

/** One question that a call raises, with its answer. */
export interface Verdict {
  readonly action: string;
  /** ARN or `*`. */
  readonly resource: string;
  readonly decision: Decision;
}

export interface Authorizer {
  /** @throws ApiError `UnauthorizedOperation` of EC2, `AccessDenied` of other services */
  authorize(operation: AnyOperation, context: ReadContext): void;
  /**
   * Refuses a call of an operation that is not here yet, when no policy allows it on any resource, or one denies it.
   * @throws ApiError as `authorize`
   */
  authorizeUnknown(context: ReadContext): void;
  /** What policies say of one action on one resource, as if the caller called for it. */
  verdict(context: ReadContext, target: AccessTarget & { readonly action: string }): Verdict;
}

/**
 * Decides on every call: its caller needs every action on every resource that the operation declares, and, of EC2,
 * `CreateTags` for what the request tags as it makes it.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */
export function createAuthorizer(rules: AccessRules): Authorizer {
  return {
    authorize(operation, context) {
      const { principal } = context;
      rules.checkSession(principal, operation.service, operation.name);
      if (operation.permission === 'none') return;
      // Root may do everything within its account, and operations reach no further; but keys have the last word.
      if (principal.type === 'root' && operation.service !== 'kms') return;
      const own = operation.action ?? `${operation.service}:${operation.name}`;
      const request = new Request(rules, context);
      for (const target of targetsOf(operation, context, own)) {
        const refusal = request.refusalOf(target.action ?? own, target);
        if (refusal === undefined) continue;
        if (refusal.decision.effect === 'implicitDeny' && operation.allowedUnlessDenied?.(context)) continue;
        throw accessDenied(refusal, operation.service, context.services.secrets);
      }
    },
    authorizeUnknown(context) {
      const { principal, call, services } = context;
      rules.checkSession(principal, call.service, call.operation);
      if (principal.type === 'root' || principal.type === 'anonymous') return;
      const action = `${call.service}:${call.operation}`;
      const request = new Request(rules, context);
      const refusal = request.refusalOf(action, { arn: '*' });
      const denied = refusal?.decision.effect === 'explicitDeny' || !request.mayAllow(action);
      if (refusal !== undefined && denied) throw accessDenied(refusal, call.service, services.secrets);
    },
    verdict(context, target) {
      const { decision } = new Request(rules, context).ask(target.action, target);
      return { action: target.action, resource: target.arn, decision };
    },
  };
}

function targetsOf(operation: AnyOperation, context: ReadContext, own: string): readonly AccessTarget[] {
  const { input } = context.call;
  const targets = operation.resources(input, context).map(one => (typeof one === 'string' ? { arn: one } : one));
  if (targets.length === 0) targets.push({ arn: '*' });
  if (operation.service !== 'ec2' || own === 'ec2:CreateTags') return targets;
  for (const { ResourceType: type } of tagSpecifications(input)) {
    if (typeof type === 'string') targets.push(...taggingTargets(targets, type, operation, context));
  }
  return targets;
}

/**
 * Tagging what a call makes is an action of its own.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html
 */
function taggingTargets(
  targets: readonly AccessTarget[],
  type: string,
  operation: AnyOperation,
  { account, region }: ReadContext,
): AccessTarget[] {
  const keys = { 'ec2:CreateAction': operation.name };
  const made = targets.filter(one => one.action === undefined && typeOf(one.arn) === type);
  const arns = made.length > 0 ? made.map(one => one.arn) : [`arn:aws:ec2:${region}:${account}:${type}/*`];
  return [...new Set(arns)].map(arn => ({ arn, action: 'ec2:CreateTags', keys }));
}

/** `instance` of `arn:aws:ec2:us-east-1:000000000000:instance/*`; empty for `*`. */
function typeOf(arn: string): string {
  const slash = arn.indexOf('/');
  return slash < 0 ? '' : arn.slice(arn.lastIndexOf(':', slash) + 1, slash);
}

/** The questions of one call, which share the caller's policies and the keys of the request. */
class Request {
  readonly #rules: AccessRules;
  readonly #context: ReadContext;
  readonly #policies: PolicySet;
  readonly #keys: CallKeys;

  constructor(rules: AccessRules, context: ReadContext) {
    this.#rules = rules;
    this.#context = context;
    this.#policies = rules.policySetOf(context.db, context.principal);
    this.#keys = new CallKeys(context, () => rules.principalKeys(context.db, context.principal, context.now));
  }

  refusalOf(action: string, target: AccessTarget): Refusal | undefined {
    const { decision, keys, trust } = this.ask(action, target);
    if (decision.effect === 'allowed') return undefined;
    return { principal: this.#context.principal, action, resource: target.arn, keys, decision, trust };
  }

  ask(action: string, target: AccessTarget): { decision: Decision; keys: RequestKeys; trust: boolean } {
    const keys = new RequestKeys(this.#keys, this.#sourceOf(action, target));
    const resource = this.#rules.resourcePolicyOf(this.#context, action, target.arn);
    const set = resource === undefined ? this.#policies : { ...this.#policies, resource };
    const decision = decide(set, { action, resource: target.arn, keys });
    return { decision, keys, trust: resource?.policy.kind === 'trust' };
  }

  /** Whether a statement allows the action on anything, under whatever conditions. */
  mayAllow(action: string): boolean {
    return this.#policies.identity.some(policy => policy.forAction(action).some(({ effect }) => effect === 'Allow'));
  }

  #sourceOf(action: string, target: AccessTarget): ResourceSource {
    const { account, region, call } = this.#context;
    const arn = parseArn(target.arn);
    return {
      service: action.slice(0, action.indexOf(':')),
      account: arn?.account || account,
      region,
      declared: target.keys,
      facts: () => {
        if (arn === undefined || !Object.hasOwn(this.#rules.resources, arn.service)) return undefined;
        return this.#rules.resources[arn.service]?.(this.#context, arn);
      },
      tags: () => requestTags(call.input, typeOf(target.arn)),
    };
  }
}
