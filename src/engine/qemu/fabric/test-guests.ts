import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PortIntent } from '../../engine.ts';
import { linkLocalOf } from '../../network/ipv6.ts';
import { tapName } from '../names.ts';
import { routerMac } from './layout.ts';
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

const dhcpv6Script = `
  const mac = require('node:os').networkInterfaces().eth0.find(one => one.address.startsWith('fe80:')).mac;
  const option = (code, data) => Buffer.concat([Buffer.from([code >> 8, code, data.length >> 8, data.length]), data]);
  const client = option(1, Buffer.from('00030001' + mac.replaceAll(':', ''), 'hex'));
  const solicit = Buffer.concat([Buffer.from('01123456', 'hex'), client, option(14, Buffer.alloc(0)),
    option(8, Buffer.alloc(2)), option(6, Buffer.from('0017', 'hex')), option(3, Buffer.from('000000010000000000000000', 'hex'))]);
  const options = data => {
    const found = {};
    for (let at = 0; at + 4 <= data.length; at += 4 + data.readUInt16BE(at + 2))
      found[data.readUInt16BE(at)] = data.subarray(at + 4, at + 4 + data.readUInt16BE(at + 2));
    return found;
  };
  const text = bytes => bytes.toString('hex').match(/..../g).join(':');
  const done = result => { console.log(JSON.stringify(result)); process.exit(); };
  const socket = require('node:dgram').createSocket('udp6');
  socket.on('message', message => {
    const { 3: ia, 23: dns } = options(message.subarray(4));
    const { 5: address, 13: status } = options(ia ? ia.subarray(12) : Buffer.alloc(0));
    if (!address) return done({ failed: 'status ' + status?.readUInt16BE(0) });
    done({ address: text(address.subarray(0, 16)), preferred: address.readUInt32BE(16), dns: dns && text(dns.subarray(0, 16)) });
  });
  socket.bind(546, '::', () => {
    const send = () => socket.send(solicit, 547, 'ff02::1:2%eth0');
    send();
    setInterval(send, 500);
    setTimeout(() => done({ failed: 'no answer' }), 3000);
  });`;

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

  /** Configures an IPv6 address by hand, as DHCPv6 and the router's advertisement would. */
  async configureIpv6(namespace: string, address: string, vpcId: string): Promise<void> {
    const router = linkLocalOf(routerMac(vpcId));
    await ipBatch(
      namespace,
      [`address replace ${address}/128 dev eth0 nodad`, `route replace default via ${router} dev eth0 metric 1`],
      '-6',
    );
  }

  /**
   * One exchange of DHCPv6 (RFC 8415: Solicit with Rapid Commit) over a link-local address that is there; the address and
   * what the reply has besides it, as JSON. `failed: …` within some seconds.
   */
  dhcpv6(namespace: string): Promise<{ address?: string; preferred?: number; dns?: string; failed?: string }> {
    return run([process.execPath, '-e', dhcpv6Script], { namespace }).then(text => JSON.parse(text));
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
      }).listen(${port}, '::', () => console.log('ready'));`;
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
