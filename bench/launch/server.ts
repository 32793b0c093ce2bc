import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readCredentials } from '../../src/cli/server-files.ts';
import { listWarmImages } from '../../src/engine/qemu/warm/store.ts';
import { run } from '../../test/support/process.ts';
import { QueryClient } from '../../test/support/query-client.ts';
import { end, outputOf, residentMiB } from '../process.ts';
import { launcher } from '../servers.ts';

const publicPool = '198.19.118.0/24';

export interface Launched {
  readonly id: string;
  readonly address: string;
}

/** A server with real machines, a key pair and a group that lets SSH in. */
export class BenchServer {
  readonly dataDir: string;
  readonly client: QueryClient;
  /** Milliseconds from the start of the process to the first answer. */
  readonly startMs: number;
  /** MiB of memory when idle. */
  readonly idleMiB: number;
  readonly #folder: string;
  readonly #process: ChildProcess;
  #group = '';

  private constructor(folder: string, process: ChildProcess, client: QueryClient, startMs: number, idleMiB: number) {
    this.#folder = folder;
    this.dataDir = join(folder, 'data');
    this.#process = process;
    this.client = client;
    this.startMs = startMs;
    this.idleMiB = idleMiB;
  }

  static async start(...flags: string[]): Promise<BenchServer> {
    const folder = mkdtempSync(join(tmpdir(), 'fogbank-bench-'));
    const data = join(folder, 'data');
    const common = ['--engine', 'qemu', '--data', data, '--public-pool', publicPool];
    const began = performance.now();
    const words = ['up', '--listen', '127.0.0.1:0', ...common, ...flags];
    const process = spawn(launcher, words, { stdio: ['ignore', 'pipe', 'pipe'] });
    const [, endpoint = ''] = await outputOf(process, /^fogbank is ready on (\S+) in/m);
    const startMs = performance.now() - began;
    const key = readCredentials(data);
    if (key === undefined) throw new Error('the server wrote no credentials');
    await sleep(1_000);
    const client = new QueryClient(endpoint, key);
    const server = new BenchServer(folder, process, client, startMs, residentMiB(process.pid));
    await server.#prepare();
    return server;
  }

  async stop(): Promise<void> {
    this.client.close();
    await run(launcher, ['down', '--data', this.dataDir, '--public-pool', publicPool]);
    await end(this.#process, 'SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #prepare(): Promise<void> {
    const pair = await this.client.ok('CreateKeyPair', { KeyName: 'bench', KeyType: 'ed25519' });
    writeFileSync(this.#keyFile, pair.get('keyMaterial') ?? '', { mode: 0o600 });
    const created = await this.client.ok('CreateSecurityGroup', { GroupName: 'bench', GroupDescription: 'bench' });
    this.#group = created.get('groupId') ?? '';
    const ssh = { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '0.0.0.0/0' }] };
    await this.client.ok('AuthorizeSecurityGroupIngress', { GroupId: this.#group, IpPermissions: [ssh] });
  }

  get #keyFile(): string {
    return join(this.#folder, 'key.pem');
  }

  /** The AMI of a name pattern; undefined when it is not built. */
  async image(name: string): Promise<string | undefined> {
    const images = await this.client.ok('DescribeImages', { Filter: [{ Name: 'name', Value: [name] }] });
    return images.items('imagesSet')[0]?.get('imageId');
  }

  async launch(imageId: string, type: string, count = 1, userData?: string): Promise<Launched[]> {
    const launch = { ImageId: imageId, InstanceType: type, KeyName: 'bench', SecurityGroupId: [this.#group] };
    const data = userData === undefined ? {} : { UserData: Buffer.from(userData).toString('base64') };
    const answer = await this.client.ok('RunInstances', { ...launch, ...data, MinCount: count, MaxCount: count });
    return answer.items('instancesSet').map(item => ({
      id: item.get('instanceId') ?? '',
      address: item.get('ipAddress') ?? '',
    }));
  }

  /** Runs a command in an instance as soon as it lets somebody in, or as soon as it succeeds. */
  async login(instance: Launched, user: string, longest: number, command = 'true'): Promise<string> {
    const until = performance.now() + longest * 1000;
    let { address } = instance;
    const settings = [
      'BatchMode=yes',
      'StrictHostKeyChecking=no',
      'UserKnownHostsFile=/dev/null',
      'LogLevel=ERROR',
      'ConnectTimeout=2',
    ];
    for (;;) {
      if (address === '') {
        const shown = await this.client.ok('DescribeInstances', { InstanceId: [instance.id] });
        address = shown.get('reservationSet', 'item', 'instancesSet', 'item', 'ipAddress') ?? '';
      } else if (await answers(address)) {
        const words = [...settings.flatMap(one => ['-o', one]), '-i', this.#keyFile, `${user}@${address}`, command];
        const result = await run('ssh', words);
        if (result.code === 0) return result.stdout;
      }
      if (performance.now() > until) throw new Error(`${instance.id} let nobody in within ${longest} s`);
      await sleep(20);
    }
  }

  async terminate(instances: readonly Launched[]): Promise<void> {
    await this.client.ok('TerminateInstances', { InstanceId: instances.map(({ id }) => id) });
    await this.inState(instances, 'terminated');
  }

  async inState(instances: readonly Launched[], wanted: string): Promise<void> {
    for (;;) {
      const shown = await this.client.ok('DescribeInstances', { InstanceId: instances.map(({ id }) => id) });
      const states = shown
        .items('reservationSet')
        .flatMap(reservation => reservation.items('instancesSet').map(item => item.get('instanceState', 'name')));
      if (states.every(state => state === wanted)) return;
      const failed = states.filter(state => wanted === 'running' && state !== 'running' && state !== 'pending').length;
      if (failed > 0) throw new Error(`${failed} instances ended instead of running`);
      await sleep(100);
    }
  }

  /** Waits for the frozen guest of a type, from which later launches continue. */
  async warm(type: string, longest: number): Promise<{ bootMs: number; bytes: number }> {
    const until = performance.now() + longest * 1000;
    for (;;) {
      const image = (await listWarmImages(this.dataDir)).find(({ instanceType }) => instanceType === type);
      if (image) return image;
      if (performance.now() > until) throw new Error(`no frozen guest of ${type} within ${longest} s`);
      await sleep(200);
    }
  }
}

/** Does something greet at port 22? Cheaper than to start an SSH client every 20 ms. */
async function answers(address: string): Promise<boolean> {
  const { createConnection } = await import('node:net');
  return new Promise(resolve => {
    const socket = createConnection({ host: address, port: 22 });
    const finish = (result: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const timer = setTimeout(() => finish(false), 150);
    socket.once('data', () => finish(true));
    socket.once('error', () => finish(false));
    socket.once('close', () => finish(false));
  });
}
