import { constants, copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildImage } from '../build.ts';
import { imageFile } from '../cache.ts';
import { type Frozen, GUEST_MAC, Guest, type Items, TestNetwork } from '../testing/guest.ts';

const instanceId = 'i-00000000000000004';
const macs = `meta-data/network/interfaces/macs/${GUEST_MAC}`;

const script = '#!/bin/sh\necho "user data runs as $(id -un)" >>/var/tmp/runs\ndate +%s >/var/tmp/ran-at\n';
const otherUser = `#cloud-config
users:
  - name: alice
    shell: /bin/sh
`;

const items = (userData: string): Items => ({
  'meta-data/ami-id': 'ami-00000000000000001',
  'meta-data/block-device-mapping/ami': 'xvda',
  'meta-data/block-device-mapping/root': '/dev/xvda',
  'meta-data/hostname': 'ip-172-31-0-10.ec2.internal',
  'meta-data/instance-id': instanceId,
  'meta-data/instance-type': 't3.micro',
  'meta-data/local-hostname': 'ip-172-31-0-10.ec2.internal',
  'meta-data/local-ipv4': '172.31.0.10',
  'meta-data/mac': GUEST_MAC,
  'meta-data/placement/availability-zone': 'us-east-1a',
  'meta-data/placement/region': 'us-east-1',
  'meta-data/services/domain': 'amazonaws.com',
  'meta-data/services/partition': 'aws',
  [`${macs}/device-number`]: '0',
  [`${macs}/local-ipv4s`]: '172.31.0.10',
  [`${macs}/mac`]: GUEST_MAC,
  [`${macs}/subnet-ipv4-cidr-block`]: '172.31.0.0/20',
  [`${macs}/vpc-id`]: 'vpc-00000000000000001',
  'dynamic/instance-identity/document': '{"region": "us-east-1"}',
  'user-data': { base64: Buffer.from(userData).toString('base64') },
});

/** What no two copies may have in common. */
const secrets =
  'cat /etc/ssh/ssh_host_*_key.pub /etc/machine-id; sudo sha256sum /var/lib/systemd/random-seed; head -c16 /dev/urandom | base64';

describe('copies of a debian-12 machine that waited', { timeout: 600_000 }, () => {
  let image: string;
  let network: TestNetwork;
  let frozen: Frozen;
  let guest: Guest;
  let seen: string[];

  const thaw = async (userData: string): Promise<void> => {
    const publicKey = { 'meta-data/public-keys/0/openssh-key': await network.publicKey() };
    await network.setItems({ ...items(userData), ...publicKey });
    // A copy's QEMU gives free pages back by punching holes into the memory file that it was started from.
    await copyFile(join(frozen.folder, 'ram.kept'), join(frozen.folder, 'ram'), constants.COPYFILE_FICLONE);
    guest = await Guest.thaw(network, frozen, { instanceId, diskGib: 12 });
  };

  beforeAll(async () => {
    image = imageFile(await buildImage('debian-12'));
    network = await TestNetwork.create(items(script));
    frozen = await Guest.freeze(network, { image }, 500_000);
    await copyFile(join(frozen.folder, 'ram'), join(frozen.folder, 'ram.kept'), constants.COPYFILE_FICLONE);
  }, 1_500_000);
  afterAll(async () => {
    await guest?.kill();
    await network?.close();
  });

  it('let admin in at once, who may become root', async () => {
    await thaw(script);
    expect(await guest.ssh('admin', 'id -un; hostname; sudo id -un', 200_000)).toBe('admin\nip-172-31-0-10\nroot\n');
    const seconds = (performance.now() - guest.started) / 1000;
    const used = (await guest.cpuSeconds()).toFixed(1);
    console.log(`debian-12 copied: ${seconds.toFixed(1)} s to SSH, ${used} s of processor time`);
  });

  it('have the right time', async () => {
    const before = Date.now() / 1000;
    const said = Number(await guest.ssh('admin', 'date +%s.%N'));
    expect(said).toBeGreaterThan(before - 2);
    expect(said).toBeLessThan(Date.now() / 1000 + 2);
  });

  it('are set up by cloud-init as at a boot', async () => {
    const status: unknown = JSON.parse(await guest.ssh('admin', 'cloud-init status --wait --format json', 400_000));
    expect(status).toMatchObject({ datasource: 'ec2local', errors: [], status: 'done' });
    expect(await guest.ssh('admin', 'cloud-id; systemctl is-system-running --wait', 60_000)).toBe('aws\nrunning\n');
    expect(await guest.ssh('admin', 'systemctl --failed --no-legend; cat /var/tmp/runs')).toBe(
      'user data runs as root\n',
    );
    const units = 'cloud-init-local cloud-init cloud-config cloud-final networking ssh systemd-machine-id-commit';
    expect(new Set((await guest.ssh('admin', `systemctl is-active ${units}`)).trim().split('\n'))).toEqual(
      new Set(['active']),
    );
    expect(await guest.ssh('admin', 'cloud-init analyze show | grep -c ^Finished')).toBe('4\n');
    expect(await guest.console()).toMatch(/256 SHA256:\S+ root@ip-172-31-0-10 \(ED25519\)/);
  });

  it('show nothing of how they started when that is over', async () => {
    const wait = 'until [ ! -e /run/systemd/generator.early/ssh.service ]; do sleep 0.2; done';
    await guest.ssh('admin', wait, 60_000);
    const text = await guest.ssh('admin', 'systemctl cat cloud-init-local cloud-final ssh systemd-journald');
    expect(text).not.toContain('warm');
    expect(await guest.ssh('admin', 'sudo journalctl -b -u ssh --no-pager | grep -c "Server listening"')).toBe('2\n');
    expect(await guest.ssh('admin', 'pgrep -c dhclient; cat /run/network/ifstate')).toBe('1\nlo=lo\neth0=eth0\n');
  });

  it('have a root file system as large as the disk', async () => {
    const gib = Number(await guest.ssh('admin', "df -k --output=size / | awk 'END { print $1 / 1048576 }'"));
    expect(gib).toBeGreaterThan(11.4);
    expect(await guest.ssh('admin', 'sudo sfdisk --verify /dev/vda 2>&1')).toContain('No errors detected');
  });

  it('find a disk under the name that its user chose', async () => {
    await guest.plugDisk(1, 106);
    await guest.ssh('admin', 'until [ -e /dev/xvdf ]; do sleep 0.1; done', 60_000);
    await guest.qmp('device_del', { id: 'plugged' });
  });

  it('start again as the same instance after the power button, cold', async () => {
    seen = (await guest.ssh('admin', secrets)).trim().split('\n');
    const keys = await guest.ssh('admin', 'cat /etc/ssh/ssh_host_*_key.pub');
    await guest.qmp('system_powerdown');
    expect(await guest.ended(120_000)).toBe(true);
    guest = await Guest.boot(network, { image, instanceId, sameDisk: true });
    const output = await guest.ssh('admin', 'cat /var/tmp/runs /etc/ssh/ssh_host_*_key.pub', 400_000);
    expect(output).toBe(`user data runs as root\n${keys}`);
    expect(await guest.ssh('admin', 'cloud-init status --wait; systemctl --failed --no-legend', 400_000)).toContain(
      'done',
    );
    await guest.kill();
  });

  it('share no secret', async () => {
    await thaw(script);
    await guest.ssh('admin', 'cloud-init status --wait', 400_000);
    const others = (await guest.ssh('admin', secrets)).trim().split('\n');
    expect(others).toHaveLength(seen.length);
    expect(others.filter(line => seen.includes(line))).toEqual([]);
    await guest.kill();
  });

  it('have only the users that the user data names', async () => {
    const key = await network.publicKey();
    await thaw(`${otherUser}    ssh_authorized_keys: ['${key}']\n`);
    expect(await guest.ssh('alice', 'id -un; getent passwd admin; ls /home', 400_000)).toBe('alice\nalice\n');
    const status = await guest.ssh('alice', 'cloud-init status --wait; systemctl --failed --no-legend', 400_000);
    expect(status).toMatch(/^\.*\n?status: done\n$/);
  });
});
