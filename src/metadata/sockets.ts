import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server, Socket } from 'node:net';
import type { MetadataListener } from '../engine/engine.ts';
import { type Answer, failure } from './answer.ts';
import type { MetadataRequest } from './service.ts';

// An import of its values would also load Node's WebSocket and HTTP/2 clients: 20 ms and 5 MB of every start.
const { createServer } = process.getBuiltinModule('node:http');

/** What a guest may take of this process. Times in milliseconds. */
export interface SocketLimits {
  readonly headerBytes: number;
  readonly connectionsPerVpc: number;
  readonly connectionsPerAddress: number;
  /** From the connection to the end of the request's headers. */
  readonly requestTime: number;
  /** From there until everything was taken by the client. */
  readonly answerTime: number;
}

const defaultLimits: SocketLimits = {
  headerBytes: 8192,
  connectionsPerVpc: 4096,
  connectionsPerAddress: 128,
  requestTime: 5000,
  answerTime: 30_000,
};

/** Takes a request whose headers were read. Nobody can send under another's address, which the socket shows. */
export type ApiListener = (request: IncomingMessage, response: ServerResponse) => void;

interface Connection {
  readonly vpcId: string;
  readonly address: string;
  deadline: NodeJS.Timeout;
}

/**
 * HTTP on the listening sockets of all VPCs. As on EC2, a connection carries one request and its answer.
 */
export function createSockets(options: {
  readonly answer: (vpcId: string, address: string, request: MetadataRequest) => Promise<Answer>;
  readonly api: ApiListener | undefined;
  readonly limits: Partial<SocketLimits> | undefined;
  readonly log: ((line: string) => void) | undefined;
}): MetadataListener & { close(): Promise<void> } {
  const limits = { ...defaultLimits, ...options.limits };
  /** One for each IP version that a VPC has. */
  const servers = new Map<string, Server[]>();
  const connections = new Map<Socket, Connection>();
  const perAddress = new Map<string, number>();

  // It listens nowhere itself: connections are given to it. Its own time limits work only while it listens.
  const http = createServer({ maxHeaderSize: limits.headerBytes, requireHostHeader: false }, (request, response) => {
    void respond(request, response);
  });
  http.maxRequestsPerSocket = 1;
  // Clients such as `nc` close their side after the request and wait: they get their answer all the same.
  Object.assign(http, { httpAllowHalfOpen: true });
  http.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
    socket.end(rawAnswer(failure(error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400)));
  });

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const connection = connections.get(request.socket);
    if (connection === undefined) return void request.socket.destroy();
    clearTimeout(connection.deadline);
    connection.deadline = expire(request.socket, limits.answerTime);
    if (options.api !== undefined && isApiCall(request)) return options.api(request, response);
    const answer = await options.answer(connection.vpcId, connection.address, {
      method: request.method ?? '',
      target: request.url ?? '',
      headers: request.headers,
    });
    if (response.destroyed) return;
    response.writeHead(answer.status, answer.reason, wireHeaders(answer).flat());
    response.end(answer.body);
  }

  function accept(vpcId: string, socket: Socket): void {
    const address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
    const counted = `${vpcId} ${address}`;
    const count = perAddress.get(counted) ?? 0;
    if (count >= limits.connectionsPerAddress) return void socket.destroy();
    perAddress.set(counted, count + 1);
    connections.set(socket, { vpcId, address, deadline: expire(socket, limits.requestTime) });
    socket.allowHalfOpen = true;
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      clearTimeout(connections.get(socket)?.deadline);
      connections.delete(socket);
      const left = (perAddress.get(counted) ?? 1) - 1;
      if (left === 0) perAddress.delete(counted);
      else perAddress.set(counted, left);
    });
    http.emit('connection', socket);
  }

  function closeVpc(vpcId: string): Promise<void> {
    const closed = (servers.get(vpcId) ?? []).map(
      server => new Promise<void>(resolve => void server.close(() => resolve())),
    );
    servers.delete(vpcId);
    for (const [socket, connection] of connections) if (connection.vpcId === vpcId) socket.destroy();
    return Promise.all(closed).then(() => undefined);
  }

  return {
    onListening(vpcId, server) {
      servers.set(vpcId, [...(servers.get(vpcId) ?? []), server]);
      server.maxConnections = limits.connectionsPerVpc;
      server.on('connection', socket => accept(vpcId, socket));
      server.on('error', error => options.log?.(`metadata: the socket of ${vpcId} failed: ${error.message}`));
    },
    onClosed(vpcId) {
      void closeVpc(vpcId);
    },
    async close() {
      await Promise.all([...servers.keys()].map(closeVpc));
    },
  };
}

/**
 * Whether a request is a call of one of AWS's APIs, which guests make under the same address: those are signed, or
 * sent to `/` by POST, which the metadata service allows nowhere.
 */
function isApiCall({ method, url, headers }: IncomingMessage): boolean {
  const toRoot = url === '/' || url?.startsWith('/?') === true;
  return (method === 'POST' && toRoot) || headers.authorization?.startsWith('AWS4-') === true;
}

/** Ends a connection that takes too long. */
function expire(socket: Socket, milliseconds: number): NodeJS.Timeout {
  return setTimeout(() => socket.destroy(), milliseconds).unref();
}

/** The headers of an answer with those of every answer. Node adds `Date`. */
function wireHeaders(answer: Answer): [string, string][] {
  const length = typeof answer.body === 'string' ? Buffer.byteLength(answer.body) : answer.body.length;
  return [
    ...answer.headers.map(([name, value]): [string, string] => [name, value]),
    ['Content-Length', length.toString()],
    ['Server', 'EC2ws'],
    ['Connection', 'close'],
  ];
}

/** An answer to what could not be read as HTTP. */
function rawAnswer(answer: Answer): string {
  const headers = wireHeaders(answer).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${answer.status} ${answer.reason}\r\nDate: ${new Date().toUTCString()}\r\n${headers.join('')}\r\n${answer.body}`;
}
