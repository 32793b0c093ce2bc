import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { isOpen, waitUntilOpen } from './port.ts';

const listen = (port: number) => {
  const server = createServer(socket => socket.end());
  return new Promise<typeof server>(resolve => server.listen(port, '127.0.0.1', () => resolve(server)));
};
const portOf = (server: Awaited<ReturnType<typeof listen>>) => {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
};

test('a port that opens later is waited for, and said so once', async () => {
  const first = await listen(0);
  const port = portOf(first);
  expect(await isOpen('127.0.0.1', port)).toBe(true);
  await new Promise(resolve => first.close(resolve));
  expect(await isOpen('127.0.0.1', port)).toBe(false);
  let said = 0;
  let second: Awaited<ReturnType<typeof listen>> | undefined;
  const waiting = () => {
    said++;
    void listen(port).then(server => {
      second = server;
    });
  };
  expect(await waitUntilOpen('127.0.0.1', port, 30, waiting)).toBe(true);
  expect(said).toBe(1);
  await new Promise(resolve => second?.close(resolve));
  expect(await waitUntilOpen('127.0.0.1', port, 0, () => {})).toBe(false);
});
