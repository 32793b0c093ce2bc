import { readFileSync } from 'node:fs';
import { readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { endSharing, sharePages } from '../src/engine/qemu/page-sharing.ts';
import { progress, replaceSection } from './launch/report.ts';
import { BenchServer } from './launch/server.ts';
import { machine } from './machine.ts';

/*
 * How many instances a machine carries: COUNT of FAMILY launched by one call, each logged in to, then left alone.
 * `node bench/density.ts [COUNT [FAMILY [TYPE]]]` as root; the results go into bench/results.md.
 */
const [countGiven, family = 'debian-12', type = 't3.nano'] = process.argv.slice(2);
const count = Number(countGiven ?? 100);
const user = family === 'micro' ? 'ec2-user' : 'admin';
const name = family === 'micro' ? 'fogbank-micro-*' : `${family}-*`;
const idleSeconds = 30;
const sharingSeconds = 300;

const server = await BenchServer.start('--memory-overcommit', '32');
try {
  await measure();
} finally {
  await endSharing(server.dataDir, progress);
  await server.stop();
}

async function measure(): Promise<void> {
  const image = await server.image(name);
  if (image === undefined) throw new Error(`there is no AMI ${name}`);
  const first = await server.launch(image, type);
  await server.warm(type, 600);
  await server.terminate(first);
  await sleep(3_000);
  const before = availableMiB();
  const began = performance.now();
  const seconds = (): number => (performance.now() - began) / 1000;
  const instances = await server.launch(image, type, count);
  await server.inState(instances, 'running');
  const running = seconds();
  progress(`${count} run after ${running.toFixed(1)} s`);
  let least = availableMiB();
  const watch = setInterval(() => {
    least = Math.min(least, availableMiB());
  }, 1_000);
  let done = 0;
  await Promise.all(
    Array.from({ length: 4 }, async (_, worker) => {
      for (const instance of instances.filter((_one, index) => index % 4 === worker)) {
        await server.login(instance, user, 3_600);
        if (++done % 10 === 0) progress(`${done} were logged in to after ${seconds().toFixed(0)} s`);
      }
    }),
  );
  const reached = seconds();
  await settled(server.dataDir);
  clearInterval(watch);
  const alone = await idle(before);
  // The machines go on; the kernel is given the time for two rounds over all that they have changed.
  await sharePages(server.dataDir, progress);
  await sleep(sharingSeconds * 1000);
  const shared = await idle(before);
  replaceSection('Instances on one machine', [
    `Measured on ${new Date().toISOString().slice(0, 10)} by \`node bench/density.ts ${count} ${family} ${type}\` (${machine().at(-1)}): ${count} instances of ${family} launched by one call, each logged in to by SSH, then left alone; page sharing was switched on after that, for ${sharingSeconds / 60} minutes.`,
    '',
    `All ran ${running.toFixed(1)} s after the call, the last one was logged in to after ${reached.toFixed(0)} s, and meanwhile they took ${gib(before - least)} at most.`,
    '',
    '| page sharing | host memory of all | of one instance | processor of one, idle |',
    '|---|---:|---:|---:|',
    `| off | ${alone} |`,
    `| on | ${shared} |`,
  ]);
  await server.terminate(instances);
}

/** Memory that all machines take, that one takes, and how busy a processor is with one of them. */
async function idle(before: number): Promise<string> {
  const ticks = await processorSeconds(server.dataDir);
  await sleep(idleSeconds * 1000);
  const share = ((await processorSeconds(server.dataDir)) - ticks) / idleSeconds / count;
  const used = before - availableMiB();
  const cells = `${gib(used)} | ${(used / count).toFixed(0)} MiB | ${(share * 100).toFixed(1)} %`;
  progress(cells);
  return cells;
}

function gib(mib: number): string {
  return `${(mib / 1024).toFixed(1)} GiB`;
}

/** Waits until the guests have done what a start brings with it. */
async function settled(dataDir: string): Promise<void> {
  for (let quiet = 0, before = await processorSeconds(dataDir); quiet < 3; ) {
    await sleep(10_000);
    const now = await processorSeconds(dataDir);
    quiet = now - before < 0.02 * 10 * count ? quiet + 1 : 0;
    before = now;
  }
}

function availableMiB(): number {
  return Math.round(Number(/^MemAvailable:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]) / 1024);
}

/** Processor time of all machines of a data folder, in seconds. */
async function processorSeconds(dataDir: string): Promise<number> {
  const folder = await realpath(dataDir);
  const pids = (await readdir('/proc')).filter(pid => /^\d+$/.test(pid));
  const times = await Promise.all(
    pids.map(async pid => {
      if ((await readlink(`/proc/${pid}/cwd`).catch(() => '')) !== folder) return 0;
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / 100;
    }),
  );
  return times.reduce((sum, time) => sum + time, 0);
}
