import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../api/clock.ts';
import type { Controller } from '../../controllers/controllers.ts';
import type { Change, State } from '../../state/state.ts';
import type { EventReader } from '../log/reader.ts';
import type { TrailEvent } from '../record/event.ts';
import { globalRegion } from '../record/record.ts';
import { logFilePath, writeLogFile } from './files.ts';
import { type Delivery, type TrailLogRow, type TrailRow, trailLogs, trails } from './model.ts';
import { everything, selects } from './selectors.ts';

export interface DeliveryOptions {
  readonly state: State;
  readonly events: EventReader;
  readonly clock: Clock;
  /** Has a folder for each bucket. */
  readonly folder: string;
}

/** Milliseconds between two deliveries of a trail. AWS takes five minutes on the average. */
export const deliverEvery = 60_000;
/** Events that are looked at for one delivery, and between two turns of the event loop. */
const largestDelivery = 20_000;
const atOnce = 500;
/** Milliseconds until the event of the call that ends a trail is looked for again. */
const lookAgain = 1_000;

/**
 * Delivers the events of trails: each event once, whatever crashes. A delivery is first written down (up to which event,
 * when), then its files are written, then it is crossed out; when it is repeated it makes the same files again.
 */
export function trailController({ state, events, clock, folder }: DeliveryOptions): Controller {
  const set = (log: TrailLogRow) => state.write(tx => tx.put(trailLogs, log));

  async function reconcile(trailArn: string): Promise<number | undefined> {
    const log = state.get(trailLogs, trailArn);
    const trail = state.get(trails, trailArn);
    if (log === undefined || trail === undefined) return undefined;
    if (log.delivery === undefined) {
      const isEnding = log.lastRequest !== undefined;
      if (!log.isLogging && !isEnding) {
        if (trail.isDeleted) forget(trailArn);
        return undefined;
      }
      const wait = (log.attempted ?? log.started ?? 0) + deliverEvery - clock.now();
      if (!isEnding && wait > 0) return wait;
      const safe = await events.sync();
      // A loss of power may have taken events that were never safe.
      const position = Math.min(log.position, safe);
      const through = Math.min(safe, position + largestDelivery);
      if (through <= position) return isEnding ? lookAgain : deliverEvery;
      // Nobody but this controller changes the rest while a delivery is under way.
      const now = state.get(trailLogs, trailArn);
      if (now !== undefined) set({ ...now, position, delivery: { through, at: clock.now(), trail } });
      await state.settled();
    }
    const begun = state.get(trailLogs, trailArn);
    if (begun?.delivery === undefined) return 0;
    await deliver(begun, begun.delivery);
    return 0;
  }

  async function deliver(log: TrailLogRow, delivery: Delivery): Promise<void> {
    const { trail, at } = delivery;
    const files = new Map<string, string[]>();
    let sawEnd = false;
    for (let after = log.position; after < delivery.through && !sawEnd; after += atOnce) {
      const through = Math.min(after + atOnce, delivery.through);
      for (const { text } of events.following(after, through)) {
        // Most events of an installation with several accounts are no concern of this trail.
        if (!text.includes(`"recipientAccountId":"${trail.account}"`)) continue;
        const event = JSON.parse(text) as TrailEvent;
        if (concerns(trail, event)) {
          const file = files.get(event.awsRegion);
          if (file === undefined) files.set(event.awsRegion, [text]);
          else file.push(text);
        }
        sawEnd = event.requestID === log.lastRequest;
        if (sawEnd) break;
      }
      await nextTurn();
    }
    for (const [region, texts] of files) {
      const path = logFilePath({ trail, region, at, first: log.position + 1 });
      await writeLogFile(join(folder, path), texts);
    }
    const now = state.get(trailLogs, log.trailArn);
    // Another trail may have got its name.
    if (now?.delivery?.at !== at || now.delivery.through !== delivery.through) return;
    const { delivery: _done, error: _error, lastRequest, ...rest } = now;
    set({
      ...rest,
      position: delivery.through,
      attempted: at,
      ...(files.size > 0 && { delivered: at }),
      ...(lastRequest !== undefined && !(sawEnd && lastRequest === log.lastRequest) && { lastRequest }),
    });
  }

  function forget(trailArn: string): void {
    state.write(tx => {
      tx.delete(trails, trailArn);
      tx.delete(trailLogs, trailArn);
    });
  }

  return {
    name: 'trails',
    watch: change => (change.table === trails.name || isSwitched(change) ? [change.key] : []),
    initial: () => Array.from(state.entries(trails), ({ key }) => key),
    reconcile,
    failed: (trailArn, error) => {
      const log = state.get(trailLogs, trailArn);
      if (log !== undefined) set({ ...log, attempted: clock.now(), error: reasonOf(error) });
    },
    concurrency: 1,
  };
}

/** Whether a trail was started or stopped. What this controller itself writes must not wake it before its time. */
function isSwitched({ table, before, after }: Change): boolean {
  if (table !== trailLogs.name) return false;
  const [was, is] = [before, after] as (TrailLogRow | undefined)[];
  return was?.isLogging !== is?.isLogging || was?.lastRequest !== is?.lastRequest;
}

/** Whether an event is one of those that a trail delivers. */
function concerns(trail: TrailRow, event: TrailEvent): boolean {
  if (event.recipientAccountId !== trail.account) return false;
  if (!trail.isMultiRegion && event.awsRegion !== trail.homeRegion) return false;
  if (!trail.includeGlobalServiceEvents && isGlobal(event)) return false;
  return selects(trail.selectors ?? everything, event);
}

/** Events of IAM, and of STS's global endpoint. */
function isGlobal({ eventSource, awsRegion }: TrailEvent): boolean {
  return eventSource === 'iam.amazonaws.com' || (eventSource === 'sts.amazonaws.com' && awsRegion === globalRegion);
}

/** An error in the words of S3, where it has some. */
function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return 'AccessDenied';
  if (code === 'ENOTDIR' || code === 'EEXIST') return 'NoSuchBucket';
  return code ?? (error instanceof Error ? error.message : 'InternalError');
}
