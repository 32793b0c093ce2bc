import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { endSharing, sharePages } from './page-sharing.ts';

let folder: string;
let data: string;
let lines: string[];
const log = (line: string) => lines.push(line);

beforeEach(async () => {
  const root = await mkdtemp(join(tmpdir(), 'fogbank-ksm-'));
  folder = join(root, 'ksm');
  data = join(root, 'data');
  lines = [];
  await mkdir(folder);
  await mkdir(data);
  await set({ run: '0', pages_to_scan: '100', sleep_millisecs: '20' });
});
afterEach(() => rm(join(folder, '..'), { recursive: true, force: true }));

async function set(knobs: Record<string, string>): Promise<void> {
  for (const [name, value] of Object.entries(knobs)) await writeFile(join(folder, name), `${value}\n`);
}

async function knob(name: string): Promise<string> {
  return (await readFile(join(folder, name), 'utf8')).trim();
}

test('is switched on, and everything put back as it was', async () => {
  await sharePages(data, log, folder);
  expect(await knob('run')).toBe('1');
  expect(Number(await knob('pages_to_scan'))).toBeGreaterThan(100);
  await endSharing(data, log, folder);
  expect([await knob('run'), await knob('pages_to_scan'), await knob('sleep_millisecs')]).toEqual(['0', '100', '20']);
});

test('a server that was killed leaves to the next one what was there before', async () => {
  await sharePages(data, log, folder);
  await sharePages(data, log, folder);
  await endSharing(data, log, folder);
  expect(await knob('run')).toBe('0');
  expect(await knob('pages_to_scan')).toBe('100');
});

test('what was on before stays as it was', async () => {
  await set({ run: '1' });
  await sharePages(data, log, folder);
  expect(await knob('pages_to_scan')).toBe('100');
  await endSharing(data, log, folder);
  expect(await knob('run')).toBe('1');
});

test('the kernel’s own advisor keeps its pace', async () => {
  await set({ advisor_mode: 'none [scan-time]' });
  await sharePages(data, log, folder);
  expect([await knob('run'), await knob('pages_to_scan')]).toEqual(['1', '100']);
});

test('where it cannot be, that is said and nothing else happens', async () => {
  await rm(folder, { recursive: true });
  await sharePages(data, log, folder);
  await endSharing(data, log, folder);
  expect(lines).toEqual(['equal pages of guests are not shared: this kernel has no KSM']);
});

test('nothing is put back that was never changed', async () => {
  await endSharing(data, log, folder);
  expect(await knob('run')).toBe('0');
  expect(lines).toEqual([]);
});
