import { type Limits, measureLimits } from './launch/limits.ts';
import { progress, replaceSection } from './launch/report.ts';
import { BenchServer } from './launch/server.ts';
import { machine } from './machine.ts';
import { median } from './process.ts';

/*
 * Time from RunInstances to the first command that runs over SSH, cold and from a frozen guest, on the qemu engine,
 * beside QEMU alone on the same images. `node bench/launch.ts [FAMILY [ROUNDS]]` as root, with the AMIs built; the
 * results go into bench/results.md.
 */
const families = [
  { family: 'micro', name: 'fogbank-micro-*', user: 'ec2-user', rounds: 50, cold: 5, longest: 120 },
  { family: 'debian-12', name: 'debian-12-*', user: 'admin', rounds: 20, cold: 3, longest: 600 },
];
const type = 't3.micro';
const userData = '#!/bin/sh\ndate +%s.%N >/var/tmp/user-data-ran\n';

const [only, roundsGiven] = process.argv.slice(2);
const rows: string[] = [];
let start = '';
for (const { family, name, user, rounds, cold, longest } of families) {
  if (only !== undefined && only !== family) continue;
  progress(`${family}: QEMU by hand`);
  const limits = await measureLimits(family, user, 5);
  const boots = await launches(['--no-warm'], name, user, cold, longest);
  const copies = await launches([], name, user, Number(roundsGiven ?? rounds), longest);
  rows.push(...describe(family, limits, boots, copies));
}
replaceSection('Launch to SSH', [
  `Measured on ${new Date().toISOString().slice(0, 10)} by \`node bench/launch.ts\` on the qemu engine, ${type} (${machine().at(-1)}):`,
  '',
  '| AMI | what | runs | median | 95 % | least | most |',
  '|---|---|---:|---:|---:|---:|---:|',
  ...rows,
  '',
  start,
]);

interface Measured {
  readonly running: number[];
  readonly ssh: number[];
  readonly userData: number[];
}

async function launches(
  flags: string[],
  name: string,
  user: string,
  rounds: number,
  longest: number,
): Promise<Measured> {
  const server = await BenchServer.start(...flags);
  try {
    start = `The server with the qemu engine was ready after ${Math.round(server.startMs)} ms and used ${Math.round(server.idleMiB)} MiB when idle.`;
    const image = await server.image(name);
    if (image === undefined) throw new Error(`there is no AMI ${name}; build it with fogbank image build`);
    if (flags.length === 0) {
      const first = await server.launch(image, type);
      const { bootMs } = await server.warm(type, longest);
      progress(`${name}: a guest was frozen after ${(bootMs / 1000).toFixed(1)} s`);
      await server.terminate(first);
    }
    const measured: Measured = { running: [], ssh: [], userData: [] };
    for (let round = 0; round < rounds; round++) {
      const began = performance.now();
      const seconds = (): number => (performance.now() - began) / 1000;
      const [instance] = await server.launch(image, type, 1, userData);
      if (instance === undefined) throw new Error('nothing was launched');
      await server.login(instance, user, longest);
      measured.ssh.push(seconds());
      // The guest's own clock is right to a second only, so the end of user data is asked for.
      await server.login(instance, user, longest, 'until [ -s /var/tmp/user-data-ran ]; do sleep 0.05; done');
      measured.userData.push(seconds());
      progress(
        `${name} ${flags.join(' ')}: SSH ${measured.ssh.at(-1)?.toFixed(2)} s, user data ${seconds().toFixed(2)} s`,
      );
      await server.terminate([instance]);
    }
    return measured;
  } finally {
    await server.stop();
  }
}

function describe(family: string, limits: Limits, cold: Measured, warm: Measured): string[] {
  return [
    row(family, 'QEMU by hand, to SSH', limits.plain),
    row(family, 'cold: RunInstances to SSH', cold.ssh),
    row(family, 'cold: to the end of a user data script', cold.userData),
    row(family, 'QEMU by hand, restored, until it runs', limits.restore),
    row(family, 'the same, to SSH', limits.restoreToSsh),
    row(family, '**warm: RunInstances to SSH**', warm.ssh),
    row(family, 'warm: to the end of a user data script', warm.userData),
  ];
}

function row(family: string, what: string, seconds: readonly number[]): string {
  const sorted = [...seconds].sort((a, b) => a - b);
  const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)] ?? 0;
  const cells = [median(sorted), at(0.95), sorted[0] ?? 0, at(1)].map(value => `${value.toFixed(2)} s`);
  return `| ${[family, what, String(sorted.length), ...cells].join(' | ')} |`;
}
