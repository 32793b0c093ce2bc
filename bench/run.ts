import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fill, measure, type Rates } from './calls.ts';
import type { LoadResult } from './load.ts';
import { firstLine, machine } from './machine.ts';
import { median } from './process.ts';
import { type Subject, startFogbank, startMoto } from './servers.ts';

/*
 * Figures of the API alone, on the simulator, and moto's on the same machine in the same run with the same load
 * generator. `node bench/run.ts [--small]`; the results go to bench/results.md.
 */
const small = process.argv.includes('--small');
const sizes = small ? [100, 1_000] : [100, 1_000, 10_000, 100_000];
const comparedAt = 1_000;
const starts = 10;

const lines: string[] = [];
const print = (line: string): void => {
  lines.push(line);
  process.stdout.write(`${line}\n`);
};
const progress = (line: string): void =>
  void process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);

const facts = machine();
progress('starting ten times');
// The first start of a checkout compiles; it is not what is measured.
await (await startFogbank()).stop();
const ours = { starts: [] as number[], memory: [] as number[] };
for (let at = 0; at < starts; at++) {
  const server = await startFogbank();
  await new Promise(resolve => setTimeout(resolve, 1_000));
  ours.starts.push(server.firstAnswer);
  ours.memory.push(server.memory());
  await server.stop();
}

const rates = new Map<number, { rates: Rates; memory: number }>();
for (const size of sizes) {
  progress(`Fogbank with ${size} instances`);
  const server = await startFogbank();
  rates.set(size, await withInstances(server, size, { duration: 5_000, launches: 2_000 }));
}

const version = firstLine('python3', '-c', 'import moto; print(moto.__version__)');
let theirs: { rates: Rates; start: number; memory: number; full: number } | undefined;
try {
  progress(`moto with ${comparedAt} instances`);
  const first = await startMoto();
  const start = first.firstAnswer;
  const memory = first.memory();
  const { rates: measured, memory: full } = await withInstances(first, comparedAt, { duration: 15_000, launches: 300 });
  theirs = { rates: measured, start, memory, full };
} catch (error) {
  progress(`without moto: ${error instanceof Error ? error.message : String(error)}`);
}

report();

async function withInstances(server: Subject, size: number, effort: Parameters<typeof measure>[1]) {
  try {
    await fill(server, size);
    const measured = await measure(server, effort);
    return { rates: measured, memory: server.memory() };
  } finally {
    await server.stop();
  }
}

function report(): void {
  print('# Results');
  print('');
  print(`Measured on ${new Date().toISOString().slice(0, 10)} by \`node bench/run.ts\` on the simulator engine:`);
  print('');
  for (const fact of facts) print(`- ${fact}`);
  print(`- moto: ${theirs === undefined ? 'not installed' : (version ?? 'version unknown')}`);
  print('');
  print('| | Fogbank | target | moto |');
  print('|---|---|---|---|');
  const start = median(ours.starts);
  const memory = median(ours.memory);
  print(
    `| start to first answer (median of ${starts}) | ${Math.round(start)} ms | 500 ms | ${theirs === undefined ? '–' : `${Math.round(theirs.start)} ms`} |`,
  );
  print(
    `| resident memory when idle | ${Math.round(memory)} MiB | 120 MB | ${theirs === undefined ? '–' : `${Math.round(theirs.memory)} MiB`} |`,
  );
  print('');
  print(
    'Calls a second; every answer to a launch was durable (fsync) before it left. In brackets the median time of a call.',
  );
  print('');
  print('| | DescribeInstances by id | DescribeInstances, page of 100 | RunInstances | memory |');
  print('|---|---|---|---|---|');
  for (const [size, { rates: one, memory: used }] of rates)
    print(row(`Fogbank, ${thousands(size)} instances`, one, used));
  if (theirs !== undefined) print(row(`moto, ${thousands(comparedAt)} instances`, theirs.rates, theirs.full));
  const same = rates.get(comparedAt)?.rates;
  if (theirs !== undefined && same !== undefined) {
    const ratio = (of: keyof Rates): string =>
      `${(same[of].perSecond / (theirs?.rates[of].perSecond ?? Number.NaN)).toFixed(0)}×`;
    print(
      `| ratio at ${thousands(comparedAt)} (target 20×) | ${ratio('byId')} | ${ratio('page')} | ${ratio('launches')} | |`,
    );
  }
  const [smallest, largest] = [rates.get(sizes[0] ?? 0)?.rates.byId, rates.get(sizes.at(-1) ?? 0)?.rates.byId];
  if (smallest !== undefined && largest !== undefined) {
    const growth = smallest.perSecond / largest.perSecond;
    print('');
    print(
      `DescribeInstances by id takes ${growth.toFixed(2)} times as long with ${thousands(sizes.at(-1) ?? 0)} instances as with ${thousands(sizes[0] ?? 0)} (target: at most 1.5).`,
    );
  }
  print('');
  print(
    'By id: 16 calls at once; pages: 4; launches: 64, of one t3.micro each. 100,000 instances lie in ten Regions, since a default VPC has room for 12,273.',
  );
  if (!small) writeFileSync(fileURLToPath(new URL('results.md', import.meta.url)), `${lines.join('\n')}\n`);
}

function row(name: string, { byId, page, launches }: Rates, memory: number): string {
  const cell = (result: LoadResult): string => {
    const digits = result.perSecond < 10 ? 1 : 0;
    return `${result.perSecond.toFixed(digits)} (${result.median.toFixed(result.median < 10 ? 1 : 0)} ms)`;
  };
  return `| ${name} | ${cell(byId)} | ${cell(page)} | ${cell(launches)} | ${Math.round(memory)} MiB |`;
}

function thousands(value: number): string {
  return value.toLocaleString('en-US');
}
