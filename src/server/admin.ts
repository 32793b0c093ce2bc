import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../api/clock.ts';
import { ApiError } from '../api/errors.ts';
import { readSignature, SignatureError } from '../gateway/signature-claim.ts';
import type { SignatureFailures } from '../gateway/signature-failures.ts';
import { type KeyLookup, verifySignature } from '../gateway/sigv4.ts';
import type { AdminAction } from './admin-actions.ts';
import { adminPath, adminService } from './admin-route.ts';

export interface AdminOptions {
  readonly actions: Readonly<Record<string, AdminAction>>;
  readonly accessKey: KeyLookup;
  readonly clock: Clock;
  /** Slows down who guesses at the key. */
  readonly failures?: SignatureFailures;
  /** Whose root may call: the account of `credentials.json`. */
  readonly firstAccount: string;
}

const bodyLimit = 1024 * 1024;

/**
 * Adds the route of what AWS has no API for. A call is `{ "action": …, "input": {…} }`, from this machine, signed by
 * the root of the first account; the answer is JSON, an error `{ "code", "message" }`.
 */
export function addAdminRoute(server: FastifyInstance, options: AdminOptions): void {
  server.register(async scope => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit }, (_request, body, done) => done(null, body));
    scope.post(adminPath, async (request, reply) => {
      try {
        return await answer(options, request, reply);
      } catch (error) {
        if (error instanceof SignatureError)
          await options.failures?.hold(error.fault, request.raw.socket.remoteAddress ?? '', options.clock.now());
        const { code, message, status } = spoken(error);
        return reply.code(status).send(JSON.stringify({ code, message }));
      }
    });
  });
}

async function answer(options: AdminOptions, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  reply.header('content-type', 'application/json').header('cache-control', 'no-store');
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  checkCaller(options, request, body);
  const { action, input } = bodyOf(body);
  const run = Object.hasOwn(options.actions, action) ? options.actions[action] : undefined;
  if (run === undefined) throw new ApiError('InvalidAction', `There is no action '${action}'.`);
  return reply.send(JSON.stringify((await run(input)) ?? {}));
}

/** @throws SignatureError, ApiError `AccessDenied` */
function checkCaller(options: AdminOptions, { raw }: FastifyRequest, body: Buffer): void {
  const address = (raw.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  if (!address.startsWith('127.') && address !== '::1') {
    throw new ApiError('AccessDenied', 'This is answered on the machine that the server runs on, and nowhere else.');
  }
  const { method = '', url = '', headers, rawHeaders } = raw;
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const signed = { method, path, query: mark < 0 ? '' : url.slice(mark + 1), headers, rawHeaders, body };
  const claim = readSignature(signed);
  if (claim.service !== adminService) throw new SignatureError('scope', 'The signature is for another service.');
  const { principal } = verifySignature(signed, claim, { accessKey: options.accessKey, now: options.clock.now() });
  if (principal.type !== 'root' || principal.account !== options.firstAccount || principal.session !== undefined) {
    throw new ApiError(
      'AccessDenied',
      `Only root of the account ${options.firstAccount} may do this, with a long-term key.`,
    );
  }
}

function bodyOf(body: Buffer): { action: string; input: Record<string, unknown> } {
  try {
    const value: unknown = JSON.parse(body.toString());
    const { action, input = {} } = Object(value) as Record<string, unknown>;
    if (typeof action === 'string' && typeof input === 'object' && input !== null)
      return { action, input: { ...input } };
  } catch {
    // Falls through to the message below.
  }
  throw new ApiError('ValidationError', 'The body must be JSON with an action and its input.');
}

function spoken(error: unknown): { code: string; message: string; status: number } {
  if (error instanceof ApiError) return error;
  if (error instanceof SignatureError) return { code: 'SignatureDoesNotMatch', message: error.message, status: 403 };
  throw error;
}
