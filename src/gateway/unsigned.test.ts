import { afterAll, beforeAll, expect, it } from 'vitest';
import { read, sendSigned, startTestGateway, type TestGateway } from './testing.ts';

let test: TestGateway;
beforeAll(async () => {
  test = await startTestGateway({
    unsigned: (service, operation) => service === 'sts' && operation === 'AssumeRoleWithWebIdentity',
  });
});
afterAll(() => test.gateway.close());

const form = 'Version=2011-06-15&RoleArn=arn:aws:iam::000000000000:role/r&RoleSessionName=s&WebIdentityToken=t';
const post = async (body: string, headers: Record<string, string> = {}) =>
  read(
    await fetch(test.gateway.url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body,
    }),
  );

it('calls of nobody reach the operations that need no signature', async () => {
  const answer = await post(`Action=AssumeRoleWithWebIdentity&${form}`);
  expect(answer.status).toBe(200);
  expect(test.calls.at(-1)).toMatchObject({
    service: 'sts',
    operation: 'AssumeRoleWithWebIdentity',
    region: 'us-east-1',
    principal: { type: 'anonymous', account: '' },
    input: { RoleSessionName: 's' },
  });
  const got = await read(await fetch(`${test.gateway.url}/?Action=AssumeRoleWithWebIdentity&${form}`));
  expect(got.status).toBe(200);
});

it('no other operation can be called so', async () => {
  const before = test.calls.length;
  const missing = { status: 403, code: 'MissingAuthenticationToken' };
  expect(await post('Action=GetCallerIdentity&Version=2011-06-15')).toMatchObject(missing);
  // What the first look at the form finds is not what is called.
  for (const trick of [
    `Action=GetCallerIdentity&Action=AssumeRoleWithWebIdentity&${form}`,
    `Actio%6e=GetCallerIdentity&Action=AssumeRoleWithWebIdentity&${form}`,
    `RoleArn=x&Action=AssumeRoleWithWebIdentity&Actio%6E=GetCallerIdentity&Version=2011-06-15`,
  ])
    expect((await post(trick)).status).toBeGreaterThanOrEqual(400);
  const inQuery = await read(
    await fetch(`${test.gateway.url}/?Action=AssumeRoleWithWebIdentity`, {
      method: 'POST',
      body: 'Action=GetCallerIdentity&Version=2011-06-15',
    }),
  );
  expect(inQuery.status).toBeGreaterThanOrEqual(400);
  expect(test.calls).toHaveLength(before);
});

it('a signature that is there must hold', async () => {
  const before = test.calls.length;
  const authorization =
    'AWS4-HMAC-SHA256 Credential=AKIDX/20260131/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=0';
  const headers = { authorization, date: new Date().toUTCString() };
  expect((await post(`Action=AssumeRoleWithWebIdentity&${form}`, headers)).status).toBe(403);
  expect(test.calls).toHaveLength(before);
  const signed = await sendSigned(test, { service: 'sts', body: `Action=AssumeRoleWithWebIdentity&${form}` });
  expect(signed.status).toBe(200);
  expect(test.calls.at(-1)?.principal.type).toBe('root');
});
