import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ApiError } from '../api/errors.ts';
import { limits } from './limits.ts';
import type { GatewayOptions } from './server.ts';
import { type RawRequest, read, sendSigned, startTestGateway, type TestGateway, testKey } from './testing.ts';

/** Requests that must not reach an operation, and what each of them is answered. */
let test: TestGateway;
beforeAll(async () => {
  test = await startTestGateway();
});
beforeEach(() => {
  test.calls.length = 0;
});
afterAll(() => test.gateway.close());

const ec2 = (parameters: string): RawRequest => ({ body: `Version=2016-11-15&${parameters}` });
const json = (service: string, target: string, body: string): RawRequest => ({
  service,
  headers: { 'x-amz-target': target, 'content-type': 'application/x-amz-json-1.1' },
  body,
});
const iam = (parameters: string): RawRequest => ({ service: 'iam', body: `Version=2010-05-08&${parameters}` });
const run = 'Action=RunInstances&MinCount=1&MaxCount=1';
const put = 'AmazonSSM.PutParameter';

describe('EC2 refuses', () => {
  it.each<[string, RawRequest, number, string, string]>([
    ['no action', ec2('DryRun=true'), 400, 'MissingAction', 'Action'],
    ['an empty body', { body: '' }, 400, 'MissingAction', 'Action'],
    ['an unknown action', ec2('Action=Launch'), 400, 'InvalidAction', 'The action Launch is not valid for this web'],
    ['an action in small letters', ec2('Action=runInstances'), 400, 'InvalidAction', 'runInstances'],
    ["a property's name as action", ec2('Action=constructor'), 400, 'InvalidAction', 'constructor'],
    ["another service's action", ec2('Action=GetCallerIdentity'), 400, 'InvalidAction', 'GetCallerIdentity'],
    ['two actions', ec2(`${run}&Action=StopInstances`), 400, 'MalformedQueryString', 'Action'],
    ['no version', { body: 'Action=DescribeRegions' }, 400, 'MissingParameter', 'Version'],
    ['another version', { body: 'Action=DescribeRegions&Version=2006-06-26' }, 400, 'NoSuchVersion', '2006-06-26'],
    [
      'an unknown parameter',
      ec2(`${run}&Colour=red`),
      400,
      'UnknownParameter',
      'The parameter Colour is not recognized',
    ],
    ['a parameter in small letters', ec2(`${run}&imageId=ami-1`), 400, 'UnknownParameter', 'imageId'],
    ['an unknown member', ec2(`${run}&Placement.Colour=red`), 400, 'UnknownParameter', 'Placement.Colour'],
    ['a member below a string', ec2(`${run}&ImageId.1=a`), 400, 'UnknownParameter', 'ImageId.1'],
    ['a list without an index', ec2(`${run}&SecurityGroupId=sg-1`), 400, 'UnknownParameter', 'SecurityGroupId'],
    ['an index of zero', ec2(`${run}&SecurityGroupId.0=sg-1`), 400, 'UnknownParameter', 'SecurityGroupId.0'],
    ['an index that is a word', ec2(`${run}&SecurityGroupId.x=sg-1`), 400, 'UnknownParameter', 'SecurityGroupId.x'],
    ['a negative index', ec2(`${run}&SecurityGroupId.-1=sg-1`), 400, 'UnknownParameter', 'SecurityGroupId.-1'],
    [
      'too large an index',
      ec2('Action=DescribeInstances&Filter.4000000000.Name=a'),
      400,
      'UnknownParameter',
      '4000000000',
    ],
    [
      'an endless index',
      ec2(`Action=DescribeInstances&Filter.${'9'.repeat(400)}.Name=a`),
      400,
      'UnknownParameter',
      'Filter.999',
    ],
    ["awsQuery's lists", ec2(`${run}&SecurityGroupId.member.1=sg-1`), 400, 'UnknownParameter', 'member'],
    ['a structure as text', ec2(`${run}&Placement=here`), 400, 'UnknownParameter', 'Placement'],
    ['endless nesting', ec2(`${run}&${'A.'.repeat(5000)}A=1`), 400, 'UnknownParameter', 'A.A.A'],
    ['__proto__', ec2(`${run}&__proto__.x=1`), 400, 'UnknownParameter', '__proto__'],
    ['no name', ec2(`${run}&=1`), 400, 'UnknownParameter', 'The parameter'],
    ['a parameter twice', ec2(`${run}&ImageId=a&ImageId=b`), 400, 'MalformedQueryString', 'ImageId'],
    [
      'a missing count',
      ec2('Action=RunInstances&MinCount=1'),
      400,
      'MissingParameter',
      'must contain the parameter MaxCount',
    ],
    ['a missing list', ec2('Action=TerminateInstances'), 400, 'MissingParameter', 'InstanceId'],
    [
      'a missing member',
      ec2(`${run}&CreditSpecification.CpuCredits=x&LicenseSpecification.1.X=1`),
      400,
      'UnknownParameter',
      'X',
    ],
    [
      'a word for a number',
      ec2('Action=RunInstances&MinCount=one&MaxCount=1'),
      400,
      'InvalidParameterValue',
      'Value (one) for parameter MinCount',
    ],
    ['nothing for a number', ec2('Action=RunInstances&MinCount=&MaxCount=1'), 400, 'InvalidParameterValue', 'MinCount'],
    [
      'a fraction for an integer',
      ec2('Action=RunInstances&MinCount=1.5&MaxCount=2'),
      400,
      'InvalidParameterValue',
      'MinCount',
    ],
    ['hexadecimal', ec2('Action=RunInstances&MinCount=0x1&MaxCount=2'), 400, 'InvalidParameterValue', 'MinCount'],
    ['a word for a boolean', ec2(`${run}&EbsOptimized=yes`), 400, 'InvalidParameterValue', 'EbsOptimized'],
    [
      'a bad timestamp',
      ec2('Action=RequestSpotInstances&ValidFrom=tomorrow'),
      400,
      'InvalidParameterValue',
      'ValidFrom',
    ],
    [
      'a day that is not',
      ec2('Action=RequestSpotInstances&ValidFrom=2026-02-30T00:00:00Z'),
      400,
      'InvalidParameterValue',
      'ValidFrom',
    ],
    [
      'bad Base64',
      ec2('Action=ImportKeyPair&KeyName=k&PublicKeyMaterial=***'),
      400,
      'InvalidParameterValue',
      'PublicKeyMaterial',
    ],
    ['a control character', ec2(`${run}&KeyName=a%00b`), 400, 'InvalidCharacter', 'KeyName'],
    ['broken percent-encoding', ec2(`${run}&KeyName=%zz`), 400, 'MalformedQueryString', 'percent'],
    ['percent-encoded bytes that are not UTF-8', ec2(`${run}&KeyName=%ff`), 400, 'MalformedQueryString', 'UTF-8'],
    ['bytes that are not UTF-8', { body: Buffer.from([65, 61, 255]) }, 400, 'MalformedQueryString', 'UTF-8'],
    ['PUT', { ...ec2(run), method: 'PUT' }, 405, 'MethodNotAllowed', 'GET or POST'],
    ['DELETE', { method: 'DELETE' }, 405, 'MethodNotAllowed', 'GET or POST'],
    ['a JSON body', { body: '{"Action":"RunInstances"}' }, 400, 'MissingAction', 'Action'],
    ['an unknown region', { ...ec2(run), region: 'mars-north-1' }, 401, 'AuthFailure', 'mars-north-1'],
    ['an unknown service', { ...ec2(run), service: 's3' }, 401, 'AuthFailure', "not 's3'"],
    ['damaged gzip', { ...ec2(run), headers: { 'content-encoding': 'gzip' } }, 400, 'InvalidRequest', 'gzip'],
    ['another encoding', { ...ec2(run), headers: { 'content-encoding': 'br' } }, 415, 'UnsupportedMediaType', 'gzip'],
    ['too long a URL', { method: 'GET', query: { Action: 'A'.repeat(limits.url) } }, 414, 'RequestUriTooLong', 'POST'],
  ])('%s', async (_what, request, status, code, message) => {
    const answer = await sendSigned(test, request);
    expect(answer).toMatchObject({ status, code });
    expect(answer.text).toContain(message);
    expect(answer.headers.get('content-type')).toBe('text/xml;charset=UTF-8');
    const requestId = answer.headers.get('x-amzn-requestid');
    expect(answer.text).toContain(`<RequestID>${requestId}</RequestID>`);
    expect(answer.text.length).toBeLessThan(1000);
    expect(test.calls).toEqual([]);
    expect(test.log.at(-1)).toMatchObject({ requestId, status, code });
  });

  it('unsigned requests, also by GET and for any path', async () => {
    const url = `${test.gateway.url}/?Action=DescribeRegions&Version=2016-11-15`;
    const unsigned = { status: 400, code: 'MissingParameter' };
    expect(await read(await fetch(url))).toMatchObject(unsigned);
    expect(await read(await fetch(url, { method: 'POST' }))).toMatchObject(unsigned);
    expect(await read(await fetch(url, { method: 'OPTIONS' }))).toMatchObject(unsigned);
    const path = `${test.gateway.url}/any/path`;
    expect(await read(await fetch(path))).toMatchObject(unsigned);
    const broken = await read(await fetch(`${test.gateway.url}/%zz`));
    expect(broken).toMatchObject({ status: 400, code: 'InvalidRequest' });
    const simple = { method: 'POST', headers: { 'content-type': 'text/plain' }, body: `Version=2016-11-15&${run}` };
    expect(await read(await fetch(test.gateway.url, simple))).toMatchObject(unsigned);
    expect(test.calls).toEqual([]);
  });

  it('an unknown key, in words that do not tell it from a wrong secret', async () => {
    const authorization =
      'AWS4-HMAC-SHA256 Credential=AKIDX/20260131/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=0';
    const headers = { authorization, date: 'Sat, 31 Jan 2026 12:00:00 GMT' };
    const answer = await read(await fetch(test.gateway.url, { headers }));
    expect(answer).toMatchObject({ status: 401, code: 'AuthFailure' });
    expect(answer.text).toContain('AWS was not able to validate the provided access credentials</Message>');
  });
});

describe('query services refuse', () => {
  it.each<[string, RawRequest, number, string, string]>([
    ['no action', iam('RoleName=x'), 400, 'MissingAction', 'Action'],
    [
      'an unknown action',
      iam('Action=Nope'),
      400,
      'InvalidAction',
      'Could not find operation Nope for version 2010-05-08',
    ],
    ['no version', { service: 'iam', body: 'Action=ListRoles' }, 400, 'InvalidAction', 'NO_VERSION_SPECIFIED'],
    [
      'a missing member',
      iam('Action=GetRole'),
      400,
      'ValidationError',
      "1 validation error detected: Value null at 'roleName'",
    ],
    [
      'two missing members',
      iam('Action=PutRolePolicy&RoleName=r'),
      400,
      'ValidationError',
      '2 validation errors detected',
    ],
    ['a bad number', iam('Action=ListRoles&MaxItems=x'), 400, 'MalformedInput', 'MaxItems'],
    ['an unknown region', { ...iam('Action=ListRoles'), region: 'moon' }, 403, 'SignatureDoesNotMatch', 'valid region'],
  ])('%s', async (_what, request, status, code, message) => {
    const answer = await sendSigned(test, request);
    expect(answer).toMatchObject({ status, code });
    expect(answer.text).toContain(message);
    expect(answer.text).toContain('<Type>Sender</Type>');
    expect(test.calls).toEqual([]);
  });

  it('unsigned requests, each in its own words', async () => {
    for (const version of ['2010-05-08', '2011-06-15', '2011-01-01', '2010-08-01']) {
      const answer = await read(await fetch(`${test.gateway.url}/?Action=X&Version=${version}`));
      expect(answer).toMatchObject({ status: 403, code: 'MissingAuthenticationToken' });
    }
  });
});

describe('JSON services refuse', () => {
  const nested = `{"Name":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
  it.each<[string, RawRequest, number, string, string]>([
    ['an unknown operation', json('ssm', 'AmazonSSM.Nope', '{}'), 400, 'UnknownOperationException', 'Nope'],
    ['no JSON', json('ssm', put, '{'), 400, 'SerializationException', 'not JSON'],
    ['a list', json('ssm', put, '[]'), 400, 'SerializationException', 'expected an object'],
    ['null', json('ssm', put, 'null'), 400, 'SerializationException', 'expected an object'],
    ['a number for a string', json('ssm', put, '{"Name":1,"Value":"x"}'), 400, 'SerializationException', 'Name'],
    [
      'a string for a boolean',
      json('ssm', put, '{"Name":"a","Value":"x","Overwrite":"true"}'),
      400,
      'SerializationException',
      'Overwrite',
    ],
    [
      'a string for a list',
      json('ssm', put, '{"Name":"a","Value":"x","Tags":"x"}'),
      400,
      'SerializationException',
      'Tags',
    ],
    [
      'a bad member of a list',
      json('ssm', put, '{"Name":"a","Value":"x","Tags":[{"Key":"k","Value":1}]}'),
      400,
      'SerializationException',
      'Tags[0].Value',
    ],
    [
      'missing members',
      json('ssm', put, '{"Tags":[{"Key":"k"}]}'),
      400,
      'ValidationException',
      "3 validation errors detected: Value null at 'name'",
    ],
    ['deep nesting', json('ssm', put, nested), 400, 'SerializationException', 'Name'],
    ['GET', { ...json('ssm', put, ''), method: 'GET' }, 405, 'MethodNotAllowed', 'POST'],
    [
      'an unknown region',
      { ...json('ssm', put, '{}'), region: 'moon' },
      400,
      'InvalidSignatureException',
      'valid region',
    ],
    [
      "another service's operation",
      json('cloudtrail', 'AmazonSSM.GetParameter', '{}'),
      400,
      'UnknownOperationException',
      'GetParameter',
    ],
  ])('%s', async (_what, request, status, code, message) => {
    const answer = await sendSigned(test, request);
    expect(answer).toMatchObject({ status, code });
    expect(JSON.parse(answer.text).message).toContain(message);
    expect(test.calls).toEqual([]);
  });

  it('unsigned requests', async () => {
    const headers = { 'x-amz-target': put, 'content-type': 'application/x-amz-json-1.1' };
    const answer = await read(await fetch(test.gateway.url, { method: 'POST', headers, body: '{}' }));
    expect(answer).toMatchObject({ status: 400, code: 'MissingAuthenticationTokenException' });
  });
});

describe('REST services refuse', () => {
  it.each<[string, RawRequest, number, string]>([
    ['an unknown path', { method: 'GET', path: '/nowhere' }, 404, 'UnknownOperationException'],
    ['an empty label', { method: 'GET', path: '/snapshots//blocks' }, 404, 'UnknownOperationException'],
    ['another method', { method: 'DELETE', path: '/snapshots/snap-1/blocks' }, 404, 'UnknownOperationException'],
    [
      'a bad number in the path',
      { method: 'GET', path: '/snapshots/s/blocks/x', query: { blockToken: 't' } },
      400,
      'ValidationException',
    ],
    ['a missing query parameter', { method: 'GET', path: '/snapshots/s/blocks/1' }, 400, 'ValidationException'],
    ['a bad body', { path: '/snapshots', body: '{"VolumeSize":"1"}' }, 400, 'SerializationException'],
  ])('%s', async (_what, request, status, code) => {
    const answer = await sendSigned(test, { service: 'ebs', ...request });
    expect(answer).toMatchObject({ status, code });
    expect(test.calls).toEqual([]);
  });

  it('unsigned requests', async () => {
    const answer = await read(await fetch(`${test.gateway.url}/snapshots/s/blocks`));
    expect(answer).toMatchObject({ status: 403, code: 'MissingAuthenticationTokenException' });
  });
});

describe('a signature that does not hold is named by each family of services in its own way', () => {
  const session = { ...testKey, sessionToken: 'token', expiration: 0 };
  it.each<[string, Partial<GatewayOptions>, [ec2: string, query: string, json: string, rest: string]]>([
    [
      'unknown key',
      { accessKey: () => undefined },
      [
        '401 AuthFailure',
        '403 InvalidClientTokenId',
        '400 UnrecognizedClientException',
        '403 UnrecognizedClientException',
      ],
    ],
    [
      'another secret',
      { accessKey: () => ({ ...testKey, secretAccessKey: 'x' }) },
      [
        '401 AuthFailure',
        '403 SignatureDoesNotMatch',
        '400 InvalidSignatureException',
        '403 InvalidSignatureException',
      ],
    ],
    [
      'clock an hour ahead',
      { clock: { now: () => Date.now() + 3_600_000 } },
      [
        '400 RequestExpired',
        '403 SignatureDoesNotMatch',
        '400 InvalidSignatureException',
        '403 InvalidSignatureException',
      ],
    ],
    [
      'missing session token',
      { accessKey: () => session },
      [
        '401 AuthFailure',
        '403 InvalidClientTokenId',
        '400 UnrecognizedClientException',
        '403 UnrecognizedClientException',
      ],
    ],
    [
      'expired credentials',
      { accessKey: () => ({ ...testKey, expiration: 0 }) },
      ['400 RequestExpired', '403 ExpiredToken', '400 ExpiredTokenException', '403 ExpiredTokenException'],
    ],
    [
      'deactivated key',
      { accessKey: () => ({ ...testKey, active: false }) },
      [
        '401 AuthFailure',
        '403 InvalidClientTokenId',
        '400 UnrecognizedClientException',
        '403 UnrecognizedClientException',
      ],
    ],
    [
      'region that the account opted out of',
      { optedIn: (account, region) => account !== '000000000000' || region !== 'us-east-1' },
      [
        '401 AuthFailure',
        '403 InvalidClientTokenId',
        '400 UnrecognizedClientException',
        '403 UnrecognizedClientException',
      ],
    ],
  ])('%s', async (_what, options, expected) => {
    const other = await startTestGateway(options);
    const requests = [
      ec2(run),
      iam('Action=ListRoles'),
      json('ssm', put, '{}'),
      { service: 'ebs', path: '/snapshots', body: '{}' },
    ];
    const answers = await Promise.all(requests.map(request => sendSigned(other, request)));
    expect(answers.map(({ status, code }) => `${status} ${code}`)).toEqual(expected);
    expect(other.calls).toEqual([]);
    await other.gateway.close();
  });
});

it('what policies refuse has the name and status of each family of services', async () => {
  const other = await startTestGateway();
  other.handle = () => {
    throw new ApiError('AccessDenied', 'no');
  };
  const requests = [
    iam('Action=ListRoles'),
    json('ssm', put, '{"Name":"a","Value":"b"}'),
    { service: 'ebs', method: 'GET', path: '/snapshots/snap-1/blocks' },
  ];
  const answers = await Promise.all(requests.map(request => sendSigned(other, request)));
  expect(answers.map(({ status, code }) => `${status} ${code}`)).toEqual([
    '403 AccessDenied',
    '400 AccessDeniedException',
    '403 AccessDeniedException',
  ]);
  await other.gateway.close();
});

describe('what is tolerated', () => {
  it.each<[string, RawRequest, Record<string, unknown>]>([
    [
      'lists with gaps and out of order',
      ec2('Action=DescribeInstances&InstanceId.7=c&InstanceId.2=a&InstanceId.10=d&InstanceId.3=b'),
      { InstanceIds: ['a', 'b', 'c', 'd'] },
    ],
    [
      'GET',
      { method: 'GET', query: { Action: 'DescribeRegions', Version: '2016-11-15', AllRegions: 'true' } },
      { AllRegions: true },
    ],
    [
      'parameters in the URL and the body',
      { query: { Version: '2016-11-15', AllRegions: 'False' }, body: 'Action=DescribeRegions' },
      { AllRegions: false },
    ],
    ['a plus sign for a space', ec2('Action=CreateKeyPair&KeyName=a+b%2Bc'), { KeyName: 'a b+c' }],
    ['stray separators', ec2('&Action=CreateKeyPair&&KeyName=k&'), { KeyName: 'k' }],
    ['an empty string', ec2('Action=CreateKeyPair&KeyName='), { KeyName: '' }],
    [
      'unknown parameters of query services',
      iam('Action=GetRole&RoleName=r&Colour=red&A.member.1=x'),
      { RoleName: 'r' },
    ],
    [
      'unknown members of JSON, and null',
      json('ssm', 'AmazonSSM.GetParameter', '{"Name":"n","Colour":"red","WithDecryption":null,"__proto__":{"x":1}}'),
      { Name: 'n' },
    ],
    ['an empty JSON body', json('ssm', 'AmazonSSM.DescribeParameters', ''), {}],
    [
      "CloudTrail's long target",
      json('cloudtrail', 'com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.ListTrails', '{}'),
      {},
    ],
    [
      'CloudWatch by awsQuery',
      {
        service: 'monitoring',
        body:
          'Version=2010-08-01&Action=PutMetricData&Namespace=n&MetricData.member.1.MetricName=m&' +
          'MetricData.member.1.Value=0.5&MetricData.member.1.Timestamp=2026-01-31T12:00:00Z&' +
          'MetricData.member.1.Dimensions.member.1.Name=d&MetricData.member.1.Dimensions.member.1.Value=v',
      },
      {
        Namespace: 'n',
        MetricData: [
          {
            MetricName: 'm',
            Value: 0.5,
            Timestamp: new Date('2026-01-31T12:00:00Z'),
            Dimensions: [{ Name: 'd', Value: 'v' }],
          },
        ],
      },
    ],
  ])('%s', async (_what, request, input) => {
    const answer = await sendSigned(test, request);
    expect(answer.text).not.toContain('<Code>');
    expect(answer.status).toBe(200);
    expect(test.calls[0]?.input).toEqual(input);
  });
});
