/**
 * A client of the QEMU Machine Protocol over a unix socket: JSON objects, one a line.
 * https://www.qemu.org/docs/master/interop/qmp-spec.html
 */
import { EventEmitter } from 'node:events';
import { createConnection, type Socket } from 'node:net';

export type QmpValue = null | boolean | number | string | readonly QmpValue[] | { readonly [key: string]: QmpValue };
export type QmpObject = { readonly [key: string]: QmpValue };

export interface QmpEvent {
  readonly event: string;
  readonly data: QmpObject;
  /** Milliseconds since the epoch, by QEMU's clock. */
  readonly at: number;
}

/** QEMU refused a command; `qmpClass` is its error class, mostly `GenericError`. */
export class QmpError extends Error {
  readonly qmpClass: string;
  constructor(qmpClass: string, message: string) {
    super(message);
    this.name = 'QmpError';
    this.qmpClass = qmpClass;
  }
}

interface Waiting {
  readonly resolve: (value: QmpValue) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** QEMU's answers are small; whatever never ends a line is not QEMU. */
const MAX_LINE = 8 * 1024 * 1024;

export function isObject(value: unknown): value is QmpObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Events: `event` (QmpEvent), and `close` once, when the connection has ended for whatever reason. */
export class Qmp extends EventEmitter<{ event: [QmpEvent]; close: [] }> {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #buffer = '';
  #closed = false;
  #greeted: (() => void) | undefined;

  private constructor(socket: Socket) {
    super();
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.#receive(text));
    socket.on('error', () => {});
    socket.on('close', () => this.#end());
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Connects and leaves negotiation mode. QEMU serves one client a socket at a time: the greeting of a second one
   * comes only when the first has gone.
   * @throws Error when nobody listens or no greeting comes within `timeoutMs`.
   */
  static async connect(path: string, timeoutMs = 5_000): Promise<Qmp> {
    const socket = createConnection({ path });
    const qmp = new Qmp(socket);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        socket.destroy();
        reject(new Error(`no QMP greeting within ${timeoutMs} ms`));
      }, timeoutMs);
      qmp.#greeted = () => {
        clearTimeout(timer);
        resolve();
      };
      socket.once('error', error => {
        clearTimeout(timer);
        reject(error);
      });
      socket.once('close', () => {
        clearTimeout(timer);
        reject(new Error('the QMP socket was closed before its greeting'));
      });
    });
    await qmp.execute('qmp_capabilities', {}, timeoutMs);
    return qmp;
  }

  /** Runs one command. @throws QmpError when QEMU refuses it; Error when it does not answer or goes away. */
  execute(command: string, commandArguments: QmpObject = {}, timeoutMs = 10_000): Promise<QmpValue> {
    if (this.#closed) return Promise.reject(new Error('the QMP connection is closed'));
    const id = this.#nextId++;
    return new Promise<QmpValue>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new Error(`QEMU did not answer ${command} within ${timeoutMs} ms`));
      }, timeoutMs);
      this.#waiting.set(id, { resolve, reject, timer });
      this.#socket.write(`${JSON.stringify({ execute: command, arguments: commandArguments, id })}\n`);
    });
  }

  /** Lets go; the machine goes on. */
  close(): void {
    this.#socket.destroy();
    this.#end();
  }

  #receive(text: string): void {
    this.#buffer += text;
    let end = this.#buffer.indexOf('\n');
    while (end >= 0) {
      const line = this.#buffer.slice(0, end).trim();
      this.#buffer = this.#buffer.slice(end + 1);
      if (line !== '') this.#message(line);
      end = this.#buffer.indexOf('\n');
    }
    if (this.#buffer.length > MAX_LINE) this.close();
  }

  #message(line: string): void {
    let message: unknown;
    try {
      message = JSON.parse(line);
    } catch {
      this.close();
      return;
    }
    if (!isObject(message)) return;
    if ('QMP' in message) {
      this.#greeted?.();
      return;
    }
    if (typeof message.event === 'string') {
      const stamp = isObject(message.timestamp) ? message.timestamp : {};
      const at = Number(stamp.seconds ?? 0) * 1000 + Math.floor(Number(stamp.microseconds ?? 0) / 1000);
      this.emit('event', { event: message.event, data: isObject(message.data) ? message.data : {}, at });
      return;
    }
    const waiting = typeof message.id === 'number' ? this.#waiting.get(message.id) : undefined;
    if (!waiting) return;
    this.#waiting.delete(message.id as number);
    clearTimeout(waiting.timer);
    if (isObject(message.error)) waiting.reject(new QmpError(String(message.error.class), String(message.error.desc)));
    else waiting.resolve(message.return ?? {});
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(new Error('QEMU closed the QMP connection'));
    }
    this.#waiting.clear();
    this.emit('close');
  }
}
