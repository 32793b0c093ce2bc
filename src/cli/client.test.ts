import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { Ec2Client, flatten } from './client.ts';
import { findTarget, loginUser, sshArguments } from './ssh-target.ts';
import { parseXml } from './xml.ts';

let server: Server | undefined;
afterEach(() => server?.close());

/** A server that gives the answer to each action. */
async function serve(
  answers: Record<string, { status?: number; body: string }>,
): Promise<{ client: Ec2Client; calls: URLSearchParams[] }> {
  const calls: URLSearchParams[] = [];
  server = createServer((request, response) => {
    let body = '';
    request.on('data', chunk => {
      body += chunk;
    });
    request.on('end', () => {
      const parameters = new URLSearchParams(body);
      calls.push(parameters);
      const answer = answers[parameters.get('Action') ?? ''] ?? { status: 404, body: 'Not found' };
      response.writeHead(answer.status ?? 200, { 'content-type': 'text/xml' }).end(answer.body);
    });
  });
  await new Promise<void>(resolve => server?.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const key = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'x'.repeat(40) };
  return { client: new Ec2Client(`http://127.0.0.1:${port}`, 'us-east-1', key), calls };
}

test('parameters as the Query protocol spells them', () => {
  expect(
    flatten('', {
      A: 1,
      None: undefined,
      List: ['x', true],
      Filter: [{ Name: 'n', Value: ['v', 'w'] }],
      O: { P: { Q: 'r' } },
    }),
  ).toEqual([
    ['A', '1'],
    ['List.1', 'x'],
    ['List.2', 'true'],
    ['Filter.1.Name', 'n'],
    ['Filter.1.Value.1', 'v'],
    ['Filter.1.Value.2', 'w'],
    ['O.P.Q', 'r'],
  ]);
});

test("an error has EC2's code and its message", async () => {
  const { client } = await serve({
    StopInstances: {
      status: 400,
      body: '<Response><Errors><Error><Code>InvalidInstanceID.NotFound</Code><Message>No i-1</Message></Error></Errors><RequestID>x</RequestID></Response>',
    },
  });
  await expect(client.call('StopInstances')).rejects.toMatchObject({
    name: 'UserError',
    code: 'InvalidInstanceID.NotFound',
    message: 'StopInstances: No i-1 (InvalidInstanceID.NotFound)',
  });
  await expect(client.call('Other')).rejects.toThrow('Other: the server answered with HTTP status 404');
});

test('nobody there', async () => {
  const { client } = await serve({});
  await new Promise(resolve => server?.close(resolve));
  await expect(client.call('DescribeInstances')).rejects.toMatchObject({
    message: expect.stringContaining('no server answers on http://127.0.0.1:'),
    hint: 'Start it with: fogbank up',
  });
});

function instance(id: string, state = 'running', addresses = '<ipAddress>198.18.0.5</ipAddress>'): string {
  return `<item><instancesSet><item><instanceId>${id}</instanceId><imageId>ami-1</imageId><instanceState><name>${state}</name></instanceState><privateIpAddress>172.31.0.4</privateIpAddress>${addresses}<keyName>k</keyName></item></instancesSet></item>`;
}
const reservations = (...items: string[]) => ({ body: `<R><reservationSet>${items.join('')}</reservationSet></R>` });
const image = (name: string, tags = '') => ({
  body: `<R><imagesSet><item><imageId>ami-1</imageId><name>${name}</name><tagSet>${tags}</tagSet></item></imagesSet></R>`,
});

test('an instance by its id', async () => {
  const { client, calls } = await serve({
    DescribeInstances: reservations(instance('i-1')),
    DescribeImages: image('debian-12-amd64-1'),
  });
  expect(await findTarget(client, 'i-1')).toEqual({
    instanceId: 'i-1',
    address: '198.18.0.5',
    user: 'admin',
    keyName: 'k',
  });
  expect(calls[0]?.get('InstanceId.1')).toBe('i-1');
});

test('an instance without public address is reached by its private one', async () => {
  const { client } = await serve({
    DescribeInstances: reservations(instance('i-1', 'running', '')),
    DescribeImages: image('x'),
  });
  expect(await findTarget(client, 'i-1', 'me')).toMatchObject({ address: '172.31.0.4', user: 'me' });
});

test('an instance by its name, when it is the only one', async () => {
  const one = await serve({ DescribeInstances: reservations(instance('i-1')), DescribeImages: image('x') });
  expect(await findTarget(one.client, 'web')).toMatchObject({ instanceId: 'i-1' });
  expect(one.calls[0]?.get('Filter.1.Name')).toBe('tag:Name');
  server?.close();
  const two = await serve({ DescribeInstances: reservations(instance('i-1'), instance('i-2')) });
  await expect(findTarget(two.client, 'web')).rejects.toThrow('several instances are called web: i-1, i-2');
  server?.close();
  const none = await serve({ DescribeInstances: reservations() });
  await expect(findTarget(none.client, 'web')).rejects.toThrow('there is no instance web');
});

test('an instance that does not run', async () => {
  const { client } = await serve({ DescribeInstances: reservations(instance('i-1', 'stopped')) });
  await expect(findTarget(client, 'i-1')).rejects.toThrow('i-1 is stopped');
});

test.each([
  ['fogbank-micro-1', '', 'ec2-user'],
  ['debian-12-amd64-1', '', 'admin'],
  ['ubuntu/images/hvm-ssd/x', '', 'ubuntu'],
  ['mine', '<item><key>fogbank:login-user</key><value>root</value></item>', 'root'],
  ['mine', '', 'ec2-user'],
])('login user of the AMI %s %s', async (name, tags, user) => {
  const { client } = await serve({ DescribeImages: image(name, tags) });
  expect(await loginUser(client, 'ami-1')).toBe(user);
});

test('login user of an AMI that was made of others, and of one that is said to be made of itself', async () => {
  const facts: Record<string, readonly [name: string, source: string]> = {
    'ami-1': ['copy', 'ami-2'],
    'ami-2': ['mine', 'ami-3'],
    'ami-3': ['debian-12-amd64-1', ''],
    'ami-4': ['round', 'ami-4'],
  };
  const call = async (_action: string, { ImageId: [id] }: { ImageId: string[] }) => {
    const [name, source] = facts[id ?? ''] ?? [];
    return parseXml(
      `<R><imagesSet><item><name>${name}</name><sourceImageId>${source}</sourceImageId></item></imagesSet></R>`,
    );
  };
  const client = { call } as unknown as Ec2Client;
  expect(await loginUser(client, 'ami-1')).toBe('admin');
  expect(await loginUser(client, 'ami-4')).toBe('ec2-user');
});

test("arguments for ssh: the host key goes by the instance's id", () => {
  const target = { instanceId: 'i-1', address: '198.18.0.5', user: 'admin', keyName: 'none' };
  const words = sshArguments(target, { dataDir: '/tmp/a b%' });
  expect(words.at(-1)).toBe('admin@198.18.0.5');
  expect(words).toContain('HostKeyAlias=i-1');
  expect(words).toContain('UserKnownHostsFile="/tmp/a b%%/known_hosts"');
  expect(words).not.toContain('-i');
  expect(sshArguments(target, { dataDir: '/tmp', identity: 'k.pem' }).slice(0, 2)).toEqual(['-i', 'k.pem']);
});
