import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { instances } from '../ec2/instances/model.ts';
import { createTestMetadata, type TestMetadata } from './testing.ts';

let metadata: TestMetadata;
beforeEach(async () => {
  metadata = await createTestMetadata();
});
afterEach(() => metadata.close());

const lifetime = 'X-aws-ec2-metadata-token-ttl-seconds';
const tokenHeader = 'X-aws-ec2-metadata-token';

async function token(seconds = 60, from?: string): Promise<string> {
  const answer = await metadata.send('PUT', '/latest/api/token', { [lifetime]: seconds.toString() }, from);
  expect(answer.status).toBe(200);
  return answer.body;
}

function options(changes: object): void {
  const row = metadata.state.get(instances, metadata.instanceId);
  if (row === undefined) throw new Error('the instance is gone');
  metadata.change({ metadataOptions: { ...row.metadataOptions, ...changes } });
}

describe('version 1', () => {
  test('answers as EC2 does', async () => {
    const answer = await metadata.send('GET', '/latest/meta-data/instance-id');
    expect(answer).toMatchObject({ status: 200, reason: 'OK', body: 'i-0123456789abcdef0' });
    expect(answer.headers).toMatchObject({
      server: 'EC2ws',
      'content-type': 'text/plain',
      'content-length': '19',
      'accept-ranges': 'none',
      'last-modified': 'Sat, 31 Jan 2026 10:00:00 GMT',
      connection: 'close',
    });
    expect(answer.headers.date).toBeDefined();
  });

  test('HEAD has the headers alone', async () => {
    const answer = await metadata.send('HEAD', '/latest/meta-data/instance-id/');
    expect(answer).toMatchObject({ status: 200, body: '' });
    expect(answer.headers['content-length']).toBe('19');
  });

  test.each([
    '/latest/nothing',
    '/latest/meta-data/ami-id/x',
    '/2007-01-18/meta-data',
    '/latest/meta-data/__proto__',
    '/latest/meta-data/public-keys/1/openssh-key',
  ])('%s is not found, with a page', async path => {
    const answer = await metadata.send('GET', path);
    expect(answer.status).toBe(404);
    expect(answer.headers['content-type']).toBe('text/html');
    expect(answer.body).toContain('<title>404 - Not Found</title>');
  });

  test.each(['POST', 'DELETE', 'PATCH', 'OPTIONS'])('%s is not allowed', async method => {
    const answer = await metadata.send(method, '/latest/meta-data/ami-id');
    expect(answer).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
  });

  test('an address that no instance has gets nothing', async () => {
    expect((await metadata.send('GET', '/latest/meta-data/instance-id', {}, '127.0.0.99')).status).toBe(404);
    expect((await metadata.send('PUT', '/latest/api/token', { [lifetime]: '60' }, '127.0.0.99')).status).toBe(404);
  });

  test('callers are told apart by their address', async () => {
    metadata.launch('i-0ffffffffffffffff', '127.0.0.20');
    expect((await metadata.send('GET', '/latest/meta-data/instance-id', {}, '127.0.0.20')).body).toBe(
      'i-0ffffffffffffffff',
    );
    expect((await metadata.send('GET', '/latest/meta-data/instance-id')).body).toBe('i-0123456789abcdef0');
  });

  test('a path that cannot be decoded is a bad request', async () => {
    expect((await metadata.send('GET', '/latest/%zz')).status).toBe(400);
  });
});

describe('version 2', () => {
  test('gives a token that opens the tree and tells what it has left', async () => {
    options({ httpTokens: 'required' });
    const put = await metadata.send('PUT', '/latest/api/token', { [lifetime]: '21600' });
    expect(put).toMatchObject({
      status: 200,
      reason: 'Token',
      headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '21600', server: 'EC2ws', 'content-length': '56' },
    });
    metadata.clock.time += 600_000;
    const answer = await metadata.send('GET', '/latest/meta-data/instance-id', { [tokenHeader]: put.body });
    expect(answer).toMatchObject({
      status: 200,
      reason: 'OK',
      headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '21000' },
    });
  });

  test('without a good token there is nothing when tokens are required', async () => {
    options({ httpTokens: 'required' });
    expect((await metadata.send('GET', '/')).status).toBe(401);
    expect((await metadata.send('HEAD', '/latest/meta-data/ami-id')).status).toBe(401);
    expect((await metadata.send('GET', '/latest/nothing')).status).toBe(401);
    const answer = await metadata.send('GET', '/latest/meta-data/ami-id', { [tokenHeader]: 'no-token' });
    expect(answer.status).toBe(401);
    expect(answer.body).toContain('401 - Unauthorized');
  });

  test('a token ends on time', async () => {
    options({ httpTokens: 'required' });
    const value = await token(1);
    metadata.clock.time += 999;
    expect((await metadata.send('GET', '/latest/meta-data/ami-id', { [tokenHeader]: value })).status).toBe(200);
    metadata.clock.time += 1;
    expect((await metadata.send('GET', '/latest/meta-data/ami-id', { [tokenHeader]: value })).status).toBe(401);
  });

  test('a token of another instance is refused', async () => {
    metadata.launch('i-0ffffffffffffffff', '127.0.0.20');
    const value = await token(60, '127.0.0.20');
    expect((await metadata.send('GET', '/latest/meta-data/ami-id', { [tokenHeader]: value })).status).toBe(401);
    expect(
      (await metadata.send('GET', '/latest/meta-data/ami-id', { [tokenHeader]: value }, '127.0.0.20')).status,
    ).toBe(200);
  });

  test('a bad token is refused even when none is needed', async () => {
    expect((await metadata.send('GET', '/latest/meta-data/ami-id', { [tokenHeader]: 'no-token' })).status).toBe(401);
  });

  test.each([undefined, '0', '21601', 'x', ''])('a lifetime of %s is a bad request', async seconds => {
    const answer = await metadata.send(
      'PUT',
      '/latest/api/token',
      seconds === undefined ? {} : { [lifetime]: seconds },
    );
    expect(answer.status).toBe(400);
    expect(answer.reason).not.toBe('Token');
  });

  test('a proxy that says for whom it asks gets no token', async () => {
    expect(
      (await metadata.send('PUT', '/latest/api/token', { [lifetime]: '60', 'X-Forwarded-For': '10.0.0.1' })).status,
    ).toBe(403);
    expect((await metadata.send('GET', '/latest/meta-data/ami-id', { 'X-Forwarded-For': '10.0.0.1' })).status).toBe(
      200,
    );
  });

  test('only the path under latest gives tokens', async () => {
    expect((await metadata.send('PUT', '/2021-03-23/api/token', { [lifetime]: '60' })).status).toBe(403);
    expect((await metadata.send('PUT', '/latest/meta-data/ami-id', { [lifetime]: '60' })).status).toBe(405);
    expect(await metadata.send('GET', '/latest/api/token')).toMatchObject({ status: 405, headers: { allow: 'PUT' } });
  });
});

test('changed options act at once', async () => {
  options({ httpEndpoint: 'disabled' });
  expect((await metadata.send('GET', '/latest/meta-data/ami-id')).status).toBe(403);
  expect((await metadata.send('PUT', '/latest/api/token', { [lifetime]: '60' })).status).toBe(403);
  options({ httpEndpoint: 'enabled' });
  expect((await metadata.send('GET', '/latest/meta-data/ami-id')).status).toBe(200);
});

test('an interface has 1024 requests in a second, and takes none from others', async () => {
  metadata.launch('i-0ffffffffffffffff', '127.0.0.20');
  const ask = (address: string) =>
    metadata.service.handle(metadata.vpcId, address, { method: 'GET', target: '/latest/meta-data/mac', headers: {} });
  const statuses = await Promise.all(Array.from({ length: 1030 }, async () => (await ask('127.0.0.10')).status));
  expect(statuses.filter(status => status === 200)).toHaveLength(1024);
  expect(statuses.filter(status => status === 503)).toHaveLength(6);
  expect((await ask('127.0.0.20')).status).toBe(200);
  metadata.clock.time += 1000;
  expect((await ask('127.0.0.10')).status).toBe(200);
});

test('whoever asks is reported as heard, also when refused', async () => {
  const heard: string[] = [];
  const listening = await createTestMetadata({ heard: instanceId => heard.push(instanceId) });
  await listening.send('GET', '/latest/meta-data/ami-id', { [tokenHeader]: 'no-token' });
  await listening.send('GET', '/latest/meta-data/ami-id', {}, '127.0.0.99');
  await listening.close();
  expect(heard).toEqual([listening.instanceId]);
});

test('the same address in another VPC is another caller', async () => {
  const ask = (vpcId: string) =>
    metadata.service.handle(vpcId, '127.0.0.10', { method: 'GET', target: '/', headers: {} });
  expect((await ask(metadata.vpcId)).status).toBe(200);
  expect((await ask('vpc-0eeeeeeeeeeeeeeee')).status).toBe(404);
});

test('by IPv6 it answers where the instance lets it', async () => {
  metadata.changeInterface({ ipv6Addresses: ['fdf0:9ba0::a'] });
  const ask = (address: string) =>
    metadata.service.handle(metadata.vpcId, address, { method: 'GET', target: '/', headers: {} });
  expect((await ask('fdf0:9ba0::a')).status).toBe(403);
  options({ httpProtocolIpv6: 'enabled' });
  expect((await ask('fdf0:9ba0::a')).status).toBe(200);
  expect((await ask('fdf0:9ba0::b')).status).toBe(404);
});

test('the addresses of a delegated prefix are its interface’s', async () => {
  options({ httpProtocolIpv6: 'enabled' });
  const ask = async (address: string) =>
    (await metadata.service.handle(metadata.vpcId, address, { method: 'GET', target: '/', headers: {} })).status;
  expect([await ask('127.0.0.37'), await ask('fdf0:9ba0::1:0:5')]).toEqual([404, 404]);
  metadata.changeInterface({ ipv4Prefixes: ['127.0.0.32/28'], ipv6Prefixes: ['fdf0:9ba0::/80'] });
  expect([await ask('127.0.0.37'), await ask('fdf0:9ba0::1:0:5')]).toEqual([200, 200]);
  expect([await ask('127.0.0.48'), await ask('fdf0:9ba0::1:0:0:5')]).toEqual([404, 404]);
});

test('what goes wrong inside is logged and shows nothing of itself', async () => {
  const lines: string[] = [];
  const broken = await createTestMetadata({
    identity: { signAs: async () => Promise.reject(new Error('disk full')) },
    log: line => lines.push(line),
  });
  const answer = await broken.send('GET', '/latest/dynamic/instance-identity/signature');
  await broken.close();
  expect(answer.status).toBe(500);
  expect(answer.body).not.toContain('disk full');
  expect(lines.join()).toContain('disk full');
});
