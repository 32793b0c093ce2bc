/** Who signed a call. Until IAM users exist, every access key belongs to its account's root. */
export interface Principal {
  /** Twelve digits. */
  readonly account: string;
  readonly type: 'root';
  /** `arn:aws:iam::ACCOUNT:root` */
  readonly arn: string;
  readonly userId: string;
  readonly accessKeyId: string;
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
