import { createHash } from 'node:crypto';
import type { Controller } from '../controllers/controllers.ts';
import type { State } from '../state/state.ts';
import { defineTable } from '../state/table.ts';
import type { Call } from './call.ts';
import type { Clock } from './clock.ts';
import { ApiError } from './errors.ts';
import { type AnyOperation, PartialFailure, type ReadContext, type WriteContext } from './operation.ts';

/** What was answered to a `ClientToken`. */
export interface ClientTokenRow {
  readonly key: string;
  /** SHA-256 of the call's other parameters. */
  readonly digest: string;
  /** By the operation's `replay`, when it has one; else `output` is kept. */
  readonly reference?: string;
  readonly output?: string;
  /** Milliseconds since the epoch. */
  readonly expires: number;
}

export const clientTokens = defineTable<ClientTokenRow>()({ name: 'client_tokens', key: row => row.key, indexes: {} });

/** How long a token is remembered, in milliseconds. */
export const clientTokenLifetime = 24 * 3600 * 1000;

interface TokenRules {
  readonly longest: number;
  /** Codes of what is wrong with a token, and of one that was used with other parameters. */
  readonly invalid: string;
  readonly mismatch: string;
}

const usual: TokenRules = { longest: 64, invalid: 'InvalidParameterValue', mismatch: 'IdempotentParameterMismatch' };

/** Services that have other rules. */
const rules: Readonly<Record<string, TokenRules>> = {
  ebs: { longest: 255, invalid: 'ValidationException', mismatch: 'ConflictException' },
};

const rulesOf = (service: string): TokenRules => (Object.hasOwn(rules, service) ? rules[service] : undefined) ?? usual;

/** The token of a call, or undefined. @throws ApiError `InvalidParameterValue` when it is too long or not ASCII. */
export function clientTokenOf({ service, input }: Pick<Call, 'service' | 'input'>): string | undefined {
  const token = input.ClientToken;
  if (typeof token !== 'string' || token === '') return undefined;
  const { longest, invalid } = rulesOf(service);
  if (token.length > longest || /[^\x20-\x7e]/.test(token))
    throw new ApiError(invalid, `The ClientToken must be at most ${longest} ASCII characters.`);
  return token;
}

/**
 * Runs a write once per token: the same token with the same parameters gets the first answer again.
 * @throws ApiError `IdempotentParameterMismatch`
 * @see https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
 */
export function runOnce(
  operation: AnyOperation & { kind: 'write' },
  token: string,
  context: WriteContext,
  run: () => unknown,
): unknown {
  const key = `${context.owner}/${operation.service}:${operation.name}/${token}`;
  const digest = digestOf(context.call.input);
  const row = context.db.get(clientTokens, key);
  if (row !== undefined && row.expires > context.now) return replay(operation, row, digest, token, context);
  // A row made anew goes behind the others: rows stay in the order in which they expire.
  if (row !== undefined) context.db.delete(clientTokens, key);
  const output = run();
  if (output instanceof PartialFailure) return output;
  const expires = context.now + clientTokenLifetime;
  const kept = operation.replay ? { reference: operation.replay.reference(output) } : { output: serialize(output) };
  context.db.put(clientTokens, { key, digest, expires, ...kept });
  return output;
}

/** Rows removed in one write, so that calls do not wait. */
const sweepSize = 1_000;
const sweepEvery = 60_000;

/** Forgets tokens whose day is over. */
export function clientTokenController(state: State, clock: Clock): Controller {
  return {
    name: 'client-tokens',
    watch: () => [],
    initial: () => ['expired'],
    reconcile: async () => (forgetExpired(state, clock.now()) === sweepSize ? 0 : sweepEvery),
  };
}

function forgetExpired(state: State, now: number): number {
  const expired: string[] = [];
  for (const { key, row } of state.entries(clientTokens)) {
    if (row.expires > now || expired.length === sweepSize) break;
    expired.push(key);
  }
  if (expired.length > 0)
    state.write(tx => {
      for (const key of expired) tx.delete(clientTokens, key);
    });
  return expired.length;
}

function replay(
  operation: AnyOperation & { kind: 'write' },
  row: ClientTokenRow,
  digest: string,
  token: string,
  context: ReadContext,
): unknown {
  if (row.digest !== digest) {
    throw new ApiError(
      rulesOf(operation.service).mismatch,
      `The client token '${token}' was already used with other parameters. Repeat the request unchanged, or use a new token.`,
    );
  }
  if (row.reference !== undefined && operation.replay) return operation.replay.answer(row.reference, context);
  return row.output === undefined ? undefined : deserialize(row.output);
}

function digestOf(input: object): string {
  const { ClientToken: _token, DryRun: _dryRun, ...rest } = input as Record<string, unknown>;
  return createHash('sha256').update(JSON.stringify(rest, sortedKeys)).digest('base64url');
}

function sortedKeys(_key: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value) || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

// Outputs hold dates and bytes, which JSON alone would lose.
function serialize(output: unknown): string {
  return JSON.stringify(output, function (this: Record<string, unknown>, key: string, value: unknown) {
    const original = this[key];
    if (original instanceof Date) return { $date: original.getTime() };
    if (original instanceof Uint8Array) return { $bytes: Buffer.from(original).toString('base64') };
    return value;
  });
}

function deserialize(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown) => {
    if (value === null || typeof value !== 'object') return value;
    if ('$date' in value && typeof value.$date === 'number') return new Date(value.$date);
    if ('$bytes' in value && typeof value.$bytes === 'string')
      return new Uint8Array(Buffer.from(value.$bytes, 'base64'));
    return value;
  });
}
