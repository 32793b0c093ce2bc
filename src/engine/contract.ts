/**
 * What every engine promises, as tests. A driver's own test file calls `describeEngineContract`; drivers with real
 * machines get a guest of one boot sector, so that the suite takes seconds.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeDiskContract } from './contract-disks.ts';
import type { Engine, MachineSpec, MachineStatus, MetadataListener, PortIntent, VpcIntent } from './engine.ts';
import { testGuestDisk } from './qemu/boot-sectors.ts';

export interface EngineUnderTest {
  /** A new engine over the same data, as after a restart of the server. */
  make(): Promise<Engine>;
  /** An address of the driver's pool that nobody else uses. */
  readonly publicIpAddress: string;
}

const GUEST_TIMEOUT_MS = 30_000;
const TEST_TIMEOUT_MS = 90_000;

function id(prefix: string): string {
  return `${prefix}-${randomBytes(9).toString('hex').slice(0, 17)}`;
}

/** What each test builds on: a VPC, a group, a port, an AMI's snapshot and a volume of it. */
class Fixture {
  readonly vpcId = id('vpc');
  readonly subnetId = id('subnet');
  readonly groupId = id('sg');
  readonly networkInterfaceId = id('eni');
  readonly snapshotId = id('snap');
  readonly volumeId = id('vol');
  readonly mac = `02:${randomBytes(5).toString('hex').match(/../g)?.join(':')}`;
  readonly spec: MachineSpec;

  constructor() {
    this.spec = {
      instanceId: id('i'),
      instanceType: 't3.nano',
      vcpus: 1,
      memoryMib: 64,
      architecture: 'x86_64',
      uuid: 'ec2f0000-0000-4000-8000-000000000001',
      bootMode: 'legacy-bios',
      disks: [{ volumeId: this.volumeId, device: '/dev/xvda', root: true }],
      nics: [{ networkInterfaceId: this.networkInterfaceId, vpcId: this.vpcId, mac: this.mac, deviceIndex: 0 }],
    };
  }

  port(publicIpAddress: string): PortIntent {
    return {
      vpcId: this.vpcId,
      networkInterfaceId: this.networkInterfaceId,
      subnetId: this.subnetId,
      mac: this.mac,
      privateIpAddresses: ['172.31.0.10'],
      publicIpAddresses: { '172.31.0.10': publicIpAddress },
      hostName: 'ip-172-31-0-10',
      groupIds: [this.groupId],
      sourceDestCheck: true,
      metadataHopLimit: 1,
    };
  }

  vpc(): VpcIntent {
    return {
      vpcId: this.vpcId,
      cidrBlocks: ['172.31.0.0/16'],
      subnets: [
        {
          subnetId: this.subnetId,
          cidrBlock: '172.31.0.0/20',
          routes: [{ destination: '0.0.0.0/0', target: 'internet-gateway' }],
        },
      ],
      internetGateway: true,
      domainName: 'ec2.internal',
      enableDnsSupport: true,
    };
  }

  /** The same VPC with one of everything. Its peer is not there, which is no error. */
  largeVpc(): VpcIntent {
    const { networkInterfaceId } = this;
    const networkAclId = id('acl');
    const natGatewayId = id('nat');
    const vpcPeeringConnectionId = id('pcx');
    const all = { ruleNumber: 100, allow: true, protocol: -1 };
    const entries = [
      { ...all, cidrBlock: '0.0.0.0/0' },
      { ...all, ruleNumber: 101, cidrBlock: '::/0' },
      { ...all, ruleNumber: 50, allow: false, protocol: 6, fromPort: 25, toPort: 26, cidrBlock: '192.0.2.0/24' },
      { ...all, ruleNumber: 60, allow: false, protocol: 1, icmpType: 13, icmpCode: -1, cidrBlock: '192.0.2.0/24' },
    ];
    return {
      ...this.vpc(),
      cidrBlocks: ['172.31.0.0/16', '100.64.0.0/16'],
      ipv6CidrBlocks: ['2001:db8:ec2:100::/56'],
      subnets: [
        {
          subnetId: this.subnetId,
          cidrBlock: '172.31.0.0/20',
          ipv6CidrBlock: '2001:db8:ec2:100::/64',
          networkAclId,
          routes: [
            { destination: '0.0.0.0/0', target: 'internet-gateway' },
            { destination: '::/0', target: 'egress-only-internet-gateway' },
            { destination: '192.0.2.0/24', target: { networkInterfaceId } },
            { destination: '198.51.100.0/24', target: { natGatewayId } },
            { destination: '10.0.0.0/8', target: { vpcPeeringConnectionId } },
            { destination: '203.0.113.0/24', target: 'blackhole' },
            { destination: '172.31.0.0/16', target: 'local' },
          ],
        },
      ],
      egressOnlyInternetGateway: true,
      internetGatewayRoutes: [{ destination: '172.31.0.0/20', target: { networkInterfaceId } }],
      networkAcls: [{ networkAclId, ingress: entries, egress: entries }],
      natGateways: [
        {
          natGatewayId,
          networkInterfaceId: id('eni'),
          subnetId: this.subnetId,
          mac: '0e:00:00:00:00:01',
          privateIpAddresses: ['172.31.0.20'],
          publicIpAddresses: {},
        },
      ],
      peeringConnections: [{ vpcPeeringConnectionId, peerVpcId: id('vpc') }],
      dhcpOptions: { domainNameServers: ['AmazonProvidedDNS', '192.0.2.53'], ntpServers: ['169.254.169.123'] },
    };
  }

  async build(engine: Engine, image: string, publicIpAddress: string): Promise<void> {
    await engine.disks.ensureSnapshotFromFile(this.snapshotId, image);
    await engine.disks.ensureVolume(this.volumeId, { sizeGib: 1, snapshotId: this.snapshotId });
    await engine.fabric.ensureVpc(this.vpc());
    await engine.fabric.ensureGroup({ vpcId: this.vpcId, groupId: this.groupId, ingress: [], egress: [] });
    await engine.fabric.ensurePort(this.port(publicIpAddress));
  }
}

const metadata: MetadataListener = {
  onListening: (_vpcId, server) => void server.on('connection', socket => socket.destroy()),
  onClosed: () => {},
};

export function describeEngineContract(name: string, underTest: () => EngineUnderTest): void {
  describe(`${name} keeps the engine's contract`, { timeout: TEST_TIMEOUT_MS }, () => {
    const fixture = new Fixture();
    const { spec } = fixture;
    const changes: string[] = [];
    let folder: string;
    let image: string;
    let engine: Engine;

    async function open(): Promise<void> {
      engine = await underTest().make();
      await engine.open({ machineChanged: instanceId => changes.push(instanceId) }, metadata);
    }

    async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
      const end = Date.now() + GUEST_TIMEOUT_MS;
      while (!(await condition())) {
        if (Date.now() > end) throw new Error(`${what}: not within ${GUEST_TIMEOUT_MS} ms`);
        await sleep(20);
      }
    }

    /** A machine without code in it is up as soon as it runs. */
    async function guestIsUp(times = 1): Promise<void> {
      if (!engine.capabilities.consoleOutput) return;
      await until('the guest prints its line', async () => {
        const text = Buffer.from(await engine.machines.consoleOutput(spec.instanceId)).toString('latin1');
        return text.split('test guest is up').length - 1 >= times;
      });
    }

    async function status(): Promise<MachineStatus> {
      return engine.machines.status(spec.instanceId);
    }

    async function stopped(): Promise<MachineStatus> {
      await until('the machine stops', async () => (await status()).state === 'stopped');
      return status();
    }

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'fogbank-contract-'));
      image = join(folder, 'guest.raw');
      await writeFile(image, testGuestDisk());
      await open();
      await fixture.build(engine, image, underTest().publicIpAddress);
    }, TEST_TIMEOUT_MS);

    afterAll(async () => {
      await engine.machines.remove(spec.instanceId);
      await engine.destroy();
      await rm(folder, { recursive: true, force: true });
    }, TEST_TIMEOUT_MS);

    describeDiskContract(() => engine.disks);

    test('building everything a second time changes nothing', async () => {
      await fixture.build(engine, image, underTest().publicIpAddress);
      expect(await engine.disks.listVolumes()).toContain(fixture.volumeId);
      expect(await engine.disks.listSnapshots()).toContain(fixture.snapshotId);
      expect(await engine.fabric.listVpcs()).toContain(fixture.vpcId);
      expect(await engine.fabric.listPorts(fixture.vpcId)).toEqual([fixture.networkInterfaceId]);
    });

    test('a network of every kind of part is taken, and what cannot be is refused', async () => {
      const { fabric } = engine;
      const vpc = fixture.vpc();
      const [subnet] = vpc.subnets;
      if (subnet === undefined) throw new Error('the fixture has no subnet');
      await fabric.ensureVpc(fixture.largeVpc()).catch(error => expect(error).toMatchObject({ code: 'Unsupported' }));
      await fabric.ensureVpc(vpc);
      const entry = { ruleNumber: 32_767, allow: true, protocol: -1, cidrBlock: '0.0.0.0/0' };
      const wrong: VpcIntent[] = [
        { ...vpc, subnets: [{ ...subnet, cidrBlock: '10.0.0.0/24' }] },
        { ...vpc, subnets: [{ ...subnet, networkAclId: id('acl') }] },
        { ...vpc, subnets: [{ ...subnet, routes: [{ destination: 'anywhere', target: 'blackhole' }] }] },
        { ...vpc, subnets: [{ ...subnet, ipv6CidrBlock: '2001:db8::/64' }] },
        { ...vpc, networkAcls: [{ networkAclId: id('acl'), ingress: [entry], egress: [] }] },
        { ...vpc, peeringConnections: [{ vpcPeeringConnectionId: id('pcx'), peerVpcId: vpc.vpcId }] },
      ];
      for (const intent of wrong) await expect(fabric.ensureVpc(intent)).rejects.toMatchObject({ code: 'Invalid' });
      expect(await fabric.listPorts(fixture.vpcId)).toEqual([fixture.networkInterfaceId]);
    });

    test('an unknown machine is absent, and requests to it do nothing', async () => {
      const nobody = id('i');
      expect(await engine.machines.status(nobody)).toEqual({ state: 'absent' });
      await engine.machines.pressPowerButton(nobody);
      await engine.machines.powerOff(nobody);
      await engine.machines.remove(nobody);
      await expect(engine.machines.reset(nobody)).rejects.toMatchObject({ name: 'EngineError', code: 'Invalid' });
      expect(await engine.machines.consoleOutput(nobody)).toHaveLength(0);
      expect(await engine.machines.list()).not.toContain(nobody);
    });

    test('a machine starts, once, and says so', async () => {
      const before = Date.now();
      await engine.machines.ensureRunning(spec);
      const first = await status();
      expect(first.state).toBe('running');
      if (first.state === 'running') expect(Math.abs(first.since - before)).toBeLessThan(GUEST_TIMEOUT_MS);
      await guestIsUp();
      await engine.machines.ensureRunning(spec);
      expect(await status()).toEqual(first);
      expect(await engine.machines.list()).toContain(spec.instanceId);
      await until('the change is reported', async () => changes.includes(spec.instanceId));
    });

    test('a reset keeps the machine running', async () => {
      const before = await status();
      await engine.machines.reset(spec.instanceId);
      await guestIsUp(2);
      expect(await status()).toEqual(before);
    });

    test('its screen can be seen where there is one', async () => {
      if (!engine.capabilities.screenshot) {
        await expect(engine.machines.screenshot(spec.instanceId)).rejects.toMatchObject({ code: 'Invalid' });
        return;
      }
      const { width, height, rgb } = await engine.machines.screenshot(spec.instanceId);
      expect(rgb).toHaveLength(width * height * 3);
      expect(width).toBeGreaterThanOrEqual(320);
      expect(new Set(rgb).size).toBeGreaterThan(1);
    });

    test('a machine that runs outlives the server, or is started again without having ended', async () => {
      const before = await status();
      await engine.close();
      changes.length = 0;
      await open();
      const after = await status();
      if (engine.capabilities.realMachines) expect(after).toEqual(before);
      else expect(after).toEqual({ state: 'absent' });
      // As controllers do after a restart.
      await fixture.build(engine, image, underTest().publicIpAddress);
      await engine.machines.ensureRunning(spec);
      expect((await status()).state).toBe('running');
    });

    test('disks are plugged into a machine that runs, cut, grown and cut off', async () => {
      const { disks, machines } = engine;
      const { instanceId } = spec;
      const volumeId = id('vol');
      const snapshotId = id('snap');
      await disks.ensureVolume(volumeId, { sizeGib: 1 });
      const disk = { volumeId, device: '/dev/sdf', root: false };
      for (let again = 0; again < 2; again++) await machines.attachDisk(instanceId, disk);
      expect(await machines.listDisks(instanceId)).toContain(volumeId);
      await machines.setDiskLimits(instanceId, volumeId, {
        iops: 100,
        bytesPerSecond: 2 ** 20,
        operationBytes: 2 ** 18,
      });
      await disks.ensureSnapshots([{ snapshotId, volumeId }]);
      await disks.ensureVolumeSize(volumeId, 2);
      // A guest of one boot sector cannot let go.
      for (let again = 0; again < 2; again++) await machines.detachDisk(instanceId, volumeId, { force: true });
      expect(await machines.listDisks(instanceId)).not.toContain(volumeId);
      await disks.removeVolume(volumeId);
      await disks.removeSnapshot(snapshotId);
    });

    test('interfaces are plugged into and out of a machine that runs, and only there', async () => {
      const { machines, fabric } = engine;
      const [first] = spec.nics;
      if (first === undefined) throw new Error('the fixture has no interface');
      const second = { ...first, networkInterfaceId: id('eni'), mac: '0e:00:00:00:00:02', deviceIndex: 1 };
      const port = fixture.port(underTest().publicIpAddress);
      await fabric.ensurePort({ ...port, ...second, privateIpAddresses: ['172.31.0.11'], publicIpAddresses: {} });
      expect(await machines.listNics(spec.instanceId)).toEqual([first.networkInterfaceId]);
      for (let time = 0; time < 2; time++) {
        await machines.attachNic(spec.instanceId, second);
        expect((await machines.listNics(spec.instanceId)).sort()).toEqual(
          [first.networkInterfaceId, second.networkInterfaceId].sort(),
        );
      }
      for (let time = 0; time < 2; time++) {
        // A guest of one boot sector cannot let go.
        await machines.detachNic(spec.instanceId, second.networkInterfaceId, { force: true });
        expect(await machines.listNics(spec.instanceId)).toEqual([first.networkInterfaceId]);
      }
      const nobody = id('i');
      await machines.attachNic(nobody, second);
      await machines.detachNic(nobody, second.networkInterfaceId);
      expect(await machines.listNics(nobody)).toEqual([]);
      await fabric.removePort(fixture.vpcId, second.networkInterfaceId);
    });

    test('the power button lets the guest end the machine', async () => {
      changes.length = 0;
      await engine.machines.pressPowerButton(spec.instanceId);
      expect(await stopped()).toMatchObject({ state: 'stopped', cause: 'guest-shutdown' });
      await until('the change is reported', async () => changes.includes(spec.instanceId));
      await expect(engine.machines.reset(spec.instanceId)).rejects.toMatchObject({ code: 'Invalid' });
      await engine.machines.pressPowerButton(spec.instanceId);
      await engine.machines.powerOff(spec.instanceId);
      expect(await status()).toMatchObject({ cause: 'guest-shutdown' });
    });

    test('a stopped machine starts again, with a new console, and its plug can be pulled', async () => {
      await engine.machines.ensureRunning(spec);
      await guestIsUp();
      await engine.machines.powerOff(spec.instanceId);
      expect(await status()).toMatchObject({ state: 'stopped', cause: 'host-request' });
    });

    test('requests that come at the same time follow one another', async () => {
      const { machines } = engine;
      await Promise.all([
        machines.ensureRunning(spec),
        machines.ensureRunning(spec),
        machines.powerOff(spec.instanceId),
        machines.ensureRunning(spec),
      ]);
      expect((await status()).state).toBe('running');
    });

    test('removing ends the machine and forgets it; its disk stays', async () => {
      await engine.machines.remove(spec.instanceId);
      expect(await status()).toEqual({ state: 'absent' });
      expect(await engine.machines.list()).not.toContain(spec.instanceId);
      expect(await engine.machines.consoleOutput(spec.instanceId)).toHaveLength(0);
      expect(await engine.disks.listVolumes()).toContain(fixture.volumeId);
      await engine.machines.remove(spec.instanceId);
    });

    test('volumes, snapshots, ports and networks can be removed, and removed again', async () => {
      for (let time = 0; time < 2; time++) {
        await engine.fabric.removePort(fixture.vpcId, fixture.networkInterfaceId);
        await engine.fabric.removeGroup(fixture.vpcId, fixture.groupId);
        await engine.fabric.removeVpc(fixture.vpcId);
        await engine.disks.removeSnapshot(fixture.snapshotId);
        await engine.disks.removeVolume(fixture.volumeId);
      }
      expect(await engine.fabric.listVpcs()).not.toContain(fixture.vpcId);
      expect(await engine.disks.listVolumes()).not.toContain(fixture.volumeId);
      expect(await engine.disks.listSnapshots()).not.toContain(fixture.snapshotId);
    });

    test('there is room for a small machine, and a figure for what is free', async () => {
      expect(engine.admit({ memoryMib: 64, diskGib: 1, promisedMemoryMib: 0 })).toBe(true);
      const { memoryMibFree, diskGibFree, vcpus } = await engine.capacity();
      expect(memoryMibFree).toBeGreaterThan(0);
      expect(diskGibFree).toBeGreaterThan(0);
      expect(vcpus).toBeGreaterThan(0);
    });
  });
}
