import { randomBytes } from 'node:crypto';
import { buildImage } from '../../src/images/build.ts';
import { imageFile } from '../../src/images/cache.ts';
import { GUEST_MAC, Guest, type Items, TestNetwork } from '../../src/images/testing/guest.ts';

/** What any launch is bounded by, measured with QEMU alone, in seconds. */
export interface Limits {
  /** QEMU started by hand on the image, with DHCP and a metadata service: to the first command over SSH. */
  readonly plain: number[];
  /** QEMU started by hand with the memory of a frozen guest: to its running. */
  readonly restore: number[];
  /** The same, to the first command over SSH. */
  readonly restoreToSsh: number[];
}

/** @param rounds of a copy; a boot by hand is made twice. */
export async function measureLimits(family: string, user: string, rounds: number): Promise<Limits> {
  const image = imageFile(await buildImage(family));
  const instanceId = `i-0${randomBytes(8).toString('hex')}`;
  const network = await TestNetwork.create(items(instanceId));
  const seconds = (since: number): number => (performance.now() - since) / 1000;
  try {
    const plain: number[] = [];
    for (let round = 0; round < 2; round++) {
      const guest = await Guest.boot(network, { image, instanceId });
      await guest.ssh(user, 'true', 600_000);
      plain.push(seconds(guest.started));
      await guest.kill();
    }
    const frozen = await Guest.freeze(network, { image }, 600_000);
    const restore: number[] = [];
    const restoreToSsh: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const began = performance.now();
      const guest = await Guest.thaw(network, frozen, { instanceId });
      restore.push(seconds(began));
      await guest.ssh(user, 'true', 120_000);
      restoreToSsh.push(seconds(began));
      await guest.kill();
    }
    return { plain, restore, restoreToSsh };
  } finally {
    await network.close();
  }
}

function items(instanceId: string): Items {
  const name = 'ip-172-31-0-10.ec2.internal';
  const macs = `meta-data/network/interfaces/macs/${GUEST_MAC}`;
  return {
    'meta-data/ami-id': 'ami-00000000000000001',
    'meta-data/block-device-mapping/ami': 'xvda',
    'meta-data/block-device-mapping/root': '/dev/xvda',
    'meta-data/hostname': name,
    'meta-data/instance-id': instanceId,
    'meta-data/instance-type': 't3.micro',
    'meta-data/local-hostname': name,
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
    'dynamic/instance-identity/document': `{"instanceId": "${instanceId}", "region": "us-east-1"}`,
  };
}
