import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type AcceleratorOptions, chooseAccelerator } from './accelerator.ts';
import { qemuVersion } from './tools.ts';

const hasQemu = await qemuVersion().then(
  () => true,
  () => false,
);

let folder: string;
let tests: (string | undefined)[];

/** A host whose self-test comes out as told. */
function host(module: string | undefined, works: boolean): AcceleratorOptions {
  return {
    cacheDir: join(folder, 'cache'),
    modulesDir: join(folder, module ? 'modules' : 'none'),
    override: '',
    test: async kernelDisk => {
      tests.push(kernelDisk);
      return { works, detail: works ? 'it ran' : 'it hung' };
    },
  };
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fogbank-accelerator-'));
  tests = [];
  await mkdir(join(folder, 'modules/kvm_intel'), { recursive: true });
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

test("without a vendor's module it is tcg, and nothing is tried", async () => {
  expect(await chooseAccelerator(host(undefined, true))).toMatchObject({
    name: 'tcg',
    reason: expect.stringMatching(/kvm_intel/),
  });
  expect(tests).toEqual([]);
});

test.runIf(hasQemu && process.arch === 'x64')('the self-test decides, once', async () => {
  const broken = host('kvm_intel', false);
  expect(await chooseAccelerator(broken)).toMatchObject({ name: 'tcg', reason: 'it hung' });
  expect(await chooseAccelerator(broken)).toMatchObject({ name: 'tcg', reason: 'it hung' });
  expect(tests).toHaveLength(1);
  const mended = { ...host('kvm_intel', true), force: true };
  expect(await chooseAccelerator(mended)).toMatchObject({ name: 'kvm', reason: 'it ran' });
  expect(tests).toHaveLength(2);
});

test.runIf(hasQemu && process.arch === 'x64')(
  'a result without a real kernel does not stand for one with it',
  async () => {
    await chooseAccelerator(host('kvm_intel', true));
    await chooseAccelerator({ ...host('kvm_intel', false), kernelDisk: async () => '/images/micro.qcow2' });
    expect(tests).toEqual([undefined, '/images/micro.qcow2']);
  },
);

test('an override needs no test, and must be one of the two', async () => {
  expect(await chooseAccelerator({ ...host('kvm_intel', false), override: 'kvm' })).toMatchObject({ name: 'kvm' });
  expect(await chooseAccelerator({ ...host('kvm_intel', true), override: 'tcg' })).toMatchObject({ name: 'tcg' });
  await expect(chooseAccelerator({ ...host(undefined, true), override: 'hvf' })).rejects.toMatchObject({
    code: 'Invalid',
  });
  expect(tests).toEqual([]);
});
