import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { SignatureV4 } from '@smithy/signature-v4';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { limits } from './limits.ts';
import { type RawRequest, read, Sha256, sendSigned, startTestGateway, type TestGateway, testKey } from './testing.ts';

/** What the listener itself does: limits of size, routes of its own, its end. */
let test: TestGateway;
beforeAll(async () => {
  test = await startTestGateway();
});
beforeEach(() => {
  test.calls.length = 0;
});
afterAll(() => test.gateway.close());

const ec2 = (parameters: string): RawRequest => ({ body: `Version=2016-11-15&${parameters}` });

describe('sizes', () => {
  it('of bodies are limited, sent and after decompression', async () => {
    const large = await sendSigned(
      test,
      ec2(`Action=RunInstances&MinCount=1&MaxCount=1&UserData=${'A'.repeat(limits.body)}`),
    );
    expect(large).toMatchObject({ status: 413, code: 'RequestEntityTooLarge' });
    const bomb = gzipSync(Buffer.alloc(limits.decompressedBody + 1, 'A'));
    expect(bomb.length).toBeLessThan(limits.body);
    const inflated = await sendSigned(test, { headers: { 'content-encoding': 'gzip' }, body: bomb });
    expect(inflated).toMatchObject({ status: 413, code: 'RequestEntityTooLarge' });
    expect(test.calls).toEqual([]);
  });

  it('of headers are limited, and bytes that are not HTTP are answered', async () => {
    const header = await exchangeBytes(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(limits.header)}\r\n\r\n`);
    expect(header).toMatch(/^HTTP\/1.1 431 .*<Code>RequestHeaderTooLarge<.*<RequestID>[0-9a-f-]{36}</s);
    expect(await exchangeBytes('\u0016\u0003\u0001\u0000\r\n\r\n')).toMatch(/^HTTP\/1.1 400 .*<Code>InvalidRequest</s);
    const twice = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n';
    expect(await exchangeBytes(twice)).toMatch(/^HTTP\/1.1 400 /);
  });

  async function exchangeBytes(bytes: string): Promise<string> {
    const socket = connect(test.gateway.port, '127.0.0.1');
    socket.write(bytes);
    let answer = '';
    for await (const chunk of socket) answer += chunk;
    return answer;
  }

  it('of indexes cost nothing', async () => {
    const before = process.memoryUsage().heapUsed;
    const parameters = Array.from({ length: 1000 }, (_, at) => `Filter.${2_000_000_000 + at}.Name=n${at}`);
    const answer = await sendSigned(test, ec2(`Action=DescribeInstances&${parameters.reverse().join('&')}`));
    expect(answer.status).toBe(200);
    expect((test.calls[0]?.input.Filters as unknown[])?.slice(0, 2)).toEqual([{ Name: 'n0' }, { Name: 'n1' }]);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(100_000_000);
  });
});

describe('the listener', () => {
  it('tells its health without a signature', async () => {
    const answer = await fetch(`${test.gateway.url}/_fogbank/health`);
    expect([answer.status, await answer.json()]).toEqual([200, { status: 'ok' }]);
  });

  it('serves further routes, which keep their own body parsers', async () => {
    const other = await startTestGateway({
      configure: server => {
        server.post('/console/echo', request => ({ body: request.body }));
      },
    });
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${other.gateway.url}/console/echo`, { method: 'POST', headers, body: '{"a":1}' });
    expect(await answer.json()).toEqual({ body: { a: 1 } });
    await other.gateway.close();
  });

  it('ends running calls before it closes, and takes no new ones', async () => {
    const other = await startTestGateway();
    let release = (): void => {};
    const reached = new Promise<void>(resolve => {
      other.handle = () => {
        resolve();
        return new Promise<void>(done => {
          release = done;
        });
      };
    });
    const answer = sendSigned(other, ec2('Action=DescribeRegions'));
    await reached;
    const closed = other.gateway.close();
    await expect(fetch(`${other.gateway.url}/_fogbank/health`)).rejects.toThrow();
    release();
    expect((await answer).status).toBe(200);
    expect((await answer).headers.get('connection')).toBe('close');
    await closed;
  });
});

describe('requests of other clients', () => {
  const body = 'Action=CreateKeyPair&Version=2016-11-15&KeyName=k';

  it('may have any content type', async () => {
    for (const type of ['application/x-www-form-urlencoded; charset=utf-8', 'text/plain', 'a/b']) {
      test.calls.length = 0;
      const answer = await sendSigned(test, { body, headers: { 'content-type': type } });
      expect(answer.status, `${type}: ${answer.text}`).toBe(200);
      expect(test.calls[0]?.input).toEqual({ KeyName: 'k' });
    }
    const answer = await sendSigned(test, { body, headers: { 'content-type': 'nonsense' } });
    expect(answer).toMatchObject({ status: 415, code: 'UnsupportedMediaType' });
  });

  it('may be presigned URLs, which browsers and curl can use', async () => {
    const { accessKeyId, secretAccessKey } = testKey;
    const credentials = { accessKeyId, secretAccessKey };
    const signer = new SignatureV4({ credentials, region: 'eu-central-1', service: 'ec2', sha256: Sha256 });
    const { port, url } = test.gateway;
    const presign = async (signingDate: Date): Promise<string> => {
      const query = { Action: 'CreateKeyPair', Version: '2016-11-15', KeyName: 'a b&c' };
      const headers = { host: `127.0.0.1:${port}` };
      const request = { method: 'GET', protocol: 'http:', hostname: '127.0.0.1', port, path: '/', query, headers };
      const signed = await signer.presign(request, { expiresIn: 60, signingDate });
      const pairs = Object.entries(signed.query ?? {}).map(
        ([name, value]) => `${name}=${encodeURIComponent(String(value))}`,
      );
      return `${url}/?${pairs.join('&')}`;
    };
    const good = await presign(new Date());
    expect((await read(await fetch(good))).text).toContain('<CreateKeyPairResponse');
    expect(test.calls[0]).toMatchObject({ region: 'eu-central-1', input: { KeyName: 'a b&c' } });
    const changed = await read(await fetch(good.replace('a%20b', 'b')));
    expect(changed).toMatchObject({ status: 401, code: 'AuthFailure' });
    const old = await read(await fetch(await presign(new Date(Date.now() - 61_000))));
    expect(old).toMatchObject({ status: 400, code: 'RequestExpired' });
    const post = await read(await fetch(good, { method: 'POST' }));
    expect(post).toMatchObject({ status: 401, code: 'AuthFailure' });
    expect(test.calls.length).toBe(1);
  });

  it('may send their body in chunks, and no content type', async () => {
    const { accessKeyId, secretAccessKey } = testKey;
    const credentials = { accessKeyId, secretAccessKey };
    const signer = new SignatureV4({ credentials, region: 'us-east-1', service: 'ec2', sha256: Sha256 });
    const { port, url } = test.gateway;
    const headers = { host: `127.0.0.1:${port}` };
    const request = {
      method: 'POST',
      protocol: 'http:',
      hostname: '127.0.0.1',
      port,
      path: '/',
      query: {},
      headers,
      body,
    };
    const { host: _host, ...signed } = (await signer.sign(request)).headers;
    const sent = httpRequest(url, { method: 'POST', headers: signed });
    sent.write(body.slice(0, 20));
    sent.end(body.slice(20));
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    response.resume();
    expect(response.statusCode).toBe(200);
    expect(test.calls[0]?.input).toEqual({ KeyName: 'k' });
  });
});
