import { connect } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { limits } from './limits.ts';
import { startTestGateway } from './testing.ts';

let gateway: Awaited<ReturnType<typeof startTestGateway>>;
beforeEach(async () => {
  gateway = await startTestGateway();
});
afterEach(() => gateway.gateway.close());

/** Sends a body slowly enough that the refusal could overtake it, and reads everything that comes back. */
async function send(bytes: number): Promise<{ text: string; error: string | undefined }> {
  const socket = connect(gateway.gateway.port, '127.0.0.1');
  let text = '';
  let error: string | undefined;
  socket.on('data', data => {
    text += data;
  });
  socket.on('error', problem => {
    error = problem.message;
  });
  const closed = new Promise(resolve => socket.once('close', resolve));
  socket.write(`POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: ${bytes}\r\n\r\n`);
  const piece = Buffer.alloc(64 * 1024, 'x');
  for (let sent = 0; sent < bytes && !socket.destroyed; sent += piece.length) {
    socket.write(piece.subarray(0, bytes - sent));
    await new Promise(resolve => setImmediate(resolve));
  }
  await closed;
  return { text, error };
}

test('who sends too much gets the answer, not a broken connection', async () => {
  for (let round = 0; round < 10; round++) {
    const { text, error } = await send(limits.body * 3);
    expect(text).toMatch(/^HTTP\/1\.1 413 /);
    expect(error).toBeUndefined();
  }
});
