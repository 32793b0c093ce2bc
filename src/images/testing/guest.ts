import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, openSync } from 'node:fs';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { isObject, Qmp } from '../../engine/qemu/qmp.ts';
import { machineArguments } from './machine-arguments.ts';

const exec = promisify(execFile);

export const GUEST_ADDRESS = '172.31.0.10';
const GATEWAY = '172.31.0.1';
export const GUEST_MAC = '02:00:00:00:00:0a';

export type Items = Record<string, string | { base64: string }>;

/** A network namespace with DHCP, a metadata service and room for one machine: what an image meets in a subnet. */
export class TestNetwork {
  readonly folder: string;
  readonly name: string;
  readonly #children: ChildProcess[] = [];

  private constructor(folder: string, name: string) {
    this.folder = folder;
    this.name = name;
  }

  static async create(items: Items): Promise<TestNetwork> {
    const folder = await mkdtemp(join(tmpdir(), 'fogbank-image-test-'));
    const network = new TestNetwork(folder, `fbimg-${randomBytes(3).toString('hex')}`);
    await network.#open(items);
    return network;
  }

  /** An ED25519 key made for this network. */
  get keyFile(): string {
    return join(this.folder, 'key');
  }

  async setItems(items: Items): Promise<void> {
    await writeFile(join(this.folder, 'items.json'), JSON.stringify(items));
  }

  async publicKey(): Promise<string> {
    return (await readFile(`${this.keyFile}.pub`, 'utf8')).trim();
  }

  /** Requests that the metadata service has seen, one a line. */
  metadataLog(): Promise<string> {
    return readFile(join(this.folder, 'metadata.log'), 'utf8');
  }

  async close(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    await exec('ip', ['netns', 'del', this.name]).catch(() => undefined);
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Starts a program inside the namespace; its output goes to `log` in the folder. */
  start(log: string, argv: readonly string[]): ChildProcess {
    const out = openSync(join(this.folder, log), 'a');
    const child = spawn('ip', ['netns', 'exec', this.name, ...argv], { stdio: ['ignore', out, out] });
    this.#children.push(child);
    return child;
  }

  /** Runs a program inside the namespace to its end. */
  async run(argv: readonly string[], timeout = 60_000): Promise<string> {
    const { stdout } = await exec('ip', ['netns', 'exec', this.name, ...argv], { timeout, encoding: 'utf8' });
    return stdout;
  }

  async #open(items: Items): Promise<void> {
    const inside = (...argv: string[]): Promise<string> => this.run(argv);
    await exec('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', this.keyFile]);
    await this.setItems({ 'meta-data/public-keys/0/openssh-key': await this.publicKey(), ...items });
    await exec('ip', ['netns', 'add', this.name]);
    await inside('ip', 'link', 'set', 'lo', 'up');
    await inside('ip', 'tuntap', 'add', 'dev', 'tap0', 'mode', 'tap');
    await inside('ip', 'addr', 'add', `${GATEWAY}/20`, 'dev', 'tap0');
    await inside('ip', 'addr', 'add', '169.254.169.254/32', 'dev', 'lo');
    await inside('ip', 'link', 'set', 'tap0', 'up');
    // A fixed neighbour: no wait for an address resolution that failed while the guest was starting.
    await inside('ip', 'neigh', 'add', GUEST_ADDRESS, 'lladdr', GUEST_MAC, 'dev', 'tap0', 'nud', 'permanent');
    const dnsmasq = [
      'dnsmasq',
      '--keep-in-foreground',
      '--conf-file=/dev/null',
      '--interface=tap0',
      '--bind-interfaces',
    ];
    const lease = [
      `--dhcp-host=${GUEST_MAC},${GUEST_ADDRESS},ip-172-31-0-10`,
      '--dhcp-range=172.31.0.0,static,255.255.240.0',
    ];
    const more = ['--domain=ec2.internal', '--dhcp-authoritative', '--no-resolv', '--no-hosts', '--leasefile-ro'];
    this.start('dnsmasq.log', [...dnsmasq, ...lease, ...more, '--user=root', `--dhcp-option=3,${GATEWAY}`]);
    const server = join(import.meta.dirname, 'metadata-server.ts');
    this.start('metadata.log', [process.execPath, server, join(this.folder, 'items.json')]);
  }
}

export interface GuestOptions {
  /** qcow2 file that the machine's own disk is laid over. */
  image: string;
  instanceId: string;
  memoryMib?: number;
  cpus?: number;
  diskGib?: number;
  /** Keep the disk that an earlier machine of this network left. */
  sameDisk?: boolean;
}

/** A machine as the qemu engine makes it, for tests of images alone. Without KVM, as that does not work everywhere. */
export class Guest {
  readonly #network: TestNetwork;
  readonly #child: ChildProcess;
  readonly started = performance.now();

  private constructor(network: TestNetwork, child: ChildProcess) {
    this.#network = network;
    this.#child = child;
  }

  static async boot(network: TestNetwork, options: GuestOptions): Promise<Guest> {
    const disk = join(network.folder, 'disk.qcow2');
    if (!options.sameDisk || !existsSync(disk)) {
      const size = options.diskGib ? [`${options.diskGib}G`] : [];
      await exec('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', options.image, disk, ...size]);
    }
    const argv = machineArguments({
      folder: network.folder,
      instanceId: options.instanceId,
      uuid: newUuid(),
      disk,
      memoryMib: options.memoryMib ?? 1024,
      cpus: options.cpus ?? 2,
      nic: { tap: 'tap0', mac: GUEST_MAC },
    });
    const child = network.start('qemu.log', ['qemu-system-x86_64', ...argv]);
    return new Guest(network, child);
  }

  /** Everything that came out of the serial port. */
  console(): Promise<string> {
    return readFile(join(this.#network.folder, 'console.log'), 'utf8').catch(() => '');
  }

  /** Runs a command by SSH as `user`; waits up to `timeout` ms for SSH to answer. */
  async ssh(user: string, command: string, timeout = 30_000): Promise<string> {
    const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'BatchMode=yes', 'ConnectTimeout=1'];
    const argv = ['ssh', '-q', '-i', this.#network.keyFile, ...options.flatMap(option => ['-o', option])];
    const until = performance.now() + timeout;
    for (;;) {
      try {
        return await this.#network.run([...argv, `${user}@${GUEST_ADDRESS}`, command], timeout);
      } catch (error) {
        const unreachable = error instanceof Error && 'code' in error && error.code === 255;
        if (!unreachable || performance.now() > until || this.#child.exitCode !== null) throw error;
        await sleep(100);
      }
    }
  }

  /** Processor seconds that the machine has used: on a busy computer a better measure than the clock. */
  async cpuSeconds(): Promise<number> {
    const stat = await readFile(`/proc/${this.#child.pid}/stat`, 'utf8');
    // Fields 14 and 15, counted after the name in parentheses; in hundredths of a second.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  /** Sends one QMP command. */
  async qmp(execute: string, args: Record<string, unknown> = {}): Promise<string> {
    const socket = connect(join(this.#network.folder, 'qmp.sock'));
    const commands = [{ execute: 'qmp_capabilities' }, { execute, arguments: args }];
    socket.write(commands.map(command => JSON.stringify(command)).join('\n'));
    let text = '';
    for await (const chunk of socket) {
      text += String(chunk);
      if (text.split('"return"').length + text.split('"error"').length > 3) break;
    }
    socket.destroy();
    return text;
  }

  /**
   * Plugs an empty disk into the running machine, under the name that a user chose for it.
   * @param acpiIndex tells the guest the name: 100 + the letters after `/dev/sd` or `/dev/xvd` as a number (a = 1).
   */
  async plugDisk(gib: number, acpiIndex: number): Promise<void> {
    const filename = join(this.#network.folder, 'plugged.raw');
    await exec('qemu-img', ['create', '-q', '-f', 'raw', filename, `${gib}G`]);
    await this.qmp('blockdev-add', { driver: 'raw', 'node-name': 'plugged', file: { driver: 'file', filename } });
    const place = { bus: 'slots', addr: '0x7', 'disable-legacy': 'on', 'acpi-index': acpiIndex };
    await this.qmp('device_add', { driver: 'virtio-blk-pci', id: 'plugged', drive: 'plugged', ...place });
  }

  /** Waits for the machine to end by itself. @returns false when it did not within `timeout` ms. */
  async ended(timeout: number): Promise<boolean> {
    const until = performance.now() + timeout;
    while (this.#child.exitCode === null && this.#child.signalCode === null) {
      if (performance.now() > until) return false;
      await sleep(50);
    }
    return true;
  }

  /**
   * Boots an image as the machine that clones are made from (no interface, an instance id that begins with `i-w`),
   * waits until the guest says that it may be copied, and copies it: RAM, device state, disk.
   */
  static async freeze(
    network: TestNetwork,
    options: Omit<GuestOptions, 'instanceId'>,
    timeout: number,
  ): Promise<Frozen> {
    const folder = await mkdtemp(join(network.folder, 'frozen-'));
    const frozen: Frozen = { folder, memoryMib: options.memoryMib ?? 1024, cpus: options.cpus ?? 2, uuid: newUuid() };
    const disk = join(folder, 'disk.qcow2');
    await exec('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', options.image, disk]);
    const ram = join(folder, 'ram');
    await writeFile(ram, '');
    await truncate(ram, frozen.memoryMib * 1024 * 1024);
    const argv = machineArguments({
      ...frozen,
      instanceId: 'i-w0123456789abcdef',
      disk,
      memory: ramFile(frozen, 'on'),
    });
    const child = network.start('frozen.log', ['qemu-system-x86_64', ...argv]);
    const console = (): Promise<string> => readFile(join(folder, 'console.log'), 'utf8').catch(() => '');
    const until = performance.now() + timeout;
    while (!/^ec2-warm: ready/m.test(await console())) {
      if (performance.now() > until) throw new Error(`no guest that is ready to be copied: ${await console()}`);
      await sleep(20);
    }
    await sleep(500);
    const qmp = await Qmp.connect(join(folder, 'qmp.sock'));
    await qmp.execute('stop');
    await qmp.execute('migrate-set-capabilities', { capabilities: [{ capability: 'x-ignore-shared', state: true }] });
    await qmp.execute('migrate', { uri: `exec:cat >${join(folder, 'state')}` });
    await migrated(qmp);
    await qmp.execute('quit');
    while (child.exitCode === null && child.signalCode === null) await sleep(5);
    return frozen;
  }

  /** Starts a copy and plugs its interface in: the guest takes that as the sign to become an instance. */
  static async thaw(
    network: TestNetwork,
    frozen: Frozen,
    options: { instanceId: string; diskGib?: number },
  ): Promise<Guest> {
    const { folder } = network;
    const disk = join(folder, 'disk.qcow2');
    const size = options.diskGib ? [`${options.diskGib}G`] : [];
    const backing = join(frozen.folder, 'disk.qcow2');
    await exec('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', backing, disk, ...size]);
    await rm(join(folder, 'qmp.sock'), { force: true });
    const argv = machineArguments({
      folder,
      instanceId: options.instanceId,
      uuid: newUuid(),
      disk,
      memoryMib: frozen.memoryMib,
      cpus: frozen.cpus,
      memory: ramFile(frozen, 'off'),
      extra: ['-incoming', 'defer'],
    });
    const child = network.start('qemu.log', ['qemu-system-x86_64', ...argv]);
    const guest = new Guest(network, child);
    let qmp: Qmp | undefined;
    while (!qmp) {
      qmp = await Qmp.connect(join(folder, 'qmp.sock')).catch(() => undefined);
      if (!qmp) await sleep(2);
    }
    await qmp.execute('migrate-set-capabilities', { capabilities: [{ capability: 'x-ignore-shared', state: true }] });
    await qmp.execute('migrate-incoming', { uri: `exec:cat <${join(frozen.folder, 'state')}` });
    await migrated(qmp);
    await qmp.execute('cont');
    if (options.diskGib) await qmp.execute('block_resize', { device: 'root', size: options.diskGib * 2 ** 30 });
    await qmp.execute('netdev_add', { type: 'tap', id: 'net0', ifname: 'tap0', script: 'no', downscript: 'no' });
    const nic = { driver: 'virtio-net-pci', id: 'nic0', bus: 'slots', addr: '0x2', 'disable-legacy': 'on' };
    await qmp.execute('device_add', { ...nic, netdev: 'net0', mac: GUEST_MAC, romfile: '' });
    qmp.close();
    return guest;
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended(5000);
  }
}

/** A machine that was copied while it waited for its identity. */
export interface Frozen {
  readonly folder: string;
  readonly memoryMib: number;
  readonly cpus: number;
  readonly uuid: string;
}

function ramFile(frozen: Frozen, share: 'on' | 'off'): string[] {
  const file = join(frozen.folder, 'ram');
  return ['-object', `memory-backend-file,id=ram,size=${frozen.memoryMib}M,mem-path=${file},share=${share}`];
}

async function migrated(qmp: Qmp): Promise<void> {
  for (;;) {
    const answer = await qmp.execute('query-migrate');
    const status = isObject(answer) ? answer.status : undefined;
    if (status === 'completed') return;
    if (status === 'failed') throw new Error(`the machine could not be copied: ${JSON.stringify(answer)}`);
    await sleep(2);
  }
}

function newUuid(): string {
  const hex = `ec2${randomBytes(16).toString('hex').slice(3)}`;
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
