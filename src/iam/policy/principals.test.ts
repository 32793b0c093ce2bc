import { expect, it } from 'vitest';
import { account, ana, ask, other, policy } from './testing.ts';
import type { PolicyPrincipal } from './types.ts';

const role: PolicyPrincipal = {
  account,
  arns: [`arn:aws:sts::${account}:assumed-role/app/i-1`, `arn:aws:iam::${account}:role/app`],
  isRoot: false,
};
const root: PolicyPrincipal = { account, arns: [], isRoot: true };
const service: PolicyPrincipal = { account: '', arns: [], isRoot: false, services: ['ec2.amazonaws.com'] };
const provider = `arn:aws:iam::${account}:oidc-provider/token.example.com`;
const web: PolicyPrincipal = { account: '', arns: [provider], isRoot: false };

const anaArn = `arn:aws:iam::${account}:user/ana`;
const sessionArn = role.arns[0];
const roleArn = role.arns[1];
const accountArn = `arn:aws:iam::${account}:root`;

/**
 * Whom a statement of a resource's policy concerns, as a Deny.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
 */
const cases: readonly (readonly [words: string, who: PolicyPrincipal, element: object, concerns: boolean])[] = [
  ['the user', ana, { Principal: { AWS: anaArn } }, true],
  ['another user', ana, { Principal: { AWS: `arn:aws:iam::${account}:user/bo` } }, false],
  ['names are case-sensitive', ana, { Principal: { AWS: `arn:aws:iam::${account}:user/Ana` } }, false],
  ['the same name in another account', ana, { Principal: { AWS: `arn:aws:iam::${other}:user/ana` } }, false],
  ['one of a list', ana, { Principal: { AWS: [`arn:aws:iam::${account}:user/bo`, anaArn] } }, true],
  ['everyone', ana, { Principal: '*' }, true],
  ['everyone, as an object', ana, { Principal: { AWS: '*' } }, true],
  ['everyone, also services', service, { Principal: '*' }, true],
  ['the account', ana, { Principal: { AWS: account } }, true],
  ['the account by its ARN', ana, { Principal: { AWS: accountArn } }, true],
  ['another account', ana, { Principal: { AWS: other } }, false],
  ['the account includes its root', root, { Principal: { AWS: accountArn } }, true],
  ['the account includes sessions of its roles', role, { Principal: { AWS: account } }, true],
  ['the role', role, { Principal: { AWS: roleArn } }, true],
  ['the session', role, { Principal: { AWS: sessionArn } }, true],
  ['another session', role, { Principal: { AWS: `arn:aws:sts::${account}:assumed-role/app/i-2` } }, false],
  ['a service', service, { Principal: { Service: 'ec2.amazonaws.com' } }, true],
  ['another service', service, { Principal: { Service: 'ssm.amazonaws.com' } }, false],
  ['a service is not a user', ana, { Principal: { Service: 'ec2.amazonaws.com' } }, false],
  ['a user is not a service', service, { Principal: { AWS: anaArn } }, false],
  ['a web identity by its provider', web, { Principal: { Federated: provider } }, true],
  ['another provider', web, { Principal: { Federated: 'accounts.google.com' } }, false],
  ['several kinds in one element', service, { Principal: { AWS: anaArn, Service: 'ec2.amazonaws.com' } }, true],
  ['a canonical user is nobody here', ana, { Principal: { CanonicalUser: 'a'.repeat(64) } }, false],

  ['all but the user: not he', ana, { NotPrincipal: { AWS: [anaArn, accountArn] } }, false],
  ['all but the user, his account not listed: he too', ana, { NotPrincipal: { AWS: anaArn } }, true],
  ['all but another user', ana, { NotPrincipal: { AWS: [`arn:aws:iam::${account}:user/bo`, accountArn] } }, true],
  ['all but the account: its users too', ana, { NotPrincipal: { AWS: accountArn } }, true],
  ['all but the account: not its root', root, { NotPrincipal: { AWS: accountArn } }, false],
  [
    'all but the session, the role and the account',
    role,
    { NotPrincipal: { AWS: [sessionArn, roleArn, account] } },
    false,
  ],
  [
    'all but the role and the account: the session is not listed',
    role,
    { NotPrincipal: { AWS: [roleArn, account] } },
    true,
  ],
  [
    'all but the session and the account: the role is not listed',
    role,
    { NotPrincipal: { AWS: [sessionArn, account] } },
    true,
  ],
  ['all but a service: not it', service, { NotPrincipal: { Service: 'ec2.amazonaws.com' } }, false],
  ['all but another service', service, { NotPrincipal: { Service: 'ssm.amazonaws.com' } }, true],
  ['all but a service: users too', ana, { NotPrincipal: { Service: 'ec2.amazonaws.com' } }, true],
  ['all but a provider: not its identities', web, { NotPrincipal: { Federated: provider } }, false],
  ['all but everyone: nobody', ana, { NotPrincipal: '*' }, false],
];

it.each(cases)('%s', (_words, principal, element, concerns) => {
  const denying = policy([{ Principal: '*' }, { Effect: 'Deny', ...element }], { type: 'resource', kind: 'resource' });
  const decision = ask({ principal, identity: [policy({})], resource: { policy: denying, account } });
  expect(decision.effect).toBe(concerns ? 'explicitDeny' : 'allowed');
});

it('an Allow with NotPrincipal allows nobody of whom a name is listed', () => {
  const effect = (principal: PolicyPrincipal, names: readonly (string | undefined)[]) =>
    ask({
      principal,
      resource: {
        policy: policy({ NotPrincipal: { AWS: names } }, { type: 'resource', kind: 'resource' }),
        account,
      },
    }).effect;
  expect(effect(ana, [anaArn])).toBe('implicitDeny');
  expect(effect(ana, [account])).toBe('implicitDeny');
  expect(effect(role, [roleArn])).toBe('implicitDeny');
  expect(effect(role, [anaArn])).toBe('allowed');
});
