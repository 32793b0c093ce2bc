import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildImage } from '../build.ts';
import { imageFile } from '../cache.ts';
import { Guest, type Items, TestNetwork } from '../testing/guest.ts';

const script = '#!/bin/bash\necho "user data runs as $(id -un) on $(hostname)"\nsleep 3\necho once >>/var/tmp/runs\n';

const items = (instanceId: string): Items => ({
  'meta-data/instance-id': instanceId,
  'meta-data/local-hostname': 'ip-172-31-0-10.ec2.internal',
  'dynamic/instance-identity/document': `{"instanceId": "${instanceId}"}`,
  'user-data': { base64: gzipSync(script).toString('base64') },
});

/** Fingerprint of the only host key. */
const fingerprint = (console: string): string | undefined => /256 (SHA256:\S+) root@\S+ \(ED25519\)/.exec(console)?.[1];

describe('the micro AMI', { timeout: 300_000 }, () => {
  let image: string;
  let network: TestNetwork;
  let guest: Guest;
  let firstKey: string | undefined;

  beforeAll(async () => {
    image = imageFile(await buildImage('micro'));
    network = await TestNetwork.create(items('i-00000000000000001'));
  }, 300_000);
  afterAll(async () => {
    await guest?.kill();
    await network?.close();
  });

  it('starts to SSH with the key pair of the metadata, before the user data has ended', async () => {
    guest = await Guest.boot(network, { image, instanceId: 'i-00000000000000001', diskGib: 3 });
    const output = await guest.ssh('ec2-user', 'id -un; hostname; sudo id -un; ls /var/tmp', 120_000);
    const seconds = (performance.now() - guest.started) / 1000;
    console.log(`micro: ${seconds.toFixed(1)} s to SSH, ${(await guest.cpuSeconds()).toFixed(1)} s of processor time`);
    expect(output).toBe('ec2-user\nip-172-31-0-10\nroot\n');
  });

  it('runs gzip-compressed user data once as root, with its output in the log and on the console', async () => {
    const wait = 'until [ -e /var/lib/cloud/instance/boot-finished ]; do sleep 0.2; done';
    const output = await guest.ssh('ec2-user', `${wait}; cat /var/log/cloud-init-output.log /var/tmp/runs`, 60_000);
    expect(output).toContain('user data runs as root on ip-172-31-0-10');
    expect(output.match(/^once$/gm)).toHaveLength(1);
    expect(await guest.console()).toContain('user data runs as root on ip-172-31-0-10');
    firstKey = fingerprint(await guest.console());
    expect(firstKey).toMatch(/^SHA256:/);
  });

  it('has a root file system as large as its disk, named as EC2 names it', async () => {
    const kib = Number(await guest.ssh('ec2-user', "df -k / | awk 'END { print $2 }'"));
    expect(kib).toBeGreaterThan(2.8 * 2 ** 20);
    expect(await guest.ssh('ec2-user', 'readlink /dev/xvda1; readlink /dev/sda1')).toBe('vda1\nvda1\n');
  });

  it('reads the metadata service from scripts', async () => {
    const document = await guest.ssh('ec2-user', 'imds dynamic/instance-identity/document');
    expect(JSON.parse(document)).toEqual({ instanceId: 'i-00000000000000001' });
    await expect(guest.ssh('ec2-user', 'imds meta-data/none')).rejects.toThrow();
  });

  it('gives a disk that is plugged in the name that its user chose, and takes the name away with it', async () => {
    await guest.plugDisk(1, 106);
    const wait = 'until [ -e /dev/xvdf ]; do sleep 0.1; done; readlink /dev/xvdf; readlink /dev/sdf';
    expect(await guest.ssh('ec2-user', wait, 60_000)).toBe('vdb\nvdb\n');
    await guest.qmp('device_del', { id: 'plugged' });
    await guest.ssh('ec2-user', 'while [ -e /dev/xvdf ]; do sleep 0.1; done', 60_000);
  });

  it('ends at the power button, and has its content, host key and no second run of user data when it starts again', async () => {
    await guest.ssh('ec2-user', 'echo kept > kept');
    await guest.qmp('system_powerdown');
    expect(await guest.ended(60_000)).toBe(true);
    const before = (await guest.console()).length;
    guest = await Guest.boot(network, { image, instanceId: 'i-00000000000000001', sameDisk: true });
    const output = await guest.ssh('ec2-user', 'cat kept; cat /var/tmp/runs', 120_000);
    expect(output).toBe('kept\nonce\n');
    await waitFor(async () => fingerprint((await guest.console()).slice(before)) !== undefined);
    expect(fingerprint((await guest.console()).slice(before))).toBe(firstKey);
  });

  it('becomes another instance when its disk starts under another instance id', async () => {
    await guest.ssh('ec2-user', 'sync');
    await guest.kill();
    const before = (await guest.console()).length;
    await network.setItems({
      ...items('i-00000000000000002'),
      'meta-data/public-keys/0/openssh-key': await network.publicKey(),
    });
    guest = await Guest.boot(network, { image, instanceId: 'i-00000000000000002', sameDisk: true });
    const wait = 'until [ -e /var/lib/cloud/instance/boot-finished ]; do sleep 0.2; done';
    expect(await guest.ssh('ec2-user', `cat kept; ${wait}; cat /var/tmp/runs`, 120_000)).toBe('kept\nonce\nonce\n');
    const key = fingerprint((await guest.console()).slice(before));
    expect(key).toMatch(/^SHA256:/);
    expect(key).not.toBe(firstKey);
  });
});

async function waitFor(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 300; tries += 1) {
    if (await condition()) return;
    await new Promise(resolve => setTimeout(resolve, 100));
  }
  throw new Error('it did not happen within 30 s');
}
