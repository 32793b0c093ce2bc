import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildImage } from '../build.ts';
import { imageFile } from '../cache.ts';
import { GUEST_MAC, Guest, type Items, TestNetwork } from '../testing/guest.ts';

const instanceId = 'i-00000000000000003';
const macs = `meta-data/network/interfaces/macs/${GUEST_MAC}`;

const userData = `#cloud-config
write_files:
  - path: /var/tmp/written
    content: by cloud-config
runcmd:
  - [ sh, -c, 'echo "user data runs as $(id -un)" >>/var/tmp/runs' ]
`;

const items: Items = {
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
  'dynamic/instance-identity/document': '{"region": "us-east-1"}',
  'user-data': { base64: Buffer.from(userData).toString('base64') },
};

describe('the debian-12 AMI', { timeout: 600_000 }, () => {
  let image: string;
  let network: TestNetwork;
  let guest: Guest;

  beforeAll(async () => {
    image = imageFile(await buildImage('debian-12'));
    network = await TestNetwork.create(items);
  }, 900_000);
  afterAll(async () => {
    await guest?.kill();
    await network?.close();
  });

  it('starts to SSH as admin, who may become root', async () => {
    guest = await Guest.boot(network, { image, instanceId, diskGib: 12 });
    const output = await guest.ssh('admin', 'id -un; hostname; sudo id -un', 400_000);
    const seconds = (performance.now() - guest.started) / 1000;
    console.log(
      `debian-12: ${seconds.toFixed(1)} s to SSH, ${(await guest.cpuSeconds()).toFixed(1)} s of processor time`,
    );
    expect(output).toBe('admin\nip-172-31-0-10\nroot\n');
  });

  it('is set up by the Ec2 data source, without errors', async () => {
    const status: { datasource: string; errors: string[]; status: string } = JSON.parse(
      await guest.ssh('admin', 'cloud-init status --wait --format json', 400_000),
    );
    expect(status).toMatchObject({ datasource: 'ec2local', errors: [], status: 'done' });
    expect(await guest.ssh('admin', 'cloud-id; systemctl --failed --no-legend')).toBe('aws\n');
    expect(await network.metadataLog()).toMatch(/^PUT \/latest\/api\/token$/m);
  });

  it('ran the cloud-config once, as root', async () => {
    expect(await guest.ssh('admin', 'cat /var/tmp/runs /var/tmp/written')).toBe(
      'user data runs as root\nby cloud-config',
    );
  });

  it('has a root file system as large as its disk, and EC2’s device names', async () => {
    const gib = Number(await guest.ssh('admin', "df -k --output=size / | awk 'END { print $1 / 1048576 }'"));
    expect(gib).toBeGreaterThan(11.4);
    expect(await guest.ssh('admin', 'readlink /dev/xvda1 /dev/sda1')).toBe('vda1\nvda1\n');
  });

  it('resolves names by the server and the domain that DHCP gave', async () => {
    const text = await guest.ssh('admin', 'cat /etc/resolv.conf');
    expect(text).toContain('nameserver 172.31.0.1');
    expect(text).toContain('search ec2.internal');
  });

  it('shows its host keys on the console', async () => {
    const console = await guest.console();
    expect(console).toContain('-----BEGIN SSH HOST KEY FINGERPRINTS-----');
    expect(console).toMatch(/256 SHA256:\S+ root@\S+ \(ED25519\)/);
  });

  it('gives a disk that is plugged in the name that its user chose, and takes the name away with it', async () => {
    await guest.plugDisk(1, 106);
    const wait = 'until [ -e /dev/xvdf ]; do sleep 0.1; done; readlink /dev/xvdf; readlink /dev/sdf';
    expect(await guest.ssh('admin', wait, 60_000)).toBe('vdb\nvdb\n');
    await guest.qmp('device_del', { id: 'plugged' });
    await guest.ssh('admin', 'while [ -e /dev/xvdf ]; do sleep 0.1; done', 60_000);
  });

  it('ends at the power button and starts again as the same instance', async () => {
    const key = await guest.ssh('admin', 'cat /etc/ssh/ssh_host_ed25519_key.pub');
    await guest.qmp('system_powerdown');
    expect(await guest.ended(120_000)).toBe(true);
    guest = await Guest.boot(network, { image, instanceId, sameDisk: true });
    const output = await guest.ssh('admin', 'cat /var/tmp/runs /etc/ssh/ssh_host_ed25519_key.pub', 400_000);
    expect(output).toBe(`user data runs as root\n${key}`);
  });
});
