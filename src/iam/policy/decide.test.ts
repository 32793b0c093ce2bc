import { expect, it } from 'vitest';
import { compilePolicy } from './compile.ts';
import { decide } from './decide.ts';

it('says which statement allowed', () => {
  const policy = compilePolicy(
    JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        { Sid: 'Look', Effect: 'Allow', Action: 'ec2:Describe*', Resource: '*' },
        { Sid: 'Stop', Effect: 'Allow', Action: 'ec2:stopinstances', Resource: 'arn:aws:ec2:*:*:instance/*' },
      ],
    }),
    { id: 'operators', type: 'group' },
    'identity',
  );
  const principal = { account: '111122223333', arns: ['arn:aws:iam::111122223333:user/ana'], isRoot: false };
  const ask = (action: string, resource: string) =>
    decide({ principal, identity: [policy] }, { action, resource, keys: new Map() });
  expect(ask('ec2:StopInstances', 'arn:aws:ec2:us-east-1:111122223333:instance/i-1')).toMatchObject({
    effect: 'allowed',
    matched: [{ sourceId: 'operators', sourceType: 'group', statementIndex: 1, sid: 'Stop', effect: 'Allow' }],
  });
  expect(ask('ec2:StopInstances', 'arn:aws:ec2:us-east-1:111122223333:volume/vol-1')).toMatchObject({
    effect: 'implicitDeny',
    missing: 'identity',
  });
});

it('remembers what it was asked, but not everything', () => {
  const policy = compilePolicy(
    JSON.stringify({ Version: '2012-10-17', Statement: { Effect: 'Allow', Action: 'ec2:*', Resource: '*' } }),
    { id: 'p', type: 'user' },
    'identity',
  );
  const first = policy.forAction('ec2:RunInstances');
  expect(policy.forAction('ec2:RunInstances')).toBe(first);
  // Simulations may ask for any name.
  for (let at = 0; at < 10_000; at++) policy.forAction(`ec2:Invented${at}`);
  const again = policy.forAction('ec2:RunInstances');
  expect(again).toEqual(first);
  expect(again).not.toBe(first);
});
