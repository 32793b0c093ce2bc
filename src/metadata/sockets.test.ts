import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { createTestMetadata, type TestMetadata } from './testing.ts';

let metadata: TestMetadata;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await metadata.close();
});

function open(localAddress = '127.0.0.10', allowHalfOpen = false): Socket {
  const socket = connect({ host: '127.0.0.1', port: metadata.port, localAddress, allowHalfOpen });
  socket.on('error', () => {});
  sockets.push(socket);
  return socket;
}

async function everything(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('latin1').on('data', chunk => {
    text += chunk;
  });
  await once(socket, 'close');
  return text;
}

test('a token answer begins with its own status line and comes in one piece', async () => {
  metadata = await createTestMetadata();
  const socket = open();
  const first = once(socket, 'data');
  socket.write(
    'PUT /latest/api/token HTTP/1.1\r\nHost: 169.254.169.254\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\n\r\n',
  );
  const [chunk] = await first;
  expect(chunk.toString()).toMatch(/^HTTP\/1\.1 200 Token\r\n[\s\S]*\r\n\r\n[\w-]{54}==$/);
});

test('a connection carries one request', async () => {
  metadata = await createTestMetadata();
  const socket = open();
  const request = 'GET /latest/meta-data/ami-id HTTP/1.1\r\nHost: x\r\n\r\n';
  socket.write(request + request);
  const text = await everything(socket);
  expect(text.match(/HTTP\/1\.1 200/g)).toHaveLength(1);
  expect(text).toContain('Connection: close');
});

test('HTTP/1.0 without a host is answered', async () => {
  metadata = await createTestMetadata();
  const socket = open();
  socket.write('GET /latest/meta-data/ami-id HTTP/1.0\r\n\r\n');
  expect(await everything(socket)).toMatch(/ 200 OK[\s\S]*ami-0123456789abcdef0$/);
});

test('a client that closes its side after the request gets its answer, even a slow one', async () => {
  metadata = await createTestMetadata({
    identity: {
      signAs: async () => {
        await wait(100);
        return 'signed';
      },
    },
  });
  const socket = open('127.0.0.10', true);
  socket.end('GET /latest/dynamic/instance-identity/pkcs7 HTTP/1.1\r\n\r\n');
  expect(await everything(socket)).toMatch(/\r\n\r\nsigned$/);
});

test('what is not HTTP is a bad request', async () => {
  metadata = await createTestMetadata();
  const socket = open();
  socket.write('\x16\x03\x01 hello\r\n\r\n');
  expect(await everything(socket)).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*400 - Bad Request/);
});

test('headers have an end', async () => {
  metadata = await createTestMetadata();
  const socket = open();
  socket.write(`GET / HTTP/1.1\r\nX-Long: ${'x'.repeat(10_000)}\r\n\r\n`);
  expect(await everything(socket)).toMatch(/^HTTP\/1\.1 431 /);
});

test('a client that dawdles is cut off', async () => {
  metadata = await createTestMetadata({ limits: { requestTime: 100 } });
  const socket = open();
  const trickle = setInterval(() => socket.write('X'), 20);
  const began = performance.now();
  await everything(socket);
  clearInterval(trickle);
  expect(performance.now() - began).toBeLessThan(2000);
});

test('one address cannot take the connections of others', async () => {
  metadata = await createTestMetadata({ limits: { connectionsPerAddress: 3 } });
  const held = [open(), open(), open()];
  await Promise.all(held.map(socket => once(socket, 'connect')));
  await wait(50);
  expect(await everything(open())).toBe('');
  metadata.launch('i-0ffffffffffffffff', '127.0.0.20');
  expect((await metadata.send('GET', '/', {}, '127.0.0.20')).status).toBe(200);
  held[0]?.destroy();
  await wait(50);
  expect((await metadata.send('GET', '/')).status).toBe(200);
});

test('a closed VPC lets go of its socket and connections, and can come back', async () => {
  metadata = await createTestMetadata();
  const held = open();
  await once(held, 'connect');
  await wait(50);
  metadata.service.onClosed(metadata.vpcId);
  await once(held, 'close');
  await expect(metadata.send('GET', '/')).rejects.toThrow();
  const again = createServer().listen(metadata.port, '127.0.0.1');
  await once(again, 'listening');
  metadata.service.onListening(metadata.vpcId, again);
  expect((await metadata.send('GET', '/')).status).toBe(200);
});

test('calls of AWS’s APIs go where those are answered, and nothing else does', async () => {
  const calls: string[] = [];
  metadata = await createTestMetadata({
    api: (request, response) => {
      calls.push(`${request.method} ${request.url} from ${request.socket.remoteAddress}`);
      response.end('answered');
    },
  });
  const signed = { authorization: 'AWS4-HMAC-SHA256 Credential=x' };
  expect((await metadata.send('POST', '/')).body).toBe('answered');
  expect((await metadata.send('POST', '/?Action=x')).body).toBe('answered');
  expect((await metadata.send('GET', '/anything', signed)).body).toBe('answered');
  expect(calls).toEqual(['POST / from 127.0.0.10', 'POST /?Action=x from 127.0.0.10', 'GET /anything from 127.0.0.10']);
  expect((await metadata.send('POST', '/latest/meta-data/')).status).toBe(405);
  expect((await metadata.send('GET', '/latest/meta-data/ami-id')).body).toBe('ami-0123456789abcdef0');
  expect((await metadata.send('GET', '/', { authorization: 'Basic x' })).body).toContain('latest');
  expect(calls).toHaveLength(3);
});
