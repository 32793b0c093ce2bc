import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { ApiError } from '../api/errors.ts';
import { tooLarge } from './decompress.ts';
import { drain } from './drain.ts';
import { type ExchangeOptions, exchange } from './exchange.ts';
import { limits } from './limits.ts';

export type { RequestLog } from './exchange.ts';

export interface GatewayOptions extends ExchangeOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Adds further routes (console, documentation) before the server listens, when Fastify last allows it. */
  readonly configure?: (server: FastifyInstance) => void | Promise<void>;
}

export interface Gateway {
  /** Base URL of the endpoint, without a slash at its end. */
  readonly url: string;
  readonly port: number;
  readonly fastify: FastifyInstance;
  /** Answers a request that came in elsewhere, as if it had come to the endpoint. */
  answer(request: IncomingMessage, response: ServerResponse): void;
  /** Takes no further connection, lets running calls end, closes idle connections. */
  close(): Promise<void>;
}

/**
 * Starts the HTTP endpoint that all services share. Every path that has no route of its own belongs to the AWS
 * APIs, where nothing but a signed request does anything, whatever a browser was made to send.
 * @throws Error if the address cannot be listened on
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const server = createServer(options);
  await options.configure?.(server);
  await server.listen({ host: options.host, port: options.port });
  const address = server.server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server has no TCP address');
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  const { port } = address;
  return {
    url: `http://${host}:${port}`,
    port,
    fastify: server,
    answer: (request, response) => server.routing(request, response),
    close: () => server.close(),
  };
}

/** The models check what comes in, no route has a schema. Fastify would load its two schema compilers otherwise. */
const noSchemas = () => () => {
  throw new Error('routes here have no JSON schemas');
};

function createServer(options: GatewayOptions): FastifyInstance {
  const server = fastify({
    bodyLimit: limits.body,
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
    forceCloseConnections: 'idle',
    requestTimeout: 60_000,
    http: { maxHeaderSize: limits.header },
    routerOptions: { maxParamLength: limits.header, querystringParser: () => ({}) },
    clientErrorHandler,
    frameworkErrors: (_error, request, reply) =>
      respond(options, request as FastifyRequest, reply as FastifyReply, badUrl()),
  });
  let closing = false;
  server.addHook('preClose', async () => {
    closing = true;
  });
  server.addHook('onSend', async (_request, reply, payload) => {
    // Otherwise a client that keeps its connection would keep the server from ending.
    if (closing) reply.header('connection', 'close');
    return payload;
  });
  server.get('/_fogbank/health', (_request, reply) => reply.header('cache-control', 'no-store').send({ status: 'ok' }));
  server.register(async scope => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    scope.setErrorHandler((error, request, reply) => respond(options, request, reply, refusalOf(error)));
    scope.all('/*', (request, reply) => respond(options, request, reply));
  });
  server.setNotFoundHandler((request, reply) => respond(options, request, reply));
  return server;
}

async function respond(options: GatewayOptions, request: FastifyRequest, reply: FastifyReply, refusal?: ApiError) {
  const { method = '', url = '', headers, rawHeaders, socket } = request.raw;
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const sourceAddress = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  const http = { method, url, headers, rawHeaders, body, sourceAddress };
  const response = await exchange(options, http, refusal);
  if (refusal) {
    reply.header('connection', 'close');
    await drain(request.raw);
  }
  return reply.code(response.status).headers(response.headers).send(response.body);
}

/** The router could not decode the URL. */
const badUrl = (): ApiError => new ApiError('InvalidRequest', 'The URL is not valid: its path cannot be decoded', 400);

/** What Fastify found wrong before the route was reached. */
function refusalOf(error: unknown): ApiError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return tooLarge(limits.body);
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new ApiError('UnsupportedMediaType', 'The Content-Type is not a media type', 415);
  }
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 400;
  return new ApiError('InvalidRequest', 'The request is not valid HTTP', status >= 400 && status < 500 ? status : 400);
}

/** Answers what Node could not read as HTTP. The service that was meant is not known: the answer has EC2's form. */
function clientErrorHandler(error: Error & { code?: string }, socket: Socket): void {
  if (socket.destroyed || !socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [status, code, message] = clientErrors[error.code ?? ''] ?? [400, 'InvalidRequest', 'This is not valid HTTP'];
  const requestId = randomUUID();
  const body =
    `<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>${code}</Code>` +
    `<Message>${message}</Message></Error></Errors><RequestID>${requestId}</RequestID></Response>`;
  socket.end(
    `HTTP/1.1 ${status} ${code}\r\nconnection: close\r\ncontent-type: text/xml;charset=UTF-8\r\n` +
      `x-amzn-requestid: ${requestId}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

const clientErrors: Readonly<Record<string, readonly [status: number, code: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'RequestHeaderTooLarge', `The headers have more than ${limits.header} bytes`],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'RequestTimeout', 'The request did not arrive in time'],
};
