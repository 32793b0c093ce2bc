/**
 * Who signed a call, with the members that policies and CloudTrail need.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
 */
export type Principal = RootPrincipal | UserPrincipal | RolePrincipal | FederatedPrincipal | AnonymousPrincipal;

interface AnyPrincipal {
  /** Twelve digits. */
  readonly account: string;
  /** `arn:aws:iam::ACCOUNT:root`, `…:user/PATH/NAME`, `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION` … */
  readonly arn: string;
  /** The account's id for root, `AIDA…` for users, `AROA…:SESSION` for roles, `ACCOUNT:NAME` for the federated. */
  readonly userId: string;
  readonly accessKeyId: string;
  /** Set when temporary credentials signed the call. */
  readonly session?: PrincipalSession;
}

export interface RootPrincipal extends AnyPrincipal {
  readonly type: 'root';
}

export interface UserPrincipal extends AnyPrincipal {
  readonly type: 'user';
  readonly userName: string;
}

export interface RolePrincipal extends AnyPrincipal {
  readonly type: 'assumed-role';
  readonly roleName: string;
  /** `AROA…` */
  readonly roleId: string;
  /** `arn:aws:iam::ACCOUNT:role/PATH/NAME` */
  readonly roleArn: string;
  readonly sessionName: string;
  /** The instance whose metadata service gave the credentials out. */
  readonly instanceId?: string;
}

export interface FederatedPrincipal extends AnyPrincipal {
  readonly type: 'federated-user';
  /** Who called GetFederationToken: a user or root. */
  readonly issuer: { readonly arn: string; readonly userName?: string };
}

/** Nobody: the sender of one of the few calls that need no signature. Account, ARN and ids are empty. */
export interface AnonymousPrincipal extends AnyPrincipal {
  readonly type: 'anonymous';
}

export interface PrincipalSession {
  /** Milliseconds since the epoch. */
  readonly issuedAt: number;
  readonly mfa: boolean;
  /** JSON texts of the session policies; what they do not allow is denied. */
  readonly policies: readonly string[];
  /** ARNs of managed policies given as session policies. */
  readonly policyArns: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
  readonly transitiveTagKeys: readonly string[];
  readonly sourceIdentity?: string;
  /** A role that was assumed with a role's credentials lasts an hour at most. */
  readonly chained: boolean;
  /** A role that an OpenID Connect provider's token was traded for. */
  readonly federatedProvider?: string;
}

/** A key as the gateway looks it up to check a signature. */
export interface AccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Temporary credentials must come with exactly this token; others with none. */
  readonly sessionToken?: string;
  /** Milliseconds since the epoch; temporary credentials only. */
  readonly expiration?: number;
  readonly active: boolean;
  readonly principal: Principal;
}

/** One API call after the gateway parsed it and verified its signature. */
export interface Call {
  /** UUID, in the answer and in every log line of this call. */
  readonly requestId: string;
  /** Fogbank's name of the service, as in the model tables: `ec2`, `sts`, `ssm`, `autoscaling` … */
  readonly service: string;
  readonly operation: string;
  /** Decoded by the model: member names and types as the official SDK's request interface has them. */
  readonly input: Record<string, unknown>;
  readonly region: string;
  readonly principal: Principal;
  readonly sourceAddress: string;
  readonly userAgent: string;
}

/** Runs a call. Resolves to the operation's output by the SDK's response interface. @throws ApiError */
export type CallHandler = (call: Call) => Promise<unknown>;
