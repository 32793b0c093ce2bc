import { describe, expect, it } from 'vitest';
import type { Principal, PrincipalSession } from '../../api/call.ts';
import { ApiError } from '../../api/errors.ts';
import { resourcesOf } from './attributes.ts';
import type { TrailEvent } from './event.ts';
import { eventsOf, type Outcome, type RecordedCall } from './record.ts';

const account = '111122223333';
const user: Principal = {
  type: 'user',
  account,
  arn: `arn:aws:iam::${account}:user/staff/alice`,
  userId: 'AIDAALICE',
  userName: 'alice',
  accessKeyId: 'AKIAALICE',
};
const session: PrincipalSession = {
  issuedAt: Date.UTC(2026, 0, 31, 9),
  mfa: false,
  policies: [],
  policyArns: [],
  tags: {},
  transitiveTagKeys: [],
  chained: false,
};
const now = Date.UTC(2026, 0, 31, 10, 5, 7);

function events(service: string, operation: string, call: Partial<RecordedCall>, outcome: Outcome = { output: {} }) {
  const whole: RecordedCall = {
    requestId: '5f9b3c2e-0000-4000-8000-000000000000',
    service,
    operation,
    region: 'eu-west-1',
    principal: user,
    sourceAddress: '203.0.113.9',
    userAgent: 'aws-cli/2',
    ...call,
  };
  return eventsOf(whole, outcome, now).map(text => JSON.parse(text) as TrailEvent);
}
function event(...of: Parameters<typeof events>): TrailEvent {
  const [one, ...more] = events(...of);
  if (one === undefined || more.length > 0) throw new Error('not one event');
  return one;
}

describe('the use of a key', () => {
  const Arn = 'arn:aws:kms:eu-west-1:999988887777:key/00000000-0000-0000-0000-000000000000';

  it('is recorded for the caller, and for the account that has the key', () => {
    const input = { CiphertextBlob: Buffer.from('x'), EncryptionContext: { app: 'web' } };
    const output = { KeyId: Arn, Plaintext: Buffer.from('the secret') };
    const [own, owners] = events('kms', 'Decrypt', { input }, { output });
    const shared = { readOnly: true, responseElements: null, requestParameters: { encryptionContext: { app: 'web' } } };
    const resources = [{ accountId: '999988887777', type: 'AWS::KMS::Key', ARN: Arn }];
    expect(own).toMatchObject({ ...shared, resources, recipientAccountId: account });
    expect(owners).toMatchObject({
      ...shared,
      resources,
      recipientAccountId: '999988887777',
      sharedEventID: own?.sharedEventID,
      userIdentity: { type: 'AWSAccount', accountId: account },
    });
    expect(JSON.stringify([own, owners])).not.toContain(Buffer.from('the secret').toString('base64'));
  });

  it('is one event where the key is the caller’s own, or was refused', () => {
    const mine = Arn.replace('999988887777', account);
    expect(event('kms', 'Encrypt', {}, { output: { KeyId: mine } }).resources?.[0]?.ARN).toBe(mine);
    const error = new ApiError('AccessDenied', 'no');
    expect(event('kms', 'Encrypt', { input: { KeyId: Arn } }, { error }).resources).toBeUndefined();
  });
});

describe('the record of a call', () => {
  it('has the members of a management event, in their forms', () => {
    const input = { InstanceIds: ['i-1'], DryRun: false };
    const output = {
      StoppingInstances: [
        { InstanceId: 'i-1', CurrentState: { Code: 64, Name: 'stopping' }, PreviousState: { Code: 16 } },
      ],
    };
    const one = event('ec2', 'StopInstances', { input }, { output });
    expect(one).toEqual({
      eventVersion: '1.11',
      userIdentity: {
        type: 'IAMUser',
        principalId: 'AIDAALICE',
        arn: `arn:aws:iam::${account}:user/staff/alice`,
        accountId: account,
        accessKeyId: 'AKIAALICE',
        userName: 'alice',
      },
      eventTime: '2026-01-31T10:05:07Z',
      eventSource: 'ec2.amazonaws.com',
      eventName: 'StopInstances',
      awsRegion: 'eu-west-1',
      sourceIPAddress: '203.0.113.9',
      userAgent: 'aws-cli/2',
      requestParameters: { instancesSet: { items: [{ instanceId: 'i-1' }] } },
      responseElements: {
        requestId: '5f9b3c2e-0000-4000-8000-000000000000',
        instancesSet: {
          items: [{ instanceId: 'i-1', currentState: { code: 64, name: 'stopping' }, previousState: { code: 16 } }],
        },
      },
      requestID: '5f9b3c2e-0000-4000-8000-000000000000',
      eventID: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
      readOnly: false,
      eventType: 'AwsApiCall',
      managementEvent: true,
      recipientAccountId: account,
      eventCategory: 'Management',
    });
  });

  it('tells nothing of what a reading call was answered, and of its request all sets', () => {
    const input = { InstanceIds: ['i-1'], Filters: [{ Name: 'vpc-id', Values: ['vpc-1', 'vpc-2'] }], MaxResults: 5 };
    const one = event('ec2', 'DescribeInstances', { input }, { output: { Reservations: [] } });
    expect(one).toMatchObject({ readOnly: true, responseElements: null });
    const filter = { name: 'vpc-id', valueSet: { items: [{ value: 'vpc-1' }, { value: 'vpc-2' }] } };
    expect(one.requestParameters).toEqual({
      instancesSet: { items: [{ instanceId: 'i-1' }] },
      filterSet: { items: [filter] },
      maxResults: 5,
    });
    expect(event('ec2', 'DescribeVpcs', { input: {} }).requestParameters).toEqual({ vpcSet: {}, filterSet: {} });
  });

  it('shows a launch as EC2 does, without its user data', () => {
    const input = {
      ImageId: 'ami-1',
      MinCount: 1,
      MaxCount: 2,
      KeyName: 'mine',
      UserData: 'c2VjcmV0',
      SecurityGroupIds: ['sg-1'],
      TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'Name', Value: 'a "quoted" one' }] }],
    };
    const launchTime = new Date(now);
    const output = { ReservationId: 'r-1', Groups: [], Instances: [{ InstanceId: 'i-1', LaunchTime: launchTime }] };
    const one = event('ec2', 'RunInstances', { input }, { output });
    expect(one.requestParameters).toEqual({
      instancesSet: { items: [{ imageId: 'ami-1', minCount: 1, maxCount: 2, keyName: 'mine' }] },
      userData: '<sensitiveDataRemoved>',
      groupSet: { items: [{ groupId: 'sg-1' }] },
      tagSpecificationSet: {
        items: [{ resourceType: 'instance', tags: [{ key: 'Name', value: 'a "quoted" one' }] }],
      },
    });
    expect(one.responseElements).toEqual({
      requestId: one.requestID,
      reservationId: 'r-1',
      groupSet: {},
      instancesSet: { items: [{ instanceId: 'i-1', launchTime: now }] },
    });
    expect(resourcesOf(one)).toEqual([
      { type: 'AWS::EC2::Ami', name: 'ami-1' },
      { type: 'AWS::EC2::KeyPair', name: 'mine' },
      { type: 'AWS::EC2::SecurityGroup', name: 'sg-1' },
      { type: 'AWS::EC2::Instance', name: 'i-1' },
    ]);
  });

  it('answers of the return value where there is nothing else', () => {
    const input = { Resources: ['i-1', 'vol-1'], Tags: [{ Key: 'a', Value: 'b' }] };
    const one = event('ec2', 'CreateTags', { input }, { output: undefined });
    expect(one.requestParameters).toEqual({
      resourcesSet: { items: [{ resourceId: 'i-1' }, { resourceId: 'vol-1' }] },
      tagSet: { items: [{ key: 'a', value: 'b' }] },
    });
    expect(one.responseElements).toEqual({ requestId: one.requestID, _return: true });
    expect(resourcesOf(one).map(resource => resource.type)).toEqual(['AWS::EC2::Instance', 'AWS::EC2::Volume']);
  });

  it("shows EC2's later actions as they were sent, with numbered elements", () => {
    const input = {
      LaunchTemplateName: 'web',
      LaunchTemplateData: { InstanceType: 't3.micro', UserData: 'c2VjcmV0', SecurityGroupIds: ['sg-1'] },
      TagSpecifications: [
        {
          ResourceType: 'launch-template',
          Tags: [
            { Key: 'a', Value: '1' },
            { Key: 'b', Value: '2' },
          ],
        },
      ],
    };
    const output = { LaunchTemplate: { LaunchTemplateId: 'lt-1', CreateTime: new Date(now) } };
    const one = event('ec2', 'CreateLaunchTemplate', { input }, { output });
    expect(one.requestParameters).toEqual({
      CreateLaunchTemplateRequest: {
        LaunchTemplateName: 'web',
        LaunchTemplateData: {
          InstanceType: 't3.micro',
          UserData: '<sensitiveDataRemoved>',
          SecurityGroupId: { tag: 1, content: 'sg-1' },
        },
        TagSpecification: {
          tag: 1,
          ResourceType: 'launch-template',
          Tag: [
            { tag: 1, Key: 'a', Value: '1' },
            { tag: 2, Key: 'b', Value: '2' },
          ],
        },
      },
    });
    expect(one.responseElements).toMatchObject({
      CreateLaunchTemplateResponse: {
        requestId: one.requestID,
        launchTemplate: { launchTemplateId: 'lt-1', createTime: '2026-01-31T10:05:07.000Z' },
      },
    });
    expect(resourcesOf(one)).toEqual([
      { type: 'AWS::EC2::SecurityGroup', name: 'sg-1' },
      { type: 'AWS::EC2::LaunchTemplate', name: 'lt-1' },
    ]);
  });

  it('shows other services by their member names, and IAM in its own Region', () => {
    const key = { UserName: 'bob', AccessKeyId: 'AKIABOB', SecretAccessKey: 'hush', CreateDate: new Date(now) };
    const one = event('iam', 'CreateAccessKey', { input: { UserName: 'bob' } }, { output: { AccessKey: key } });
    expect(one).toMatchObject({
      awsRegion: 'us-east-1',
      eventSource: 'iam.amazonaws.com',
      requestParameters: { userName: 'bob' },
      responseElements: {
        accessKey: { userName: 'bob', accessKeyId: 'AKIABOB', createDate: 'Jan 31, 2026 10:05:07 AM' },
      },
    });
    expect(JSON.stringify(one)).not.toContain('hush');
    expect(resourcesOf(one)).toEqual([
      { type: 'AWS::IAM::User', name: 'bob' },
      { type: 'AWS::IAM::AccessKey', name: 'AKIABOB' },
    ]);
    const parameter = event('ssm', 'PutParameter', { input: { Name: '/db', Value: 'hush', Type: 'SecureString' } });
    expect(parameter.requestParameters).toEqual({
      name: '/db',
      value: 'HIDDEN_DUE_TO_SECURITY_REASONS',
      type: 'SecureString',
    });
    const metrics = event('cloudwatch', 'ListMetrics', { input: { Namespace: 'AWS/EC2' } });
    expect(metrics.eventSource).toBe('monitoring.amazonaws.com');
  });

  it('leaves the secrets of every service out', () => {
    const secret = 'hush-hush';
    const cases: [service: string, operation: string, input: object, output: object][] = [
      ['ec2', 'CreateKeyPair', { KeyName: 'a' }, { KeyName: 'a', KeyMaterial: secret }],
      ['ec2', 'ModifyInstanceAttribute', { InstanceId: 'i-1', UserData: { Value: Buffer.from(secret) } }, {}],
      ['ec2', 'RequestSpotInstances', { LaunchSpecification: { UserData: secret } }, {}],
      ['ec2', 'GetPasswordData', { InstanceId: 'i-1' }, { PasswordData: secret }],
      ['iam', 'CreateLoginProfile', { UserName: 'a', Password: secret }, {}],
      ['iam', 'ChangePassword', { OldPassword: secret, NewPassword: secret }, {}],
      ['iam', 'UploadServerCertificate', { ServerCertificateName: 'a', PrivateKey: secret }, {}],
      [
        'sts',
        'AssumeRole',
        { RoleSessionName: 'a' },
        { Credentials: { SecretAccessKey: secret, SessionToken: secret } },
      ],
      ['sts', 'AssumeRoleWithWebIdentity', { WebIdentityToken: secret }, { Credentials: { SessionToken: secret } }],
      ['sts', 'GetSessionToken', {}, { Credentials: { AccessKeyId: 'ASIA', SecretAccessKey: secret } }],
    ];
    for (const [service, operation, input, output] of cases) {
      const one = event(service, operation, { input: input as Record<string, unknown> }, { output });
      const text = JSON.stringify(one);
      expect(text, operation).not.toContain(secret);
      expect(text, operation).not.toContain(Buffer.from(secret).toString('base64'));
    }
  });

  it('has the error of a call that failed, and no answer', () => {
    const fail = (service: string, operation: string, error: Error) => {
      const { errorCode, errorMessage, responseElements } = event(service, operation, { input: {} }, { error });
      expect(responseElements).toBeNull();
      return [errorCode, errorMessage];
    };
    const denied = new ApiError('UnauthorizedOperation', 'You are not authorized');
    expect(fail('ec2', 'StopInstances', denied)).toEqual(['Client.UnauthorizedOperation', 'You are not authorized']);
    const full = new ApiError('InsufficientInstanceCapacity', 'no room');
    expect(fail('ec2', 'RunInstances', full)[0]).toBe('Server.InsufficientInstanceCapacity');
    expect(fail('iam', 'GetUser', new ApiError('NoSuchEntity', 'no bob'))[0]).toBe('NoSuchEntityException');
    // What went wrong inside is nobody's business.
    expect(fail('ec2', 'StopInstances', new TypeError('x of undefined'))).toEqual([
      'Server.InternalError',
      'An internal error has occurred',
    ]);
  });

  it('has no parameters of a call that could not be read', () => {
    const error = new ApiError('UnknownParameter', 'what?');
    expect(event('ec2', 'StopInstances', {}, { error }).requestParameters).toBeNull();
    expect(event('ec2', 'NoSuchAction', {}, { error }).eventName).toBe('NoSuchAction');
  });

  it('leaves out elements of more than 100 KB', () => {
    const input = { PolicyName: 'a', PolicyDocument: 'x'.repeat(110_000) };
    expect(event('iam', 'CreatePolicy', { input }).requestParameters).toEqual({ omitted: true });
  });

  it('keeps calls on data apart', () => {
    const input = { SnapshotId: 'snap-1', BlockData: new Uint8Array(10) };
    const one = event('ebs', 'PutSnapshotBlock', { input });
    expect(one).toMatchObject({ managementEvent: false, eventCategory: 'Data' });
  });
});

describe('who made a call', () => {
  const identity = (principal: Principal) => event('ec2', 'DescribeVpcs', { principal, input: {} }).userIdentity;
  const attributes = { creationDate: '2026-01-31T09:00:00Z', mfaAuthenticated: 'false' };

  it('may be the root', () => {
    const arn = `arn:aws:iam::${account}:root`;
    const root: Principal = { type: 'root', account, arn, userId: account, accessKeyId: 'AKIAROOT' };
    expect(identity(root)).toEqual({
      type: 'Root',
      principalId: account,
      arn,
      accountId: account,
      accessKeyId: 'AKIAROOT',
    });
  });

  it('may be a user with a session', () => {
    const { sessionContext } = identity({ ...user, session: { ...session, mfa: true } });
    expect(sessionContext).toEqual({ attributes: { ...attributes, mfaAuthenticated: 'true' } });
  });

  it('may be a role, that of an instance too', () => {
    const role: Principal = {
      type: 'assumed-role',
      account,
      arn: `arn:aws:sts::${account}:assumed-role/web/i-1`,
      userId: 'AROAWEB:i-1',
      accessKeyId: 'ASIAWEB',
      roleName: 'web',
      roleId: 'AROAWEB',
      roleArn: `arn:aws:iam::${account}:role/web`,
      sessionName: 'i-1',
      instanceId: 'i-1',
      session,
    };
    expect(identity(role)).toMatchObject({
      type: 'AssumedRole',
      principalId: 'AROAWEB:i-1',
      sessionContext: {
        sessionIssuer: {
          type: 'Role',
          principalId: 'AROAWEB',
          arn: `arn:aws:iam::${account}:role/web`,
          accountId: account,
          userName: 'web',
        },
        attributes,
        ec2RoleDelivery: '2.0',
      },
    });
    const { sessionContext } = identity({
      ...role,
      session: { ...session, sourceIdentity: 'carol', federatedProvider: 'arn:aws:iam::1:oidc-provider/x' },
    });
    expect(sessionContext).toMatchObject({
      sourceIdentity: 'carol',
      webIdFederationData: { federatedProvider: 'arn:aws:iam::1:oidc-provider/x' },
    });
  });

  it('may be federated', () => {
    const federated: Principal = {
      type: 'federated-user',
      account,
      arn: `arn:aws:sts::${account}:federated-user/dora`,
      userId: `${account}:dora`,
      accessKeyId: 'ASIADORA',
      issuer: { arn: user.arn, userName: 'alice' },
      session,
    };
    expect(identity(federated)).toMatchObject({
      type: 'FederatedUser',
      principalId: `${account}:dora`,
      sessionContext: { sessionIssuer: { type: 'IAMUser', arn: user.arn, userName: 'alice' } },
    });
  });

  it('is told to the other account whose role is assumed', () => {
    const RoleArn = 'arn:aws:iam::999988887777:role/deploy';
    const output = { Credentials: { AccessKeyId: 'ASIANEW', Expiration: new Date(now) } };
    const [own, other, ...more] = events('sts', 'AssumeRole', { input: { RoleArn, RoleSessionName: 'x' } }, { output });
    expect(more).toEqual([]);
    expect(own).toMatchObject({ recipientAccountId: account, userIdentity: { type: 'IAMUser' }, readOnly: true });
    expect(own?.responseElements).toMatchObject({ credentials: { accessKeyId: 'ASIANEW' } });
    expect(other?.userIdentity).toEqual({ type: 'AWSAccount', principalId: 'AIDAALICE', accountId: account });
    expect(other).toMatchObject({
      recipientAccountId: '999988887777',
      sharedEventID: own?.sharedEventID,
      resources: [{ accountId: '999988887777', type: 'AWS::IAM::Role', ARN: RoleArn }],
    });
    expect(own?.sharedEventID).toMatch(/^[0-9a-f-]{36}$/);
    expect(own?.eventID).not.toBe(other?.eventID);
    // A refusal is the caller's affair.
    const error = new ApiError('AccessDenied', 'no');
    expect(events('sts', 'AssumeRole', { input: { RoleArn } }, { error })).toHaveLength(1);
  });

  it('may be nobody but what a provider says, where the role is', () => {
    const nobody: Principal = { type: 'anonymous', account: '', arn: '', userId: '', accessKeyId: '' };
    const input = { RoleArn: 'arn:aws:iam::999988887777:role/ci', RoleSessionName: 'x', WebIdentityToken: 'hush' };
    const output = { SubjectFromWebIdentityToken: 'repo:a', Audience: 'sts', Provider: 'issuer.example' };
    expect(event('sts', 'AssumeRoleWithWebIdentity', { principal: nobody, input }, { output })).toMatchObject({
      userIdentity: {
        type: 'WebIdentityUser',
        principalId: 'issuer.example:sts:repo:a',
        userName: 'repo:a',
        identityProvider: 'issuer.example',
      },
      recipientAccountId: '999988887777',
    });
    const error = new ApiError('AccessDenied', 'no');
    expect(events('sts', 'AssumeRoleWithWebIdentity', { principal: nobody, input }, { error })).toEqual([]);
  });
});
