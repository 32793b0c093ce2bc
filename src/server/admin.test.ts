import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAccount } from '../accounts/accounts.ts';
import { makeRole, makeUser } from '../api/access-testing.ts';
import { createTestApi, type TestApi } from '../api/testing.ts';
import { type SigningKey, signRequest } from '../cli/sign.ts';
import { launch } from '../ec2/testing.ts';
import { type Gateway, startGateway } from '../gateway/server.ts';
import { addAdminRoute } from './admin.ts';
import { adminActions } from './admin-actions.ts';
import { adminPath } from './admin-route.ts';
import { keyLookup } from './key-lookup.ts';

const firstAccount = '000000000000';
let api: TestApi;
let gateway: Gateway;
let root: SigningKey;
let otherRoot: SigningKey;
let user: SigningKey;

beforeAll(async () => {
  api = createTestApi();
  const { state, secrets, services, authorizer, handle, clock } = api;
  const make = (name: string, accountId?: string) =>
    state.write(tx => createAccount(tx, secrets, { name, accountId }, clock.now()));
  root = make('main', firstAccount);
  otherRoot = make('other', '111122223333');
  await makeUser(api, 'admin', { Action: '*' });
  const { AccessKey } = await api.call<{ AccessKey: { AccessKeyId: string; SecretAccessKey: string } }>(
    'CreateAccessKey',
    { UserName: 'admin' },
    { service: 'iam' },
  );
  user = { accessKeyId: AccessKey.AccessKeyId, secretAccessKey: AccessKey.SecretAccessKey };
  const accessKey = keyLookup(state, secrets);
  const actions = adminActions({ state, services, authorizer, handle, firstAccount });
  gateway = await startGateway({
    host: '127.0.0.1',
    port: 0,
    handle,
    accessKey,
    clock,
    regions: () => true,
    configure: server => addAdminRoute(server, { actions, accessKey, clock, firstAccount }),
  });
});
afterAll(() => gateway.close());

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function send(
  body: string,
  key: SigningKey | undefined,
  service = 'fogbank',
  from = '127.0.0.1',
): Promise<Answer> {
  const url = new URL(adminPath, gateway.url);
  const given = { method: 'POST', url, body, headers: { 'content-type': 'application/json' } };
  const headers =
    key === undefined
      ? given.headers
      : signRequest(given, key, { service, region: 'us-east-1' }, new Date(api.clock.now()));
  const answer = await gateway.fastify.inject({
    method: 'POST',
    url: adminPath,
    headers: { ...headers, host: url.host },
    payload: body,
    remoteAddress: from,
  });
  return { status: answer.statusCode, body: JSON.parse(answer.body) };
}

const act = (action: string, input: object = {}, key: SigningKey | undefined = root) =>
  send(JSON.stringify({ action, input }), key);

describe('the route of the administrator', () => {
  it('answers the root of the first account', async () => {
    const { status, body } = await act('listAccounts');
    expect(status).toBe(200);
    expect(body).toMatchObject({ accounts: [{ accountId: firstAccount, name: 'main' }, { name: 'other' }] });
  });

  it('answers nobody else', async () => {
    const list = '{"action":"listAccounts"}';
    expect(await send(list, undefined)).toMatchObject({ status: 403 });
    for (const key of [otherRoot, user])
      expect(await send(list, key)).toMatchObject({ status: 403, body: { code: 'AccessDenied' } });
    const wrong = { ...root, secretAccessKey: 'x' };
    expect(await send(list, wrong)).toMatchObject({ status: 403, body: { code: 'SignatureDoesNotMatch' } });
    // A signature that was made for one of AWS's services.
    expect(await send(list, root, 'ec2')).toMatchObject({ status: 403, body: { code: 'SignatureDoesNotMatch' } });
    expect(await send(list, root, 'fogbank', '192.0.2.1')).toMatchObject({
      status: 403,
      body: { code: 'AccessDenied' },
    });
    expect(await send(list, root, 'fogbank', '::1')).toMatchObject({ status: 200 });
  });

  it('refuses what it does not understand', async () => {
    for (const body of ['', '{', '[]', '{"action":1}', '{"action":"listAccounts","input":1}'])
      expect(await send(body, root)).toMatchObject({ status: 400, body: { code: 'ValidationError' } });
    expect(await act('toString')).toMatchObject({ status: 400, body: { code: 'InvalidAction' } });
    for (const action of ['createAccount', 'call', 'checkPolicy', 'setOptIn', 'why'])
      expect(await act(action, { name: 1 })).toMatchObject({ status: 400, body: { code: 'ValidationError' } });
  });
});

describe('accounts', () => {
  it('are made with a root key that works', async () => {
    const { body } = await act('createAccount', { name: 'blue' });
    const { account, ...key } = body as unknown as SigningKey & { account: { accountId: string } };
    const found = keyLookup(api.state, api.secrets)(key.accessKeyId, undefined);
    expect(found).toMatchObject({
      secretAccessKey: key.secretAccessKey,
      principal: { type: 'root', account: account.accountId },
    });
    expect(await act('createAccount', { name: 'blue' })).toMatchObject({ status: 409 });
  });

  it('opt out of Regions and in again', async () => {
    const change = (optedIn: boolean, region = 'af-south-1') => act('setOptIn', { account: 'other', region, optedIn });
    expect((await change(false)).status).toBe(200);
    const { body } = await act('listAccounts');
    expect(body.accounts).toContainEqual(expect.objectContaining({ name: 'other', optedOutRegions: ['af-south-1'] }));
    await change(true);
    expect((await change(false, 'us-east-1')).body.code).toBe('ValidationError');
    expect((await act('setOptIn', { account: 'none', region: 'af-south-1' })).body.code).toBe('NoSuchEntity');
  });

  it('are acted in as their root', async () => {
    const input = { account: 'other', service: 'iam', operation: 'CreateUser', input: { UserName: 'guest' } };
    expect((await act('call', input)).body).toMatchObject({ User: { Arn: 'arn:aws:iam::111122223333:user/guest' } });
    expect(await act('call', input)).toMatchObject({ status: 409, body: { code: 'EntityAlreadyExists' } });
  });
});

describe('a check of policies', () => {
  const check = async (principal: string, action: string, resource: string, more: object = {}) => {
    const { body } = await act('checkPolicy', { principal, action, resource, ...more });
    return body.code ?? [body.effect, ...(body.explanation as string[])].join('\n');
  };

  it('names the statement that decides, with what is known of the resource', async () => {
    const [instance] = await launch(api, {
      TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'team', Value: 'blue' }] }],
    });
    const arn = `arn:aws:ec2:us-east-1:${firstAccount}:instance/${instance?.InstanceId}`;
    const ann = await makeUser(api, 'ann', [
      { Sid: 'OwnTeam', Action: 'ec2:*', Condition: { StringEquals: { 'aws:ResourceTag/team': 'blue' } } },
      { Sid: 'Never', Effect: 'Deny', Action: 'ec2:TerminateInstances' },
    ]);
    expect(await check(ann.arn, 'ec2:StopInstances', arn)).toMatch(/^allowed\n.*"OwnTeam"/s);
    expect(await check('ann', 'ec2:StopInstances', `${arn}x`)).toMatch(/^implicitDeny\n/);
    expect(await check('user/ann', 'ec2:TerminateInstances', arn)).toMatch(/^explicitDeny\n.*"Never"/s);
    const keys = { 'aws:ResourceTag/team': 'blue' };
    expect(await check('ann', 'ec2:StopInstances', `${arn}x`, { keys })).toMatch(/^allowed\n/);
  });

  it('is about roles, their sessions, and roots', async () => {
    const role = await makeRole(
      api,
      'deploy',
      { Action: 'sts:AssumeRole', Principal: { AWS: firstAccount } },
      { Action: 'ec2:Describe*' },
    );
    const session = `arn:aws:sts::${firstAccount}:assumed-role/deploy/job`;
    for (const name of [role, 'role/deploy', 'deploy', session])
      expect(await check(name, 'ec2:DescribeInstances', '*')).toMatch(/^allowed\n/);
    expect(await check(session, 'ec2:RunInstances', '*')).toMatch(
      /^implicitDeny\n.*assumed-role\/deploy\/job is denied/,
    );
    for (const name of ['root', `arn:aws:iam::${firstAccount}:root`])
      expect(await check(name, 'ec2:RunInstances', '*')).toMatch(/^allowed\n/);
    // Who assumes a role is decided by its trust policy, too.
    expect(await check('admin', 'sts:AssumeRole', role)).toMatch(/^allowed\n/);
    const closed = await makeRole(api, 'closed', { Action: 'sts:AssumeRole', Principal: { AWS: '111122223333' } });
    expect(await check('admin', 'sts:AssumeRole', closed)).toMatch(/^implicitDeny\n.*trust policy/s);
  });

  it('needs somebody, something and an action that there are', async () => {
    for (const name of ['nobody', 'arn:aws:iam::000000000000:user/x/admin', 'arn:x', 'role/admin'])
      expect(await check(name, 'ec2:RunInstances', '*')).toBe('NoSuchEntity');
    expect(await check('admin', 'ec2:*', '*')).toBe('ValidationError');
  });
});

describe('why', () => {
  it('follows packets in the network of an account', async () => {
    const [web] = await launch(api, {
      TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'Name', Value: 'w' }] }],
    });
    const ask = (input: object) => act('why', { source: 'internet', destination: 'w', port: 22, ...input });
    expect(await ask({})).toMatchObject({
      status: 200,
      body: { reachable: false, summary: expect.stringContaining(`cannot reach w (${web?.InstanceId})`) },
    });
    expect(await ask({ account: 'other' })).toMatchObject({ status: 404, body: { code: 'NotFound' } });
    expect(await ask({ account: 'nobody' })).toMatchObject({ status: 404, body: { code: 'NoSuchEntity' } });
    for (const wrong of [{ port: 65_536 }, { port: '22' }, { protocol: 'constructor' }])
      expect(await ask(wrong)).toMatchObject({ status: 400, body: { code: 'ValidationError' } });
  });
});
