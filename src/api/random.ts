import { randomFillSync } from 'node:crypto';

const pool = Buffer.alloc(4096);
let used = pool.length;

/**
 * Random bytes for ids and addresses, in hexadecimal. They come from the system's generator, fetched in bulk: asking
 * it for each id took a tenth of a launch. Not for secrets, since the pool stays in memory.
 */
export function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString('hex', used - bytes, used);
}
