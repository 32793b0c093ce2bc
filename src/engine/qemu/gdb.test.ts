import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Gdb } from './gdb.ts';

let folder: string;
let path: string;
let server: Server;
let received: string;
let peer: Socket;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gdb-'));
  path = join(folder, 'gdb.sock');
  received = '';
  server = createServer(socket => {
    peer = socket;
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      received += text;
      if (text.includes('$g#67')) socket.write('+$00ff#2d');
    });
    // It comes in pieces, as the kernel likes.
    socket.write('$T02thr');
    setTimeout(() => socket.write('ead:01;#04'), 5);
  });
  await new Promise<void>(resolve => server.listen(path, resolve));
});
afterEach(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

it('hears of the stop of the machine, sends packets with their sums, and reads the answers', async () => {
  const gdb = await Gdb.connect(path);
  expect(await gdb.receive(1_000)).toBe('T02thread:01;');
  expect(await gdb.request('g', 1_000)).toBe('00ff');
  gdb.interrupt();
  await expect.poll(() => received).toBe('+$g#67+\x03');
  gdb.close();
});

it('says when nothing comes in time, and when the connection ends', async () => {
  const gdb = await Gdb.connect(path);
  await gdb.receive(1_000);
  await expect(gdb.receive(20)).rejects.toThrow('does not answer');
  const waiting = expect(gdb.receive(10_000)).rejects.toThrow('does not answer');
  peer.destroy();
  await waiting;
  await expect(gdb.receive(10_000)).rejects.toThrow('does not answer');
});

it('fails where nobody listens', async () => {
  await expect(Gdb.connect(join(folder, 'nobody.sock'))).rejects.toThrow('ENOENT');
});
