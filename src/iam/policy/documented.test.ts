// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of policies look like this
import { describe, expect, it } from 'vitest';
import { account, ask, type Keys, policy } from './testing.ts';
import type { Decision } from './types.ts';

/*
 * Policies of the kinds that AWS's guides show, each with requests that it must and must not allow.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ExamplePolicies_EC2.html
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_examples.html
 */

type Request = readonly [words: string, action: string, resource: string, keys: Keys, effect: Decision['effect']];

interface Example {
  readonly name: string;
  readonly statements: readonly object[];
  readonly requests: readonly Request[];
}

const ec2 = (resource: string, region = 'us-east-1', owner = account) => `arn:aws:ec2:${region}:${owner}:${resource}`;
const image = 'arn:aws:ec2:us-east-1::image/ami-1';
const yes = 'allowed';
const no = 'implicitDeny';
const never = 'explicitDeny';

const examples: readonly Example[] = [
  {
    name: 'launching small instances into one subnet, from tagged images',
    statements: [
      {
        Action: 'ec2:RunInstances',
        Resource: 'arn:aws:ec2:*::image/ami-*',
        Condition: { StringEquals: { 'aws:ResourceTag/approved': 'yes' } },
      },
      {
        Action: 'ec2:RunInstances',
        Resource: ec2('instance/*'),
        Condition: { StringLike: { 'ec2:InstanceType': 't3.*' } },
      },
      {
        Action: 'ec2:RunInstances',
        Resource: [
          ec2('subnet/subnet-1'),
          ec2('network-interface/*'),
          ec2('volume/*'),
          ec2('key-pair/*'),
          ec2('security-group/*'),
        ],
      },
    ],
    requests: [
      ['an approved image', 'ec2:RunInstances', image, { 'aws:ResourceTag/approved': 'yes' }, yes],
      ['another image', 'ec2:RunInstances', image, { 'aws:ResourceTag/approved': 'no' }, no],
      ['an image without tags', 'ec2:RunInstances', image, {}, no],
      ['a small instance', 'ec2:RunInstances', ec2('instance/*'), { 'ec2:InstanceType': 't3.nano' }, yes],
      ['a large instance', 'ec2:RunInstances', ec2('instance/*'), { 'ec2:InstanceType': 'm5.large' }, no],
      ['the subnet', 'ec2:RunInstances', ec2('subnet/subnet-1'), {}, yes],
      ['another subnet', 'ec2:RunInstances', ec2('subnet/subnet-2'), {}, no],
      ['a subnet of the same name elsewhere', 'ec2:RunInstances', ec2('subnet/subnet-1', 'eu-west-1'), {}, no],
      ['a group', 'ec2:RunInstances', ec2('security-group/sg-1'), {}, yes],
      ['stopping what was launched', 'ec2:StopInstances', ec2('instance/i-1'), {}, no],
    ],
  },
  {
    name: 'one statement for all resources of a launch: without and with IfExists',
    statements: [
      {
        Action: 'ec2:RunInstances',
        Resource: '*',
        Condition: { StringLikeIfExists: { 'ec2:InstanceType': ['t1.*', 't2.*', 'm3.*'] } },
      },
      {
        Action: 'ec2:RequestSpotInstances',
        Resource: '*',
        Condition: { StringLike: { 'ec2:InstanceType': ['t1.*', 't2.*', 'm3.*'] } },
      },
    ],
    requests: [
      ['the instance', 'ec2:RunInstances', ec2('instance/*'), { 'ec2:InstanceType': 't2.micro' }, yes],
      ['an instance of another type', 'ec2:RunInstances', ec2('instance/*'), { 'ec2:InstanceType': 'x1.large' }, no],
      ['the image, which has no type', 'ec2:RunInstances', image, {}, yes],
      ['the image, without IfExists', 'ec2:RequestSpotInstances', image, {}, no],
      [
        'the instance, without IfExists',
        'ec2:RequestSpotInstances',
        ec2('instance/*'),
        { 'ec2:InstanceType': 't2.micro' },
        yes,
      ],
    ],
  },
  {
    name: 'tags may only be given when something is created',
    statements: [
      { Action: 'ec2:RunInstances' },
      {
        Action: 'ec2:CreateTags',
        Resource: ec2('*/*'),
        Condition: { StringEquals: { 'ec2:CreateAction': 'RunInstances' } },
      },
    ],
    requests: [
      ['with a launch', 'ec2:CreateTags', ec2('instance/*'), { 'ec2:CreateAction': 'RunInstances' }, yes],
      ['with a volume', 'ec2:CreateTags', ec2('volume/*'), { 'ec2:CreateAction': 'CreateVolume' }, no],
      ['later', 'ec2:CreateTags', ec2('instance/i-1'), {}, no],
    ],
  },
  {
    name: 'instances must be tagged with a team, and with nothing else',
    statements: [
      {
        Action: 'ec2:CreateTags',
        Condition: {
          StringEquals: { 'aws:RequestTag/team': ['web', 'data'] },
          'ForAllValues:StringEquals': { 'aws:TagKeys': ['team', 'Name'] },
        },
      },
    ],
    requests: [
      ['the team', 'ec2:CreateTags', ec2('instance/*'), { 'aws:RequestTag/team': 'web', 'aws:TagKeys': ['team'] }, yes],
      [
        'the team and a name',
        'ec2:CreateTags',
        ec2('instance/*'),
        { 'aws:RequestTag/team': 'web', 'aws:RequestTag/Name': 'x', 'aws:TagKeys': ['team', 'Name'] },
        yes,
      ],
      [
        'another tag',
        'ec2:CreateTags',
        ec2('instance/*'),
        { 'aws:RequestTag/team': 'web', 'aws:TagKeys': ['team', 'cost'] },
        no,
      ],
      ['only a name', 'ec2:CreateTags', ec2('instance/*'), { 'aws:RequestTag/Name': 'x', 'aws:TagKeys': ['Name'] }, no],
      [
        'another team',
        'ec2:CreateTags',
        ec2('instance/*'),
        { 'aws:RequestTag/team': 'sales', 'aws:TagKeys': ['team'] },
        no,
      ],
    ],
  },
  {
    name: "only one's own instances, by the tag that instance and caller share",
    statements: [
      {
        Action: ['ec2:StartInstances', 'ec2:StopInstances'],
        Resource: ec2('instance/*'),
        Condition: { StringEquals: { 'aws:ResourceTag/owner': '${aws:username}' } },
      },
      { Action: 'ec2:DescribeInstances' },
    ],
    requests: [
      ['own', 'ec2:StopInstances', ec2('instance/i-1'), { 'aws:ResourceTag/owner': 'ana', 'aws:username': 'ana' }, yes],
      [
        "another's",
        'ec2:StopInstances',
        ec2('instance/i-1'),
        { 'aws:ResourceTag/owner': 'bo', 'aws:username': 'ana' },
        no,
      ],
      ["nobody's", 'ec2:StopInstances', ec2('instance/i-1'), { 'aws:username': 'ana' }, no],
      [
        'the session of a role has no user name',
        'ec2:StopInstances',
        ec2('instance/i-1'),
        { 'aws:ResourceTag/owner': 'ana' },
        no,
      ],
      ['seeing all', 'ec2:DescribeInstances', '*', {}, yes],
    ],
  },
  {
    name: 'one Region, except for services that have none',
    statements: [
      {},
      {
        Effect: 'Deny',
        NotAction: ['iam:*', 'sts:*'],
        Condition: { StringNotEquals: { 'aws:RequestedRegion': ['eu-central-1', 'eu-west-1'] } },
      },
    ],
    requests: [
      ['in the Region', 'ec2:RunInstances', '*', { 'aws:RequestedRegion': 'eu-west-1' }, yes],
      ['in another', 'ec2:RunInstances', '*', { 'aws:RequestedRegion': 'us-east-1' }, never],
      ['IAM', 'iam:CreateUser', '*', { 'aws:RequestedRegion': 'us-east-1' }, yes],
      ['a request without a Region', 'ec2:RunInstances', '*', {}, never],
    ],
  },
  {
    name: 'only from some addresses, unless a service calls',
    statements: [
      {},
      {
        Effect: 'Deny',
        Condition: {
          NotIpAddress: { 'aws:SourceIp': ['192.0.2.0/24', '203.0.113.0/24'] },
          Bool: { 'aws:ViaAWSService': 'false' },
        },
      },
    ],
    requests: [
      ['from one', 'ec2:StopInstances', '*', { 'aws:SourceIp': '192.0.2.9', 'aws:ViaAWSService': 'false' }, yes],
      [
        'from elsewhere',
        'ec2:StopInstances',
        '*',
        { 'aws:SourceIp': '198.51.100.1', 'aws:ViaAWSService': 'false' },
        never,
      ],
      [
        'a service from elsewhere',
        'ec2:StopInstances',
        '*',
        { 'aws:SourceIp': '198.51.100.1', 'aws:ViaAWSService': 'true' },
        yes,
      ],
    ],
  },
  {
    name: 'dangerous calls only with MFA',
    statements: [
      { Action: 'ec2:*' },
      {
        Effect: 'Deny',
        Action: ['ec2:StopInstances', 'ec2:TerminateInstances'],
        Condition: { BoolIfExists: { 'aws:MultiFactorAuthPresent': false } },
      },
    ],
    requests: [
      ['with MFA', 'ec2:TerminateInstances', ec2('instance/i-1'), { 'aws:MultiFactorAuthPresent': 'true' }, yes],
      [
        'temporary credentials without',
        'ec2:TerminateInstances',
        ec2('instance/i-1'),
        { 'aws:MultiFactorAuthPresent': 'false' },
        never,
      ],
      ['a long-term key, which says nothing of MFA', 'ec2:TerminateInstances', ec2('instance/i-1'), {}, never],
      ['a harmless call without', 'ec2:DescribeInstances', '*', {}, yes],
    ],
  },
  {
    name: 'everything but managing users',
    statements: [
      { NotAction: ['iam:*', 'organizations:*'] },
      { Action: ['iam:CreateServiceLinkedRole', 'iam:ListRoles'] },
    ],
    requests: [
      ['EC2', 'ec2:RunInstances', ec2('instance/*'), {}, yes],
      ['users', 'iam:CreateUser', '*', {}, no],
      ['listing roles', 'iam:ListRoles', '*', {}, yes],
    ],
  },
  {
    name: "one's own access keys",
    statements: [{ Action: 'iam:*AccessKey*', Resource: `arn:aws:iam::${account}:user/\${aws:username}` }],
    requests: [
      ['own', 'iam:CreateAccessKey', `arn:aws:iam::${account}:user/ana`, { 'aws:username': 'ana' }, yes],
      ["another's", 'iam:CreateAccessKey', `arn:aws:iam::${account}:user/bo`, { 'aws:username': 'ana' }, no],
      [
        'a user whose name is a wildcard',
        'iam:CreateAccessKey',
        `arn:aws:iam::${account}:user/bo`,
        { 'aws:username': '*' },
        no,
      ],
      ['own password', 'iam:ChangePassword', `arn:aws:iam::${account}:user/ana`, { 'aws:username': 'ana' }, no],
    ],
  },
  {
    name: 'passing some roles to EC2',
    statements: [
      {
        Action: 'iam:PassRole',
        Resource: `arn:aws:iam::${account}:role/app-*`,
        Condition: { StringEquals: { 'iam:PassedToService': 'ec2.amazonaws.com' } },
      },
    ],
    requests: [
      [
        'such a role to EC2',
        'iam:PassRole',
        `arn:aws:iam::${account}:role/app-web`,
        { 'iam:PassedToService': 'ec2.amazonaws.com' },
        yes,
      ],
      [
        'such a role to another service',
        'iam:PassRole',
        `arn:aws:iam::${account}:role/app-web`,
        { 'iam:PassedToService': 'lambda.amazonaws.com' },
        no,
      ],
      [
        'another role',
        'iam:PassRole',
        `arn:aws:iam::${account}:role/admin`,
        { 'iam:PassedToService': 'ec2.amazonaws.com' },
        no,
      ],
    ],
  },
  {
    name: 'instances must ask for tokens at the metadata service',
    statements: [
      {},
      {
        Effect: 'Deny',
        Action: 'ec2:RunInstances',
        Resource: 'arn:aws:ec2:*:*:instance/*',
        Condition: { StringNotEquals: { 'ec2:MetadataHttpTokens': 'required' } },
      },
    ],
    requests: [
      ['required', 'ec2:RunInstances', ec2('instance/*'), { 'ec2:MetadataHttpTokens': 'required' }, yes],
      ['optional', 'ec2:RunInstances', ec2('instance/*'), { 'ec2:MetadataHttpTokens': 'optional' }, never],
      ['not said', 'ec2:RunInstances', ec2('instance/*'), {}, never],
      ['the volume of the launch', 'ec2:RunInstances', ec2('volume/*'), {}, yes],
    ],
  },
  {
    name: 'credentials of an instance only on that instance',
    statements: [
      {
        Action: 'ec2:AttachVolume',
        Resource: [ec2('volume/*'), ec2('instance/*')],
        Condition: { ArnEquals: { 'ec2:SourceInstanceARN': ec2('instance/i-1') } },
      },
    ],
    requests: [
      ['on it', 'ec2:AttachVolume', ec2('volume/vol-1'), { 'ec2:SourceInstanceARN': ec2('instance/i-1') }, yes],
      ['on another', 'ec2:AttachVolume', ec2('volume/vol-1'), { 'ec2:SourceInstanceARN': ec2('instance/i-2') }, no],
      ['elsewhere', 'ec2:AttachVolume', ec2('volume/vol-1'), {}, no],
    ],
  },
  {
    name: 'volumes of limited size, encrypted',
    statements: [
      {
        Action: 'ec2:CreateVolume',
        Resource: ec2('volume/*'),
        Condition: { Bool: { 'ec2:Encrypted': 'true' }, NumericLessThanEquals: { 'ec2:VolumeSize': '100' } },
      },
    ],
    requests: [
      [
        'small and encrypted',
        'ec2:CreateVolume',
        ec2('volume/*'),
        { 'ec2:Encrypted': 'true', 'ec2:VolumeSize': '100' },
        yes,
      ],
      ['large', 'ec2:CreateVolume', ec2('volume/*'), { 'ec2:Encrypted': 'true', 'ec2:VolumeSize': '101' }, no],
      ['not encrypted', 'ec2:CreateVolume', ec2('volume/*'), { 'ec2:Encrypted': 'false', 'ec2:VolumeSize': '8' }, no],
    ],
  },
  {
    name: 'logging in to instances as one user of the system',
    statements: [
      {
        Action: 'ec2-instance-connect:SendSSHPublicKey',
        Resource: ec2('instance/*'),
        Condition: { StringEquals: { 'ec2:osuser': 'ec2-user' } },
      },
    ],
    requests: [
      ['as that user', 'ec2-instance-connect:SendSSHPublicKey', ec2('instance/i-1'), { 'ec2:osuser': 'ec2-user' }, yes],
      ['as root', 'ec2-instance-connect:SendSSHPublicKey', ec2('instance/i-1'), { 'ec2:osuser': 'root' }, no],
      ['without MFA or anything else, another action', 'ec2:SendDiagnosticInterrupt', ec2('instance/i-1'), {}, no],
    ],
  },
  {
    name: 'users without temporary credentials',
    statements: [{ Action: 'ec2:*', Condition: { Null: { 'aws:TokenIssueTime': 'true' } } }],
    requests: [
      ['a long-term key', 'ec2:StopInstances', ec2('instance/i-1'), {}, yes],
      [
        'temporary credentials',
        'ec2:StopInstances',
        ec2('instance/i-1'),
        { 'aws:TokenIssueTime': '2026-11-23T12:00:00Z' },
        no,
      ],
    ],
  },
  {
    name: 'sessions that began before a time are revoked',
    statements: [{}, { Effect: 'Deny', Condition: { DateLessThan: { 'aws:TokenIssueTime': '2026-11-23T12:00:00Z' } } }],
    requests: [
      ['an older session', 'ec2:StopInstances', '*', { 'aws:TokenIssueTime': '2026-11-23T11:59:59Z' }, never],
      ['a newer session', 'ec2:StopInstances', '*', { 'aws:TokenIssueTime': '2026-11-23T12:00:00Z' }, yes],
      ['a long-term key', 'ec2:StopInstances', '*', {}, yes],
    ],
  },
  {
    name: 'volumes may be tagged with a project, but not those of production',
    statements: [
      { Action: 'ec2:CreateVolume' },
      {
        Action: 'ec2:CreateTags',
        Resource: ec2('volume/*'),
        Condition: {
          StringLike: { 'aws:RequestTag/project': '*' },
          StringNotEquals: { 'aws:ResourceTag/environment': 'production' },
        },
      },
    ],
    requests: [
      ['with a project', 'ec2:CreateTags', ec2('volume/vol-1'), { 'aws:RequestTag/project': 'x' }, yes],
      [
        'with a project, in preproduction',
        'ec2:CreateTags',
        ec2('volume/vol-1'),
        { 'aws:RequestTag/project': 'x', 'aws:ResourceTag/environment': 'preprod' },
        yes,
      ],
      [
        'with a project, in production',
        'ec2:CreateTags',
        ec2('volume/vol-1'),
        { 'aws:RequestTag/project': 'x', 'aws:ResourceTag/environment': 'production' },
        no,
      ],
      ['without a project', 'ec2:CreateTags', ec2('volume/vol-1'), { 'aws:RequestTag/cost': 'x' }, no],
    ],
  },
  {
    name: 'only some images, whoever owns them',
    statements: [
      {
        Action: 'ec2:RunInstances',
        Resource: 'arn:aws:ec2:*::image/*',
        Condition: { StringEquals: { 'ec2:Owner': ['amazon', account] }, Bool: { 'ec2:Public': true } },
      },
    ],
    requests: [
      ["Amazon's, public", 'ec2:RunInstances', image, { 'ec2:Owner': 'amazon', 'ec2:Public': 'true' }, yes],
      ["another's, public", 'ec2:RunInstances', image, { 'ec2:Owner': '999988887777', 'ec2:Public': 'true' }, no],
      ["Amazon's, private", 'ec2:RunInstances', image, { 'ec2:Owner': 'amazon', 'ec2:Public': 'false' }, no],
    ],
  },
];

describe.each(examples)('$name', ({ statements, requests }) => {
  it.each(requests)('%s: %s', (_words, action, resource, keys, effect) => {
    expect(ask({ identity: [policy(statements)] }, { action, resource, keys }).effect).toBe(effect);
  });
});
