import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { buildImage, recipeOf } from './build.ts';
import { publish, withStaging } from './cache.ts';
import { catalogueEntry } from './catalogue.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fogbank-build-'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(dir, { recursive: true });
});

describe('buildImage', () => {
  it('does no work when the cache holds an image of the same recipe', async () => {
    const { manifest } = catalogueEntry('micro');
    const recipe = await recipeOf('micro');
    const cached = await withStaging(dir, async staging => {
      await writeFile(join(staging, 'disk'), 'content');
      return publish(dir, join(staging, 'disk'), {
        ...manifest,
        name: 'fogbank-micro-20260101',
        family: 'micro',
        recipe,
      });
    });
    const lines: string[] = [];
    expect(await buildImage('micro', { cacheDir: dir, onProgress: line => lines.push(line) })).toEqual(cached);
    expect(lines).toEqual([]);
  });

  it('says that it needs root, and leaves nothing', async () => {
    vi.spyOn(process, 'getuid').mockReturnValue(1000);
    await expect(buildImage('micro', { cacheDir: dir })).rejects.toThrow(/needs root/);
    expect(await readdir(dir)).toEqual([]);
  });

  it.skipIf(process.getuid?.() !== 0)(
    'leaves nothing when the archive cannot be reached',
    async () => {
      vi.stubEnv('FOGBANK_DEBIAN_MIRROR', 'http://127.0.0.1:9/debian');
      vi.stubEnv('FOGBANK_DEBIAN_SECURITY_MIRROR', 'http://127.0.0.1:9/debian-security');
      await expect(buildImage('micro', { cacheDir: dir })).rejects.toThrow(/mmdebstrap/);
      expect(await readdir(dir)).toEqual([]);
      vi.unstubAllEnvs();
    },
    60_000,
  );

  it('knows families', async () => {
    await expect(buildImage('beos', { cacheDir: dir })).rejects.toThrow(/there is no image family/);
    await expect(buildImage('ubuntu-24.04', { cacheDir: dir })).rejects.toThrow(/image pull ubuntu-24.04/);
  });

  it('has another recipe for each family', async () => {
    expect(await recipeOf('micro')).toBe(await recipeOf('micro'));
    expect(await recipeOf('micro')).not.toBe(await recipeOf('debian-12'));
  });
});
