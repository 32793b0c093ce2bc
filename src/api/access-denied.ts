import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Decision, Gate } from '../iam/policy/types.ts';
import type { Secrets } from '../iam/secrets.ts';
import type { Principal } from './call.ts';
import { ApiError } from './errors.ts';
import type { RequestKeys } from './request-keys.ts';

/** A question to the policies, and what they said. */
export interface Refusal {
  readonly principal: Principal;
  readonly action: string;
  /** ARN or `*`. */
  readonly resource: string;
  readonly keys: RequestKeys;
  readonly decision: Decision;
  /** The policy of the resource was a role's trust policy. */
  readonly trust: boolean;
}

const policyNames: Readonly<Record<Gate, string>> = {
  identity: 'identity-based policy',
  boundary: 'permissions boundary',
  session: 'session policy',
  resource: 'resource-based policy',
};

/**
 * Why a call is refused, in AWS's words.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
 */
export function refusalText({ principal, action, resource, decision, trust }: Refusal): string {
  const subject = principal.type === 'anonymous' ? 'Anonymous' : `User: ${principal.arn}`;
  const place = action.startsWith('ec2:') && resource === '*' ? '' : ` on resource: ${resource}`;
  const what = `${subject} is not authorized to perform: ${action}${place}`;
  const nameOf = (gate: Gate) => (gate === 'resource' && trust ? 'role trust policy' : policyNames[gate]);
  if (decision.effect === 'explicitDeny') {
    const gate = decision.matched[0]?.gate ?? 'identity';
    const article = nameOf(gate).startsWith('i') ? 'an' : 'a';
    return `${what} with an explicit deny in ${article} ${nameOf(gate)}`;
  }
  return `${what} because no ${nameOf(decision.missing ?? 'identity')} allows the ${action} action`;
}

/**
 * The error of a call that policies refuse: EC2's with a sealed account of the decision, else `AccessDenied`, which
 * the gateway spells as the service's protocol does.
 */
export function accessDenied(refusal: Refusal, service: string, secrets: Secrets): ApiError {
  const text = refusalText(refusal);
  if (service !== 'ec2') return new ApiError('AccessDenied', text);
  const encoded = encodeMessage(refusal, secrets);
  return new ApiError(
    'UnauthorizedOperation',
    `You are not authorized to perform this operation. ${text}. Encoded authorization failure message: ${encoded}`,
  );
}

const about = (account: string): string => `authorization-message/${account}`;

function encodeMessage(refusal: Refusal, secrets: Secrets): string {
  const packed = deflateRawSync(JSON.stringify(explanation(refusal))).toString('base64');
  return secrets.seal(packed, about(refusal.principal.account));
}

/**
 * The explanation that `sts:DecodeAuthorizationMessage` gives. Only the account that was refused can read it.
 * @returns undefined for a text that is no such message
 */
export function decodeMessage(encoded: string, account: string, secrets: Secrets): string | undefined {
  try {
    return inflateRawSync(Buffer.from(secrets.open(encoded, about(account)), 'base64')).toString();
  } catch {
    return undefined;
  }
}

const items = <Item>(list: readonly Item[]) => ({ items: list });
const values = (list: readonly string[]) => items(list.map(value => ({ value })));

/** @see https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html */
function explanation({ principal, action, resource, keys, decision }: Refusal) {
  const denies = decision.effect === 'explicitDeny';
  return {
    allowed: false,
    explicitDeny: denies,
    matchedStatements: items(
      decision.matched.map(statement => ({
        statementId: statement.sid ?? '',
        effect: statement.effect.toUpperCase(),
        principals: values([principal.userId]),
        principalGroups: items([]),
        sourcePolicyId: statement.sourceId,
        sourcePolicyType: statement.sourceType,
        statementIndex: statement.statementIndex,
      })),
    ),
    failures: items([]),
    context: {
      principal: { id: principal.userId, name: nameOf(principal), arn: principal.arn },
      action,
      resource,
      conditions: items([...keys.shown()].map(([key, list]) => ({ key, values: values(list) }))),
    },
  };
}

function nameOf(principal: Principal): string {
  if (principal.type === 'user') return principal.userName;
  if (principal.type === 'assumed-role') return principal.sessionName;
  return principal.arn.slice(principal.arn.lastIndexOf('/') + 1);
}
