import { createHash } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Clock } from '../../api/clock.ts';
import { accountOf, regionOf } from '../../api/owner.ts';
import type { FabricDriver, FlowCount } from '../../engine/engine.ts';
import type { State } from '../../state/state.ts';
import { type NetworkInterfaceRow, networkInterfaces } from '../network-interfaces/model.ts';
import { stateNetwork } from '../reachability/state-network.ts';
import { zoneId } from '../regions/zones.ts';
import { type FlowRecord, headerOf, lineOf } from './format.ts';
import { type FlowLogRow, flowLogs } from './model.ts';
import { countsSince, flowKey, flowsAt } from './records.ts';

export interface DeliveryOptions {
  readonly state: State;
  readonly fabric: Pick<FabricDriver, 'flowCounts'>;
  readonly clock: Clock;
  /** Buckets are folders in it. */
  readonly folder: string;
  readonly log: (line: string) => void;
}

/** What a flow log was last told. */
interface Look {
  readonly time: number;
  readonly counts: ReadonlyMap<string, FlowCount>;
}

const compress = promisify(gzip);

/** Milliseconds between two calls of `tick`; an interval is at most so much shorter than it may be. */
export const lookEvery = 5_000;

/** Writes flow logs to files, as EC2 does to S3. */
export class FlowLogDelivery {
  readonly #options: DeliveryOptions;
  readonly #looks = new Map<string, Look>();
  #running: Promise<void> = Promise.resolve();

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /**
   * Looks at flow logs that are new, and writes those whose interval ends before the next call. To be called when one was
   * made, and every `lookEvery`; one call at a time works.
   */
  tick(): Promise<void> {
    this.#running = this.#running.catch(() => undefined).then(() => this.#tick());
    return this.#running;
  }

  /** Resolves when nothing is being written. */
  async idle(): Promise<void> {
    await this.#running.catch(() => undefined);
  }

  async #tick(): Promise<void> {
    const { state, fabric, clock } = this.#options;
    const rows = [...state.entries(flowLogs)].map(entry => entry.row);
    const present = new Set(rows.map(row => row.flowLogId));
    for (const id of this.#looks.keys()) if (!present.has(id)) this.#looks.delete(id);
    const time = clock.now();
    const due = rows.filter(row => {
      const before = this.#looks.get(row.flowLogId);
      return before === undefined || time - before.time > row.maxAggregationInterval * 1000 - lookEvery;
    });
    const counts = new Map<string, Promise<readonly FlowCount[]>>();
    for (const { vpcId } of due)
      if (!counts.has(vpcId))
        counts.set(
          vpcId,
          fabric.flowCounts(vpcId).catch(() => []),
        );
    for (const row of due) await this.#deliver(row, (await counts.get(row.vpcId)) ?? [], time);
  }

  async #deliver(row: FlowLogRow, now: readonly FlowCount[], time: number): Promise<void> {
    const before = this.#looks.get(row.flowLogId);
    this.#looks.set(row.flowLogId, { time, counts: new Map(now.map(flow => [flowKey(flow), flow])) });
    // What was before the log, or before the server's start, is not of its time.
    if (before === undefined) return;
    const records = this.#records(row, countsSince(before.counts, now), before.time, time);
    const failure = await this.#write(row, records, time).then(
      () => undefined,
      (error: Error) => error.message,
    );
    this.#recordOutcome(row.flowLogId, failure);
  }

  #records(row: FlowLogRow, flows: readonly FlowCount[], from: number, until: number): FlowRecord[] {
    const { state } = this.#options;
    const network = stateNetwork(state);
    const interval = { start: Math.floor(from / 1000), end: Math.floor(until / 1000) };
    return interfacesOf(state, row).flatMap(card => {
      const base = { ...placeOf(row, card), ...interval };
      const own = flowsAt(network, card, flows);
      const wanted = own.filter(flow => row.trafficType === 'ALL' || flow.action === row.trafficType);
      if (own.length === 0) return [base];
      return wanted.map(flow => ({ ...base, flow }));
    });
  }

  async #write(row: FlowLogRow, records: readonly FlowRecord[], time: number): Promise<void> {
    if (records.length === 0) return;
    const lines = [headerOf(row.logFormat), ...records.map(record => lineOf(row.logFormat, record))];
    const { folder, name } = fileOf(row, time);
    const directory = join(this.#options.folder, folder);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const path = join(directory, name);
    // Whoever finds the file finds all of it.
    await writeFile(`${path}.part`, await compress(`${lines.join('\n')}\n`), { mode: 0o600 });
    await rename(`${path}.part`, path);
  }

  #recordOutcome(flowLogId: string, failure: string | undefined): void {
    const { state, log } = this.#options;
    const row = state.get(flowLogs, flowLogId);
    if (row === undefined || row.deliveryError === failure) return;
    if (failure !== undefined) log(`${flowLogId}: ${failure}`);
    const { deliveryError: _former, ...rest } = row;
    state.write(tx => tx.put(flowLogs, failure === undefined ? rest : { ...rest, deliveryError: failure }));
  }
}

/** The interfaces that a flow log is about. */
function interfacesOf(state: State, row: FlowLogRow): NetworkInterfaceRow[] {
  const { resourceId } = row;
  if (resourceId.startsWith('eni-')) {
    const card = state.get(networkInterfaces, resourceId);
    return card === undefined ? [] : [card];
  }
  if (resourceId.startsWith('subnet-')) return state.by(networkInterfaces, 'subnet', resourceId);
  return state.by(networkInterfaces, 'vpc', resourceId);
}

function placeOf(row: FlowLogRow, card: NetworkInterfaceRow) {
  const { networkInterfaceId, vpcId, subnetId, attachment } = card;
  return {
    account: accountOf(row.owner),
    region: regionOf(row.owner),
    zoneId: zoneId(card.availabilityZone),
    networkInterfaceId,
    vpcId,
    subnetId,
    ...(attachment === undefined ? {} : { instanceId: attachment.instanceId }),
  };
}

/**
 * Where a file goes, as EC2 names objects.
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-path.html
 */
export function fileOf(row: FlowLogRow, time: number): { folder: string; name: string } {
  const account = accountOf(row.owner);
  const region = regionOf(row.owner);
  const stamp = new Date(time).toISOString();
  const [year = '', month = '', day = '', hour = ''] = stamp.split(/[-T:]/);
  const hive = row.hiveCompatiblePartitions;
  const named = (name: string, value: string) => (hive ? `${name}=${value}` : value);
  const parts = [
    row.logDestination.slice('arn:aws:s3:::'.length).replace(/\/+$/, ''),
    'AWSLogs',
    named('aws-account-id', account),
    hive ? 'aws-service=vpcflowlogs' : 'vpcflowlogs',
    named('aws-region', region),
    named('year', year),
    named('month', month),
    named('day', day),
    ...(row.perHourPartition ? [named('hour', hour)] : []),
  ];
  const minute = `${stamp.slice(0, 16).replaceAll(/[-:]/g, '')}Z`;
  const hash = createHash('sha256').update(`${row.flowLogId} ${stamp}`).digest('hex').slice(0, 8);
  return {
    folder: parts.join('/'),
    name: `${account}_vpcflowlogs_${region}_${row.flowLogId}_${minute}_${hash}.log.gz`,
  };
}
