import { spawn } from 'node:child_process';
import { Server, Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { EngineError } from '../../engine.ts';

const child = fileURLToPath(new URL('./metadata-socket.child.ts', import.meta.url));
const timeLimitMs = 20_000;

/**
 * A server that listens on port 80 of the metadata service's IPv4 or IPv6 address inside a network namespace, which has
 * that address. Connections show the caller's private or IPv6 address as `remoteAddress`; since the fabric drops what a port sends under another address, that names the port.
 * @throws EngineError `Failed`
 */
export function listenInNamespace(namespace: string, address: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const process_ = spawn(
      'nsenter',
      [`--net=/run/netns/${namespace}`, process.execPath, '--no-warnings', child, String(process.pid), address],
      {
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
        timeout: timeLimitMs,
      },
    );
    let server: Server | undefined;
    let problem = '';
    process_.stderr?.on('data', (chunk: Buffer) => {
      problem ||= chunk.toString().split('\n', 1)[0] ?? '';
    });
    process_.on('message', (message, handle) => {
      if (handle instanceof Server) {
        server = handle;
        process_.send('taken');
        resolve(handle);
      } else if (handle instanceof Socket) {
        server?.emit('connection', handle);
      } else if (typeof message === 'object' && message !== null && 'error' in message) {
        problem = String(message.error);
      }
    });
    const failed = (why: string) =>
      reject(new EngineError('Failed', `The metadata service cannot listen in ${namespace}: ${why}`));
    process_.on('error', error => failed(error.message));
    process_.on('close', code => failed(problem || `exit code ${code}`));
  });
}
