import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Cgroups } from './cgroup.ts';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'fogbank-cgroup-'));
});

afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

test('a machine gets its memory and a share of the processors by its size', async () => {
  await writeFile(join(root, 'cgroup.controllers'), 'cpuset cpu io memory hugetlb pids\n');
  const cgroups = await Cgroups.open('12345678', root);
  expect(cgroups.available).toBe(true);
  await cgroups.add('i-00000001', 4711, { vcpus: 4, memoryMib: 1024 });
  const read = (name: string) => readFile(join(root, 'fogbank/12345678/i-00000001', name), 'utf8');
  expect(Number(await read('memory.max'))).toBeGreaterThan(1024 * 1024 ** 2);
  expect(await read('cpu.weight')).toBe('200');
  expect(await read('cgroup.procs')).toBe('4711');
  expect(await readFile(join(root, 'cgroup.subtree_control'), 'utf8')).toBe('+memory +cpu +pids');
});

test('without such a hierarchy, or the right to it, machines run without', async () => {
  for (const controllers of ['', 'cpu io\n']) {
    await writeFile(join(root, 'cgroup.controllers'), controllers);
    const cgroups = await Cgroups.open('12345678', root);
    expect(cgroups.available).toBe(false);
    await cgroups.add('i-00000001', 4711, { vcpus: 4, memoryMib: 1024 });
    await cgroups.remove('i-00000001');
    expect(await readdir(root)).toEqual(['cgroup.controllers']);
  }
  await writeFile(join(root, 'cgroup.controllers'), 'cpu memory pids\n');
  await mkdir(join(root, 'cgroup.subtree_control'));
  expect((await Cgroups.open('12345678', root)).available).toBe(false);
});
