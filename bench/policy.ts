import { compilePolicy } from '../src/iam/policy/compile.ts';
import { decide } from '../src/iam/policy/decide.ts';
import type { AccessRequest, PolicySet } from '../src/iam/policy/types.ts';
import { median } from './process.ts';

/*
 * What one decision about a call costs with a typical policy of ten statements: `node bench/policy.ts`. Prints the
 * median of the rounds in microseconds of processor time (what else runs counts less), for each request; the target is
 * 5 µs.
 */
const target = 5;
const rounds = 15;
const each = 20_000;

const account = '111122223333';
const region = 'us-east-1';
const arn = (resource: string): string => `arn:aws:ec2:${region}:${account}:${resource}`;

const document = JSON.stringify({
  Version: '2012-10-17',
  Statement: [
    { Sid: 'Look', Effect: 'Allow', Action: ['ec2:Describe*', 'ec2:Get*', 'autoscaling:Describe*'], Resource: '*' },
    {
      Sid: 'LaunchSmall',
      Effect: 'Allow',
      Action: 'ec2:RunInstances',
      Resource: arn('instance/*'),
      Condition: {
        StringLike: { 'ec2:InstanceType': ['t3.*', 't4g.*'] },
        StringEquals: { 'aws:RequestTag/team': ['web', 'data'] },
      },
    },
    {
      Sid: 'LaunchWith',
      Effect: 'Allow',
      Action: 'ec2:RunInstances',
      Resource: ['image', 'subnet', 'volume', 'network-interface', 'security-group', 'key-pair'].map(
        type => `arn:aws:ec2:*:*:${type}/*`,
      ),
    },
    {
      Sid: 'Own',
      Effect: 'Allow',
      Action: ['ec2:StartInstances', 'ec2:StopInstances', 'ec2:RebootInstances', 'ec2:TerminateInstances'],
      Resource: arn('instance/*'),
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the policy
      Condition: { StringEquals: { 'aws:ResourceTag/team': '${aws:PrincipalTag/team}' } },
    },
    {
      Sid: 'TagNew',
      Effect: 'Allow',
      Action: 'ec2:CreateTags',
      Resource: arn('*/*'),
      Condition: {
        StringEquals: { 'ec2:CreateAction': 'RunInstances' },
        'ForAllValues:StringEquals': { 'aws:TagKeys': ['team', 'Name', 'cost'] },
      },
    },
    { Sid: 'Volumes', Effect: 'Allow', Action: ['ec2:*Volume', 'ec2:*Volumes'], Resource: arn('volume/*') },
    {
      Sid: 'Keys',
      Effect: 'Allow',
      Action: 'iam:*AccessKey*',
      Resource: `arn:aws:iam::${account}:user/$\{aws:username}`,
    },
    {
      Sid: 'Pass',
      Effect: 'Allow',
      Action: 'iam:PassRole',
      Resource: `arn:aws:iam::${account}:role/app-*`,
      Condition: { StringEquals: { 'iam:PassedToService': 'ec2.amazonaws.com' } },
    },
    {
      Sid: 'HomeRegion',
      Effect: 'Deny',
      NotAction: ['iam:*', 'sts:*'],
      Resource: '*',
      Condition: { StringNotEquals: { 'aws:RequestedRegion': ['us-east-1', 'eu-central-1'] } },
    },
    {
      Sid: 'FromOffice',
      Effect: 'Deny',
      Action: '*',
      Resource: '*',
      Condition: {
        NotIpAddress: { 'aws:SourceIp': ['127.0.0.0/8', '198.51.100.0/24', '2001:db8::/32'] },
        Bool: { 'aws:ViaAWSService': 'false' },
      },
    },
  ],
});

const set: PolicySet = {
  principal: { account, arns: [`arn:aws:iam::${account}:user/ana`], isRoot: false },
  identity: [compilePolicy(document, { id: 'developers', type: 'user-managed' }, 'identity')],
};

const always: readonly (readonly [string, readonly string[]])[] = [
  ['aws:username', ['ana']],
  ['aws:principaltag/team', ['web']],
  ['aws:requestedregion', [region]],
  ['aws:sourceip', ['127.0.0.1']],
  ['aws:viaawsservice', ['false']],
  ['aws:currenttime', ['2027-01-01T00:00:00Z']],
];

const requests: readonly (readonly [string, AccessRequest, string])[] = [
  ['DescribeInstances', request('ec2:DescribeInstances', '*'), 'allowed'],
  [
    'RunInstances, the instance',
    request(
      'ec2:RunInstances',
      arn('instance/*'),
      ['ec2:instancetype', ['t3.micro']],
      ['aws:requesttag/team', ['web']],
    ),
    'allowed',
  ],
  ['RunInstances, the subnet', request('ec2:RunInstances', arn('subnet/subnet-0123456789abcdef0')), 'allowed'],
  [
    'StopInstances of the team',
    request('ec2:StopInstances', arn('instance/i-0123456789abcdef0'), ['aws:resourcetag/team', ['web']]),
    'allowed',
  ],
  [
    'StopInstances of others',
    request('ec2:StopInstances', arn('instance/i-0123456789abcdef0'), ['aws:resourcetag/team', ['data']]),
    'implicitDeny',
  ],
  ['CreateAccessKey, own', request('iam:CreateAccessKey', `arn:aws:iam::${account}:user/ana`), 'allowed'],
  ['another Region', request('ec2:DescribeInstances', '*', ['aws:requestedregion', ['ap-south-1']]), 'explicitDeny'],
];

function request(action: string, resource: string, ...more: readonly (readonly [string, readonly string[]])[]) {
  return { action, resource, keys: new Map([...always, ...more]) };
}

let slow = false;
for (const [name, asked, expected] of requests) {
  const effect = decide(set, asked).effect;
  if (effect !== expected)
    throw new Error(`${name} is ${effect}, not ${expected}: the bench would measure something else`);
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = process.cpuUsage();
    for (let at = 0; at < each; at++) decide(set, asked);
    const { user, system } = process.cpuUsage(start);
    times.push((user + system) / each);
  }
  const middle = median(times);
  slow ||= middle > target;
  process.stdout.write(`${name.padEnd(28)} ${middle.toFixed(2).padStart(6)} µs\n`);
}
process.stdout.write(`${slow ? 'Over' : 'All below'} the target of ${target} µs a decision.\n`);
process.exitCode = slow ? 1 : 0;
