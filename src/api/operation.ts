import type { Reader, Tx } from '../state/state.ts';
import type { AccessTarget } from './access.ts';
import type { Call, Principal } from './call.ts';
import type { ApiError } from './errors.ts';
import type { Services } from './services.ts';

/**
 * # Operations
 * One API action is one declaration in its resource's `operations.ts`:
 *
 * ```ts
 * export const describeVpcs = readOperation<DescribeVpcsRequest, DescribeVpcsResult>({
 *   service: 'ec2', name: 'DescribeVpcs', resources: () => ['*'],
 *   run: (input, context) => …,
 * });
 * ```
 * Members are decoded, required ones are there, and the signature is checked when `run` begins. `run` is
 * synchronous; that of a write operation happens in one transaction: when it throws, nothing happened. `DryRun`
 * and `ClientToken` are handled around it, for every operation. It answers the SDK's response interface.
 */
export interface ReadContext {
  readonly call: Call;
  /** Twelve digits: the account that acts. */
  readonly account: string;
  readonly region: string;
  /** `ACCOUNT/REGION`: the value of every regional table's `owner` index. */
  readonly owner: string;
  readonly principal: Principal;
  readonly db: Reader;
  /** Milliseconds since the epoch, the same throughout a call. */
  readonly now: number;
  readonly services: Services;
}

export interface WriteContext extends ReadContext {
  readonly db: Tx;
}

interface Declaration<Input> {
  /** As in the model tables: `ec2`, `sts`, `ssm` … */
  readonly service: string;
  /** The API action's name. */
  readonly name: string;
  /** IAM action; `SERVICE:NAME` unless the service authorization reference says otherwise. */
  readonly action?: string;
  /** `none`: every caller may, and no policy can forbid it (`sts:GetCallerIdentity`). */
  readonly permission?: 'none';
  /** Whether the caller may without any policy that allows it; those that deny still forbid it. */
  readonly allowedUnlessDenied?: (context: ReadContext) => boolean;
  /**
   * The resources that this call touches: the caller must be allowed the action on each of them. ARNs (`['*']` where
   * the service authorization reference lists none), or more where an ARN does not say all: keys of what is yet to be
   * made, another action that the call needs as well (`iam:PassRole` on the role). Called before anything of the
   * input has been checked, and must not throw: what does not exist has the ARN that it would have.
   * @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
   */
  readonly resources: (input: Input, context: ReadContext) => readonly (string | AccessTarget)[];
}

export interface ReadOperation<Input, Output> extends Declaration<Input> {
  readonly kind: 'read';
  readonly run: (input: Input, context: ReadContext) => Output | Promise<Output>;
}

export interface WriteOperation<Input, Output, Prepared> extends Declaration<Input> {
  readonly kind: 'write';
  /** Slow or asynchronous work without effects, done before the transaction (e.g. making a key). */
  readonly prepare?: (input: Input, context: ReadContext) => Promise<Prepared>;
  readonly run: (input: Input, context: WriteContext, prepared: Prepared) => Output | PartialFailure;
  /**
   * Awaited after the commit and before the answer, where that must wait for what a controller does. It has happened
   * by then: this must not fail.
   */
  readonly afterwards?: (output: Output, context: ReadContext) => Promise<void>;
  /**
   * What is remembered under a `ClientToken` instead of the whole output, and how the answer is made from it
   * again. Without it the output itself is kept.
   */
  readonly replay?: {
    readonly reference: (output: Output) => string;
    readonly answer: (reference: string, context: ReadContext) => Output;
  };
}

/**
 * What a write answers when part of it happens and the call fails nevertheless, as few of EC2's actions document:
 * what was written stays, then the client gets the error.
 */
export class PartialFailure {
  readonly error: ApiError;
  constructor(error: ApiError) {
    this.error = error;
  }
}

/** An operation without its types, as the dispatcher runs it: the model guarantees that input and output fit. */
export type AnyOperation = ReadOperation<object, unknown> | WriteOperation<object, unknown, unknown>;

/** Declares an operation that changes nothing. */
export function readOperation<Input extends object, Output>(
  operation: Omit<ReadOperation<Input, Output>, 'kind'>,
): AnyOperation {
  return { ...operation, kind: 'read' } as unknown as AnyOperation;
}

/** Declares an operation that may change the state, in one transaction. */
export function writeOperation<Input extends object, Output, Prepared = undefined>(
  operation: Omit<WriteOperation<Input, Output, Prepared>, 'kind'>,
): AnyOperation {
  return { ...operation, kind: 'write' } as unknown as AnyOperation;
}
