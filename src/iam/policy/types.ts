import type { CompiledCondition } from './conditions.ts';

/**
 * Condition keys of one request. Names lower-case (`aws:requesttag/team`), values as texts; absent = key not there.
 * Multi-valued keys have several (or zero) values.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
 */
export type ContextKeys = ReadonlyMap<string, readonly string[]>;

/** One question to the policies: may this action be done to this resource? A call asks one for every resource. */
export interface AccessRequest {
  /** `ec2:RunInstances` */
  readonly action: string;
  /** ARN, or `*` where the action has no resource-level permissions. */
  readonly resource: string;
  readonly keys: ContextKeys;
}

/** Everything that has a say in the decision about one principal. */
export interface PolicySet {
  readonly principal: PolicyPrincipal;
  readonly identity: readonly CompiledPolicy[];
  readonly boundary?: CompiledPolicy;
  /** When given, even empty, only what one of them allows is allowed. */
  readonly session?: readonly CompiledPolicy[];
  /** The policy of the resource that is asked for (of a role: its trust policy), and the account that owns it. */
  readonly resource?: { readonly policy: CompiledPolicy; readonly account: string };
}

export interface PolicyPrincipal {
  /** Empty for services and web identities: no account of theirs has policies that could have a say. */
  readonly account: string;
  /**
   * All names that Principal elements may call him by: his user ARN; of a role's session the session's and the role's
   * ARN; of a federated user his own and that of the user who federated him; unique ids; the provider of a web
   * identity. His account's root need not be among them.
   */
  readonly arns: readonly string[];
  /** Root of the account: needs no identity policy. */
  readonly isRoot: boolean;
  /** `ec2.amazonaws.com`, when a service acts for itself. */
  readonly services?: readonly string[];
}

export type PolicySourceType =
  | 'user'
  | 'group'
  | 'role'
  | 'aws-managed'
  | 'user-managed'
  | 'resource'
  | 'session'
  | 'boundary';

/** Where a policy comes from, as decisions name it. */
export interface PolicySource {
  readonly id: string;
  readonly type: PolicySourceType;
}

/**
 * Identity policies (boundaries and session policies too), policies of resources, trust policies of roles, and policies
 * of KMS keys, which are policies of resources without which nobody may do anything.
 */
export type PolicyKind = 'identity' | 'resource' | 'trust' | 'key';

/** A gate is a kind of policy that must not deny, and may have to allow. */
export type Gate = 'identity' | 'boundary' | 'session' | 'resource';

export interface MatchedStatement {
  readonly sourceId: string;
  readonly sourceType: PolicySourceType;
  /** Counted from 0, within the policy. */
  readonly statementIndex: number;
  readonly sid?: string;
  readonly effect: 'Allow' | 'Deny';
  /** In which role the policy was asked. */
  readonly gate: Gate;
}

export interface Decision {
  readonly effect: 'allowed' | 'explicitDeny' | 'implicitDeny';
  /**
   * The statements that decided: of an explicit deny those that deny, else those that allow (of an implicit deny:
   * which allow, but not enough).
   */
  readonly matched: readonly MatchedStatement[];
  /** Which gate did not allow, for `implicitDeny`. */
  readonly missing?: Gate;
  /** Keys that statements about this action and resource ask for and the request lacks, sorted, in lower case. */
  readonly missingContextKeys: readonly string[];
}

/** A policy made ready to decide; immutable, to be kept as long as its document stays the same. */
export interface CompiledPolicy {
  readonly source: PolicySource;
  readonly kind: PolicyKind;
  readonly statements: readonly CompiledStatement[];
  /** The statements whose Action or NotAction fits, in their order. */
  readonly forAction: (action: string) => readonly CompiledStatement[];
}

export interface CompiledStatement {
  readonly index: number;
  readonly sid?: string;
  readonly effect: 'Allow' | 'Deny';
  readonly fitsAction: (action: string) => boolean;
  /** Trust policies have no resources: their role is the only one. */
  readonly fitsResource: (resource: string, keys: ContextKeys) => boolean;
  readonly principals?: PrincipalMatcher;
  readonly conditions: readonly CompiledCondition[];
  /** Lower-case keys that variables in the resources ask for. */
  readonly resourceKeys: readonly string[];
  /** Lower-case keys of the conditions, and of the variables in their values. */
  readonly conditionKeys: readonly string[];
}

/** Principal or NotPrincipal of a statement, by what kind of name it uses. */
export interface PrincipalMatcher {
  readonly not: boolean;
  /** `"*"` or `{"AWS": "*"}` */
  readonly everyone: boolean;
  readonly accounts: ReadonlySet<string>;
  /** ARNs and unique ids of `AWS`. */
  readonly names: ReadonlySet<string>;
  readonly services: ReadonlySet<string>;
  readonly federated: ReadonlySet<string>;
}
