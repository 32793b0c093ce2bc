import { connect, type Socket } from 'node:net';

export interface HttpAnswer {
  readonly status: number;
  readonly size: number;
  /** Only of answers that are not 200. */
  readonly text: string | undefined;
}

const headerEnd = Buffer.from('\r\n\r\n');

/**
 * One kept connection with one request under way, as cheap as can be: what the load generator costs, the server on
 * the same machine does not get. Reconnects when the server closes.
 */
export class Connection {
  readonly #host: string;
  readonly #port: number;
  #socket: Socket | undefined;
  #received: Buffer[] = [];
  #size = 0;
  /** Bytes of the whole answer, once its header is there. */
  #expected: number | undefined;
  #waiting: { resolve: (answer: HttpAnswer) => void; reject: (error: Error) => void } | undefined;

  constructor(host: string, port: number) {
    this.#host = host;
    this.#port = port;
  }

  send(request: Buffer): Promise<HttpAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
    this.#waiting = { resolve, reject };
    this.#open().write(request);
    return promise;
  }

  close(): void {
    this.#socket?.destroy();
  }

  #open(): Socket {
    if (this.#socket !== undefined && !this.#socket.destroyed) return this.#socket;
    const socket = connect({ host: this.#host, port: this.#port, noDelay: true });
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', error => this.#waiting?.reject(error));
    socket.on('close', () => {
      // One that was closed after its answer may already have a successor.
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#waiting?.reject(new Error('the server closed the connection before it had answered'));
    });
    this.#socket = socket;
    return socket;
  }

  #receive(chunk: Buffer): void {
    this.#received.push(chunk);
    this.#size += chunk.length;
    if (this.#expected === undefined) {
      const whole = this.#received.length === 1 ? chunk : Buffer.concat(this.#received);
      const end = whole.indexOf(headerEnd);
      if (end < 0) return;
      const length = /\r\ncontent-length: *(\d+)/i.exec(whole.toString('latin1', 0, end))?.[1];
      if (length === undefined) {
        this.#waiting?.reject(new Error('the answer does not say how long it is'));
        return;
      }
      this.#expected = end + headerEnd.length + Number(length);
    }
    if (this.#size < this.#expected) return;
    this.#finish();
  }

  #finish(): void {
    const [first = Buffer.alloc(0)] = this.#received;
    const status = Number(first.toString('latin1', 9, 12));
    const text = status === 200 ? undefined : Buffer.concat(this.#received).toString('utf8').slice(0, 1000);
    const closes = /\r\nconnection: *close/i.test(first.toString('latin1', 0, 2000).split('\r\n\r\n')[0] ?? '');
    const answer = { status, size: this.#size, text };
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#received = [];
    this.#size = 0;
    this.#expected = undefined;
    if (closes) {
      this.#socket?.destroy();
      this.#socket = undefined;
    }
    waiting?.resolve(answer);
  }
}
