import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildImage } from '../build.ts';
import { imageFile } from '../cache.ts';
import { type Frozen, Guest, type Items, TestNetwork } from '../testing/guest.ts';

const finished = 'until [ -e /var/lib/cloud/instance/boot-finished ]; do sleep 0.1; done';

const items = (instanceId: string): Items => ({
  'meta-data/instance-id': instanceId,
  'meta-data/local-hostname': 'ip-172-31-0-10.ec2.internal',
  'user-data': { base64: Buffer.from('#!/bin/sh\necho once >>/var/tmp/runs\n').toString('base64') },
});

/** What must differ from one instance to the next. */
async function identity(guest: Guest): Promise<{ machineId: string; hostKey: string; random: string }> {
  const command = 'cat /etc/machine-id; sudo dropbearkey -y -f /etc/dropbear/dropbear_ed25519_host_key | grep ^ssh-';
  const random = 'head -c 16 /dev/urandom | od -An -tx1';
  const [machineId = '', hostKey = '', bytes = ''] = (
    await guest.ssh('ec2-user', `${finished}; ${command}; ${random}`, 60_000)
  ).split('\n');
  return { machineId, hostKey: hostKey.split(' ')[1] ?? '', random: bytes };
}

describe('a copy of a frozen micro', { timeout: 300_000 }, () => {
  let image: string;
  let network: TestNetwork;
  let frozen: Frozen;
  let guest: Guest;
  let first: Awaited<ReturnType<typeof identity>>;
  let second: Awaited<ReturnType<typeof identity>>;

  beforeAll(async () => {
    image = imageFile(await buildImage('micro'));
    network = await TestNetwork.create(items('i-00000000000000001'));
    frozen = await Guest.freeze(network, { image, memoryMib: 512 }, 120_000);
  }, 300_000);
  afterAll(async () => {
    await guest?.kill();
    await network?.close();
  });

  it('becomes an instance that answers SSH, and is like one that booted', async () => {
    guest = await Guest.thaw(network, frozen, { instanceId: 'i-00000000000000001', diskGib: 3 });
    expect(await guest.ssh('ec2-user', 'id -un; hostname; sudo id -un', 60_000)).toBe(
      'ec2-user\nip-172-31-0-10\nroot\n',
    );
    const milliseconds = performance.now() - guest.started;
    console.log(`micro: ${milliseconds.toFixed(0)} ms to SSH, ${await guest.cpuSeconds()} s of processor time`);
    expect(await guest.ssh('ec2-user', 'ping -c 1 172.31.0.1 >/dev/null && cat /etc/resolv.conf')).toContain(
      'nameserver 172.31.0.1',
    );
  });

  it('has its own identity, and runs the user data once', async () => {
    first = await identity(guest);
    expect(first.machineId).toMatch(/^[0-9a-f]{32}$/);
    expect(await guest.ssh('ec2-user', 'cat /var/tmp/runs')).toBe('once\n');
    expect(await guest.console()).toMatch(/256 SHA256:\S+ root@ip-172-31-0-10 \(ED25519\)[\s\S]*micro: ready/);
    expect(await guest.console()).not.toContain('ec2-warm');
  });

  it('has the right time', async () => {
    const before = Date.now() / 1000;
    const seconds = Number(await guest.ssh('ec2-user', 'date +%s'));
    expect(seconds).toBeGreaterThan(before - 2);
    expect(seconds).toBeLessThan(Date.now() / 1000 + 2);
  });

  it('has a root file system as large as its disk, and IPv6', async () => {
    expect(Number(await guest.ssh('ec2-user', "df -k / | awk 'END { print $2 }'"))).toBeGreaterThan(2.8 * 2 ** 20);
    expect(await guest.ssh('ec2-user', 'ip -6 addr show dev eth0')).toContain('fe80:');
  });

  it('gives a disk that is plugged in the name that its user chose', async () => {
    await guest.plugDisk(1, 106);
    expect(await guest.ssh('ec2-user', 'until [ -e /dev/xvdf ]; do sleep 0.1; done; readlink /dev/sdf', 60_000)).toBe(
      'vdb\n',
    );
  });

  it('starts cold from its disk afterwards, as the same instance', async () => {
    await guest.ssh('ec2-user', 'echo kept >kept');
    await guest.qmp('system_powerdown');
    expect(await guest.ended(60_000)).toBe(true);
    guest = await Guest.boot(network, { image, instanceId: 'i-00000000000000001', sameDisk: true });
    expect(await guest.ssh('ec2-user', `cat kept; ${finished}; cat /var/tmp/runs`, 120_000)).toBe('kept\nonce\n');
    const now = await identity(guest);
    expect(now.hostKey).toBe(first.hostKey);
    expect(now.machineId).toBe(first.machineId);
    await guest.kill();
  });

  it('shares nothing with another copy', async () => {
    await network.setItems({
      ...items('i-00000000000000002'),
      'meta-data/public-keys/0/openssh-key': await network.publicKey(),
    });
    guest = await Guest.thaw(network, frozen, { instanceId: 'i-00000000000000002', diskGib: 1 });
    second = await identity(guest);
    expect(second.hostKey).toMatch(/^AAAA/);
    expect(second.hostKey).not.toBe(first.hostKey);
    expect(second.machineId).not.toBe(first.machineId);
    expect(second.random).not.toBe(first.random);
    expect(await guest.ssh('ec2-user', 'cat /var/tmp/runs; ls /var/lib/cloud/instances')).toBe(
      'once\ni-00000000000000002\n',
    );
  });
});
