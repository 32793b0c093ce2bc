import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cachedImages, imageFile } from '../../images/cache.ts';
import { selfTestDisk, testGuestDisk } from './boot-sectors.ts';
import { bootsTo, selfTest } from './self-test.ts';

const emulated = ['-accel', 'tcg,thread=multi', '-cpu', 'max,la57=off'];
const micro = (await cachedImages()).find(image => image.family === 'micro');

test('a guest that runs is seen, within seconds', async () => {
  expect(await selfTest({ arguments: emulated })).toMatchObject({ works: true });
});

test.runIf(micro)('a stock kernel that boots is seen', async () => {
  const disk = micro && imageFile(micro);
  expect(await selfTest({ arguments: emulated, kernelDisk: disk })).toMatchObject({
    works: true,
    detail: expect.stringMatching(/kernel booted/),
  });
});

test('a guest that hangs is seen, in bounded time', async () => {
  const before = performance.now();
  // The processor is never started.
  expect(await selfTest({ arguments: [...emulated, '-S'] })).toMatchObject({ works: false });
  expect(performance.now() - before).toBeLessThan(10_000);
});

test('an accelerator that QEMU refuses does not work', async () => {
  expect(await selfTest({ arguments: ['-accel', 'no-such-thing'] })).toMatchObject({ works: false });
});

test('a first sector that runs does not stand for a kernel that does not boot, and the disk is not written to', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fogbank-self-test-'));
  try {
    const file = join(folder, 'a,b.raw');
    await writeFile(file, selfTestDisk(), { mode: 0o400 });
    expect(
      await bootsTo({ file, format: 'raw' }, /self-test reached/, { arguments: emulated, timeoutMs: 10_000 }),
    ).toBeGreaterThan(0);
    await writeFile(join(folder, 'other.raw'), testGuestDisk());
    const other = { file: join(folder, 'other.raw'), format: 'raw' } as const;
    expect(await bootsTo(other, /as init process/, { arguments: emulated, timeoutMs: 3_000 })).toBeUndefined();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
