import type {
  EvaluationResult,
  GetContextKeysForPolicyResponse,
  ListPoliciesGrantingServiceAccessResponse,
  SimulatePolicyResponse,
} from '@aws-sdk/client-iam';
import { beforeEach, describe, expect, test } from 'vitest';
import { createTestIam, policy, type TestIam, trust } from '../testing.ts';

let api: TestIam;
beforeEach(() => {
  api = createTestIam();
});

const custom = async (input: object) =>
  (await api.iam<SimulatePolicyResponse>('SimulateCustomPolicy', input)).EvaluationResults ?? [];
const principal = async (input: object) =>
  (await api.iam<SimulatePolicyResponse>('SimulatePrincipalPolicy', input)).EvaluationResults ?? [];
const decisions = (results: readonly EvaluationResult[]) => results.map(one => one.EvalDecision);

/** A policy variable. */
const variable = (content: string) => `\${${content}}`;

const instance = 'arn:aws:ec2:us-east-1:000000000000:instance/i-1';
const other = 'arn:aws:ec2:us-east-1:000000000000:instance/i-2';
const bucket = 'arn:aws:s3:::team';

describe('SimulateCustomPolicy', () => {
  test('tells for each action what decided, and where it stands', async () => {
    const document = `{
  "Version": "2012-10-17",
  "Statement": {
    "Effect": "Allow",
    "Action": "s3:ListBucket",
    "Resource": "*"
  }
}`;
    const results = await custom({ PolicyInputList: [document], ActionNames: ['s3:ListBucket', 's3:GetObject'] });
    expect(results).toEqual([
      {
        EvalActionName: 's3:ListBucket',
        EvalResourceName: '*',
        EvalDecision: 'allowed',
        MatchedStatements: [
          {
            SourcePolicyId: 'PolicyInputList.1',
            SourcePolicyType: 'none',
            StartPosition: { Line: 3, Column: 16 },
            EndPosition: { Line: 7, Column: 4 },
          },
        ],
        MissingContextValues: [],
      },
      {
        EvalActionName: 's3:GetObject',
        EvalResourceName: '*',
        EvalDecision: 'implicitDeny',
        MatchedStatements: [],
        MissingContextValues: [],
      },
    ]);
  });

  test('an explicit deny in any policy decides', async () => {
    const PolicyInputList = [policy('ec2:*'), policy('ec2:Stop*', '*', { Effect: 'Deny' })];
    const [stop, start] = await custom({ PolicyInputList, ActionNames: ['ec2:StopInstances', 'ec2:StartInstances'] });
    expect(stop).toMatchObject({
      EvalDecision: 'explicitDeny',
      MatchedStatements: [{ SourcePolicyId: 'PolicyInputList.2' }],
    });
    expect(start?.EvalDecision).toBe('allowed');
  });

  test('every resource has a result of its own, and all of them the strictest', async () => {
    const [result] = await custom({
      PolicyInputList: [policy('ec2:*', instance)],
      ActionNames: ['ec2:StopInstances'],
      ResourceArns: [instance, other],
    });
    expect(result).toMatchObject({
      EvalResourceName: '*',
      EvalDecision: 'implicitDeny',
      MatchedStatements: [],
      ResourceSpecificResults: [
        { EvalResourceName: instance, EvalResourceDecision: 'allowed', MatchedStatements: [{}] },
        { EvalResourceName: other, EvalResourceDecision: 'implicitDeny', MatchedStatements: [] },
      ],
    });
    const [one] = await custom({
      PolicyInputList: [policy('ec2:*', instance)],
      ActionNames: ['ec2:StopInstances'],
      ResourceArns: [instance],
    });
    expect(one).toMatchObject({ EvalResourceName: instance, EvalDecision: 'allowed', EvalDecisionDetails: {} });
  });

  test('context keys are used, and those that are missing named as policies write them', async () => {
    const PolicyInputList = [
      policy('ec2:*', '*', { Condition: { StringEquals: { 'aws:PrincipalTag/Team': 'blue' } } }),
      policy('iam:*', `arn:aws:iam::*:user/${variable('aws:username')}`),
    ];
    const ActionNames = ['ec2:RunInstances', 'iam:GetUser'];
    const ResourceArns = ['arn:aws:iam::000000000000:user/bob'];
    const bare = await custom({ PolicyInputList, ActionNames, ResourceArns });
    expect(decisions(bare)).toEqual(['implicitDeny', 'implicitDeny']);
    expect(bare.map(one => one.MissingContextValues)).toEqual([['aws:PrincipalTag/Team'], ['aws:username']]);
    const ContextEntries = [
      { ContextKeyName: 'AWS:PrincipalTag/team', ContextKeyValues: ['blue'], ContextKeyType: 'string' },
      { ContextKeyName: 'aws:username', ContextKeyValues: ['bob'], ContextKeyType: 'string' },
    ];
    const given = await custom({ PolicyInputList, ActionNames, ResourceArns, ContextEntries });
    expect(decisions(given)).toEqual(['allowed', 'allowed']);
    expect(given[0]?.ResourceSpecificResults?.[0]?.MissingContextValues).toEqual([]);
  });

  test('a permissions boundary bounds', async () => {
    const [run, describe] = await custom({
      PolicyInputList: [policy('ec2:*')],
      PermissionsBoundaryPolicyInputList: [policy('ec2:Describe*')],
      ActionNames: ['ec2:RunInstances', 'ec2:DescribeInstances'],
    });
    expect(run).toMatchObject({
      EvalDecision: 'implicitDeny',
      PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: false },
    });
    expect(describe).toMatchObject({
      EvalDecision: 'allowed',
      PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: true },
    });
  });

  test('every level of an organization must allow', async () => {
    const levels = (...documents: string[]) =>
      documents.map(document => ({ ServiceControlPolicyInputList: [document] }));
    const decide = async (...documents: string[]) =>
      (
        await custom({
          PolicyInputList: [policy('ec2:*')],
          OrderedOrganizationPolicyInputList: levels(...documents),
          ActionNames: ['ec2:RunInstances'],
        })
      )[0];
    expect(await decide(policy('*'), policy('ec2:*'))).toMatchObject({
      EvalDecision: 'allowed',
      OrganizationsDecisionDetail: { AllowedByOrganizations: true },
    });
    expect(await decide(policy('*'), policy('iam:*'))).toMatchObject({
      EvalDecision: 'implicitDeny',
      MatchedStatements: [],
      OrganizationsDecisionDetail: { AllowedByOrganizations: false },
    });
    expect((await decide(policy('*'), policy('ec2:*', '*', { Effect: 'Deny' })))?.EvalDecision).toBe('explicitDeny');
  });

  test('a resource policy allows within an account, and must allow together with others between two', async () => {
    const user = (account: string) => `arn:aws:iam::${account}:user/bob`;
    const simulated = async (caller: string, identity: string, resource: string) =>
      (
        await custom({
          PolicyInputList: [identity],
          ActionNames: ['s3:ListBucket'],
          ResourceArns: [bucket],
          ResourceOwner: 'arn:aws:iam::000000000000:root',
          ResourcePolicy: resource,
          CallerArn: user(caller),
        })
      )[0];
    const opens = (account: string) => policy('s3:*', bucket, { Principal: { AWS: user(account) } });
    const own = await simulated('000000000000', policy('iam:*'), opens('000000000000'));
    expect(own).toMatchObject({
      EvalDecision: 'allowed',
      MatchedStatements: [{ SourcePolicyId: 'ResourcePolicy', SourcePolicyType: 'resource' }],
      EvalDecisionDetails: {},
    });
    const theirs = '111122223333';
    expect(await simulated(theirs, policy('s3:*'), opens(theirs))).toMatchObject({
      EvalDecision: 'allowed',
      EvalDecisionDetails: { 'IAM Policy': 'allowed', 'Resource Policy': 'allowed' },
    });
    expect(await simulated(theirs, policy('iam:*'), opens(theirs))).toMatchObject({
      EvalDecision: 'implicitDeny',
      EvalDecisionDetails: { 'IAM Policy': 'implicitDeny', 'Resource Policy': 'allowed' },
    });
    expect(await simulated(theirs, policy('s3:*'), opens('000000000000'))).toMatchObject({
      EvalDecision: 'implicitDeny',
      EvalDecisionDetails: { 'IAM Policy': 'allowed', 'Resource Policy': 'implicitDeny' },
    });
  });

  test('a scenario of RunInstances needs all of its resources', async () => {
    const arn = (type: string) => `arn:aws:ec2:us-east-1:000000000000:${type}/x`;
    const types = ['instance', 'image', 'security-group', 'network-interface', 'volume'];
    const input = {
      PolicyInputList: [policy('ec2:RunInstances', types.slice(1).map(arn))],
      ActionNames: ['ec2:RunInstances'],
      ResourceHandlingOption: 'EC2-VPC-EBS',
    };
    const [result] = await custom({ ...input, ResourceArns: types.map(arn) });
    expect(result?.EvalDecision).toBe('implicitDeny');
    expect(result?.ResourceSpecificResults?.map(one => one.EvalResourceDecision)).toEqual([
      'implicitDeny',
      'allowed',
      'allowed',
      'allowed',
      'allowed',
    ]);
    const missing = { ...input, ResourceArns: types.slice(0, 4).map(arn) };
    expect(await api.code('SimulateCustomPolicy', missing)).toBe('InvalidInput');
    expect(await api.code('SimulateCustomPolicy', { ...input, ResourceHandlingOption: 'X' })).toBe('InvalidInput');
    const stop = { ...input, ActionNames: ['ec2:StopInstances'] };
    expect(await api.code('SimulateCustomPolicy', stop)).toBe('InvalidInput');
  });

  test('results come in pages', async () => {
    const input = { PolicyInputList: [policy('ec2:*')], ActionNames: ['ec2:A', 'ec2:B', 'iam:C'], MaxItems: 2 };
    const first = await api.iam<SimulatePolicyResponse>('SimulateCustomPolicy', input);
    expect(first).toMatchObject({ IsTruncated: true, EvaluationResults: [{}, { EvalActionName: 'ec2:B' }] });
    const last = await api.iam<SimulatePolicyResponse>('SimulateCustomPolicy', { ...input, Marker: first.Marker });
    expect(last).toMatchObject({ IsTruncated: false, EvaluationResults: [{ EvalActionName: 'iam:C' }] });
  });

  test.each([
    ['no action', { ActionNames: [] }, 'ValidationError'],
    ['an action without service', { ActionNames: ['RunInstances'] }, 'InvalidInput'],
    ['a wildcard', { ActionNames: ['ec2:*'] }, 'InvalidInput'],
    ['a resource that is no ARN', { ResourceArns: ['i-1'] }, 'InvalidInput'],
    ['a bad policy', { PolicyInputList: ['{}'] }, 'MalformedPolicyDocument'],
    ['two boundaries', { PermissionsBoundaryPolicyInputList: [policy('*'), policy('*')] }, 'InvalidInput'],
    ['a resource policy without caller', { ResourcePolicy: policy('*', '*', { Principal: '*' }) }, 'InvalidInput'],
    ['a caller who is a session', { CallerArn: 'arn:aws:sts::000000000000:assumed-role/a/b' }, 'InvalidInput'],
    ['a bad owner', { ResourceOwner: 'me' }, 'InvalidInput'],
    [
      'two values of one key',
      { ContextEntries: [{ ContextKeyName: 'aws:a', ContextKeyType: 'string', ContextKeyValues: ['a', 'b'] }] },
      'InvalidInput',
    ],
    [
      'a value of another type',
      { ContextEntries: [{ ContextKeyName: 'aws:a', ContextKeyType: 'numeric', ContextKeyValues: ['x'] }] },
      'InvalidInput',
    ],
    [
      'an unknown type',
      { ContextEntries: [{ ContextKeyName: 'aws:a', ContextKeyType: 'x', ContextKeyValues: ['x'] }] },
      'InvalidInput',
    ],
    ['a nameless key', { ContextEntries: [{ ContextKeyName: 'a', ContextKeyValues: ['x'] }] }, 'InvalidInput'],
  ])('refuses %s', async (_what, input, code) => {
    const whole = { PolicyInputList: [policy('ec2:*')], ActionNames: ['ec2:A'], ...input };
    expect(await api.code('SimulateCustomPolicy', whole)).toBe(code);
  });
});

describe('SimulatePrincipalPolicy', () => {
  const user = 'arn:aws:iam::000000000000:user/x/bob';
  beforeEach(async () => {
    await api.iam('CreateUser', { UserName: 'bob', Path: '/x/' });
    await api.iam('CreateGroup', { GroupName: 'g' });
    await api.iam('AddUserToGroup', { GroupName: 'g', UserName: 'bob' });
    await api.iam('PutUserPolicy', { UserName: 'bob', PolicyName: 'mine', PolicyDocument: policy('ec2:Run*') });
    await api.iam('AttachGroupPolicy', { GroupName: 'g', PolicyArn: 'arn:aws:iam::aws:policy/IAMReadOnlyAccess' });
  });
  const ActionNames = ['ec2:RunInstances', 'iam:GetUser', 'sts:AssumeRole'];

  test("a user's includes his groups' and what the request adds", async () => {
    const results = await principal({ PolicySourceArn: user, ActionNames });
    expect(decisions(results)).toEqual(['allowed', 'allowed', 'implicitDeny']);
    expect(results[0]?.MatchedStatements).toMatchObject([
      { SourcePolicyId: 'user_bob_mine', SourcePolicyType: 'user' },
    ]);
    expect(results[1]?.MatchedStatements).toMatchObject([
      { SourcePolicyId: 'IAMReadOnlyAccess', SourcePolicyType: 'aws-managed' },
    ]);
    const more = await principal({ PolicySourceArn: user, ActionNames, PolicyInputList: [policy('sts:*')] });
    expect(decisions(more)).toEqual(['allowed', 'allowed', 'allowed']);
  });

  test('a boundary is his own, or that of the request', async () => {
    const PermissionsBoundary = 'arn:aws:iam::aws:policy/AmazonEC2FullAccess';
    await api.iam('PutUserPermissionsBoundary', { UserName: 'bob', PermissionsBoundary });
    expect(decisions(await principal({ PolicySourceArn: user, ActionNames }))).toEqual([
      'allowed',
      'implicitDeny',
      'implicitDeny',
    ]);
    const PermissionsBoundaryPolicyInputList = [policy('iam:*')];
    const given = await principal({ PolicySourceArn: user, ActionNames, PermissionsBoundaryPolicyInputList });
    expect(decisions(given)).toEqual(['implicitDeny', 'allowed', 'implicitDeny']);
  });

  test.each([
    [{ PolicyType: 'inline' }, ['implicitDeny', 'allowed']],
    [{ PolicyType: 'aws-managed' }, ['allowed', 'implicitDeny']],
    [{ PolicyArn: 'arn:aws:iam::aws:policy/IAM*' }, ['allowed', 'implicitDeny']],
    [
      { InlinePolicyIdentifier: { PolicyName: 'mine', AttachmentType: 'user', AttachmentName: 'b?b' } },
      ['implicitDeny', 'allowed'],
    ],
    [
      { InlinePolicyIdentifier: { PolicyName: 'mine', AttachmentType: 'role', AttachmentName: '*' } },
      ['allowed', 'allowed'],
    ],
    [{ PolicyType: 'scp' }, ['allowed', 'allowed']],
  ])('policies can be left out: %j', async (identifier, expected) => {
    const results = await principal({
      PolicySourceArn: user,
      ActionNames: ActionNames.slice(0, 2),
      PolicyExclusionList: [identifier],
    });
    expect(decisions(results)).toEqual(expected);
  });

  test('groups and roles have policies too', async () => {
    await api.iam('CreateRole', { RoleName: 'r', AssumeRolePolicyDocument: trust() });
    await api.iam('PutRolePolicy', { RoleName: 'r', PolicyName: 'p', PolicyDocument: policy('sts:*') });
    const of = async (arn: string) => decisions(await principal({ PolicySourceArn: arn, ActionNames }));
    expect(await of('arn:aws:iam::000000000000:group/g')).toEqual(['implicitDeny', 'allowed', 'implicitDeny']);
    expect(await of('arn:aws:iam::000000000000:role/r')).toEqual(['implicitDeny', 'implicitDeny', 'allowed']);
  });

  test.each([
    ['nobody', 'arn:aws:iam::000000000000:user/nobody', 'NoSuchEntity'],
    ['another path', 'arn:aws:iam::000000000000:user/bob', 'NoSuchEntity'],
    ['another account', 'arn:aws:iam::111122223333:user/x/bob', 'NoSuchEntity'],
    ['root', 'arn:aws:iam::000000000000:root', 'InvalidInput'],
  ])('refuses %s', async (_what, PolicySourceArn, code) => {
    await api.iam('CreateUser', { UserName: 'bob', Path: '/x/' }, '111122223333');
    expect(await api.code('SimulatePrincipalPolicy', { PolicySourceArn, ActionNames })).toBe(code);
  });
});

describe('context keys', () => {
  const document = policy('ec2:*', `arn:aws:ec2:*:*:instance/${variable('aws:PrincipalTag/Id')}${variable('*')}`, {
    Condition: {
      StringEquals: { 'ec2:ResourceTag/Team': variable("aws:PrincipalTag/Team, 'none'") },
      Bool: { 'aws:SecureTransport': 'true' },
    },
  });

  test('of given policies', async () => {
    const { ContextKeyNames } = await api.iam<GetContextKeysForPolicyResponse>('GetContextKeysForCustomPolicy', {
      PolicyInputList: [document, document.replaceAll('aws:', 'AWS:')],
    });
    expect(ContextKeyNames?.toSorted()).toEqual([
      'aws:PrincipalTag/Id',
      'aws:PrincipalTag/Team',
      'aws:SecureTransport',
      'ec2:ResourceTag/Team',
    ]);
    const bad = { PolicyInputList: ['x'] };
    expect(await api.code('GetContextKeysForCustomPolicy', bad)).toBe('MalformedPolicyDocument');
  });

  test("of a user's policies and those of his groups", async () => {
    await api.iam('CreateUser', { UserName: 'bob' });
    await api.iam('CreateGroup', { GroupName: 'g' });
    await api.iam('AddUserToGroup', { GroupName: 'g', UserName: 'bob' });
    await api.iam('PutGroupPolicy', { GroupName: 'g', PolicyName: 'p', PolicyDocument: document });
    const { ContextKeyNames } = await api.iam<GetContextKeysForPolicyResponse>('GetContextKeysForPrincipalPolicy', {
      PolicySourceArn: 'arn:aws:iam::000000000000:user/bob',
      PolicyInputList: [policy('iam:*', '*', { Condition: { StringEquals: { 'iam:PassedToService': 'x' } } })],
    });
    expect(ContextKeyNames).toHaveLength(5);
    expect(ContextKeyNames).toContain('iam:PassedToService');
  });
});

test('ListPoliciesGrantingServiceAccess names the policies that allow anything of a service', async () => {
  await api.iam('CreateUser', { UserName: 'bob' });
  await api.iam('CreateGroup', { GroupName: 'g' });
  await api.iam('AddUserToGroup', { GroupName: 'g', UserName: 'bob' });
  await api.iam('PutGroupPolicy', { GroupName: 'g', PolicyName: 'of-g', PolicyDocument: policy('ec2:Run*') });
  await api.iam('PutUserPolicy', { UserName: 'bob', PolicyName: 'of-bob', PolicyDocument: policy('sts:*') });
  const PolicyArn = 'arn:aws:iam::aws:policy/PowerUserAccess';
  await api.iam('AttachUserPolicy', { UserName: 'bob', PolicyArn });
  const answer = await api.iam<ListPoliciesGrantingServiceAccessResponse>('ListPoliciesGrantingServiceAccess', {
    Arn: 'arn:aws:iam::000000000000:user/bob',
    ServiceNamespaces: ['ec2', 'sts', 'organizations'],
  });
  const managed = { PolicyName: 'PowerUserAccess', PolicyType: 'MANAGED', PolicyArn };
  expect(answer.PoliciesGrantingServiceAccess).toEqual([
    {
      ServiceNamespace: 'ec2',
      Policies: [managed, { PolicyName: 'of-g', PolicyType: 'INLINE', EntityType: 'GROUP', EntityName: 'g' }],
    },
    {
      ServiceNamespace: 'sts',
      Policies: [{ PolicyName: 'of-bob', PolicyType: 'INLINE', EntityType: 'USER', EntityName: 'bob' }, managed],
    },
    { ServiceNamespace: 'organizations', Policies: [managed] },
  ]);
  const none = { Arn: 'arn:aws:iam::000000000000:user/bob', ServiceNamespaces: [] };
  expect(await api.code('ListPoliciesGrantingServiceAccess', none)).toBe('ValidationError');
});
