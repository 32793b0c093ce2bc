import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { cpioArchive } from './cpio.ts';
import { countEntries } from './disk.ts';
import { guidBoot, guidRoot } from './gpt-grub.ts';
import { bootSectorCode, coreAt } from './grub.ts';
import { guidLimit, MBR_LINUX, mbrTable } from './partition-table.ts';

const sectors = 8 * 2 ** 21;

function bootImg(): Buffer {
  const bytes = Buffer.alloc(512, 0x11);
  bytes.writeUInt16LE(0xaa55, 510);
  return bytes;
}

describe('an MBR', () => {
  it('has its entries where the BIOS and Linux look for them', () => {
    const table = mbrTable(0x6d696372, [{ number: 1, type: MBR_LINUX, active: true, start: 65536, end: 2097152 }]);
    const sector = Buffer.concat([Buffer.alloc(440), table]);
    expect(sector).toHaveLength(512);
    expect(sector.readUInt32LE(440)).toBe(0x6d696372);
    expect(sector[446]).toBe(0x80);
    expect(sector[450]).toBe(0x83);
    expect(sector.readUInt32LE(454)).toBe(65536);
    // The micro image's start-up grows the partition by writing this field.
    expect(sector.readUInt32LE(458)).toBe(2097152 - 65536);
    expect(sector.readUInt16LE(510)).toBe(0xaa55);
  });
});

describe('a GPT disk with GRUB', () => {
  const core = Buffer.alloc(100_000, 0x22);
  const written = new Map(guidBoot(sectors, '64656269-616e-4012-8000-666f67626100', bootImg(), core));
  const at = (sector: number): Buffer => written.get(sector) ?? Buffer.alloc(0);

  it('has a protective MBR around the boot code', () => {
    expect(at(0)).toHaveLength(512);
    expect(at(0)[450]).toBe(0xee);
    expect(at(0).readUInt32LE(458)).toBe(sectors - 1);
  });

  it('has two headers with right checksums, each naming the other', () => {
    const last = sectors - 1;
    for (const [own, other] of [
      [1, last],
      [last, 1],
    ] as const) {
      const header = Buffer.from(at(own));
      expect(header.toString('latin1', 0, 8)).toBe('EFI PART');
      expect(Number(header.readBigUInt64LE(24))).toBe(own);
      expect(Number(header.readBigUInt64LE(32))).toBe(other);
      const entries = at(Number(header.readBigUInt64LE(72)));
      expect(header.readUInt32LE(88)).toBe(crc32(entries));
      const sum = header.readUInt32LE(16);
      header.writeUInt32LE(0, 16);
      expect(crc32(header.subarray(0, 92))).toBe(sum);
    }
  });

  it('has the root file system as partition 1 of the Linux type, in the usable area', () => {
    const entry = at(2).subarray(0, 128);
    expect(entry.toString('hex', 0, 16)).toBe('af3dc60f838472478e793d69d8477de4');
    const { rootStart, rootEnd } = guidRoot(sectors);
    expect(Number(entry.readBigUInt64LE(32))).toBe(rootStart);
    expect(Number(entry.readBigUInt64LE(40))).toBe(rootEnd - 1);
    expect(rootEnd).toBeLessThanOrEqual(Number(at(1).readBigUInt64LE(48)) + 1);
    expect(guidLimit(sectors) % 2048).toBe(0);
  });

  it('points the first sector to core.img, and core.img to its rest', () => {
    const start = Number(at(0).readBigUInt64LE(0x5c));
    const image = at(start);
    expect(image.subarray(512, 100_000).equals(core.subarray(512))).toBe(true);
    expect(Number(image.readBigUInt64LE(500))).toBe(start + 1);
    expect(image.readUInt16LE(508)).toBe(Math.ceil(core.length / 512) - 1);
  });

  it('refuses what is no boot sector, and a core.img that is too large', () => {
    expect(() => bootSectorCode(Buffer.alloc(512), 1)).toThrow(/not a boot sector/);
    expect(() => coreAt(Buffer.alloc(513), 1, 1)).toThrow(/needs 2 sectors/);
  });
});

describe('a cpio archive', () => {
  it('has aligned members with sizes, modes and a trailer', () => {
    const archive = cpioArchive([
      { path: 'bin', directory: true },
      { path: 'bin/sh', link: 'busybox' },
      { path: 'init', content: Buffer.from('#!/bin/sh\n'), executable: true },
    ]);
    const members: [string, string, string][] = [];
    let offset = 0;
    while (offset < archive.length) {
      expect(archive.toString('latin1', offset, offset + 6)).toBe('070701');
      const field = (n: number): number =>
        Number.parseInt(archive.toString('latin1', offset + 6 + n * 8, offset + 14 + n * 8), 16);
      const name = archive.toString('latin1', offset + 110, offset + 110 + field(11) - 1);
      const data = offset + Math.ceil((110 + field(11)) / 4) * 4;
      members.push([name, field(1).toString(8), archive.toString('latin1', data, data + field(6))]);
      offset = data + Math.ceil(field(6) / 4) * 4;
    }
    expect(members).toEqual([
      ['bin', '40755', ''],
      ['bin/sh', '120777', 'busybox'],
      ['init', '100755', '#!/bin/sh\n'],
      ['TRAILER!!!', '0', ''],
    ]);
  });
});

it('entries of a tree are counted without following its links', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fogbank-count-'));
  try {
    await mkdir(join(folder, 'dev/pts'), { recursive: true });
    await writeFile(join(folder, 'dev/null'), '');
    await symlink('/proc/self/fd', join(folder, 'dev/fd'));
    await symlink('..', join(folder, 'dev/up'));
    expect(await countEntries(folder)).toBe(5);
  } finally {
    await rm(folder, { recursive: true });
  }
});
