import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { accessRules } from './access.ts';
import { ensureFirstAccount } from './accounts/accounts.ts';
import { isOptedIn } from './accounts/regions.ts';
import { createAuthorizer } from './api/authorize.ts';
import { systemClock } from './api/clock.ts';
import { createDispatcher } from './api/dispatcher.ts';
import type { Services } from './api/services.ts';
import { secretSetting } from './api/settings.ts';
import { createUntil } from './api/until.ts';
import { EventLog } from './cloudtrail/log/event-log.ts';
import { createRecorder } from './cloudtrail/recorder.ts';
import { trailController } from './cloudtrail/trails/delivery.ts';
import { UserError } from './config/user-error.ts';
import { createBlockStore } from './ebs/block-store.ts';
import { draftController } from './ebs/controller.ts';
import { withDiskKeys } from './ec2/ebs-encryption/keyed-engine.ts';
import { FlowLogDelivery, lookEvery } from './ec2/flow-logs/delivery.ts';
import { flowLogs } from './ec2/flow-logs/model.ts';
import { ImageCache } from './ec2/images/image-cache.ts';
import { instances } from './ec2/instances/model.ts';
import { recordReachable } from './ec2/instances/outcomes.ts';
import { regionFacts } from './ec2/regions/catalogue.ts';
import { ec2Controllers } from './ec2/service.ts';
import { exportController } from './ec2/vm-import/export-controller.ts';
import { importController } from './ec2/vm-import/import-controller.ts';
import { restoreController, storeController } from './ec2/vm-import/store-controller.ts';
import { prepareRegion } from './ec2/vpcs/default-vpc.ts';
import { type Engine, EngineError } from './engine/engine.ts';
import { type Gateway, startGateway } from './gateway/server.ts';
import { SignatureFailures } from './gateway/signature-failures.ts';
import { LastUse } from './iam/last-use.ts';
import { openSecrets } from './iam/secrets.ts';
import { imageCacheDir } from './images/cache.ts';
import { keyController } from './kms/controller.ts';
import { createIdentitySigner } from './metadata/identity/signer.ts';
import { createMetadataService } from './metadata/service.ts';
import { operations } from './operations.ts';
import { addAdminRoute } from './server/admin.ts';
import { adminActions } from './server/admin-actions.ts';
import { rootCredentials } from './server/credentials.ts';
import { keyLookup } from './server/key-lookup.ts';
import { requestLogger } from './server/request-log.ts';
import { State } from './state/state.ts';
import { openSqliteStore, StoreError } from './state/stores/sqlite.ts';
import { isUnsignedOperation } from './sts/operations.ts';
import { fetchDocument } from './sts/web-identity/fetch-document.ts';
import { ProviderKeys } from './sts/web-identity/provider-keys.ts';
import { tables } from './tables.ts';

/** Bytes of recorded calls that are kept, compressed: some ten million of them. */
const eventBytes = 1024 ** 3;

/** Milliseconds between writes of when keys were last used. */
const lastUseEvery = 60_000;

export interface ServerOptions {
  readonly dataDir: string;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly engine: 'qemu' | 'simulator';
  /** CIDR of public addresses. */
  readonly publicPool: string;
  readonly uplink?: string | undefined;
  readonly accel?: string | undefined;
  /** Bytes that frozen guests may take on the disk; 0 switches fast starts off. */
  readonly warmBytes?: number | undefined;
  /** How many times over memory is promised to instances. */
  readonly memoryOvercommit?: number | undefined;
  /** The host's kernel keeps equal pages of guests once. */
  readonly pageSharing?: boolean | undefined;
  /** Volumes are held to the IOPS and throughput of their type; so unless it is false. */
  readonly volumeLimits?: boolean | undefined;
  /** Seconds that the credentials last which instances get of their roles. */
  readonly instanceCredentials?: number | undefined;
  readonly accountId?: string | undefined;
  readonly rootAccessKeyId?: string | undefined;
  readonly rootSecretAccessKey?: string | undefined;
  readonly imageCacheDir?: string | undefined;
  readonly log: (line: string) => void;
}

export interface RunningServer {
  readonly url: string;
  readonly port: number;
  readonly startedInMs: number;
  /** Ends the server; machines keep running. */
  close(): Promise<void>;
}

/**
 * Opens a data folder and serves it.
 * @throws UserError for what the user can mend: a folder or port in use, missing rights, bad settings.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const began = performance.now();
  const { dataDir, log } = options;
  const undo: (() => unknown)[] = [];
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const clock = systemClock;
    const store = openSqliteStore(dataDir);
    const events = new EventLog({
      directory: join(dataDir, 'cloudtrail'),
      store,
      clock,
      maximumBytes: eventBytes,
      log,
    });
    const state = new State(store, tables, events);
    // Closes the store too.
    undo.push(() => state.close());
    undo.push(async () => {
      await state.settled().catch(() => {});
      await events.close();
    });
    const recorder = createRecorder(state, clock, log);
    const credentials = rootCredentials(dataDir, options);
    const secrets = openSecrets(dataDir, state);
    ensureFirstAccount(state, secrets, credentials, clock.now());
    const lastUse = new LastUse();
    const flushing = setInterval(() => lastUse.flush(state), lastUseEvery);
    undo.push(() => {
      clearInterval(flushing);
      lastUse.flush(state);
    });
    const engine = withDiskKeys(await createEngine(options), state, secrets);
    const blocks = createBlockStore(engine.disks);
    undo.push(() => blocks.close());
    const imageCache = new ImageCache(options.imageCacheDir ?? imageCacheDir(), log);
    undo.push(() => imageCache.close());
    await imageCache.follow(state, () => clock.now());
    const buckets = join(dataDir, 'buckets');
    const imports = importController({
      state,
      disks: engine.disks,
      clock,
      buckets,
      downloads: join(dataDir, 'imports'),
      localFor: credentials.accountId,
    });
    const stores = { state, disks: engine.disks, clock, buckets, work: join(dataDir, 'imports') };
    const { controllers, removeOrphans } = ec2Controllers({
      state,
      engine,
      clock,
      log,
      volumeLimits: options.volumeLimits ?? true,
      others: [
        draftController({ state, disks: engine.disks, blocks, clock, secrets }),
        trailController({ state, events, clock, folder: buckets }),
        imports,
        exportController(state, engine.disks, buckets),
        storeController(stores),
        restoreController(stores),
        keyController(state, secrets, clock),
      ],
    });
    let gateway: Gateway | undefined;
    const metadata = createMetadataService({
      state,
      clock,
      identity: createIdentitySigner({ dir: join(dataDir, 'identity') }),
      secrets,
      tokenKey: secretSetting(state, secrets, 'metadata-token-key'),
      heard: instanceId => {
        const row = state.get(instances, instanceId);
        if (row !== undefined && row.reachableSince === undefined)
          state.write(tx => recordReachable(tx, instanceId, clock.now()));
      },
      credentialSeconds: options.instanceCredentials,
      api: (request, response) => {
        if (gateway === undefined) request.socket.destroy();
        else gateway.answer(request, response);
      },
      log,
    });
    undo.push(() => metadata.close());
    await engine.open({ machineChanged: id => controllers.wake('instances', id) }, metadata);
    undo.push(() => engine.close());
    // Before the engine: what runs must end, and not record that the engine refused it.
    undo.push(() => controllers.close());
    undo.push(() => imports.stop());
    const authorizer = createAuthorizer(accessRules);
    const services: Services = {
      buckets,
      verdict: authorizer.verdict,
      clock,
      engine,
      tokenKey: secretSetting(state, secrets, 'page-token-key'),
      secrets,
      lastUse,
      events,
      providerKeys: new ProviderKeys(fetchDocument),
      blocks,
      until: createUntil(state),
      publicPool: options.publicPool,
    };
    const handle = createDispatcher({
      state,
      services,
      operations,
      record: recorder.record,
      authorizer,
      prepareRegion: (_, account, region, now) => {
        prepareRegion(state, account, region, now);
        imageCache.publish(state, region, now);
      },
    });
    const accessKey = keyLookup(state, secrets);
    const failures = new SignatureFailures();
    const firstAccount = credentials.accountId;
    const actions = adminActions({ state, services, authorizer, handle, firstAccount });
    const endpoint = await startGateway({
      configure: server => addAdminRoute(server, { actions, accessKey, clock, failures, firstAccount }),
      host: options.host,
      port: options.port,
      handle: call => {
        lastUse.record(call, clock.now());
        return handle(call);
      },
      accessKey,
      unsigned: isUnsignedOperation,
      failures,
      clock,
      regions: name => regionFacts(name) !== undefined,
      optedIn: (account, region) => isOptedIn(state, account, region),
      log: requestLogger(log),
      refused: recorder.refused,
    });
    gateway = endpoint;
    undo.push(() => endpoint.close());
    controllers.start();
    const flowDelivery = new FlowLogDelivery({
      state,
      fabric: engine.fabric,
      clock,
      folder: buckets,
      log,
    });
    const deliverFlows = () => {
      flowDelivery.tick().catch((error: Error) => log(`flow logs: ${error.message}`));
    };
    const flowTimer = setInterval(deliverFlows, lookEvery);
    state.onCommit(changes => {
      if (changes.some(change => change.table === flowLogs.name && change.before === undefined)) deliverFlows();
    });
    undo.push(() => {
      clearInterval(flowTimer);
      return flowDelivery.idle();
    });
    void removeOrphans().catch((error: unknown) =>
      log(`clean-up: ${error instanceof Error ? error.message : String(error)}`),
    );
    const record = join(dataDir, 'server.json');
    writeFileSync(
      record,
      `${JSON.stringify({ pid: process.pid, url: endpoint.url, startedAt: Date.now(), host: options.host, port: endpoint.port })}\n`,
      { mode: 0o600 },
    );
    undo.push(() => rmSync(record, { force: true }));
    return {
      url: endpoint.url,
      port: endpoint.port,
      startedInMs: performance.now() - began,
      close: () => runAll(undo),
    };
  } catch (error) {
    await runAll(undo);
    throw asUserError(error, options);
  }
}

async function createEngine(options: ServerOptions): Promise<Engine> {
  if (options.engine === 'simulator') {
    const { createSimulator } = await import('./engine/simulator/simulator.ts');
    return createSimulator();
  }
  const { createQemuEngine } = await import('./engine/qemu/engine.ts');
  const { dataDir, publicPool, uplink, accel, warmBytes, memoryOvercommit, pageSharing, log } = options;
  /** KVM's self-test boots a real kernel where there is one. */
  const kernelDisk = async () => {
    const { cachedImages, imageFile } = await import('./images/cache.ts');
    const micro = (await cachedImages(options.imageCacheDir)).find(image => image.family === 'micro');
    return micro && imageFile(micro, options.imageCacheDir);
  };
  return createQemuEngine({
    dataDir,
    publicPool,
    uplink,
    accel,
    kernelDisk,
    warmBytes,
    memoryOvercommit,
    pageSharing,
    log,
  });
}

/** Undoes in reverse order. */
async function runAll(undo: (() => unknown)[]): Promise<void> {
  for (const step of undo.splice(0).reverse()) await step();
}

function asUserError(error: unknown, options: ServerOptions): unknown {
  if (error instanceof StoreError || error instanceof EngineError) return new UserError(error.message);
  if (error instanceof Error && 'code' in error) {
    if (error.code === 'EADDRINUSE') {
      return new UserError(
        `${options.host}:${options.port} is in use`,
        'Another server runs there; stop it, or choose another address with --listen HOST:PORT.',
      );
    }
    if (error.code === 'EACCES' || error.code === 'EPERM')
      return new UserError(
        `access is denied: ${error.message}`,
        'Run it with the rights for that, or choose another folder with --data.',
      );
    if (error.code === 'EADDRNOTAVAIL')
      return new UserError(
        `${options.host} is not an address of this machine`,
        'Choose another with --listen HOST:PORT.',
      );
  }
  return error;
}
