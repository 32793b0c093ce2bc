import type { Principal } from '../api/call.ts';
import { accountOf, regionOf } from '../api/owner.ts';
import { instances } from '../ec2/instances/model.ts';
import type { Reader } from '../state/state.ts';
import type { TagRow } from './entity.ts';
import { roles } from './roles/model.ts';
import { users } from './users/model.ts';

/** `aws:PrincipalType` of each kind of principal. */
const principalTypes = {
  root: 'Account',
  user: 'User',
  'assumed-role': 'AssumedRole',
  'federated-user': 'FederatedUser',
  anonymous: 'Anonymous',
} as const;

/**
 * The condition keys that tell of the caller, lower-case. A key that does not apply to him is absent.
 * @param now milliseconds since the epoch
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principal-properties
 */
export function principalKeys(db: Reader, principal: Principal, now: number): Map<string, readonly string[]> {
  const keys = new Map<string, readonly string[]>([
    ['aws:principalarn', [principal.type === 'assumed-role' ? principal.roleArn : principal.arn]],
    ['aws:principalaccount', [principal.account]],
    ['aws:principaltype', [principalTypes[principal.type]]],
    ['aws:principalisawsservice', ['false']],
    ['aws:userid', [principal.userId]],
  ]);
  if (principal.type === 'user') keys.set('aws:username', [principal.userName]);
  for (const { Key, Value } of tagsOf(db, principal)) keys.set(`aws:principaltag/${Key.toLowerCase()}`, [Value]);
  const { session } = principal;
  if (session === undefined) return keys;
  for (const [key, value] of Object.entries(session.tags)) keys.set(`aws:principaltag/${key.toLowerCase()}`, [value]);
  keys.set('aws:tokenissuetime', [new Date(session.issuedAt).toISOString()]);
  keys.set('aws:multifactorauthpresent', [String(session.mfa)]);
  if (session.mfa) keys.set('aws:multifactorauthage', [String(Math.floor((now - session.issuedAt) / 1000))]);
  if (session.sourceIdentity !== undefined) keys.set('aws:sourceidentity', [session.sourceIdentity]);
  if (session.federatedProvider !== undefined) keys.set('aws:federatedprovider', [session.federatedProvider]);
  if (principal.type === 'assumed-role' && principal.instanceId !== undefined) {
    const arn = instanceArn(db, principal.instanceId);
    if (arn !== undefined) keys.set('ec2:sourceinstancearn', [arn]);
  }
  return keys;
}

/** Tags that the principal itself carries; those of its session come on top. */
function tagsOf(db: Reader, principal: Principal): readonly TagRow[] {
  if (principal.type === 'user') return db.get(users, principal.userId)?.tags ?? [];
  if (principal.type === 'assumed-role') return db.get(roles, principal.roleId)?.tags ?? [];
  return [];
}

function instanceArn(db: Reader, instanceId: string): string | undefined {
  const owner = db.get(instances, instanceId)?.owner;
  return owner && `arn:aws:ec2:${regionOf(owner)}:${accountOf(owner)}:instance/${instanceId}`;
}
