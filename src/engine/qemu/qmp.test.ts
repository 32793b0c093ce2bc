import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Qmp, QmpError, type QmpEvent } from './qmp.ts';

const greeting = '{"QMP": {"version": {"qemu": {"micro": 0, "minor": 2, "major": 7}}, "capabilities": ["oob"]}}\r\n';

let folder: string;
let path: string;
let server: Server;

/** Answers each command line by what `answer` makes of it. */
async function serve(
  answer: (message: { execute: string; id: number }, socket: Socket) => string | undefined,
): Promise<void> {
  server = createServer(socket => {
    let text = '';
    socket.on('error', () => {});
    socket.write(greeting);
    socket.on('data', chunk => {
      text += chunk;
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
        const message = JSON.parse(text.slice(0, end));
        text = text.slice(end + 1);
        const line =
          message.execute === 'qmp_capabilities' ? `{"return": {}, "id": ${message.id}}` : answer(message, socket);
        if (line !== undefined) socket.write(`${line}\r\n`);
      }
    });
  });
  await new Promise<void>(resolve => server.listen(path, resolve));
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fogbank-qmp-'));
  path = join(folder, 'qmp.sock');
});

afterEach(async () => {
  server?.close();
  await rm(folder, { recursive: true, force: true });
});

describe('a QMP client', () => {
  test('gives each answer to its own command, whatever their order', async () => {
    const held: string[] = [];
    await serve(({ execute, id }, socket) => {
      held.push(`{"return": {"answers": "${execute}"}, "id": ${id}}`);
      if (held.length < 2) return undefined;
      for (const line of held.reverse()) socket.write(`${line}\r\n`);
      return undefined;
    });
    const qmp = await Qmp.connect(path);
    const answers = await Promise.all([qmp.execute('first'), qmp.execute('second')]);
    expect(answers).toEqual([{ answers: 'first' }, { answers: 'second' }]);
    qmp.close();
  });

  test('reads events that come in pieces and between answers', async () => {
    await serve(({ id }, socket) => {
      socket.write('{"timestamp": {"seconds": 12, "microseconds": 345678}, "event": "SHUT');
      setTimeout(() => socket.write(`DOWN", "data": {"guest": true}}\r\n{"return": {}, "id": ${id}}\r\n`), 20);
      return undefined;
    });
    const qmp = await Qmp.connect(path);
    const events: QmpEvent[] = [];
    qmp.on('event', event => events.push(event));
    await qmp.execute('anything');
    expect(events).toEqual([{ event: 'SHUTDOWN', data: { guest: true }, at: 12_345 }]);
    qmp.close();
  });

  test("turns QEMU's refusal into an error", async () => {
    await serve(({ id }) => `{"id": ${id}, "error": {"class": "DeviceNotFound", "desc": "Device 'x' not found"}}`);
    const qmp = await Qmp.connect(path);
    const error = await qmp.execute('device_del').catch(cause => cause);
    expect(error).toBeInstanceOf(QmpError);
    expect(error).toMatchObject({ qmpClass: 'DeviceNotFound', message: "Device 'x' not found" });
    qmp.close();
  });

  test('does not wait for ever', async () => {
    await serve(() => undefined);
    const qmp = await Qmp.connect(path);
    await expect(qmp.execute('query-status', {}, 30)).rejects.toThrow(/did not answer query-status within 30 ms/);
    qmp.close();
  });

  test('fails what waits when the connection ends, once', async () => {
    await serve((_message, socket) => {
      socket.destroy();
      return undefined;
    });
    const qmp = await Qmp.connect(path);
    let ends = 0;
    qmp.on('close', () => ends++);
    await expect(qmp.execute('quit')).rejects.toThrow(/closed/);
    await expect(qmp.execute('more')).rejects.toThrow(/closed/);
    qmp.close();
    expect(ends).toBe(1);
  });

  test('says so when nobody listens, and when who listens says nothing', async () => {
    await expect(Qmp.connect(path)).rejects.toThrow(/ENOENT/);
    server = createServer(() => {});
    await new Promise<void>(resolve => server.listen(path, resolve));
    await expect(Qmp.connect(path, 30)).rejects.toThrow(/no QMP greeting within 30 ms/);
  });

  test('leaves whom talks nonsense', async () => {
    await serve((_message, socket) => {
      socket.write('not json\r\n');
      return undefined;
    });
    const qmp = await Qmp.connect(path);
    await expect(qmp.execute('x')).rejects.toThrow(/closed/);
  });
});
