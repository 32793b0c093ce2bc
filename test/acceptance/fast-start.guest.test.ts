import { readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { type Instance, RunInstancesCommand } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type Guests, startGuests, tcp, userData } from '../support/guests.ts';
import type { Login } from '../support/login.ts';
import { output } from '../support/process.ts';
import { pools } from '../support/server.ts';

/*
 * Many instances that continue from one frozen guest: each must be itself in everything that tells machines apart, have
 * the right time, and have run its own user data once.
 */

/** Seconds, on a busy machine without KVM. */
const boot = 300;

interface Family {
  readonly name: string;
  readonly parameter: string;
  readonly user: string;
  readonly count: number;
  /** Prints what DHCP gave to the interface. */
  readonly lease: string;
}

const families: readonly Family[] = [
  {
    name: 'micro',
    parameter: '/aws/service/fogbank/micro/latest/amd64',
    user: 'ec2-user',
    count: 20,
    lease: "ip -4 addr show eth0 | sed -n 's/.*inet \\([^ ]*\\).*/\\1/p'",
  },
  {
    name: 'debian-12',
    parameter: '/aws/service/debian/release/12/latest/amd64',
    user: 'admin',
    count: 6,
    lease: "sudo sed -n 's/.*fixed-address \\(.*\\);/\\1/p' /var/lib/dhcp/dhclient.eth0.leases | sort -u",
  },
];

/** What a guest says of itself, a line each. */
const questions = (family: Family) =>
  [
    'cat /etc/machine-id',
    'cat /proc/sys/kernel/random/boot_id',
    'cat /sys/class/dmi/id/board_asset_tag',
    'sudo cat /sys/class/dmi/id/product_uuid',
    'sudo cat /sys/class/dmi/id/product_serial',
    'head -c 32 /dev/urandom | od -An -v -tx1 | tr -d " \\n"; echo',
    'cat /var/tmp/random; echo',
    'cat /var/tmp/runs | tr "\\n" ";"; echo',
    'hostname',
    family.lease,
    'date +%s',
  ].join('; ');

interface Answers {
  readonly machineId: string;
  readonly bootId: string;
  readonly assetTag: string;
  readonly uuid: string;
  readonly serial: string;
  readonly random: string;
  readonly randomOfUserData: string;
  readonly runs: string;
  readonly hostName: string;
  readonly lease: string;
  readonly clock: number;
  readonly hostKey: string;
  /** How far its clock is off, in seconds, at most. */
  readonly clockError: number;
}

async function ask(family: Family, login: Login): Promise<Answers> {
  const before = Date.now() / 1000;
  const text = await login.run(questions(family));
  const after = Date.now() / 1000;
  const [machineId = '', bootId = '', assetTag = '', uuid = '', serial = '', random = '', ...rest] = text.split('\n');
  const [randomOfUserData = '', runs = '', hostName = '', lease = '', clock = ''] = rest;
  const hostKey = await output('ssh-keyscan', ['-t', 'ed25519', '-T', '20', login.address]);
  return {
    machineId,
    bootId,
    assetTag,
    uuid,
    serial,
    random,
    randomOfUserData,
    runs,
    hostName,
    lease,
    clock: Number(clock),
    hostKey: hostKey.trim().split(' ').at(-1) ?? '',
    clockError: Math.max(before - 1 - Number(clock), Number(clock) - after, 0),
  };
}

/** Machines of a data folder whose memory is a copy of a frozen guest's. */
async function copies(dataDir: string): Promise<number> {
  const folder = await realpath(dataDir);
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async pid => {
      const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      const where = await readlink(`/proc/${pid}/cwd`).catch(() => '');
      return where === folder && line.includes('mem-path=warm/') && line.includes('share=off');
    }),
  );
  return found.filter(Boolean).length;
}

let guests: Guests;
let group: string;

beforeAll(async () => {
  guests = await startGuests({
    publicPool: pools.fastStart,
    parameter: '/aws/service/fogbank/micro/latest/amd64',
    user: 'ec2-user',
  });
  group = await guests.group('login', tcp(22));
});
afterAll(() => guests?.server.stop());

describe.each(families)('instances of $name that continue from one frozen guest', { timeout: 900_000 }, family => {
  const answers: Answers[] = [];
  let instances: Instance[] = [];

  test('run after the first one has booted', async () => {
    const ImageId = await guests.image(family.parameter);
    const first = await guests.launch({ ImageId, SecurityGroupIds: [group] });
    await eventually('frozen guest', boot, async () => {
      const log = guests.server.log();
      if (/no prepared guest/.test(log)) throw new Error(log.split('\n').find(line => line.includes('no prepared')));
      return log.includes(`launches like ${first.InstanceId}`) || undefined;
    });
    await guests.terminate(first.InstanceId ?? '');
    instances = await Promise.all(
      Array.from({ length: family.count }, async (_, index) => {
        const script = [
          '#!/bin/sh',
          'head -c 32 /dev/urandom | od -An -v -tx1 | tr -d " \\n" >/var/tmp/random',
          `echo 'user data ${index}' >>/var/tmp/runs`,
          'chmod 644 /var/tmp/random /var/tmp/runs',
          'touch /var/tmp/done',
        ];
        const { Instances } = await guests.ec2.send(
          new RunInstancesCommand({
            ImageId,
            InstanceType: 't3.micro',
            KeyName: 'test',
            MinCount: 1,
            MaxCount: 1,
            SecurityGroupIds: [group],
            UserData: userData(`${script.join('\n')}\n`),
          }),
        );
        return guests.inState(Instances?.[0]?.InstanceId ?? '', 'running', boot);
      }),
    );
    expect(await copies(guests.server.dataDir)).toBe(family.count);
  });

  test('let their key in and have run their user data', async () => {
    for (const { InstanceId = '' } of instances) {
      const login = await guests.login(InstanceId, family.user);
      await login.until('test -e /var/tmp/done', boot);
      answers.push(await ask(family, login));
    }
    expect(answers).toHaveLength(family.count);
  });

  test('are who the API says', () => {
    for (const [index, { InstanceId, PrivateIpAddress, PrivateDnsName }] of instances.entries()) {
      expect(answers[index]).toMatchObject({
        assetTag: InstanceId,
        hostName: PrivateDnsName?.split('.')[0],
        lease: expect.stringContaining(PrivateIpAddress ?? 'none'),
      });
      expect(answers[index]?.serial.toLowerCase()).toBe(answers[index]?.uuid.toLowerCase());
      expect(answers[index]?.uuid).toMatch(/^ec2/i);
    }
  });

  const distinct = ['machineId', 'bootId', 'uuid', 'random', 'randomOfUserData', 'hostKey', 'lease'] as const;

  test.each(distinct)('have each a %s of their own', what => {
    const values = answers.map(answer => answer[what]);
    for (const value of values) expect(value.length).toBeGreaterThan(8);
    expect(new Set(values).size).toBe(family.count);
  });

  test('share no random numbers at all', () => {
    const all = answers.flatMap(answer => [answer.random, answer.randomOfUserData]);
    expect(new Set(all).size).toBe(2 * family.count);
  });

  test('ran each its own user data exactly once', () => {
    expect(answers.map(({ runs }) => runs)).toEqual(answers.map((_, index) => `user data ${index};`));
  });

  test('know the time', () => {
    for (const { clockError } of answers) expect(clockError).toBeLessThan(2);
  });

  test('end as others do', async () => {
    await guests.terminate(...instances.map(({ InstanceId = '' }) => InstanceId));
    expect(await copies(guests.server.dataDir)).toBe(0);
  });
});
