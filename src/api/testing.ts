import { randomBytes, randomUUID } from 'node:crypto';
import { accessRules } from '../access.ts';
import { MemoryEvents } from '../cloudtrail/log/memory-events.ts';
import { createRecorder } from '../cloudtrail/recorder.ts';
import { createBlockStore } from '../ebs/block-store.ts';
import { prepareRegion } from '../ec2/vpcs/default-vpc.ts';
import type { DiskDriver, Engine } from '../engine/engine.ts';
import { createSimulatedDisks } from '../engine/simulator/disks.ts';
import { LastUse } from '../iam/last-use.ts';
import { createSecrets, type Secrets } from '../iam/secrets.ts';
import { operations } from '../operations.ts';
import { State } from '../state/state.ts';
import { MemoryStore } from '../state/stores/memory.ts';
import { ProviderKeys } from '../sts/web-identity/provider-keys.ts';
import { tables } from '../tables.ts';
import { type Authorizer, createAuthorizer } from './authorize.ts';
import type { Call, CallHandler, Principal } from './call.ts';
import { createDispatcher } from './dispatcher.ts';
import { ApiError } from './errors.ts';
import type { Services } from './services.ts';

/** A clock that tests move. */
export class TestClock {
  #now: number;
  constructor(now: number = Date.UTC(2026, 0, 31, 10, 0, 0)) {
    this.#now = now;
  }
  now(): number {
    return this.#now;
  }
  advance(milliseconds: number): void {
    this.#now += milliseconds;
  }
}

export interface CallOptions {
  readonly service?: string;
  readonly account?: string;
  readonly region?: string;
  /** Who calls, instead of the account's root. */
  readonly as?: Principal;
  readonly sourceAddress?: string;
}

export interface TestApi {
  readonly state: State;
  readonly store: MemoryStore;
  readonly clock: TestClock;
  readonly secrets: Secrets;
  readonly lastUse: LastUse;
  /** What CloudTrail has on record. */
  readonly events: MemoryEvents;
  /** What identity providers serve, by its URL. */
  readonly documents: Map<string, string>;
  readonly services: Services;
  readonly authorizer: Authorizer;
  readonly handle: CallHandler;
  readonly engine: Pick<Engine, 'name' | 'capabilities' | 'admit' | 'machines'>;
  /** What operations read and write blocks of snapshots of. */
  readonly disks: DiskDriver;
  /** Calls an operation as the root of an account; input and output as the SDK types them. */
  call<Output>(operation: string, input?: object, options?: CallOptions): Promise<Output>;
  /** Calls an operation that must fail and resolves to its error. */
  fail(operation: string, input?: object, options?: CallOptions): Promise<ApiError>;
}

/** The API without wire, signatures, or machines: for operation tests. Controllers do not run. */
export function createTestApi(
  engine: Pick<Engine, 'name' | 'capabilities' | 'admit' | 'machines'> = idleEngine,
  publicPool = '198.18.0.0/16',
): TestApi {
  const store = new MemoryStore();
  const events = new MemoryEvents();
  const state = new State(store, tables, events);
  const clock = new TestClock();
  const secrets = createSecrets(randomBytes(32));
  const lastUse = new LastUse();
  const documents = new Map<string, string>();
  const authorizer = createAuthorizer(accessRules);
  const disks = createSimulatedDisks();
  const services: Services = {
    buckets: '/nonexistent',
    verdict: authorizer.verdict,
    clock,
    engine,
    tokenKey: randomBytes(32),
    secrets,
    lastUse,
    events,
    providerKeys: new ProviderKeys(async url => {
      const found = documents.get(url);
      if (found === undefined) throw new Error(`${url} cannot be reached`);
      return found;
    }),
    blocks: createBlockStore(disks),
    until: async () => {},
    publicPool,
  };
  const handle = createDispatcher({
    state,
    authorizer,
    operations,
    prepareRegion,
    record: createRecorder(state, clock, incomplete).record,
    services,
  });
  const call = async <Output>(operation: string, input: object = {}, options: CallOptions = {}) => {
    const account = options.as?.account ?? options.account ?? '000000000000';
    const request: Call = {
      requestId: randomUUID(),
      service: options.service ?? 'ec2',
      operation,
      // What a client sends loses members that are undefined, as JSON does.
      input: structuredClone(input) as Record<string, unknown>,
      region: options.region ?? 'us-east-1',
      principal: options.as ?? {
        account,
        type: 'root',
        arn: `arn:aws:iam::${account}:root`,
        userId: account,
        accessKeyId: 'AKIATEST',
      },
      sourceAddress: options.sourceAddress ?? '127.0.0.1',
      userAgent: 'test',
    };
    return (await handle(request)) as Output;
  };
  const fail: TestApi['fail'] = async (operation, input, options) => {
    try {
      await call(operation, input, options);
    } catch (error) {
      if (error instanceof ApiError) return error;
      throw error;
    }
    throw new Error(`${operation} succeeded but should have failed`);
  };
  return {
    state,
    store,
    clock,
    secrets,
    lastUse,
    events,
    documents,
    services,
    authorizer,
    handle,
    engine,
    disks,
    call,
    fail,
  };
}

/** A call whose parameters or answer the record cannot show is a bug. */
function incomplete(line: string): never {
  throw new Error(line);
}

const idleEngine: Pick<Engine, 'name' | 'capabilities' | 'admit'> & { machines: Engine['machines'] } = {
  name: 'test',
  capabilities: {
    realMachines: false,
    consoleOutput: false,
    screenshot: false,
    hibernation: true,
    architectures: ['x86_64', 'arm64'],
  },
  admit: () => true,
  machines: {
    ensureRunning: async () => undefined,
    hibernate: async () => {},
    status: async () => ({ state: 'absent' }),
    pressPowerButton: async () => {},
    powerOff: async () => {},
    reset: async () => {},
    remove: async () => {},
    attachNic: async () => {},
    detachNic: async () => {},
    listNics: async () => [],
    attachDisk: async () => {},
    detachDisk: async () => {},
    listDisks: async () => [],
    setDiskLimits: async () => {},
    list: async () => [],
    consoleOutput: async () => new Uint8Array(),
    screenshot: async () => ({ width: 1, height: 1, rgb: new Uint8Array(3) }),
  },
};
