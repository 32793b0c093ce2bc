import type { RequestLog } from '../gateway/exchange.ts';

/**
 * One line a call that failed or changed something, none for reads that went well, so that a busy poller does not
 * fill the log. Never contains parameters: they may be secrets.
 */
export function requestLogger(log: (line: string) => void): (entry: Readonly<RequestLog>) => void {
  return entry => {
    const read = entry.status < 400 && /^(?:Describe|Get|List)/.test(entry.operation ?? '');
    if (read) return;
    const what = entry.operation === undefined ? 'request' : `${entry.service ?? '?'}:${entry.operation}`;
    const outcome = entry.code === undefined ? String(entry.status) : `${entry.status} ${entry.code}`;
    log(`${entry.requestId} ${what} ${entry.region ?? '-'} ${outcome} ${entry.durationMs.toFixed(1)} ms`);
    if (entry.cause !== undefined) {
      log(
        `${entry.requestId} cause: ${entry.cause instanceof Error ? (entry.cause.stack ?? entry.cause.message) : String(entry.cause)}`,
      );
    }
  };
}
