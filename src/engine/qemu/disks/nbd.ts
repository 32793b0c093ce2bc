/**
 * A client of the Network Block Device protocol for one export on a unix socket: newstyle handshake without extensions,
 * simple replies. https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md
 */
import { createConnection, type Socket } from 'node:net';

const GREETING_BYTES = 18;
const OPTION_MAGIC = 0x49484156454f5054n;
const OPTION_GO = 7;
const OPTION_REPLY_MAGIC = 0x3e889045565a9n;
const REPLY_ACK = 1;
const FLAG_FIXED_NEWSTYLE = 1;
const FLAG_NO_ZEROES = 2;
const REQUEST_MAGIC = 0x25609513;
const SIMPLE_REPLY_MAGIC = 0x67446698;
const REPLY_BYTES = 16;
const COMMAND = { read: 0, write: 1, disconnect: 2, flush: 3 } as const;
const NO_SPACE = 28;

/** The server refused; `errno` as in the protocol. */
export class NbdError extends Error {
  readonly errno: number;
  constructor(errno: number) {
    super(errno === NO_SPACE ? 'no space left on the disk' : `the disk answered error ${errno}`);
    this.name = 'NbdError';
    this.errno = errno;
  }

  get isFull(): boolean {
    return this.errno === NO_SPACE;
  }
}

interface Pending {
  readonly expects: number;
  readonly resolve: (data: Buffer) => void;
  readonly reject: (error: Error) => void;
}

export class NbdClient {
  readonly #socket: Socket;
  readonly #pending = new Map<bigint, Pending>();
  #chunks: Buffer[] = [];
  #length = 0;
  #wanted: { bytes: number; resolve: (data: Buffer) => void; reject: (error: Error) => void } | undefined;
  #next = 1n;
  #failure: Error | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      this.#serve();
    });
    socket.on('error', error => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the connection to the disk has ended')));
  }

  /** @throws Error when nobody listens there or there is no such export. */
  static async connect(path: string, exportName: string): Promise<NbdClient> {
    const socket = createConnection(path);
    const client = new NbdClient(socket);
    await client.#take(GREETING_BYTES);
    const name = Buffer.from(exportName);
    const hello = Buffer.alloc(4 + 16 + 4 + name.length + 2);
    hello.writeUInt32BE(FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES, 0);
    hello.writeBigUInt64BE(OPTION_MAGIC, 4);
    hello.writeUInt32BE(OPTION_GO, 12);
    hello.writeUInt32BE(4 + name.length + 2, 16);
    hello.writeUInt32BE(name.length, 20);
    name.copy(hello, 24);
    socket.write(hello);
    for (;;) {
      const reply = await client.#take(20);
      if (reply.readBigUInt64BE(0) !== OPTION_REPLY_MAGIC) throw new Error('no NBD server');
      const type = reply.readUInt32BE(12);
      const length = reply.readUInt32BE(16);
      if (length > 0) await client.#take(length);
      if (type === REPLY_ACK) break;
      if (type >= 0x8000_0000) throw new Error(`the disk has no export ${exportName}`);
    }
    client.#answer().catch(error => client.#fail(error));
    return client;
  }

  read(offset: number, length: number): Promise<Buffer> {
    return this.#request(COMMAND.read, offset, length, undefined, length);
  }

  async write(offset: number, data: Uint8Array): Promise<void> {
    await this.#request(COMMAND.write, offset, data.length, data, 0);
  }

  /** What was written is on the disk when this returns. */
  async flush(): Promise<void> {
    await this.#request(COMMAND.flush, 0, 0, undefined, 0);
  }

  close(): void {
    this.#socket.end(requestHeader(COMMAND.disconnect, 0n, 0, 0));
    this.#socket.destroySoon();
  }

  #request(
    command: number,
    offset: number,
    length: number,
    data: Uint8Array | undefined,
    expects: number,
  ): Promise<Buffer> {
    if (this.#failure) return Promise.reject(this.#failure);
    const handle = this.#next++;
    return new Promise((resolve, reject) => {
      this.#pending.set(handle, { expects, resolve, reject });
      this.#socket.write(requestHeader(command, handle, offset, length));
      if (data) this.#socket.write(data);
    });
  }

  async #answer(): Promise<void> {
    for (;;) {
      const reply = await this.#take(REPLY_BYTES);
      if (reply.readUInt32BE(0) !== SIMPLE_REPLY_MAGIC) throw new Error('the disk answered with something else');
      const handle = reply.readBigUInt64BE(8);
      const pending = this.#pending.get(handle);
      if (!pending) throw new Error('the disk answered what nobody asked');
      this.#pending.delete(handle);
      const errno = reply.readUInt32BE(4);
      if (errno !== 0) pending.reject(new NbdError(errno));
      else pending.resolve(pending.expects > 0 ? await this.#take(pending.expects) : Buffer.alloc(0));
    }
  }

  /** The next bytes of the connection; one caller at a time. */
  #take(bytes: number): Promise<Buffer> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#wanted = { bytes, resolve, reject };
      this.#serve();
    });
  }

  #serve(): void {
    const wanted = this.#wanted;
    if (!wanted || this.#length < wanted.bytes) return;
    this.#wanted = undefined;
    const all = this.#chunks.length === 1 ? this.#chunks[0] : undefined;
    const joined = all ?? Buffer.concat(this.#chunks);
    this.#chunks = joined.length > wanted.bytes ? [joined.subarray(wanted.bytes)] : [];
    this.#length -= wanted.bytes;
    wanted.resolve(joined.subarray(0, wanted.bytes));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wanted?.reject(this.#failure);
    this.#wanted = undefined;
    for (const { reject } of this.#pending.values()) reject(this.#failure);
    this.#pending.clear();
  }
}

function requestHeader(command: number, handle: bigint, offset: number, length: number): Buffer {
  const header = Buffer.alloc(28);
  header.writeUInt32BE(REQUEST_MAGIC, 0);
  header.writeUInt16BE(command, 6);
  header.writeBigUInt64BE(handle, 8);
  header.writeBigUInt64BE(BigInt(offset), 16);
  header.writeUInt32BE(length, 24);
  return header;
}
