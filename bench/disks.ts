import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  AttachVolumeCommand,
  CreateSnapshotCommand,
  CreateVolumeCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
} from '@aws-sdk/client-ec2';
import { createDisks } from '../src/engine/qemu/disks.ts';
import { machineUser } from '../src/engine/qemu/user.ts';
import { eventually } from '../test/support/eventually.ts';
import { type Guests, startGuests, tcp } from '../test/support/guests.ts';
import type { Login } from '../test/support/login.ts';
import { progress, replaceSection } from './launch/report.ts';
import { median } from './process.ts';

/*
 * How fast a guest's disk is beside the host's own file system, in one run: fio on a file, qemu-img on a volume's image
 * (the way of a disk without a guest), and fio in a guest on an attached volume. Then how long
 * snapshots of a large volume take. `node bench/disks.ts` as root; needs fio, and 20 GiB of disk.
 */
const run = promisify(execFile);
const GIB = 1024 ** 3;
const sizeGib = 4;
const seconds = 5;
const rounds = 3;
const snapshotRounds = 10;

/** What fio does. All writes are on the disk at the end. */
const patterns = {
  'sequential write, 1 MiB': ['--rw=write', '--bs=1M', '--iodepth=8', '--end_fsync=1'],
  'sequential read, 1 MiB': ['--rw=read', '--bs=1M', '--iodepth=8'],
  'random read, 4 KiB, depth 32': ['--rw=randread', '--bs=4k', '--iodepth=32', '--time_based', `--runtime=${seconds}`],
  'random write, 4 KiB, depth 32': [
    ...['--rw=randwrite', '--bs=4k', '--iodepth=32', '--end_fsync=1'],
    ...['--time_based', `--runtime=${seconds}`],
  ],
} as const;
type Pattern = keyof typeof patterns;

/** Bytes a second that fio reports. */
function speed(report: string): number {
  const { jobs } = JSON.parse(report.slice(report.indexOf('{'))) as {
    jobs: { read: { io_bytes: number }; write: { io_bytes: number }; job_runtime: number }[];
  };
  const [job] = jobs;
  if (!job) throw new Error('fio reported nothing');
  return ((job.read.io_bytes + job.write.io_bytes) / job.job_runtime) * 1000;
}

function fioArguments(pattern: Pattern, target: readonly string[]): string[] {
  return ['--name=bench', '--output-format=json', `--size=${sizeGib}G`, ...patterns[pattern], ...target];
}

async function dropCaches(): Promise<void> {
  await run('sh', ['-c', 'sync; echo 3 > /proc/sys/vm/drop_caches']);
}

async function fio(pattern: Pattern, target: readonly string[]): Promise<number> {
  await dropCaches();
  return speed((await run('fio', fioArguments(pattern, target), { maxBuffer: 64 * 1024 * 1024 })).stdout);
}

/** Runs all patterns some times each; the first writing fills what is read later. */
async function measure(what: string, one: (pattern: Pattern) => Promise<number>): Promise<Map<Pattern, number[]>> {
  const results = new Map<Pattern, number[]>();
  for (const pattern of Object.keys(patterns) as Pattern[]) {
    const speeds: number[] = [];
    for (let round = 0; round < rounds; round++) {
      progress(`${what}: ${pattern} (${round + 1} of ${rounds})`);
      speeds.push(await one(pattern));
    }
    results.set(pattern, speeds);
  }
  return results;
}

/** fio with the libraries that the guest lacks, as a tar file that is unpacked to /tmp/fio there. */
async function bringFio(login: Login): Promise<void> {
  const { stdout: path } = await run('sh', ['-c', 'command -v fio']);
  const { stdout: list } = await run('ldd', [path.trim()]);
  const libraries = [...list.matchAll(/=> (\/\S+)/g)].flatMap(([, file]) => file ?? []);
  const { stdout: tar } = await run(
    'tar',
    ['-chf', '-', '--transform=s,.*/,fio/,', '--absolute-names', path.trim(), ...libraries],
    { encoding: 'buffer', maxBuffer: GIB },
  );
  await login.run('tar -xf - -C /tmp', tar);
}

async function inGuest(guests: Guests, volumeId: string): Promise<Map<Pattern, number[]>> {
  const group = await guests.group('bench', tcp(22));
  const instance = await guests.launch({ InstanceType: 't3.small', SecurityGroupIds: [group] });
  const InstanceId = instance.InstanceId ?? '';
  const login = await guests.login(InstanceId);
  await login.until('cloud-init status --wait', 480);
  await guests.ec2.send(new AttachVolumeCommand({ InstanceId, VolumeId: volumeId, Device: '/dev/sdf' }));
  await login.until('test -b /dev/xvdf', 60);
  await bringFio(login);
  const target = ['--filename=/dev/xvdf', '--direct=1', '--ioengine=libaio'];
  const results = await measure('guest', async pattern => {
    await dropCaches();
    const words = fioArguments(pattern, target).join(' ');
    return speed(await login.run(`sudo env LD_LIBRARY_PATH=/tmp/fio /tmp/fio/fio ${words}`));
  });
  await guests.terminate(InstanceId);
  return results;
}

/** What `qemu-img bench` does in place of fio: random places are reached by a stride that hits every one. */
const requests = {
  'sequential write, 1 MiB': ['-w', '-s', '1M', '-d', '8'],
  'sequential read, 1 MiB': ['-s', '1M', '-d', '8'],
  'random read, 4 KiB, depth 32': ['-s', '4k', '-d', '32', '-S', String(12_721 * 4096)],
  'random write, 4 KiB, depth 32': ['-w', '-s', '4k', '-d', '32', '-S', String(12_721 * 4096)],
} as const satisfies Record<Pattern, readonly string[]>;

/** The image of a volume as a machine opens it, in a process of QEMU's without a machine. */
async function onPath(dataDir: string): Promise<Map<Pattern, number[]>> {
  const disks = createDisks(dataDir, await machineUser());
  await disks.open();
  const volumeId = 'vol-0000000000000be4c';
  await disks.ensureVolume(volumeId, { sizeGib });
  const file = join(dataDir, 'volumes', `${volumeId}.qcow2`);
  try {
    return await measure('disk path', async pattern => {
      const bytes = pattern.startsWith('random') ? 4096 : 2 ** 20;
      const count = pattern.startsWith('random') ? 100_000 : (sizeGib * GIB) / bytes;
      await dropCaches();
      const argv = ['bench', '-f', 'qcow2', '-t', 'none', '-n', '-c', String(count), ...requests[pattern]];
      const flush = pattern.includes('write') ? [`--flush-interval=${count}`] : [];
      const { stdout } = await run('qemu-img', [...argv, ...flush, file]);
      return (count * bytes) / Number(/completed in ([\d.]+) seconds/.exec(stdout)?.[1]);
    });
  } finally {
    await disks.removeVolume(volumeId);
    await disks.close();
  }
}

interface SnapshotTimes {
  readonly snapshots: number[];
  readonly volumes: number[];
}

/** Milliseconds from a call until what it makes can be used. */
async function snapshotTimes({ ec2 }: Guests, zone: string): Promise<SnapshotTimes> {
  const times: SnapshotTimes = { snapshots: [], volumes: [] };
  const create = (input: object) =>
    ec2.send(new CreateVolumeCommand({ AvailabilityZone: zone, VolumeType: 'gp3', ...input }));
  const available = (VolumeId: string) =>
    eventually(
      'the volume',
      60,
      async () => {
        const { Volumes } = await ec2.send(new DescribeVolumesCommand({ VolumeIds: [VolumeId] }));
        return Volumes?.[0]?.State === 'available' || undefined;
      },
      5,
    );
  const { VolumeId = '' } = await create({ Size: 100 });
  await available(VolumeId);
  for (let round = 0; round < snapshotRounds; round++) {
    progress(`snapshots of 100 GiB (${round + 1} of ${snapshotRounds})`);
    let began = performance.now();
    const { SnapshotId = '' } = await ec2.send(new CreateSnapshotCommand({ VolumeId }));
    await eventually(
      'the snapshot',
      60,
      async () => {
        const { Snapshots } = await ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: [SnapshotId] }));
        return Snapshots?.[0]?.State === 'completed' || undefined;
      },
      5,
    );
    times.snapshots.push(performance.now() - began);
    began = performance.now();
    const volume = await create({ SnapshotId });
    await available(volume.VolumeId ?? '');
    times.volumes.push(performance.now() - began);
  }
  return times;
}

const load = (await run('cut', ['-d ', '-f1', '/proc/loadavg'])).stdout.trim();
const guests = await startGuests({
  publicPool: '198.19.125.0/24',
  parameter: '/aws/service/debian/release/12/latest/amd64',
  user: 'admin',
  words: ['--volume-limits', 'off'],
});
try {
  const { folder } = guests.server;
  const file = join(folder, 'host.raw');
  const host = await measure('host', pattern =>
    fio(pattern, [`--filename=${file}`, '--direct=1', '--ioengine=libaio']),
  );
  await rm(file);
  const pathFolder = join(folder, 'path');
  await mkdir(pathFolder, { mode: 0o755 });
  const path = await onPath(pathFolder);
  const { VolumeId = '' } = await guests.ec2.send(
    new CreateVolumeCommand({ AvailabilityZone: 'us-east-1a', Size: sizeGib, VolumeType: 'gp3' }),
  );
  const guest = await inGuest(guests, VolumeId);
  const times = await snapshotTimes(guests, 'us-east-1a');
  report(host, path, guest, times);
} finally {
  await guests.server.stop();
}

function report(
  host: Map<Pattern, number[]>,
  path: Map<Pattern, number[]>,
  guest: Map<Pattern, number[]>,
  times: SnapshotTimes,
): void {
  const shown = (pattern: Pattern, bytes: number) =>
    pattern.startsWith('random') ? `${Math.round(bytes / 4096)} IOPS` : `${Math.round(bytes / 2 ** 20)} MiB/s`;
  const rows = (Object.keys(patterns) as Pattern[]).map(pattern => {
    const [h = 0, p = 0, g = 0] = [host, path, guest].map(one => median(one.get(pattern) ?? []));
    const percent = (part: number, whole: number) => `${Math.round((part / whole) * 100)} %`;
    const cells = [
      shown(pattern, h),
      shown(pattern, p),
      percent(p, h),
      shown(pattern, g),
      percent(g, h),
      percent(g, p),
    ];
    return `| ${[pattern, ...cells].join(' | ')} |`;
  });
  const milliseconds = (values: number[]) =>
    `${median(values).toFixed(0)} ms (most ${Math.max(...values).toFixed(0)} ms)`;
  const text = `Measured on ${new Date().toISOString().slice(0, 10)} by \`node bench/disks.ts\` (load average of the machine when it began: ${load}): fio with direct I/O on ${sizeGib} GiB, medians of ${rounds}; the host's caches are empty before each. *Path* is a volume's image as a machine opens it, by \`qemu-img bench\` without a guest (the same requests; random places by a stride); what lies between that and the guest is the cost of its processor (TCG where there is no KVM).

| what | host's file | path | of host | guest | of host | of path |
|---|---:|---:|---:|---:|---:|---:|
${rows.join('\n')}

A snapshot of a volume of 100 GiB is complete ${milliseconds(times.snapshots)} after the call, a volume from it can be attached after ${milliseconds(times.volumes)} (${snapshotRounds} times).`;
  replaceSection('Disks', text.split('\n'));
}
