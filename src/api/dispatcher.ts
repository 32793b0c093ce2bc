import type { State } from '../state/state.ts';
import type { Authorizer } from './authorize.ts';
import type { Call, CallHandler } from './call.ts';
import { clientTokenOf, runOnce } from './client-tokens.ts';
import { ApiError } from './errors.ts';
import { type AnyOperation, PartialFailure, type ReadContext, type WriteContext } from './operation.ts';
import type { Services } from './services.ts';

export interface DispatcherOptions {
  /** Decides whether a call may be made. */
  readonly authorizer: Authorizer;
  readonly state: State;
  readonly services: Services;
  readonly operations: readonly AnyOperation[];
  /** Makes what an account finds in a Region when it first comes there (the default VPC). Idempotent and cheap. */
  readonly prepareRegion: (state: State, account: string, region: string, now: number) => void;
  /** Puts a call and what it is answered on record, by notes to the state. */
  readonly record?: (call: Call, outcome: Outcome) => void;
}

/** What a call is answered: the operation's output, or what it threw. */
export type Outcome = { readonly output: unknown } | { readonly error: unknown };

/** Thrown inside a transaction to undo a dry run. */
class DryRun extends Error {}

/** Runs calls: finds the operation, applies `DryRun` and `ClientToken`, and answers only what is durable. */
export function createDispatcher(options: DispatcherOptions): CallHandler {
  const { state, services, prepareRegion, authorizer, record = () => {} } = options;
  const operations = new Map<string, AnyOperation>();
  for (const operation of options.operations) {
    const key = `${operation.service}:${operation.name}`;
    if (operations.has(key)) throw new Error(`operation ${key} is declared twice`);
    operations.set(key, operation);
  }

  return async call => {
    const output = await answered(call);
    const operation = operations.get(`${call.service}:${call.operation}`);
    if (operation?.kind === 'write') await operation.afterwards?.(output, contextOf(call, state, services));
    return output;
  };

  /** What the call is answered, durable and on record. */
  async function answered(call: Call): Promise<unknown> {
    try {
      const output = await perform(call);
      // No turn of the event loop lies between the write and this: both become durable together.
      record(call, { output });
      return output;
    } catch (error) {
      record(call, { error });
      throw error;
    } finally {
      // An error, too, may tell of a change (a name that is taken), which must not be undone after that.
      if (!state.isSettled) await settle(state, error => record(call, { error }));
    }
  }

  async function perform(call: Call): Promise<unknown> {
    const operation = operations.get(`${call.service}:${call.operation}`);
    const context = contextOf(call, state, services);
    if (operation === undefined) {
      authorizer.authorizeUnknown(context);
      throw new ApiError(
        'UnsupportedOperation',
        `The operation ${call.operation} is not supported by this version of Fogbank. docs/coverage.md lists what is.`,
      );
    }
    if (call.principal.type !== 'anonymous') prepareRegion(state, context.account, context.region, context.now);
    const dryRun = 'DryRun' in call.input && call.input.DryRun === true;
    authorizer.authorize(operation, context);
    const output =
      operation.kind === 'read' ? await read(operation, context, dryRun) : await write(operation, context, dryRun);
    if (output instanceof PartialFailure) throw output.error;
    return output;
  }

  function read(operation: AnyOperation & { kind: 'read' }, context: ReadContext, dryRun: boolean): unknown {
    if (dryRun) throw dryRunSucceeded();
    return operation.run(context.call.input, context);
  }

  async function write(
    operation: AnyOperation & { kind: 'write' },
    context: ReadContext,
    dryRun: boolean,
  ): Promise<unknown> {
    const token = clientTokenOf(context.call);
    const prepared = operation.prepare ? await operation.prepare(context.call.input, context) : undefined;
    try {
      return state.write(tx => {
        const inside: WriteContext = { ...context, db: tx };
        const run = () => operation.run(context.call.input, inside, prepared);
        const output = token === undefined ? run() : runOnce(operation, token, inside, run);
        if (dryRun) throw output instanceof PartialFailure ? output.error : new DryRun();
        return output;
      });
    } catch (error) {
      if (error instanceof DryRun) throw dryRunSucceeded();
      throw error;
    }
  }
}

function contextOf(call: Call, state: State, services: Services): ReadContext {
  return {
    call,
    account: call.principal.account,
    region: call.region,
    owner: `${call.principal.account}/${call.region}`,
    principal: call.principal,
    db: state,
    now: services.clock.now(),
    services,
  };
}

function dryRunSucceeded(): ApiError {
  return new ApiError('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.');
}

/**
 * Waits until everything that this call may have seen is durable.
 * @param undone told of the failure: what the call has on record was undone with the rest
 * @throws ApiError `ServiceUnavailable`
 */
async function settle(state: State, undone: (error: ApiError) => void): Promise<void> {
  try {
    await state.settled();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'unknown cause';
    const error = new ApiError('ServiceUnavailable', `The change could not be stored and was undone: ${reason}`);
    undone(error);
    // The record of a failure changes nothing, and is not what the caller asked for.
    await state.settled().catch(() => {});
    throw error;
  }
}
