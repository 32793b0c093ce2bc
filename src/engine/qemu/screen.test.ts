import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parsePpm, takePicture } from './screen.ts';

const ppm = (width: number, height: number, bytes: number) =>
  Buffer.concat([Buffer.from(`P6\n${width} ${height}\n255\n`), Buffer.alloc(bytes, 10)]);

test('a picture has its size and its pixels, even those that look like white space', () => {
  const screen = parsePpm(ppm(4, 3, 36));
  expect([screen.width, screen.height, screen.rgb.length]).toEqual([4, 3, 36]);
  expect(screen.rgb.every(byte => byte === 10)).toBe(true);
});

test('what is no picture, or half of one, is refused', () => {
  expect(() => parsePpm(Buffer.from('P5\n4 3\n255\n'))).toThrow(/unknown format/);
  expect(() => parsePpm(ppm(4, 3, 35))).toThrow(/incomplete/);
});

test('a picture is taken once, and never through a link', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fogbank-screen-'));
  try {
    await writeFile(join(folder, 'screen.ppm'), ppm(2, 2, 12));
    expect(await takePicture(join(folder, 'screen.ppm'))).toMatchObject({ width: 2, height: 2 });
    expect(await readdir(folder)).toEqual([]);
    await writeFile(join(folder, 'secret'), ppm(2, 2, 12));
    await symlink('secret', join(folder, 'screen.ppm'));
    await expect(takePicture(join(folder, 'screen.ppm'))).rejects.toThrow(/ELOOP/);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
