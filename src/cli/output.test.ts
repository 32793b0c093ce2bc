import { expect, test } from 'vitest';
import { duration, Transcript } from './demo/transcript.ts';
import { progressPrinter } from './progress.ts';
import { isUsable } from './test-clients.ts';
import { add } from './test-runs.ts';

function collect(isTTY: boolean, columns = 80) {
  const written: string[] = [];
  let now = 0;
  const printer = progressPrinter({ isTTY, columns, write: text => written.push(text) }, () => now);
  return {
    written,
    printer,
    wait: (milliseconds: number) => {
      now += milliseconds;
    },
  };
}

test('progress in a log: one line a stage and one each tenth', () => {
  const { written, printer } = collect(false);
  printer.report('downloading', 0);
  for (let step = 1; step <= 100; step++) printer.report('downloading', step / 100);
  printer.report('converting');
  printer.report('converting');
  printer.end();
  expect(written.length).toBeGreaterThanOrEqual(11);
  expect(written.length).toBeLessThanOrEqual(13);
  expect(written[0]).toBe('[   0.0 s] downloading 0 %\n');
  expect(written.at(-1)).toBe('[   0.0 s] converting\n');
});

test('progress on a terminal: one line that is rewritten ten times a second and never wraps', () => {
  const { written, printer, wait } = collect(true, 20);
  for (let step = 0; step < 100; step++) {
    printer.report('a stage with a long name', step / 100);
    wait(10);
  }
  printer.report('the next');
  printer.end();
  expect(written.filter(text => text.startsWith('\r'))).toHaveLength(11);
  expect(written.every(text => text === '\n' || text.replace('\r', '').replace('\x1b[K', '').length < 20)).toBe(true);
  expect(written.at(-1)).toBe('\n');
});

test('a step shows command, answer and time', async () => {
  let text = '';
  let now = 0;
  const transcript = new Transcript(
    part => {
      text += part;
    },
    () => now,
  );
  const result = await transcript.step(
    'aws ec2 x',
    async () => {
      now = 1234;
      return 'a\nb\n';
    },
    output => output,
  );
  expect(result).toBe('a\nb\n');
  expect(text).toBe('$ aws ec2 x\n    a\n    b\n    (1.2 s)\n');
});

test.each([
  [85.4, '85 ms'],
  [3210, '3.2 s'],
  [125_000, '2 min 5 s'],
])('%d ms reads %s', (milliseconds, text) => expect(duration(milliseconds)).toBe(text));

test('totals count files that do not load, and runs that broke', () => {
  const totals = { passed: 0, failed: 0, skipped: 0 };
  const file = { status: 'passed', assertionResults: [{}] };
  const report = { numPassedTests: 5, numFailedTests: 0, numPendingTests: 2, numTodoTests: 1, testResults: [file] };
  add(totals, report, 0);
  expect(totals).toEqual({ passed: 5, failed: 0, skipped: 3 });
  const failed = { status: 'failed', assertionResults: [{}] };
  const notLoaded = { status: 'failed', assertionResults: [] };
  add(totals, { ...report, numFailedTests: 2, testResults: [file, failed, notLoaded] }, 1);
  expect(totals).toEqual({ passed: 10, failed: 3, skipped: 6 });
  add(totals, { ...report, testResults: [file] }, 1);
  expect(totals.failed).toBe(4);
  add(totals, null, 1);
  expect(totals.failed).toBe(5);
});

test.each([
  ['aws-cli/2.9.19 Python/3.11.2 Linux/6.1', false],
  ['aws-cli/2.13.0 Python/3.11.2', true],
  ['aws-cli/1.45.11 Python/3.11.7', true],
  ['aws-cli/1.27.1 Python/3.11.7', false],
  ['', false],
])('clients that read AWS_ENDPOINT_URL: %s', (output, usable) =>
  expect(isUsable({ since: { 1: 29, 2: 13 } }, output)).toBe(usable),
);
