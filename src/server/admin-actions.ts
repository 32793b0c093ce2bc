import { randomUUID } from 'node:crypto';
import { createAccount } from '../accounts/accounts.ts';
import { accounts } from '../accounts/model.ts';
import { setOptIn } from '../accounts/regions.ts';
import type { Authorizer } from '../api/authorize.ts';
import type { CallHandler, Principal } from '../api/call.ts';
import { ApiError } from '../api/errors.ts';
import type { Services } from '../api/services.ts';
import { protocolNumbers } from '../ec2/reachability/packet.ts';
import { explainWhy, type WhyAnswer } from '../ec2/reachability/why.ts';
import { rootArn } from '../iam/arns.ts';
import { explain } from '../iam/policy/explain.ts';
import type { State } from '../state/state.ts';
import { principalOfArn } from './principal-of-arn.ts';

export type AdminAction = (input: Readonly<Record<string, unknown>>) => unknown;

export interface AdminContext {
  readonly state: State;
  readonly services: Services;
  readonly authorizer: Authorizer;
  readonly handle: CallHandler;
  /** The account of `credentials.json`. */
  readonly firstAccount: string;
}

/** What the administrator of an installation may do, by name. */
export function adminActions(context: AdminContext): Readonly<Record<string, AdminAction>> {
  const { state, services } = context;
  const durable = async <Result>(result: Result): Promise<Result> => {
    await state.settled();
    return result;
  };
  return {
    createAccount: input => {
      const wanted = { name: text(input, 'name'), accountId: optionalText(input, 'accountId') };
      return durable(state.write(tx => createAccount(tx, services.secrets, wanted, services.clock.now())));
    },
    listAccounts: () => ({ accounts: [...state.entries(accounts)].map(entry => entry.row) }),
    setOptIn: input => {
      const accountId = accountOf(state, text(input, 'account'));
      const region = text(input, 'region');
      const optedIn = input.optedIn === true;
      return durable(state.write(tx => setOptIn(tx, accountId, region, optedIn)));
    },
    /** Calls an operation of a service as the root of an account. */
    call: async input => {
      const account = accountOf(state, text(input, 'account'));
      const output = await context.handle({
        requestId: randomUUID(),
        service: text(input, 'service'),
        operation: text(input, 'operation'),
        input: objectOf(input.input),
        region: optionalText(input, 'region') ?? 'us-east-1',
        principal: rootOf(account),
        sourceAddress: '127.0.0.1',
        userAgent: 'fogbank',
      });
      return output ?? {};
    },
    checkPolicy: input => checkPolicy(context, input),
    why: input => why(context, input),
  };
}

function rootOf(account: string): Principal {
  return { type: 'root', account, arn: rootArn(account), userId: account, accessKeyId: '' };
}

/** An account by its number or its name. @throws ApiError `NoSuchEntity` */
export function accountOf(state: State, name: string): string {
  const row = state.get(accounts, name) ?? state.firstBy(accounts, 'name', name);
  if (row === undefined) throw new ApiError('NoSuchEntity', `There is no account '${name}'.`, 404);
  return row.accountId;
}

/** What policies say of one action on one resource to a principal, and which statement decided. */
function checkPolicy(
  { state, services, authorizer, firstAccount }: AdminContext,
  input: Readonly<Record<string, unknown>>,
) {
  const now = services.clock.now();
  const home = optionalText(input, 'account');
  const principal = principalOfArn(
    state,
    text(input, 'principal'),
    home === undefined ? firstAccount : accountOf(state, home),
    now,
  );
  const action = text(input, 'action');
  const resource = text(input, 'resource');
  const region = optionalText(input, 'region') ?? 'us-east-1';
  if (!/^[a-z0-9-]+:\w+$/i.test(action)) {
    throw new ApiError(
      'ValidationError',
      `'${action}' is not an action. Write it as ec2:StopInstances, without wildcards.`,
    );
  }
  const [service = '', operation = ''] = action.split(':');
  const call = {
    requestId: randomUUID(),
    service,
    operation,
    input: {},
    region,
    principal,
    sourceAddress: '127.0.0.1',
    userAgent: 'fogbank',
  };
  const { account } = principal;
  const keys = objectOf(input.keys) as Record<string, string>;
  const context = { call, account, region, owner: `${account}/${region}`, principal, db: state, now, services };
  const { decision } = authorizer.verdict(context, { action, arn: resource, keys });
  const words = explain(decision, { action, resource, keys: new Map() }, principal.arn);
  return { effect: decision.effect, explanation: words };
}

/** Whether one end of a network can reach another, and why. */
function why({ state, firstAccount }: AdminContext, input: Readonly<Record<string, unknown>>): WhyAnswer {
  const account = accountOf(state, optionalText(input, 'account') ?? firstAccount);
  const { port } = input;
  if (port !== undefined && (typeof port !== 'number' || !Number.isInteger(port) || port < 0 || port > 65_535))
    throw new ApiError('ValidationError', 'port must be a number from 0 to 65535.');
  const protocol = optionalText(input, 'protocol') ?? 'tcp';
  if (!isProtocol(protocol)) throw new ApiError('ValidationError', `'${protocol}' is not a protocol here.`);
  return explainWhy(state, `${account}/${optionalText(input, 'region') ?? 'us-east-1'}`, {
    source: text(input, 'source'),
    destination: text(input, 'destination'),
    protocol,
    ...(port === undefined ? {} : { port }),
  });
}

function isProtocol(name: string): name is keyof typeof protocolNumbers {
  return Object.hasOwn(protocolNumbers, name);
}

function text(input: Readonly<Record<string, unknown>>, name: string): string {
  const value = optionalText(input, name);
  if (value === undefined) throw new ApiError('ValidationError', `${name} is missing.`);
  return value;
}

function optionalText(input: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = input[name];
  if (value !== undefined && typeof value !== 'string')
    throw new ApiError('ValidationError', `${name} must be a text.`);
  return value;
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
