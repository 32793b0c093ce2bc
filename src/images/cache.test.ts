import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { cachedImage, cachedImages, imageCacheDir, imageFile, publish, sha256OfFile, withStaging } from './cache.ts';
import type { ImageManifest } from './types.ts';

const description: Omit<ImageManifest, 'file' | 'sha256'> = {
  name: 'vendor/images/some-linux-20260102',
  family: 'some',
  description: 'for tests',
  architecture: 'x86_64',
  loginUser: 'admin',
  rootDeviceName: '/dev/xvda',
  bootMode: 'legacy-bios',
  sizeGib: 1,
  recipe: 'r1',
  ssmAliases: ['/aws/service/some'],
};

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fogbank-cache-'));
});
afterEach(() => rm(dir, { recursive: true }));

const publishText = (text: string, changes: Partial<typeof description> = {}): Promise<ImageManifest> =>
  withStaging(dir, async staging => {
    const disk = join(staging, 'disk');
    await writeFile(disk, text);
    return publish(dir, disk, { ...description, ...changes });
  });

describe('the image cache', () => {
  it('gives back what was published, with a file of that content and checksum', async () => {
    const manifest = await publishText('content');
    expect(await cachedImages(dir)).toEqual([manifest]);
    expect(await readFile(imageFile(manifest, dir), 'utf8')).toBe('content');
    expect(await sha256OfFile(imageFile(manifest, dir))).toBe(manifest.sha256);
    expect(manifest.file).toMatch(/^vendor-images-some-linux-20260102-[0-9a-f]{12}\.qcow2$/);
    expect((await readdir(dir)).filter(name => name.startsWith('.'))).toEqual([]);
  });

  it('keeps the file that an earlier build gave, as volumes may be based on it', async () => {
    const first = await publishText('one');
    const second = await publishText('two');
    expect(await cachedImages(dir)).toEqual([second]);
    expect(await readFile(imageFile(first, dir), 'utf8')).toBe('one');
  });

  it('finds images by family and recipe', async () => {
    const manifest = await publishText('x');
    expect(await cachedImage(dir, 'some', 'r1')).toEqual(manifest);
    expect(await cachedImage(dir, 'some', 'r2')).toBeUndefined();
    expect(await cachedImage(dir, 'other', 'r1')).toBeUndefined();
  });

  it('lists nothing that is incomplete', async () => {
    const manifest = await publishText('x');
    await writeFile(join(dir, 'broken.json'), '{"name": "broken"');
    await writeFile(join(dir, 'partial.json'), JSON.stringify({ name: 'partial', file: manifest.file }));
    await writeFile(join(dir, 'no-disk.json'), JSON.stringify({ ...manifest, name: 'no-disk', file: 'gone.qcow2' }));
    expect(await cachedImages(dir)).toEqual([manifest]);
    expect(await cachedImages(join(dir, 'missing'))).toEqual([]);
  });

  it('leaves nothing of a failed build', async () => {
    const failing = withStaging(dir, async staging => {
      await writeFile(join(staging, 'half'), 'x');
      throw new Error('no space');
    });
    await expect(failing).rejects.toThrow('no space');
    expect(await readdir(dir)).toEqual([]);
  });

  it('removes what a killed build left, but not what a running one uses', async () => {
    const gone = spawn('true');
    await once(gone, 'exit');
    await mkdir(join(dir, `.staging-${gone.pid}-dead`));
    await mkdir(join(dir, `.staging-${process.ppid}-alive`));
    await withStaging(dir, async () => undefined);
    expect(await readdir(dir)).toEqual([`.staging-${process.ppid}-alive`]);
  });

  it('lies where the environment says', () => {
    vi.stubEnv('FOGBANK_IMAGE_CACHE', '/some/where');
    expect(imageCacheDir()).toBe('/some/where');
    vi.stubEnv('FOGBANK_IMAGE_CACHE', '');
    vi.spyOn(process, 'getuid').mockReturnValue(1000);
    vi.stubEnv('XDG_CACHE_HOME', '/home/me/.cache');
    expect(imageCacheDir()).toBe('/home/me/.cache/fogbank/images');
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  });
});
