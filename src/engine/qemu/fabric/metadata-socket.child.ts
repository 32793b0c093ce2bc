import { createServer, type Server, type Socket } from 'node:net';

/**
 * Runs for a moment inside a VPC's network namespace: makes the metadata service's listening socket there and hands
 * it to the server over the IPC channel. Arguments: the server's process ID, the address. A connection that arrives in between is handed over too.
 */

const retryMs = 20;
const giveUpAt = Date.now() + 5000;

function hand(message: unknown, handle?: Server | Socket): void {
  process.send?.(message, handle, undefined, () => undefined);
}

function listen(): void {
  server.listen({ host: process.argv[3], port: 80, ipv6Only: true, backlog: 511 });
}

const server = createServer({ pauseOnConnect: true }, socket => hand('connection', socket));
server.on('listening', () => hand('listening', server));
server.on('error', (error: NodeJS.ErrnoException) => {
  // A server that was killed may have left a child like this one, which is about to notice.
  if (error.code === 'EADDRINUSE' && Date.now() < giveUpAt) {
    setTimeout(listen, retryMs);
    return;
  }
  process.send?.({ error: error.message }, undefined, undefined, () => process.exit(1));
});
process.on('disconnect', () => process.exit());
// The end of the channel goes unnoticed while a handle waits for its receipt, so a killed server is looked for, too.
setInterval(() => {
  if (process.ppid !== Number(process.argv[2])) process.exit();
}, retryMs);
process.on('message', () => server.close(() => process.exit()));
listen();
