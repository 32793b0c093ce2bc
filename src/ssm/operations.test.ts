import type { GetParameterResult, GetParametersByPathResult, GetParametersResult } from '@aws-sdk/client-ssm';
import { beforeEach, describe, expect, test } from 'vitest';
import { createTestApi, type TestApi } from '../api/testing.ts';
import { type ImageRow, images } from '../ec2/images/model.ts';

let api: TestApi;
const debian = '/aws/service/debian/release/12/latest/amd64';
const other = '/aws/service/debian/daily/12/latest/amd64';

function addImage(imageId: string, ssmAliases: readonly string[], more: Partial<ImageRow> = {}): void {
  const row: ImageRow = {
    imageId,
    owner: '000000000000/us-east-1',
    name: `debian-12-${imageId}`,
    architecture: 'x86_64',
    state: 'available',
    public: true,
    launchPermissions: [],
    ownerAlias: 'amazon',
    rootDeviceName: '/dev/xvda',
    blockDevices: [],
    bootMode: 'legacy-bios',
    enaSupport: true,
    creationDate: Date.UTC(2026, 0, 1),
    ssmAliases,
    ...more,
  };
  api.state.write(tx => tx.put(images, row));
}

beforeEach(() => {
  api = createTestApi();
  addImage('ami-00000000000000001', [debian]);
});

const ssm = { service: 'ssm' };
const get = async (Name: string, options: object = {}) =>
  (await api.call<GetParameterResult>('GetParameter', { Name }, { ...ssm, ...options })).Parameter;

describe('GetParameter', () => {
  test('resolves an alias to its AMI, for every account', async () => {
    const parameter = {
      Name: debian,
      Type: 'String',
      Value: 'ami-00000000000000001',
      Version: Date.UTC(2026, 0, 1) / 1000,
      LastModifiedDate: new Date(Date.UTC(2026, 0, 1)),
      ARN: `arn:aws:ssm:us-east-1::parameter${debian}`,
      DataType: 'aws:ec2:image',
    };
    expect(await get(debian)).toEqual(parameter);
    expect(await get(debian, { account: '111111111111' })).toEqual(parameter);
    expect(await get(`arn:aws:ssm:us-east-1::parameter${debian}`)).toEqual(parameter);
    expect(await get(`${debian}:${parameter.Version}`)).toEqual({ ...parameter, Selector: `:${parameter.Version}` });
  });

  test('takes the newest AMI that can be launched', async () => {
    addImage('ami-00000000000000002', [debian], { creationDate: Date.UTC(2026, 0, 3) });
    addImage('ami-00000000000000003', [debian], { creationDate: Date.UTC(2026, 0, 2) });
    addImage('ami-00000000000000004', [debian], { creationDate: Date.UTC(2026, 0, 4), state: 'pending' });
    addImage('ami-00000000000000005', [debian], { creationDate: Date.UTC(2026, 0, 5), public: false });
    expect((await get(debian))?.Value).toBe('ami-00000000000000002');
  });

  test('says how to get an AMI that is not there', async () => {
    const error = await api.fail(
      'GetParameter',
      { Name: '/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id' },
      ssm,
    );
    expect(error).toMatchObject({ code: 'ParameterNotFound', status: 400 });
    expect(error.message).toContain('fogbank image pull');
    expect((await api.fail('GetParameter', { Name: '/my/own' }, ssm)).message).toBe('Parameter /my/own not found.');
  });

  test.each([
    [{ Name: debian }, 'ParameterNotFound', { region: 'eu-west-1' }],
    [{ Name: `arn:aws:ssm:eu-west-1::parameter${debian}` }, 'ParameterNotFound', {}],
    [{ Name: `${debian}:1` }, 'ParameterVersionNotFound', {}],
    [{ Name: 'with space' }, 'ValidationException', {}],
    [{ Name: '' }, 'ValidationException', {}],
    [{ Name: 'x'.repeat(2049) }, 'ValidationException', {}],
  ])('%j is %s', async (input, code, options) => {
    expect((await api.fail('GetParameter', input, { ...ssm, ...options })).code).toBe(code);
  });
});

describe('GetParameters', () => {
  const getAll = (...Names: string[]) => api.call<GetParametersResult>('GetParameters', { Names }, ssm);

  test('tells what exists and what does not', async () => {
    const result = await getAll(debian, '/none', debian, `${debian}:1`);
    expect(result.Parameters?.map(parameter => parameter.Value)).toEqual(['ami-00000000000000001']);
    expect(result.InvalidParameters).toEqual(['/none', `${debian}:1`]);
  });

  test('refuses none, and more than ten', async () => {
    for (const Names of [[], Array.from({ length: 11 }, (_, index) => `/p${index}`)]) {
      expect((await api.fail('GetParameters', { Names }, ssm)).code).toBe('ValidationException');
    }
  });
});

describe('GetParametersByPath', () => {
  const names = async (input: object) =>
    ((await api.call<GetParametersByPathResult>('GetParametersByPath', input, ssm)).Parameters ?? []).map(
      parameter => parameter.Name,
    );

  test('lists a folder, or all below it', async () => {
    addImage('ami-00000000000000002', [other, debian]);
    expect(await names({ Path: '/aws/service/debian', Recursive: true })).toEqual([other, debian]);
    expect(await names({ Path: '/aws/service/debian/' })).toEqual([]);
    expect(await names({ Path: '/aws/service/debian/release/12/latest' })).toEqual([debian]);
    expect(await names({ Path: '/aws/service/deb', Recursive: true })).toEqual([]);
  });

  test('pages', async () => {
    const aliases = Array.from({ length: 12 }, (_, index) => `/aws/service/x/${String(index).padStart(2, '0')}`);
    addImage('ami-00000000000000002', aliases);
    const first = await api.call<GetParametersByPathResult>('GetParametersByPath', { Path: '/aws/service/x' }, ssm);
    expect(first.Parameters).toHaveLength(10);
    expect(await names({ Path: '/aws/service/x', NextToken: first.NextToken })).toEqual(aliases.slice(10));
  });

  test.each([
    [{ Path: 'aws' }, 'ValidationException'],
    [{ Path: '/aws', MaxResults: 11 }, 'InvalidParameterValue'],
    [{ Path: '/aws', NextToken: 'x' }, 'InvalidNextToken'],
    [{ Path: '/aws', ParameterFilters: [{ Key: 'Type', Values: ['String'] }] }, 'InvalidFilterKey'],
  ])('refuses %j', async (input, code) => {
    expect((await api.fail('GetParametersByPath', input, ssm)).code).toBe(code);
  });
});
