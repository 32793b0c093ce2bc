import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensurePackages, guestTestPackages, imagePackages, machinePackages } from './packages.ts';
import { progressPrinter } from './progress.ts';
import { installClients } from './test-clients.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

export type TestKind = 'unit' | 'guest' | 'acceptance';

export interface TestOptions {
  readonly kinds: readonly TestKind[];
  readonly installClients: boolean;
  /** Parts of file names; empty for all. */
  readonly filters: readonly string[];
}

export interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

/** AMIs that guest tests launch. */
const families = ['micro', 'debian-12'];

/** Runs the kinds that are asked for, all of them even when one fails. Returns the exit code. */
export async function runTests(options: TestOptions): Promise<number> {
  const totals: Totals = { passed: 0, failed: 0, skipped: 0 };
  const notes: string[] = [];
  for (const kind of options.kinds) {
    try {
      if (kind === 'unit') await unitTests(options.filters, totals);
      else if (kind === 'acceptance') await acceptanceTests(options, totals, notes);
      else if (process.getuid?.() === 0) await guestTests(options.filters, totals);
      else {
        totals.skipped++;
        notes.push('skipped: tests with machines and networks: they need root');
      }
    } catch (error) {
      totals.failed++;
      notes.push(`failed: ${kind} tests did not run: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  for (const note of notes) process.stdout.write(`${note}\n`);
  process.stdout.write(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped\n`);
  return totals.failed > 0 ? 1 : 0;
}

async function unitTests(filters: readonly string[], totals: Totals): Promise<void> {
  if (filters.length === 0) {
    await check('format and lint', ['@biomejs/biome/bin/biome', 'check', '.'], totals);
    await check('types', ['typescript/bin/tsc', '--noEmit'], totals);
  }
  await vitest('unit', filters, totals);
}

async function guestTests(filters: readonly string[], totals: Totals): Promise<void> {
  await ensurePackages([...machinePackages, ...imagePackages, ...guestTestPackages], 'to test with machines');
  await buildImages();
  await vitest('guest', filters, totals);
}

/** Clients that this machine does not have are skipped by their tests, which say why. */
async function acceptanceTests(options: TestOptions, totals: Totals, notes: string[]): Promise<void> {
  if (options.installClients) {
    const folder = join(root, '.node/clients');
    // What cannot be installed is a skipped test, not a broken run.
    const note = (problem: string): number => notes.push(`an AWS client could not be installed: ${problem}`);
    const installed = await installClients(folder).catch((error: Error) => {
      note(error.message);
      return undefined;
    });
    for (const problem of installed?.problems ?? []) note(problem);
    if (installed !== undefined) process.env.PATH = `${installed.commands}:${process.env.PATH ?? ''}`;
  }
  await vitest('acceptance', options.filters, totals);
}

async function buildImages(): Promise<void> {
  const { buildImage } = await import('../images/build.ts');
  for (const family of families) {
    const progress = progressPrinter();
    await buildImage(family, { onProgress: progress.report }).finally(progress.end);
  }
}

/** A check that has one result. */
async function check(title: string, [script = '', ...rest]: readonly string[], totals: Totals): Promise<void> {
  headline(title);
  const code = await run(process.execPath, [join(root, 'node_modules', script), ...rest]);
  if (code === 0) totals.passed++;
  else totals.failed++;
}

/** The members of Vitest's JSON report that are counted. */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  /** One a file; a file that does not load has failed without tests. */
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly unknown[] }[];
}

async function vitest(kind: TestKind, filters: readonly string[], totals: Totals): Promise<void> {
  headline(`${kind} tests`);
  const folder = await mkdtemp(join(tmpdir(), 'fogbank-test-'));
  try {
    const file = join(folder, 'report.json');
    const mode = kind === 'unit' ? [] : ['--mode', kind];
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
    const code = await run(process.execPath, [
      ...[join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--passWithNoTests', ...mode, ...reporters],
      ...filters,
    ]);
    const report = JSON.parse(await readFile(file, 'utf8').catch(() => 'null')) as Report | null;
    add(totals, report, code);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Adds a run to the totals. A file that does not load is a failure, and so is a run that broke for no such reason. */
export function add(totals: Totals, report: Report | null, exitCode: number): void {
  const broken = report?.testResults.filter(file => file.status === 'failed' && file.assertionResults.length === 0);
  const failed = (report?.numFailedTests ?? 0) + (broken?.length ?? 0);
  totals.passed += report?.numPassedTests ?? 0;
  totals.skipped += (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0);
  totals.failed += exitCode !== 0 && failed === 0 ? 1 : failed;
}

function headline(title: string): void {
  process.stdout.write(`\n== ${title}\n`);
}

/** Runs a program of ours on this terminal, in the checkout. Returns its exit code; a signal counts as 1. */
function run(program: string, words: readonly string[]): Promise<number> {
  const child = spawn(program, words, { stdio: ['ignore', 'inherit', 'inherit'], cwd: root });
  // Ctrl-C reaches the child too; it is to end first, so that its tests clean up.
  const wait = (): void => {};
  process.on('SIGINT', wait);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', code => {
      process.off('SIGINT', wait);
      resolve(code ?? 1);
    });
  });
}
