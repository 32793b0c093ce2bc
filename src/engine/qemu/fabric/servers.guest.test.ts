import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { dataDirHash, edgeNamespace, vpcNamespace } from '../names.ts';
import { createFabric, type Fabric, type FabricOptions } from './fabric.ts';
import { anywhere, groupIntent, portIntent, vpcIntent } from './intents.test-data.ts';
import { ipBatch, run } from './run.ts';
import { Guests } from './test-guests.ts';

/** Whole servers: killed, side by side, with an uplink. Needs root. */

const unique = randomBytes(3).toString('hex');
const quiet = { onListening: () => undefined, onClosed: () => undefined };
const group = 'sg-0aaaaaaaaaaaaaaa1';
const opened: Fabric[] = [];
const guests = new Guests(`fbs${unique}`);

async function open(options: FabricOptions): Promise<Fabric> {
  const fabric = createFabric(options);
  opened.push(fabric);
  await fabric.open(quiet);
  return fabric;
}

const temporary = () => `/tmp/fogbank-fabric-${randomBytes(4).toString('hex')}`;

afterEach(async () => {
  for (const fabric of opened.splice(0)) await fabric.destroy();
  await guests.remove();
});

/** Everything that can be seen of a VPC and the edge, without what the kernel numbers. */
async function picture(dataDir: string, vpcId: string): Promise<string> {
  const parts: string[] = [];
  for (const namespace of [vpcNamespace(vpcId), edgeNamespace(dataDir)]) {
    const ruleset = await run(['nft', 'list', 'ruleset'], { namespace });
    const blocks = ruleset.split(/\n(?=\t(?:chain|set|map) )/).map(block => block.replace(/[},\s]+$/g, ''));
    const lines = (text: string) => text.split('\n').sort().join('\n');
    // Elements have no order of their own, and counters of hop limit chains stay when nobody uses them.
    parts.push(
      blocks
        .map(block =>
          block
            .split(/[\n,{]\s*/)
            .sort()
            .join('\n'),
        )
        .sort()
        .join('\n\n'),
    );
    parts.push(lines(await run(['ip', '-n', namespace, 'route', 'show', 'table', 'all'])));
    parts.push(lines(await run(['ip', '-n', namespace, 'rule', 'show'])));
    const addresses = await run(['ip', '-n', namespace, '-brief', 'address']);
    // A link's addresses are listed in the order in which they were added.
    const sets = addresses.split('\n').map(line =>
      line
        .replace(/@if\d+/g, '')
        .trim()
        .split(/\s+/)
        .sort()
        .join(' '),
    );
    parts.push(lines(sets.join('\n')));
    parts.push(lines((await run(['ip', '-n', namespace, 'neigh', 'show', 'nud', 'permanent'])).replace(/ *$/gm, '')));
  }
  return parts.join('\n----\n').replace(/ linkdown/g, '');
}

describe('a server that is killed', () => {
  it('at any instant is repaired by the next one', async () => {
    const dataDir = temporary();
    const publicPool = '198.19.241.0/24';
    const vpcId = `vpc-0000000000${unique}c`;
    opened.push(createFabric({ dataDir, publicPool }));
    const child = fileURLToPath(new URL('./crash.guest.test-child.ts', import.meta.url));
    let rounds = 0;
    // A slow machine needs more kills until some server came to the end of a round.
    for (let kill = 0; kill < 20 || (rounds < 3 && kill < 80); kill++) {
      const server = spawn(process.execPath, [child, dataDir, publicPool, vpcId], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let errors = '';
      server.stdout.on('data', (chunk: Buffer) => {
        rounds += chunk.toString().split('round').length - 1;
      });
      server.stderr.on('data', (chunk: Buffer) => {
        errors += chunk.toString();
      });
      const timer = setTimeout(() => server.kill('SIGKILL'), 250 + Math.random() * 1500);
      await new Promise(resolve => server.on('close', resolve));
      clearTimeout(timer);
      expect(errors, 'every server could go on where the one before was killed').toBe('');
    }
    expect(rounds).toBeGreaterThanOrEqual(3);

    const ensure = async (fabric: Fabric) => {
      await fabric.ensureVpc(vpcIntent(vpcId));
      await fabric.ensureGroup(groupIntent(vpcId, 'sg-0aaaaaaaaaaaaaaa2', []));
      await fabric.ensureGroup(groupIntent(vpcId, group, [anywhere]));
      for (const id of await fabric.listPorts(vpcId)) {
        if (id !== portIntent(vpcId, 10).networkInterfaceId) await fabric.removePort(vpcId, id);
      }
      await fabric.ensurePort(portIntent(vpcId, 10, { publicIpAddresses: { '172.31.0.10': '198.19.241.9' } }));
    };
    const repaired = await open({ dataDir, publicPool });
    await ensure(repaired);
    const after = await picture(dataDir, vpcId);
    expect(await repaired.listVpcs()).toEqual([vpcId]);
    await repaired.destroy();
    await ensure(repaired);
    expect(after).toBe(await picture(dataDir, vpcId));
    await repaired.destroy();
    expect(await run(['ps', '-eo', 'args'])).not.toContain(dataDirHash(dataDir));
  }, 180_000);
});

describe('two servers on one machine', () => {
  it('do not meet, and refuse to share a pool', async () => {
    const first = await open({ dataDir: temporary(), publicPool: '198.19.242.0/24', ports: guests.ports });
    const second = await open({ dataDir: temporary(), publicPool: '198.19.243.0/24', ports: guests.ports });
    const namespaces: string[] = [];
    for (const [index, fabric] of [first, second].entries()) {
      const vpcId = `vpc-0000000000${unique}${index}`;
      const address = `198.19.${242 + index}.10`;
      const intent = portIntent(vpcId, 10, { publicIpAddresses: { '172.31.0.10': address } });
      await fabric.ensureVpc(vpcIntent(vpcId));
      await fabric.ensureGroup(groupIntent(vpcId, group, [anywhere]));
      const namespace = await guests.prepare(intent);
      await fabric.ensurePort(intent);
      await guests.configure(namespace, '172.31.0.10', '172.31.0.1');
      await guests.serve(namespace, 22);
      namespaces.push(namespace);
      expect(await fabric.listVpcs()).toEqual([vpcId]);
    }
    expect(await guests.connect(undefined, '198.19.242.10', 22)).toBe('198.19.242.1');
    expect(await guests.connect(undefined, '198.19.243.10', 22)).toBe('198.19.243.1');
    expect(await guests.connect(namespaces[0], '198.19.243.10', 22)).toBe('failed: time-out');
    const third = createFabric({ dataDir: temporary(), publicPool: '198.19.243.0/25' });
    await expect(third.open(quiet)).rejects.toThrow(/198\.19\.243\.0\/25 is in use.*--public-pool/);
    await first.destroy();
    expect(await guests.connect(undefined, '198.19.243.10', 22)).toBe('198.19.243.1');
  }, 30_000);
});

describe('an uplink', () => {
  it('lets instances with a public address out, and them only', async () => {
    // The world: one namespace behind an interface of the host.
    const world = `fbw${unique}`;
    const uplink = `fbw${unique}`;
    await run(['ip', 'netns', 'add', world]);
    try {
      await ipBatch(undefined, [
        `link add ${uplink} type veth peer name eth0 netns ${world}`,
        `address add 198.19.244.1/24 dev ${uplink}`,
        `link set ${uplink} up`,
      ]);
      await ipBatch(world, ['link set lo up', 'address add 198.19.244.2/24 dev eth0', 'link set eth0 up']);
      await guests.serve(world, 7);
      const dns = ['--keep-in-foreground', '--log-facility=-', '--conf-file=/dev/null', '--no-resolv', '--no-hosts'];
      const zone = ['--address=/example.com/192.0.2.77', '--pid-file=', '--user=root'];
      await guests.start(world, ['sh', '-c', 'echo ready; exec dnsmasq "$@"', 'sh', ...dns, ...zone], 'ready');
      const dataDir = temporary();
      const vpcId = `vpc-0000000000${unique}d`;
      const start = async (fabric: Fabric) => {
        await fabric.ensureVpc(vpcIntent(vpcId));
        await fabric.ensureGroup(groupIntent(vpcId, group, [anywhere]));
      };
      const withAddress = portIntent(vpcId, 10, { publicIpAddresses: { '172.31.0.10': '198.19.245.10' } });
      const without = portIntent(vpcId, 11);
      const closed = await open({ dataDir, publicPool: '198.19.245.0/24', ports: guests.ports });
      await start(closed);
      const inside: string[] = [];
      for (const intent of [withAddress, without]) {
        const namespace = await guests.prepare(intent);
        await closed.ensurePort(intent);
        await guests.configure(namespace, intent.privateIpAddresses[0] ?? '', '172.31.0.1');
        inside.push(namespace);
      }
      expect(await guests.connect(inside[0], '198.19.244.2', 7)).toBe('failed: time-out');
      await closed.close();

      const opened = await open({
        dataDir,
        publicPool: '198.19.245.0/24',
        ports: guests.ports,
        uplink,
        nameServers: ['198.19.244.2'],
      });
      await start(opened);
      expect(await guests.connect(inside[0], '198.19.244.2', 7), 'seen as the host').toBe('198.19.244.1');
      expect(await guests.connect(inside[1], '198.19.244.2', 7)).toBe('failed: time-out');
      const name = await guests.attempt(
        inside[1] ?? '',
        'dig',
        '+short',
        '+tries=1',
        '+time=2',
        '@172.31.0.2',
        'a.example.com',
      );
      expect(name, 'asked by the VPC’s resolver').toBe('192.0.2.77\n');
      expect(await guests.connect(inside[0], '198.19.244.1', 22), 'the host itself stays closed').toBe(
        'failed: time-out',
      );
      await opened.close();

      const again = await open({ dataDir, publicPool: '198.19.246.0/24', ports: guests.ports });
      await start(again);
      const moved = { ...withAddress, publicIpAddresses: { '172.31.0.10': '198.19.246.10' } };
      await again.ensurePort(moved);
      await guests.serve(inside[0] ?? '', 22);
      expect(await guests.connect(undefined, '198.19.246.10', 22), 'after a change of the pool').toBe('198.19.246.1');
      expect(await guests.connect(inside[0], '198.19.244.2', 7), 'closed again').toBe('failed: time-out');
      expect(await run(['ip', 'route'])).not.toContain('198.19.245.');
    } finally {
      await run(['ip', 'link', 'del', uplink]).catch(() => undefined);
      await run(['ip', 'netns', 'del', world]);
    }
  }, 60_000);
});
