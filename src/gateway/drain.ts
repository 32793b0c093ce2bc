import type { IncomingMessage } from 'node:http';
import { limits } from './limits.ts';

/** Milliseconds that a refused client has to send the rest. */
const patience = 2_000;

/**
 * Reads and forgets what a refused client still sends, within bounds. A connection that is closed while data is unread is
 * reset, and the client may never see the answer.
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-9.6
 */
export function drain(request: IncomingMessage): Promise<void> {
  if (request.complete || request.destroyed) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  let bytes = 0;
  const timer = setTimeout(resolve, patience);
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > limits.drained) resolve();
  });
  for (const event of ['end', 'close', 'error'] as const) request.once(event, () => resolve());
  request.resume();
  return promise.finally(() => clearTimeout(timer));
}
