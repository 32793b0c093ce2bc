import type { TrailEvent } from '../../src/cloudtrail/record/event.ts';
import type { CallLedger } from '../support/query-client.ts';

/** What is known of a call: it was answered, with an error or none; or what became of it was found out later. */
type Fate = 'answered' | 'refused' | 'unanswered' | 'happened' | 'vanished';

interface CallEntry {
  readonly action: string;
  fate: Fate;
}

const prefix = 'crash-test';

/** All calls that a client has made, by the user agents that it sent with them. */
export class Ledger implements CallLedger {
  readonly account: string;
  readonly #name: string;
  readonly #calls = new Map<string, CallEntry>();
  #last: CallEntry | undefined;

  /** @param name differs from those of other ledgers */
  constructor(name: string, account: string) {
    this.#name = name;
    this.account = account;
  }

  get size(): number {
    return this.#calls.size;
  }

  has(userAgent: string): boolean {
    return this.#calls.has(userAgent);
  }

  begin(action: string): string {
    const userAgent = `${prefix}/${this.#name}-${this.#calls.size}`;
    this.#last = { action, fate: 'unanswered' };
    this.#calls.set(userAgent, this.#last);
    return userAgent;
  }

  answered(userAgent: string, code: string | undefined): void {
    const call = this.#calls.get(userAgent);
    if (call !== undefined) call.fate = code === undefined ? 'answered' : 'refused';
  }

  /** The effect of the last call, which was not answered, is there. */
  happened(): void {
    if (this.#last !== undefined) this.#last.fate = 'happened';
  }

  /** The last call, which was not answered, has had no effect. */
  vanished(): void {
    if (this.#last !== undefined) this.#last.fate = 'vanished';
  }

  /** What is wrong with the events of these calls, a line each. @param events all that there are, by user agent */
  compare(events: ReadonlyMap<string, readonly TrailEvent[]>): string[] {
    const wrong: string[] = [];
    for (const [userAgent, { action, fate }] of this.#calls) {
      const found = events.get(userAgent) ?? [];
      const problem = found.length > 1 ? `${found.length} events` : this.#problem(action, fate, found[0]);
      if (problem !== undefined) wrong.push(`${userAgent} ${action} (${fate}): ${problem}`);
    }
    return wrong;
  }

  #problem(action: string, fate: Fate, event: TrailEvent | undefined): string | undefined {
    // Nobody knows whether it arrived; its event, if there is one, tells.
    if (event === undefined) return fate === 'unanswered' || fate === 'vanished' ? undefined : 'no event';
    const { eventName, errorCode, recipientAccountId } = event;
    if (eventName !== action) return `an event of ${eventName}`;
    if (recipientAccountId !== this.account) return `an event in account ${recipientAccountId}`;
    if ((fate === 'answered' || fate === 'happened') && errorCode !== undefined) return `an event with ${errorCode}`;
    if ((fate === 'refused' || fate === 'vanished') && errorCode === undefined) return 'an event of success';
    return undefined;
  }
}

/** Events by the user agents of calls that are in a ledger. */
export function byUserAgent(events: Iterable<TrailEvent>): Map<string, TrailEvent[]> {
  const found = new Map<string, TrailEvent[]>();
  for (const event of events) {
    if (!event.userAgent.startsWith(`${prefix}/`)) continue;
    const same = found.get(event.userAgent);
    if (same === undefined) found.set(event.userAgent, [event]);
    else same.push(event);
  }
  return found;
}
