/**
 * A client of QEMU's GDB server over a unix socket: packets `$text#checksum`, each acknowledged with `+`.
 * https://sourceware.org/gdb/current/onlinedocs/gdb.html/Remote-Protocol.html
 */
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';

export class Gdb {
  readonly #socket: Socket;
  readonly #packets: string[] = [];
  #buffer = '';
  #waiting: ((packet: string | undefined) => void) | undefined;
  #ended = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => this.#receive(text));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#ended = true;
      this.#waiting?.(undefined);
    });
  }

  /** Connects, which stops a machine that runs; the first packet tells of the stop then. @throws Error */
  static async connect(path: string): Promise<Gdb> {
    const socket = createConnection({ path });
    await once(socket, 'connect');
    return new Gdb(socket);
  }

  /** Sends a packet and resolves to the next one that comes. @throws Error when none comes in time */
  request(text: string, timeoutMs: number): Promise<string> {
    this.#send(text);
    return this.receive(timeoutMs);
  }

  /** @throws Error when no packet comes in time, or the connection ends */
  async receive(timeoutMs: number): Promise<string> {
    let packet = this.#packets.shift();
    if (packet === undefined && !this.#ended) {
      packet = await new Promise<string | undefined>(resolve => {
        const timer = setTimeout(resolve, timeoutMs, undefined);
        this.#waiting = received => {
          clearTimeout(timer);
          resolve(received);
        };
      });
      this.#waiting = undefined;
    }
    if (packet === undefined) throw new Error('the GDB server of QEMU does not answer');
    return packet;
  }

  /** Stops a machine that was let run. */
  interrupt(): void {
    this.#socket.write('\x03');
  }

  /** Removes all breakpoints and lets the machine go on. @throws Error when that is not acknowledged in time */
  async detach(timeoutMs: number): Promise<void> {
    this.#send('D');
    // News of stops may come before.
    while ((await this.receive(timeoutMs)) !== 'OK');
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(text: string): void {
    const sum = Buffer.from(text, 'latin1').reduce((total, byte) => (total + byte) % 256, 0);
    this.#socket.write(`$${text}#${sum.toString(16).padStart(2, '0')}`, 'latin1');
  }

  #receive(text: string): void {
    this.#buffer += text;
    for (;;) {
      const packet = /\$([^#]*)#[0-9a-f]{2}/.exec(this.#buffer);
      if (!packet) return;
      this.#buffer = this.#buffer.slice(packet.index + packet[0].length);
      this.#socket.write('+');
      if (this.#waiting) this.#waiting(packet[1]);
      else this.#packets.push(packet[1] ?? '');
    }
  }
}
