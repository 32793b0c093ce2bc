import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cachedImages, imageFile } from './cache.ts';
import { catalogue } from './catalogue.ts';
import { pullImage } from './pull.ts';

const imageName = 'ubuntu-24.04-server-cloudimg-amd64.img';

/** A vendor's server with one image, which can cut connections and lie. */
class Vendor {
  image = Buffer.alloc(0);
  checksums = '';
  /** Bytes after which the next connections are cut. */
  cuts: number[] = [];
  ranges = true;
  readonly requests: { url: string; range?: string }[] = [];
  readonly #server: Server = createServer((request, response) => this.#answer(request, response));

  async open(): Promise<string> {
    await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', resolve));
    const { port }: AddressInfo = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}/releases/latest`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  downloads(): (string | undefined)[] {
    return this.requests.filter(({ url }) => url.endsWith(imageName)).map(({ range }) => range);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = request.url ?? '';
    this.requests.push({ url, range: request.headers.range });
    if (url.includes('/latest/')) {
      response.writeHead(302, { location: url.replace('/latest/', '/20260102/') }).end();
    } else if (url.endsWith('/SHA256SUMS')) {
      response.end(this.checksums);
    } else if (url.endsWith(imageName)) {
      this.#send(request, response);
    } else response.writeHead(404).end();
  }

  #send(request: IncomingMessage, response: ServerResponse): void {
    const from = this.ranges ? Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0) : 0;
    const size = this.image.length;
    if (from >= size) return void response.writeHead(416, { 'content-range': `bytes */${size}` }).end();
    const headers: Record<string, string | number> = {
      'content-length': size - from,
      'last-modified': 'Fri, 02 Jan 2026 03:04:05 GMT',
    };
    if (from > 0) headers['content-range'] = `bytes ${from}-${size - 1}/${size}`;
    response.writeHead(from > 0 ? 206 : 200, headers);
    const cut = this.cuts.shift();
    if (cut === undefined) return void response.end(this.image.subarray(from));
    response.write(this.image.subarray(from, from + cut), () => response.destroy());
  }
}

let dir: string;
let cacheDir: string;
let vendor: Vendor;
let mirror: string;
let content: Buffer;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fogbank-pull-'));
  cacheDir = join(dir, 'cache');
  content = randomBytes(3 * 2 ** 20);
  await writeFile(join(dir, 'raw'), content);
  execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', join(dir, 'raw'), join(dir, 'image')]);
  vendor = new Vendor();
  vendor.image = await readFile(join(dir, 'image'));
  const sha256 = createHash('sha256').update(vendor.image).digest('hex');
  vendor.checksums = `${'0'.repeat(64)} *other.img\n${sha256} *${imageName}\n`;
  mirror = await vendor.open();
});
afterEach(async () => {
  vendor.close();
  await rm(dir, { recursive: true });
});

const pull = (lines: string[] = []): ReturnType<typeof pullImage> =>
  pullImage('ubuntu-24.04', { cacheDir, mirror, onProgress: line => lines.push(line) });

const filesInCache = async (): Promise<string[]> => (await readdir(cacheDir).catch(() => [])).sort();

async function rawContent(file: string): Promise<Buffer> {
  const raw = join(dir, 'back');
  execFileSync('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', file, raw]);
  return readFile(raw);
}

describe('pullImage', () => {
  it('downloads, checks and converts the image, and names it after the day when it was made', async () => {
    const lines: string[] = [];
    const manifest = await pull(lines);
    expect(manifest.name).toBe('ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20260102');
    expect(manifest.sizeGib).toBe(8);
    expect(await cachedImages(cacheDir)).toEqual([manifest]);
    expect((await rawContent(imageFile(manifest, cacheDir))).equals(content)).toBe(true);
    expect(lines).toContain('3 of 3 MiB');
    // Nothing but the disk and its manifest remains.
    expect(await filesInCache()).toHaveLength(2);
  });

  it('does not download again what it has, but does when the vendor publishes another', async () => {
    const first = await pull();
    expect(await pull()).toEqual(first);
    expect(vendor.downloads()).toEqual([undefined]);
    vendor.image = Buffer.concat([vendor.image, Buffer.alloc(65536)]);
    vendor.checksums = `${createHash('sha256').update(vendor.image).digest('hex')} *${imageName}\n`;
    expect((await pull()).recipe).not.toBe(first.recipe);
  });

  it('continues after cut connections where they ended', async () => {
    vendor.cuts = [700_000, 900_000];
    const lines: string[] = [];
    const manifest = await pull(lines);
    expect((await rawContent(imageFile(manifest, cacheDir))).equals(content)).toBe(true);
    // What was under way when the connection broke is lost; the rest is never asked for twice.
    const offsets = vendor.downloads().map(range => Number(/\d+/.exec(range ?? '0')?.[0]));
    expect(offsets).toHaveLength(3);
    expect(offsets[1]).toBeGreaterThan(0);
    expect(offsets[2]).toBeGreaterThan(offsets[1] ?? 0);
    expect(lines.some(line => line.startsWith('connection lost'))).toBe(true);
  });

  it('continues what an earlier run left', async () => {
    const sha256 = createHash('sha256').update(vendor.image).digest('hex');
    await pull();
    await rm(cacheDir, { recursive: true });
    await mkdirWith(cacheDir, `.download-${sha256}`, vendor.image.subarray(0, 1_000_000));
    await pull();
    expect(vendor.downloads().at(-1)).toBe('bytes=1000000-');
  });

  it('starts over when the server knows no ranges', async () => {
    vendor.ranges = false;
    vendor.cuts = [700_000];
    const manifest = await pull();
    expect((await rawContent(imageFile(manifest, cacheDir))).equals(content)).toBe(true);
  });

  it('refuses a wrong checksum and leaves nothing', async () => {
    vendor.checksums = `${'ab'.repeat(32)}  ${imageName}\n`;
    await expect(pull()).rejects.toThrow(/checksum/);
    expect(await filesInCache()).toEqual([]);
  });

  it('deletes a partial file that does not belong to the image', async () => {
    const sha256 = createHash('sha256').update(vendor.image).digest('hex');
    await mkdirWith(cacheDir, `.download-${sha256}`, Buffer.alloc(5 * 2 ** 20));
    await expect(pull()).rejects.toThrow(/checksum/);
    expect(await filesInCache()).toEqual([]);
    await pull();
  });

  it('refuses a disk that is based on another file of this machine', async () => {
    execFileSync('qemu-img', [
      'create',
      '-q',
      '-f',
      'qcow2',
      '-F',
      'raw',
      '-b',
      join(dir, 'raw'),
      join(dir, 'overlay'),
    ]);
    vendor.image = await readFile(join(dir, 'overlay'));
    vendor.checksums = `${createHash('sha256').update(vendor.image).digest('hex')}  ${imageName}\n`;
    await expect(pull()).rejects.toThrow(/refers to another file/);
    expect(await filesInCache()).toEqual([]);
  });

  it('says what is wrong when the vendor has no such image, or does not answer', async () => {
    vendor.checksums = '';
    await expect(pull()).rejects.toThrow(/names no image of ubuntu-24.04/);
    await expect(pullImage('al2023', { cacheDir, mirror: `${mirror}/none/x` })).rejects.toThrow();
    vendor.close();
    await expect(pull()).rejects.toThrow(/cannot reach 127.0.0.1/);
  });

  it('knows families', async () => {
    await expect(pullImage('beos', { cacheDir })).rejects.toThrow(/there is no image family 'beos'; there are micro/);
    await expect(pullImage('micro', { cacheDir })).rejects.toThrow(/image build micro/);
  });
});

describe('the catalogue', () => {
  it('has each SSM parameter and each family once', () => {
    const aliases = catalogue.flatMap(entry => entry.manifest.ssmAliases);
    expect(new Set(aliases).size).toBe(aliases.length);
    expect(aliases).toContain('/aws/service/debian/release/12/latest/amd64');
    expect(aliases).toContain('/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id');
    expect(aliases).toContain('/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64');
    const families = catalogue.map(entry => entry.family);
    expect(new Set(families).size).toBe(families.length);
  });

  it('finds the vendors’ file names and makes AWS’s AMI names of them', () => {
    const al2023 = catalogue.find(entry => entry.family === 'al2023');
    if (al2023?.source !== 'pulled') throw new Error('al2023 is downloaded');
    const match = al2023.filePattern.exec('al2023-kvm-2023.7.20250331.0-kernel-6.1-x86_64.xfs.gpt.qcow2');
    expect(al2023.amiName(match?.[1] ?? '', '')).toBe('al2023-ami-2023.7.20250331.0-kernel-6.1-x86_64');
  });
});

async function mkdirWith(folder: string, name: string, bytes: Buffer): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, name), bytes);
}
