import { X509Certificate } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fetchDocument } from './fetch-document.ts';
import { authorityCertificate, localhostCertificate, localhostKey } from './testing.ts';

const thumbprintOf = (pem: string) => new X509Certificate(pem).fingerprint.replaceAll(':', '').toLowerCase();
let servers: Server[];
let whole: string;
let leafOnly: string;

beforeAll(async () => {
  const start = async (cert: string) => {
    const server = createServer({ key: localhostKey, cert }, (request, response) => {
      if (request.url === '/moved') response.writeHead(302, { location: '/' }).end();
      else if (request.url === '/large') response.end('x'.repeat(300 * 1024));
      else response.end(`{"path":"${request.url}"}`);
    });
    await new Promise<void>(resolve => server.listen(0, 'localhost', resolve));
    servers.push(server);
    return `https://localhost:${(server.address() as AddressInfo).port}`;
  };
  servers = [];
  whole = await start(localhostCertificate + authorityCertificate);
  leafOnly = await start(localhostCertificate);
});
afterAll(() => {
  for (const server of servers) server.close();
});

it('reads a document of a server whose chain has one of the thumbprints', async () => {
  for (const pem of [localhostCertificate, authorityCertificate])
    expect(await fetchDocument(`${whole}/a`, ['00'.repeat(20), thumbprintOf(pem)])).toBe('{"path":"/a"}');
});

it('believes no other server', async () => {
  await expect(fetchDocument(`${whole}/a`, [])).rejects.toThrow('no known authority');
  await expect(fetchDocument(`${whole}/a`, ['00'.repeat(20)])).rejects.toThrow('thumbprints');
  // A certificate that is not in the chain vouches for nothing.
  await expect(fetchDocument(`${leafOnly}/a`, [thumbprintOf(authorityCertificate)])).rejects.toThrow('thumbprints');
  const byAddress = `${whole.replace('localhost', '127.0.0.1')}/a`;
  await expect(fetchDocument(byAddress, [thumbprintOf(localhostCertificate)])).rejects.toThrow();
});

it('neither follows redirects nor takes what is too large', async () => {
  const thumbprints = [thumbprintOf(authorityCertificate)];
  await expect(fetchDocument(`${whole}/moved`, thumbprints)).rejects.toThrow('302');
  await expect(fetchDocument(`${whole}/large`, thumbprints)).rejects.toThrow('bytes');
});

it('says that nobody answers', async () => {
  await expect(fetchDocument('https://localhost:1/', [])).rejects.toThrow('ECONNREFUSED');
});
