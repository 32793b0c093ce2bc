import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sign } from '../../test/support/raw-request.ts';
import { makeRole, makeUser, setPolicy } from '../api/access-testing.ts';
import { createTestApi, type TestApi } from '../api/testing.ts';
import { type Gateway, startGateway } from '../gateway/server.ts';
import { read } from '../gateway/testing.ts';
import { type ServiceModel, serviceModel, serviceNames } from '../models/models.ts';
import { isUnsignedOperation } from '../sts/operations.ts';
import { keyLookup } from './key-lookup.ts';

/*
 * Callers who must be refused, on every operation that AWS has, whether it is here or not.
 */

interface Key {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

const hour = 3_600_000;
let api: TestApi;
let gateway: Gateway;
const callers: Record<string, Key | undefined> = {};
/** Calls that got through to the operations. */
const through: string[] = [];

beforeAll(async () => {
  api = createTestApi();
  const iam = { service: 'iam' };
  const ann = await makeUser(api, 'ann', { Action: '*' });
  const newKey = async () => {
    const { AccessKey } = await api.call<{ AccessKey: { AccessKeyId: string; SecretAccessKey: string } }>(
      'CreateAccessKey',
      { UserName: 'ann' },
      iam,
    );
    return { accessKeyId: AccessKey.AccessKeyId, secretAccessKey: AccessKey.SecretAccessKey };
  };
  const session = async (role: string) => {
    const input = { RoleArn: role, RoleSessionName: 'job' };
    const { Credentials } = await api.call<{ Credentials: Record<string, string> }>('AssumeRole', input, {
      service: 'sts',
      as: ann,
    });
    const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = Credentials;
    return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
  };
  const trust = { Action: 'sts:AssumeRole', Principal: { AWS: ann.arn } };
  callers.expired = await session(await makeRole(api, 'brief', trust, { Action: '*' }));
  api.clock.advance(hour);
  callers.revoked = await session(await makeRole(api, 'gone', trust));
  await api.call('DeleteRole', { RoleName: 'gone' }, iam);
  callers.deactivated = await newKey();
  const update = { UserName: 'ann', AccessKeyId: callers.deactivated.accessKeyId, Status: 'Inactive' };
  await api.call('UpdateAccessKey', update, iam);
  callers.deleted = await newKey();
  await api.call('DeleteAccessKey', { UserName: 'ann', AccessKeyId: callers.deleted.accessKeyId }, iam);
  gateway = await startGateway({
    host: '127.0.0.1',
    port: 0,
    clock: api.clock,
    accessKey: keyLookup(api.state, api.secrets),
    unsigned: isUnsignedOperation,
    regions: name => name === 'us-east-1',
    handle: async call => {
      through.push(`${call.service}:${call.operation}`);
      return {};
    },
  });
});
afterAll(() => gateway.close());

type Family = 'ec2' | 'query' | 'json' | 'rest';

/** A call of an operation in its service's protocol, without parameters. */
function request(model: ServiceModel, name: string) {
  const operation = model.operation(name);
  if (operation?.http !== undefined && model.protocols[0] === 'rest-json') {
    const [method, path] = operation.http;
    return { method, path: path.replace(/\?.*/, '').replace(/\{[^}]+\}/g, '1'), headers: {}, body: '' };
  }
  if (model.protocols[0] === 'aws-json') {
    const [prefix] = targets[model.name] ?? [];
    const headers = { 'x-amz-target': `${prefix}.${name}`, 'content-type': 'application/x-amz-json-1.1' };
    return { method: 'POST', path: '/', headers, body: '{}' };
  }
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return { method: 'POST', path: '/', headers, body: `Action=${name}&Version=${model.apiVersion}` };
}

const targets: Record<string, readonly string[]> = {
  cloudwatch: ['GraniteServiceVersion20100801'],
  ssm: ['AmazonSSM'],
  'ec2-instance-connect': ['AWSEC2InstanceConnectService'],
  cloudtrail: ['CloudTrail_20131101'],
  kms: ['TrentService'],
};

function familyOf(model: ServiceModel): Family {
  const families = { 'ec2-query': 'ec2', 'aws-query': 'query', 'aws-json': 'json', 'rest-json': 'rest' } as const;
  return families[model.protocols[0] ?? 'ec2-query'];
}

async function call(model: ServiceModel, name: string, key: Key | undefined): Promise<string> {
  const host = `127.0.0.1:${gateway.port}`;
  const bare = request(model, name);
  const given: Record<string, string> = { ...bare.headers };
  if (key?.sessionToken !== undefined) given['x-amz-security-token'] = key.sessionToken;
  const signed =
    key === undefined
      ? bare
      : sign({ ...bare, headers: given }, host, key, {
          service: model.signingName,
          date: new Date(api.clock.now()),
        });
  const { method, path, headers, body } = signed;
  const answer = await gateway.fastify.inject({
    method: method as 'POST',
    url: path,
    headers: { ...headers, host },
    payload: body as string,
  });
  const { code } = await read(new Response(answer.body, { headers: answer.headers as Record<string, string> }));
  return `${answer.statusCode} ${code}`;
}

const invalid = {
  ec2: '401 AuthFailure',
  query: '403 InvalidClientTokenId',
  json: '400 UnrecognizedClientException',
  rest: '403 UnrecognizedClientException',
};

describe.each<[string, Record<Family, string>]>([
  [
    'unauthenticated',
    {
      ec2: '400 MissingParameter',
      query: '403 MissingAuthenticationToken',
      json: '400 MissingAuthenticationTokenException',
      rest: '403 MissingAuthenticationTokenException',
    },
  ],
  [
    'expired',
    {
      ec2: '400 RequestExpired',
      query: '403 ExpiredToken',
      json: '400 ExpiredTokenException',
      rest: '403 ExpiredTokenException',
    },
  ],
  ['revoked', invalid],
  ['deactivated', invalid],
  ['deleted', invalid],
])('the %s caller', (caller, expected) => {
  it.each(serviceNames)('is refused by every operation of %s', async service => {
    const model = serviceModel(service);
    const family = familyOf(model);
    const wrong: string[] = [];
    for (const name of model.operationNames) {
      if (caller === 'unauthenticated' && isUnsignedOperation(service, name)) continue;
      const answer = await call(model, name, callers[caller]);
      if (answer !== expected[family]) wrong.push(`${name}: ${answer}`);
    }
    expect(wrong).toEqual([]);
    expect(through).toEqual([]);
  });
});

describe('the caller to whom a policy denies everything from now on', () => {
  it.each(serviceNames)('is refused by every operation of %s', async service => {
    await setPolicy(api, 'ann', [
      { Action: '*' },
      { Effect: 'Deny', Action: '*', Condition: { DateLessThan: { 'aws:CurrentTime': '2100-01-01T00:00:00Z' } } },
    ]);
    const principal = await annOf(api);
    const model = serviceModel(service);
    const wrong: string[] = [];
    for (const name of model.operationNames) {
      if (service === 'sts' && needsNoPermission.has(name)) continue;
      const error = await api.fail(name, {}, { service, as: principal });
      if (error.code !== (service === 'ec2' ? 'UnauthorizedOperation' : 'AccessDenied'))
        wrong.push(`${name}: ${error.code}`);
    }
    expect(wrong).toEqual([]);
  });

  const needsNoPermission = new Set(['GetCallerIdentity', 'GetSessionToken', 'AssumeRoleWithWebIdentity']);
});

/** The user, as the gateway would know him. */
async function annOf(test: TestApi) {
  const { User } = await test.call<{ User: { Arn: string; UserId: string } }>(
    'GetUser',
    { UserName: 'ann' },
    { service: 'iam' },
  );
  return {
    type: 'user',
    account: '000000000000',
    arn: User.Arn,
    userId: User.UserId,
    userName: 'ann',
    accessKeyId: 'AKIA',
  } as const;
}

it('loops over all that AWS has', () => {
  const total = serviceNames.reduce((sum, name) => sum + serviceModel(name).operationNames.length, 0);
  expect(total).toBeGreaterThan(1_300);
});
