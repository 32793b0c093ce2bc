import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { detectBootMode } from './boot-mode.ts';
import { BIOS_BOOT, guidTable, LINUX_FILESYSTEM, SECTOR } from './disk/partition-table.ts';
import { extractOva } from './ova.ts';
import { run } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'fogbank-ova-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('extractOva', () => {
  const target = join(folder, 'disk.vmdk');

  async function archive(files: Readonly<Record<string, string>>): Promise<string> {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
    const file = join(folder, 'vm.ova');
    await run('tar', ['--format=ustar', '-cf', file, '-C', folder, ...Object.keys(files)]);
    return file;
  }

  test('takes the disk out', async () => {
    const content = 'KDMV'.repeat(1000);
    await extractOva(await archive({ 'vm.ovf': '<Envelope/>', 'vm-disk1.vmdk': content }), target);
    expect(readFileSync(target, 'utf8')).toBe(content);
  });

  test('refuses archives with no disk or several, and what is no archive', async () => {
    await expect(extractOva(await archive({ 'vm.ovf': 'x' }), target)).rejects.toThrow('0 disks');
    await expect(extractOva(await archive({ 'a.vmdk': 'x', 'b.vmdk': 'y' }), target)).rejects.toThrow('2 disks');
    const file = join(folder, 'plain');
    writeFileSync(file, Buffer.alloc(2048, 'x'));
    await expect(extractOva(file, target)).rejects.toThrow('not a tar archive');
    const cut = await archive({ 'c.vmdk': 'x'.repeat(5000) });
    writeFileSync(cut, readFileSync(cut).subarray(0, 3000));
    await expect(extractOva(cut, target)).rejects.toThrow('ends in the middle');
  });
});

describe('detectBootMode', () => {
  const EFI_SYSTEM = 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b';

  function disk(types: readonly string[], bootCode = 0): Buffer {
    const image = Buffer.alloc(64 * 1024);
    const uuid = '00000000-0000-4000-8000-000000000000';
    const partitions = types.map((type, index) => {
      const start = 2048 + index * 2048;
      return { number: index + 1, type, uuid, name: 'x', start, end: start + 2048 };
    });
    for (const [sector, data] of guidTable(100_000, uuid, partitions))
      if (sector * SECTOR < image.length) data.copy(image, sector * SECTOR);
    image.fill(bootCode, 0, 440);
    return image;
  }

  test.each([
    ['only an EFI system partition', disk([LINUX_FILESYSTEM, EFI_SYSTEM]), 'uefi'],
    ['a BIOS boot partition as well', disk([LINUX_FILESYSTEM, BIOS_BOOT, EFI_SYSTEM]), 'legacy-bios'],
    ['boot code as well', disk([EFI_SYSTEM], 0x90), 'legacy-bios'],
    ['no EFI system partition', disk([LINUX_FILESYSTEM]), 'legacy-bios'],
    ['no partition table', Buffer.alloc(64 * 1024), 'legacy-bios'],
    ['nothing', Buffer.alloc(0), 'legacy-bios'],
  ])('%s', (_what, first, mode) => {
    expect(detectBootMode(first)).toBe(mode);
  });
});
