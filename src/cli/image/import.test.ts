import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { resolveConfiguration } from '../../config/resolve.ts';
import { type RunningServer, startServer } from '../../server.ts';
import { connect } from '../client.ts';
import { importImage } from './import.ts';

let folder: string;
let server: RunningServer;
let printed: string;
const progress = { report: () => {}, end: () => {} };
const options = { name: 'mine', bootMode: undefined, architecture: undefined, description: undefined };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fogbank-cli-import-'));
  await mkdir(join(folder, 'cache'));
  server = await startServer({
    dataDir: join(folder, 'data'),
    host: '127.0.0.1',
    port: 0,
    engine: 'simulator',
    publicPool: '198.18.0.0/16',
    imageCacheDir: join(folder, 'cache'),
    log: () => {},
  });
  printed = '';
  vi.spyOn(process.stdout, 'write').mockImplementation(text => {
    printed += text;
    return true;
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

const settings = () =>
  resolveConfiguration({ flags: { data: join(folder, 'data'), listen: `127.0.0.1:${server.port}` } });

test('a file becomes an AMI under the name that was asked for', async () => {
  const file = join(folder, 'disk.img');
  await writeFile(file, Buffer.alloc(1024));
  const configuration = await settings();
  await importImage(configuration, file, { ...options, bootMode: 'uefi', description: 'from outside' }, progress);
  const [imageId] = /^ami-[0-9a-f]{17}/.exec(printed) ?? [];
  expect(printed).toBe(`${imageId} is ready (mine)\n`);
  const images = (await connect(configuration).call('DescribeImages', { Owner: ['self'] })).items('imagesSet');
  expect(images.map(image => [image.get('imageId'), image.get('name'), image.get('bootMode')])).toEqual([
    [imageId, 'mine', 'uefi'],
  ]);
  expect(images[0]?.get('description')).toBe('from outside');
  expect(await readdir(join(folder, 'data', 'buckets', 'fogbank-image-import'))).toEqual([]);
});

test('what cannot be imported is said', async () => {
  const configuration = await settings();
  const file = join(folder, 'disk.img.gz');
  await writeFile(file, Buffer.from('1f8b0800', 'hex'));
  await expect(importImage(configuration, file, options, progress)).rejects.toThrow('compressed with gzip');
  await expect(importImage(configuration, join(folder, 'nothing'), options, progress)).rejects.toThrow('no file');
  await expect(importImage(configuration, file, { ...options, name: undefined }, progress)).rejects.toThrow('a name');
  await expect(importImage(configuration, 's3://no-bucket/x', options, progress)).rejects.toThrow(
    'there is no bucket no-bucket',
  );
  expect(printed).toBe('');
});
