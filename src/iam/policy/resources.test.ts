import { expect, it } from 'vitest';
import { matchArn } from './resources.ts';
import { applies } from './testing.ts';

const instance = 'arn:aws:ec2:us-east-1:111122223333:instance/i-0123456789abcdef0';
const volume = 'arn:aws:ec2:us-east-1:111122223333:volume/vol-1';
const bucket = 'arn:aws:s3:::reports';
const object = 'arn:aws:s3:::reports/2026/11/summary.txt';
const logStream = 'arn:aws:logs:us-east-1:111122223333:log-group:web:log-stream:front';

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html */
const cases: readonly (readonly [words: string, element: object, resource: string, applies: boolean])[] = [
  ['the ARN itself', { Resource: instance }, instance, true],
  ['another ARN', { Resource: instance }, volume, false],
  ['ARNs are case-sensitive', { Resource: instance.replace('us-east-1', 'US-EAST-1') }, instance, false],
  ['names in them are case-sensitive', { Resource: 'arn:aws:iam::1:user/Ana' }, 'arn:aws:iam::1:user/ana', false],
  ['* alone is every resource', { Resource: '*' }, instance, true],
  ['* alone is the resource of actions that have none', { Resource: '*' }, '*', true],
  ['only * is the resource of actions that have none', { Resource: 'arn:aws:ec2:*:*:*' }, '*', false],
  ['one of a list', { Resource: [volume, instance] }, instance, true],
  ['none of a list', { Resource: [volume, bucket] }, instance, false],
  ['* for all of a type', { Resource: 'arn:aws:ec2:us-east-1:111122223333:instance/*' }, instance, true],
  [
    '* for all of a type is no other type',
    { Resource: 'arn:aws:ec2:us-east-1:111122223333:instance/*' },
    volume,
    false,
  ],
  ['* for the Region', { Resource: 'arn:aws:ec2:*:111122223333:instance/*' }, instance, true],
  ['* for the account', { Resource: 'arn:aws:ec2:us-east-1:*:instance/*' }, instance, true],
  ['* for Region and account', { Resource: 'arn:aws:ec2:*:*:instance/*' }, instance, true],
  ['* for the partition', { Resource: 'arn:*:ec2:us-east-1:111122223333:instance/*' }, instance, true],
  ['another Region', { Resource: 'arn:aws:ec2:eu-west-1:*:instance/*' }, instance, false],
  ['another account', { Resource: 'arn:aws:ec2:*:444455556666:instance/*' }, instance, false],
  ['another service', { Resource: 'arn:aws:rds:*:*:instance/*' }, instance, false],
  ['* for type and id', { Resource: 'arn:aws:ec2:us-east-1:111122223333:*' }, instance, true],
  ['* for the type', { Resource: 'arn:aws:ec2:us-east-1:111122223333:*/*' }, instance, true],
  ['* that ends a segment goes on behind colons', { Resource: 'arn:aws:ec2:*' }, instance, true],
  ['* that ends the Region goes on', { Resource: 'arn:aws:ec2:us-*' }, instance, true],
  ['* that ends the Region must still fit', { Resource: 'arn:aws:ec2:eu-*' }, instance, false],
  ['* inside a segment stays there', { Resource: 'arn:aws:ec2:us-*-1:111122223333:instance/*' }, instance, true],
  ['* inside a segment does not go on', { Resource: 'arn:aws:ec2:u*3:instance/*' }, instance, false],
  ['* inside the account stays there', { Resource: 'arn:aws:ec2:us-east-1:1*3:instance/*' }, instance, true],
  ['* inside the account, another end', { Resource: 'arn:aws:ec2:us-east-1:1*4:instance/*' }, instance, false],
  ['? is one character', { Resource: 'arn:aws:ec2:us-east-?:111122223333:volume/vol-?' }, volume, true],
  ['? is not none', { Resource: 'arn:aws:ec2:us-east-1:111122223333:volume/vol-1?' }, volume, false],
  ['? is not two', { Resource: 'arn:aws:ec2:us-east-1:111122223333:volume/vo?1' }, volume, false],
  ['? is no colon', { Resource: 'arn:aws:ec2:us-east-1?111122223333:volume/vol-1' }, volume, false],
  ['* goes on behind slashes', { Resource: 'arn:aws:s3:::reports/*' }, object, true],
  ['* between slashes takes several', { Resource: 'arn:aws:s3:::reports/*/summary.txt' }, object, true],
  ['* between slashes, another end', { Resource: 'arn:aws:s3:::reports/*/draft.txt' }, object, false],
  ['a bucket is not its objects', { Resource: bucket }, object, false],
  ['objects are not the bucket', { Resource: `${bucket}/*` }, bucket, false],
  [
    '* in the last segment goes on behind its colons',
    { Resource: 'arn:aws:logs:*:*:log-group:*front' },
    logStream,
    true,
  ],
  ['colons of the last segment', { Resource: 'arn:aws:logs:*:*:log-group:web:*' }, logStream, true],
  ['a path of IAM', { Resource: 'arn:aws:iam::1:user/accounting/*' }, 'arn:aws:iam::1:user/accounting/bo', true],
  [
    'a path of IAM is not its parent',
    { Resource: 'arn:aws:iam::1:user/accounting/*' },
    'arn:aws:iam::1:user/bo',
    false,
  ],
  ['a prefix of a name', { Resource: 'arn:aws:iam::1:role/app-*' }, 'arn:aws:iam::1:role/app-web', true],
  [
    'what begins with a prefix otherwise',
    { Resource: 'arn:aws:iam::1:role/app-*' },
    'arn:aws:iam::1:role/apply',
    false,
  ],
  [
    'characters of regular expressions are themselves',
    { Resource: 'arn:aws:s3:::a.b+c(d)' },
    'arn:aws:s3:::a.b+c(d)',
    true,
  ],
  ['a dot is only a dot', { Resource: 'arn:aws:s3:::a.b' }, 'arn:aws:s3:::aXb', false],
  [
    'resources without an account (images of everyone)',
    { Resource: 'arn:aws:ec2:*::image/ami-*' },
    'arn:aws:ec2:us-east-1::image/ami-1',
    true,
  ],
  [
    'an empty account is not every account',
    { Resource: 'arn:aws:ec2:*::image/*' },
    'arn:aws:ec2:us-east-1:1:image/ami-1',
    false,
  ],
  ['NotResource leaves its resource out', { NotResource: instance }, instance, false],
  ['NotResource is every other resource', { NotResource: instance }, volume, true],
  ['NotResource with a wildcard', { NotResource: 'arn:aws:ec2:*:*:instance/*' }, instance, false],
  ['NotResource leaves out all of its list', { NotResource: [bucket, `${bucket}/*`] }, object, false],
  ['NotResource, none of its list', { NotResource: [bucket, `${bucket}/*`] }, instance, true],
  ['NotResource of an ARN is the resource of actions that have none', { NotResource: instance }, '*', true],
  ['NotResource of everything is nothing', { NotResource: '*' }, instance, false],
];

it.each(cases)('%s: %j, %s', (_words, element, resource, expected) => {
  expect(applies(element, { resource })).toBe(expected);
});

it('the same rule for a pattern alone', () => {
  for (const [, element, resource, expected] of cases)
    if ('Resource' in element && typeof element.Resource === 'string')
      expect(matchArn(element.Resource, resource), element.Resource).toBe(expected);
});
