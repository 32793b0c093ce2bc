import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PortIntent } from '../../engine.ts';
import { tapName } from '../names.ts';
import type { PortKind } from './port-link.ts';
import { ipBatch, run } from './run.ts';

/**
 * Stand-ins for machines in tests of the fabric: each is a network namespace with one interface `eth0`, the other end
 * of a veth that takes the place of a TAP. Everything above the wire is a real network stack with real clients.
 */

/** What udhcpc runs when it has a lease: what a guest's network set-up does. */
const leaseScript = `#!/bin/sh
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
/sbin/ip address replace "$ip/$mask" dev "$interface"
/sbin/ip link set dev "$interface" mtu "\${mtu:-1500}"
/sbin/ip route replace default via "$router" dev "$interface"
echo "ip=$ip mask=$mask router=$router dns=$dns domain=$domain hostname=$hostname mtu=$mtu lease=$lease"
`;

export class Guests {
  readonly #names = new Map<string, { namespace: string; mac: string }>();
  readonly #prefix: string;
  readonly #directory = mkdtempSync('/tmp/fogbank-guests-');
  readonly #children = new Set<ChildProcess>();

  /** `prefix` begins the names of this test's namespaces. */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  readonly ports: PortKind = {
    create: name => {
      const guest = this.#names.get(name);
      if (guest === undefined) throw new Error(`No guest was prepared for ${name}.`);
      return `link add ${name} type veth peer name eth0 address ${guest.mac} netns ${guest.namespace}`;
    },
  };

  /** Makes the guest's namespace; its interface appears with the port. */
  async prepare(intent: Pick<PortIntent, 'networkInterfaceId' | 'mac'>): Promise<string> {
    const namespace = `${this.#prefix}-${this.#names.size}`;
    this.#names.set(tapName(intent.networkInterfaceId), { namespace, mac: intent.mac });
    await run(['ip', 'netns', 'add', namespace]);
    return namespace;
  }

  /** Configures `eth0` by hand, as DHCP would. */
  async configure(namespace: string, address: string, router: string): Promise<void> {
    await ipBatch(namespace, [
      'link set lo up',
      'link set eth0 up',
      `address replace ${address}/20 dev eth0`,
      `route replace default via ${router}`,
    ]);
  }

  /** Asks for a lease and configures `eth0` with it; returns what the lease says. */
  async dhcp(namespace: string): Promise<string> {
    const script = join(this.#directory, 'lease.sh');
    await writeFile(script, leaseScript);
    await chmod(script, 0o755);
    await ipBatch(namespace, ['link set lo up', 'link set eth0 up']);
    const options = ['-O', 'mtu', '-O', 'hostname', '-O', 'domain'];
    return run(['udhcpc', '-i', 'eth0', '-n', '-q', '-f', '-t', '5', '-T', '1', ...options, '-s', script], {
      namespace,
    });
  }

  /** Standard output of a command in a guest, or the message of its failure. */
  attempt(namespace: string, ...argv: [string, ...string[]]): Promise<string> {
    return run(argv, { namespace }).catch((error: Error) => `failed: ${error.message}`);
  }

  /** Does `address` answer one ping within a second? */
  async pings(namespace: string, address: string, ...options: string[]): Promise<boolean> {
    const output = await this.attempt(namespace, 'ping', '-n', '-c', '1', '-W', '1', ...options, address);
    return output.includes(' 1 received');
  }

  /**
   * Connects by TCP from `namespace` (the host itself when undefined); returns the first line that the server sends.
   * `failed: …` within about a second else.
   */
  connect(namespace: string | undefined, address: string, port: number): Promise<string> {
    const script = `
      const socket = require('node:net').connect(${port}, '${address}');
      setTimeout(() => { console.log('failed: time-out'); process.exit(); }, 900);
      socket.on('error', error => { console.log('failed: ' + error.code); process.exit(); });
      socket.on('data', data => { console.log(String(data).split('\\n')[0]); process.exit(); });`;
    return run([process.execPath, '-e', script], { namespace }).then(text => text.trim());
  }

  /** A TCP server that tells every caller the caller's address, then echoes what it gets. */
  async serve(namespace: string, port: number): Promise<void> {
    const script = `require('node:net').createServer(socket => {
        socket.on('error', () => {});
        socket.write(socket.remoteAddress.replace('::ffff:', '') + '\\n');
        socket.pipe(socket);
      }).listen(${port}, '0.0.0.0', () => console.log('ready'));`;
    await this.start(namespace, [process.execPath, '-e', script], 'ready');
  }

  /** Starts a command in a namespace and waits until it prints `ready`. It ends with the test. */
  start(namespace: string, argv: readonly string[], ready: string): Promise<ChildProcess> {
    const child = spawn('nsenter', [`--net=/run/netns/${namespace}`, ...argv], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#children.add(child);
    return new Promise((resolve, reject) => {
      child.stdout.on('data', (chunk: Buffer) => chunk.toString().includes(ready) && resolve(child));
      child.on('close', code => reject(new Error(`${argv[0]} ended with ${code}`)));
    });
  }

  async remove(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    for (const { namespace } of this.#names.values()) {
      await run(['ip', 'netns', 'del', namespace]).catch(() => undefined);
    }
    await rm(this.#directory, { recursive: true, force: true });
  }
}
