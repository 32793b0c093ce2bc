import type { DecodeAuthorizationMessageResponse } from '@aws-sdk/client-sts';
import { beforeEach, describe, expect, it } from 'vitest';
import { launch, publishTestImage } from '../ec2/testing.ts';
import { vpcs } from '../ec2/vpcs/model.ts';
import { makeUser, type Statements, setPolicy } from './access-testing.ts';
import type { UserPrincipal } from './call.ts';
import { createTestApi, type TestApi } from './testing.ts';

let api: TestApi;
let ann: UserPrincipal;
beforeEach(async () => {
  api = createTestApi();
  ann = await makeUser(api, 'ann');
});

/** `allowed`, or the code of the refusal. A call that is wrong otherwise was allowed, too. */
async function outcome(statements: Statements, operation: string, input: object = {}, service = 'ec2') {
  await setPolicy(api, 'ann', statements);
  try {
    await api.call(operation, input, { as: ann, service });
    return 'allowed';
  } catch (error) {
    const { code } = error as { code: string };
    return code === refused || code === 'AccessDenied' ? code : 'allowed';
  }
}

const ec2 = (type: string, id: string, account = '000000000000') => `arn:aws:ec2:us-east-1:${account}:${type}/${id}`;
const refused = 'UnauthorizedOperation';

describe('a call', () => {
  it('needs a policy, of everyone but root', async () => {
    const error = await api.fail('DescribeInstances', {}, { as: ann });
    expect(error).toMatchObject({ code: refused, status: 403 });
    expect(error.message).toMatch(
      /^You are not authorized to perform this operation\. User: arn:aws:iam::000000000000:user\/ann is not authorized to perform: ec2:DescribeInstances because no identity-based policy allows the ec2:DescribeInstances action\. Encoded authorization failure message: [\w.-]+$/,
    );
    await api.call('DescribeInstances');
    expect(await outcome({ Action: 'ec2:Describe*' }, 'DescribeInstances')).toBe('allowed');
  });

  it('of a listing is refused where it is allowed for some resources only', async () => {
    expect(await outcome({ Action: 'ec2:*', Resource: ec2('instance', '*') }, 'DescribeInstances')).toBe(refused);
  });

  it('is refused by other services as AccessDenied', async () => {
    const error = await api.fail('CreateUser', { UserName: 'bob' }, { as: ann, service: 'iam' });
    expect(error).toMatchObject({ code: 'AccessDenied', status: 403 });
    expect(error.message).toBe(
      'User: arn:aws:iam::000000000000:user/ann is not authorized to perform: iam:CreateUser on resource: arn:aws:iam::000000000000:user/bob because no identity-based policy allows the iam:CreateUser action',
    );
    const deny = [{ Action: '*' }, { Effect: 'Deny', Action: 'iam:CreateUser' }];
    await setPolicy(api, 'ann', deny);
    const denied = await api.fail('CreateUser', { UserName: 'bob' }, { as: ann, service: 'iam' });
    expect(denied.message).toMatch(/with an explicit deny in an identity-based policy$/);
  });

  it('that is a dry run tells allowed from denied', async () => {
    const [instance] = await launch(api);
    const input = { InstanceIds: [instance?.InstanceId], DryRun: true };
    expect(await api.fail('TerminateInstances', input, { as: ann })).toMatchObject({ code: refused });
    await setPolicy(api, 'ann', { Action: 'ec2:TerminateInstances' });
    expect(await api.fail('TerminateInstances', input, { as: ann })).toMatchObject({ code: 'DryRunOperation' });
  });

  it('that nobody may is refused before its input is looked at, and tells nothing of what exists', async () => {
    const [instance] = await launch(api);
    const there = await api.fail('StopInstances', { InstanceIds: [instance?.InstanceId] }, { as: ann });
    const absent = await api.fail('StopInstances', { InstanceIds: ['i-0123456789abcdef0'] }, { as: ann });
    expect([there.code, absent.code]).toEqual([refused, refused]);
    const shape = (text: string) => text.replace(/i-0[0-9a-f]{16}/g, 'ID').replace(/message: .*/, '');
    expect(shape(there.message)).toBe(shape(absent.message));
  });

  it('needs every resource that it touches', async () => {
    const [one, two] = await launch(api, { MinCount: 2, MaxCount: 2 });
    const InstanceIds = [one?.InstanceId, two?.InstanceId];
    const only = (id = '') => ({ Action: 'ec2:StopInstances', Resource: ec2('instance', id) });
    expect(await outcome(only(one?.InstanceId), 'StopInstances', { InstanceIds, DryRun: true })).toBe(refused);
    const both = [only(one?.InstanceId), only(two?.InstanceId)];
    expect(await outcome(both, 'StopInstances', { InstanceIds, DryRun: true })).toBe('allowed');
  });

  it('stops being allowed as soon as the policy is gone', async () => {
    expect(await outcome({ Action: 'ec2:DescribeVpcs' }, 'DescribeVpcs')).toBe('allowed');
    await api.call('DeleteUserPolicy', { UserName: 'ann', PolicyName: 'test' }, { service: 'iam' });
    expect((await api.fail('DescribeVpcs', {}, { as: ann })).code).toBe(refused);
  });

  it('of a user who is gone is refused', async () => {
    await setPolicy(api, 'ann', { Action: '*' });
    await api.call('DeleteUserPolicy', { UserName: 'ann', PolicyName: 'test' }, { service: 'iam' });
    await api.call('DeleteUser', { UserName: 'ann' }, { service: 'iam' });
    expect((await api.fail('DescribeVpcs', {}, { as: ann })).code).toBe(refused);
  });

  it('of nobody is refused but where no permission is needed', async () => {
    const as = { type: 'anonymous', account: '', arn: '', userId: '', accessKeyId: '' } as const;
    expect((await api.fail('DescribeVpcs', {}, { as })).code).toBe(refused);
    expect((await api.fail('ListUsers', {}, { as, service: 'iam' })).code).toBe('AccessDenied');
    expect(api.state.countBy(vpcs, 'owner', '/us-east-1')).toBe(0);
  });
});

describe('condition keys', () => {
  const when = (Condition: object, Action = 'ec2:*') => ({ Action, Condition });
  const equals = (key: string, value: unknown) => when({ StringEquals: { [key]: value } });

  it.each<[string, object, boolean]>([
    ['the Region', equals('aws:RequestedRegion', 'us-east-1'), true],
    ['another Region', equals('aws:RequestedRegion', 'eu-west-1'), false],
    ["EC2's Region", equals('ec2:Region', 'us-east-1'), true],
    ['the time', when({ DateLessThan: { 'aws:CurrentTime': '2026-02-01T00:00:00Z' } }), true],
    ['the time that is over', when({ DateLessThan: { 'aws:CurrentTime': '2026-01-01T00:00:00Z' } }), false],
    ['the time in seconds', when({ NumericGreaterThan: { 'aws:EpochTime': '1769000000' } }), true],
    ['the address', when({ IpAddress: { 'aws:SourceIp': '127.0.0.0/8' } }), true],
    ['another address', when({ IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } }), false],
    ['the user', equals('aws:username', 'ann'), true],
    ['the ARN', when({ ArnLike: { 'aws:PrincipalArn': 'arn:aws:iam::*:user/a*' } }), true],
    ['the account', equals('aws:PrincipalAccount', '000000000000'), true],
    ['the type', equals('aws:PrincipalType', 'User'), true],
    ['the client', when({ StringLike: { 'aws:UserAgent': 'te*' } }), true],
    ['no TLS', when({ Bool: { 'aws:SecureTransport': 'true' } }), false],
    ['no service between', when({ Bool: { 'aws:ViaAWSService': 'false' } }), true],
    ['MFA, of which long-term keys say nothing', when({ Bool: { 'aws:MultiFactorAuthPresent': 'false' } }), false],
    ['MFA if it is there', when({ BoolIfExists: { 'aws:MultiFactorAuthPresent': 'true' } }), true],
    ['no session', when({ Null: { 'aws:TokenIssueTime': 'true' } }), true],
  ])('of every request: %s', async (_what, statement, allowed) => {
    expect(await outcome(statement, 'DescribeVpcs')).toBe(allowed ? 'allowed' : refused);
  });

  it('of the caller: his tags', async () => {
    const statement = equals('aws:PrincipalTag/Team', 'blue');
    expect(await outcome(statement, 'DescribeVpcs')).toBe(refused);
    await api.call('TagUser', { UserName: 'ann', Tags: [{ Key: 'team', Value: 'blue' }] }, { service: 'iam' });
    expect(await outcome(statement, 'DescribeVpcs')).toBe('allowed');
  });

  it('of a resource: its tags and its own keys', async () => {
    const [instance] = await launch(api);
    const InstanceIds = [instance?.InstanceId];
    await api.call('CreateTags', { Resources: InstanceIds, Tags: [{ Key: 'Team', Value: 'blue' }] });
    const stop = { InstanceIds, DryRun: true };
    for (const [key, value, allowed] of [
      ['aws:ResourceTag/Team', 'blue', true],
      ['ec2:ResourceTag/team', 'blue', true],
      ['aws:ResourceTag/Team', 'red', false],
      ['aws:ResourceAccount', '000000000000', true],
      ['ec2:InstanceType', 't3.micro', true],
      ['ec2:InstanceType', 't3.nano', false],
      ['ec2:InstanceID', instance?.InstanceId, true],
      ['ec2:AvailabilityZone', 'us-east-1a', true],
      ['ec2:AvailabilityZoneId', 'use1-az1', true],
      ['ec2:Tenancy', 'default', true],
      ['ec2:RootDeviceType', 'ebs', true],
      ['ec2:MetadataHttpTokens', 'optional', true],
    ] as const)
      expect([key, value, await outcome(equals(key, value), 'StopInstances', stop)]).toEqual([
        key,
        value,
        allowed ? 'allowed' : refused,
      ]);
    // Without a value there is nothing to be equal to.
    expect(
      await outcome(equals('ec2:InstanceType', 't3.micro'), 'StopInstances', { InstanceIds: ['i-0123456789abcdef0'] }),
    ).toBe(refused);
  });

  it('of key pairs, which ARNs know by their names: tags', async () => {
    await api.call('CreateKeyPair', {
      KeyName: 'mine',
      KeyType: 'ed25519',
      TagSpecifications: [{ ResourceType: 'key-pair', Tags: [{ Key: 'owner', Value: 'ann' }] }],
    });
    const remove = { KeyName: 'mine', DryRun: true };
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of policies
    expect(await outcome(equals('aws:ResourceTag/owner', '${aws:username}'), 'DeleteKeyPair', remove)).toBe('allowed');
    expect(await outcome(equals('ec2:KeyPairType', 'ed25519'), 'DeleteKeyPair', remove)).toBe('allowed');
    expect(await outcome(equals('aws:ResourceTag/owner', 'bob'), 'DeleteKeyPair', remove)).toBe(refused);
  });

  it('of tags that a request gives or takes', async () => {
    const [instance] = await launch(api);
    const Resources = [instance?.InstanceId];
    const tag = { Resources, Tags: [{ Key: 'Team', Value: 'blue' }], DryRun: true };
    expect(await outcome(equals('aws:RequestTag/Team', 'blue'), 'CreateTags', tag)).toBe('allowed');
    expect(await outcome(equals('aws:RequestTag/Team', 'red'), 'CreateTags', tag)).toBe(refused);
    const keys = when({ 'ForAllValues:StringEquals': { 'aws:TagKeys': ['Team', 'Cost'] } });
    expect(await outcome(keys, 'CreateTags', tag)).toBe('allowed');
    const other = { Resources, Tags: [{ Key: 'Other' }], DryRun: true };
    expect(await outcome(keys, 'DeleteTags', other)).toBe(refused);
  });

  it('of attributes that a request sets', async () => {
    const [instance] = await launch(api);
    const InstanceId = instance?.InstanceId;
    const tokens = equals('ec2:Attribute/HttpTokens', 'required');
    const modify = (HttpTokens: string) =>
      outcome(tokens, 'ModifyInstanceMetadataOptions', { InstanceId, HttpTokens, DryRun: true });
    expect([await modify('required'), await modify('optional')]).toEqual(['allowed', refused]);
    const only = equals('ec2:Attribute', 'DisableApiStop');
    const attribute = (input: object) =>
      outcome(only, 'ModifyInstanceAttribute', { InstanceId, ...input, DryRun: true });
    expect(await attribute({ DisableApiStop: { Value: true } })).toBe('allowed');
    expect(await attribute({ Attribute: 'disableApiStop', Value: 'true' })).toBe('allowed');
    expect(await attribute({ DisableApiTermination: { Value: true } })).toBe(refused);
  });
});

describe('tags given when something is made', () => {
  const made = {
    GroupName: 'web',
    Description: 'd',
    TagSpecifications: [{ ResourceType: 'security-group', Tags: [{ Key: 'Team', Value: 'blue' }] }],
    DryRun: true,
  };

  it('need ec2:CreateTags, which may ask for what makes it', async () => {
    const make = { Action: 'ec2:CreateSecurityGroup' };
    expect(await outcome(make, 'CreateSecurityGroup', made)).toBe(refused);
    const tag = (action: string) => ({
      Action: 'ec2:CreateTags',
      Resource: ec2('security-group', '*'),
      Condition: { StringEquals: { 'ec2:CreateAction': action, 'aws:RequestTag/Team': 'blue' } },
    });
    expect(await outcome([make, tag('CreateSecurityGroup')], 'CreateSecurityGroup', made)).toBe('allowed');
    expect(await outcome([make, tag('RunInstances')], 'CreateSecurityGroup', made)).toBe(refused);
    expect(await outcome(make, 'CreateSecurityGroup', { GroupName: 'web', Description: 'd', DryRun: true })).toBe(
      'allowed',
    );
  });

  it('are keys of their own resource only', async () => {
    const ImageId = await publishTestImage(api);
    const run = {
      ImageId,
      InstanceType: 't3.micro',
      MinCount: 1,
      MaxCount: 1,
      TagSpecifications: [{ ResourceType: 'volume', Tags: [{ Key: 'Team', Value: 'blue' }] }],
      DryRun: true,
    };
    const tagged = { Condition: { StringEquals: { 'aws:RequestTag/Team': 'blue' } } };
    const rest = { Action: ['ec2:RunInstances', 'ec2:CreateTags'] };
    const volumes = { Effect: 'Deny', Action: 'ec2:RunInstances', Resource: ec2('volume', '*'), ...tagged };
    const instances = { Effect: 'Deny', Action: 'ec2:RunInstances', Resource: ec2('instance', '*'), ...tagged };
    expect(await outcome([rest, instances], 'RunInstances', run)).toBe('allowed');
    expect(await outcome([rest, volumes], 'RunInstances', run)).toBe(refused);
  });
});

describe('the encoded message of a refusal', () => {
  it('is explained to whoever may decode it, in his own account', async () => {
    await setPolicy(api, 'ann', [{ Action: '*' }, { Sid: 'NoStops', Effect: 'Deny', Action: 'ec2:Stop*' }]);
    const error = await api.fail('StopInstances', { InstanceIds: ['i-0123456789abcdef0'] }, { as: ann });
    const EncodedMessage = /failure message: (\S+)$/.exec(error.message)?.[1];
    expect(EncodedMessage).not.toContain('ann');
    const decode = { service: 'sts', as: ann };
    const { DecodedMessage } = await api.call<DecodeAuthorizationMessageResponse>(
      'DecodeAuthorizationMessage',
      { EncodedMessage },
      decode,
    );
    const decoded = JSON.parse(DecodedMessage ?? '');
    expect(decoded).toMatchObject({
      allowed: false,
      explicitDeny: true,
      matchedStatements: {
        items: [{ statementId: 'NoStops', effect: 'DENY', principals: { items: [{ value: ann.userId }] } }],
      },
      failures: { items: [] },
      context: {
        principal: { id: ann.userId, name: 'ann', arn: ann.arn },
        action: 'ec2:StopInstances',
        resource: ec2('instance', 'i-0123456789abcdef0'),
      },
    });
    expect(decoded.context.conditions.items).toContainEqual({
      key: 'ec2:Region',
      values: { items: [{ value: 'us-east-1' }] },
    });
    const wrong = 'InvalidAuthorizationMessageException';
    expect(
      await api.fail(
        'DecodeAuthorizationMessage',
        { EncodedMessage },
        { ...decode, as: await makeUser(api, 'eve', { Action: '*' }, '111122223333') },
      ),
    ).toMatchObject({ code: wrong, status: 400 });
    expect((await api.fail('DecodeAuthorizationMessage', { EncodedMessage: 'x' }, decode)).code).toBe(wrong);
    await setPolicy(api, 'ann', { Action: 'ec2:*' });
    expect((await api.fail('DecodeAuthorizationMessage', { EncodedMessage }, decode)).code).toBe('AccessDenied');
  });
});
