import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Does something accept connections there within a moment? */
export function isOpen(host: string, port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host, port, timeout: 300 });
    const end = (open: boolean): void => {
      socket.destroy();
      resolve(open);
    };
    socket.on('connect', () => end(true));
    socket.on('timeout', () => end(false));
    socket.on('error', () => end(false));
  });
}

/** Whether something accepts connections there before the time is over. `waiting` is called once if it does not at first. */
export async function waitUntilOpen(
  host: string,
  port: number,
  seconds: number,
  waiting: () => void,
): Promise<boolean> {
  const until = performance.now() + seconds * 1000;
  if (await isOpen(host, port)) return true;
  waiting();
  while (performance.now() < until) {
    await sleep(100);
    if (await isOpen(host, port)) return true;
  }
  return false;
}
