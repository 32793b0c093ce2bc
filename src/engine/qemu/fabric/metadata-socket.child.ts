import { createServer, type Server, type Socket } from 'node:net';
import { metadataAddress } from './layout.ts';

/**
 * Runs for a moment inside a VPC's network namespace: makes the metadata service's listening socket there and hands
 * it to the server over the IPC channel. A connection that arrives in between is handed over too.
 */

function hand(message: unknown, handle?: Server | Socket): void {
  process.send?.(message, handle);
}

const server = createServer({ pauseOnConnect: true }, socket => hand('connection', socket));
server.on('error', error => {
  hand({ error: error.message });
  process.disconnect?.();
});
server.listen({ host: metadataAddress, port: 80, backlog: 511 }, () => hand('listening', server));
process.on('message', () => server.close(() => process.disconnect?.()));
