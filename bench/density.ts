import { readFileSync } from 'node:fs';
import { readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
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

const rows: string[] = [];
for (const sharing of [false, true]) rows.push(await measure(sharing));
replaceSection('Instances on one machine', [
  `Measured on ${new Date().toISOString().slice(0, 10)} by \`node bench/density.ts ${count} ${family} ${type}\` (${machine().at(-1)}): ${count} instances of ${family} launched by one call, each logged in to by SSH, then left alone.`,
  '',
  '| page sharing | all run after | all logged in to after | host memory | one instance | processor of one, idle |',
  '|---|---:|---:|---:|---:|---:|',
  ...rows,
]);

async function measure(sharing: boolean): Promise<string> {
  const flags = ['--memory-overcommit', '32', ...(sharing ? ['--page-sharing', 'on'] : [])];
  const server = await BenchServer.start(...flags);
  try {
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
    await Promise.all(
      Array.from({ length: 4 }, async (_, worker) => {
        for (const instance of instances.filter((_one, index) => index % 4 === worker)) {
          await server.login(instance, user, 900);
        }
      }),
    );
    const reached = seconds();
    progress(`all ${count} were logged in to after ${reached.toFixed(1)} s`);
    await settled(server.dataDir);
    const ticks = await processorSeconds(server.dataDir);
    await sleep(idleSeconds * 1000);
    const share = ((await processorSeconds(server.dataDir)) - ticks) / idleSeconds / count;
    const used = before - availableMiB();
    const one = used / count;
    progress(`${used} MiB in all, ${one.toFixed(0)} MiB each, ${(share * 100).toFixed(1)} % of a processor each`);
    const cells = [
      sharing ? 'on' : 'off',
      `${running.toFixed(1)} s`,
      `${reached.toFixed(1)} s`,
      `${(used / 1024).toFixed(1)} GiB`,
      `${one.toFixed(0)} MiB`,
      `${(share * 100).toFixed(1)} %`,
    ];
    await server.terminate(instances);
    return `| ${cells.join(' | ')} |`;
  } finally {
    await server.stop();
  }
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
