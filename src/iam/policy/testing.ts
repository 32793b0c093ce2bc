import { compilePolicy } from './compile.ts';
import { decide } from './decide.ts';
import type {
  CompiledPolicy,
  ContextKeys,
  Decision,
  PolicyKind,
  PolicyPrincipal,
  PolicySet,
  PolicySourceType,
} from './types.ts';

/** What the tables of cases share. */
export const account = '111122223333';
export const other = '444455556666';

/** Keys of a request as a case writes them: any case, one value or several. */
export type Keys = Readonly<Record<string, string | readonly string[]>>;

export function contextOf(keys: Keys): ContextKeys {
  return new Map(
    Object.entries(keys).map(([name, value]) => [name.toLowerCase(), typeof value === 'string' ? [value] : value]),
  );
}

/** A policy of the given statements; elements that a statement leaves out are those that allow everything. */
export function policy(
  statements: object | readonly object[],
  {
    type = 'user-managed',
    kind = 'identity',
    id = type,
    version = '2012-10-17',
  }: { type?: PolicySourceType; kind?: PolicyKind; id?: string; version?: string } = {},
): CompiledPolicy {
  const Statement = [statements].flat().map(statement => ({
    Effect: 'Allow',
    ...('Action' in statement || 'NotAction' in statement ? {} : { Action: kind === 'trust' ? 'sts:*' : '*' }),
    ...('Resource' in statement || 'NotResource' in statement || kind === 'trust' ? {} : { Resource: '*' }),
    ...statement,
  }));
  return compilePolicy(JSON.stringify({ Version: version, Statement }), { id, type }, kind);
}

export const ana: PolicyPrincipal = { account, arns: [`arn:aws:iam::${account}:user/ana`], isRoot: false };

/** The answer to one question; by default Ana asks whether she may stop an instance. */
export function ask(
  set: Partial<PolicySet>,
  {
    action = 'ec2:StopInstances',
    resource = `arn:aws:ec2:us-east-1:${account}:instance/i-1`,
    keys = {},
  }: { action?: string; resource?: string; keys?: Keys } = {},
): Decision {
  return decide({ principal: ana, identity: [], ...set }, { action, resource, keys: contextOf(keys) });
}

/**
 * Does a statement with this element apply? Asked twice, since both must agree: as an Allow it must allow, and as a
 * Deny beside another Allow it must deny.
 */
export function applies(statement: object, request: Parameters<typeof ask>[1] = {}, version = '2012-10-17'): boolean {
  const allows = ask({ identity: [policy({ ...statement, Effect: 'Allow' }, { version })] }, request);
  const denies = ask({ identity: [policy([{}, { ...statement, Effect: 'Deny' }], { version })] }, request);
  const applied = allows.effect === 'allowed';
  if (applied !== (denies.effect === 'explicitDeny'))
    throw new Error(`as an Allow: ${allows.effect}, as a Deny: ${denies.effect}`);
  return applied;
}

/** Does a Condition hold in a request with these keys? */
export function holds(condition: object, keys: Keys, version?: string): boolean {
  return applies({ Condition: condition }, { keys }, version);
}
