import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { resolveConfiguration } from '../../config/resolve.ts';
import { publishedSnapshotId } from '../../ec2/images/publish.ts';
import type { ImageManifest } from '../../images/types.ts';
import { Ec2Client } from '../client.ts';
import { command } from '../image.ts';
import { parseArguments } from '../parse.ts';
import { list } from './list.ts';
import { findImage } from './warm.ts';

let folder: string;
let server: Server | undefined;
let printed: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fogbank-image-'));
  await mkdir(join(folder, 'cache'));
  await writeFile(join(folder, 'cache', manifest.file), '');
  await writeFile(join(folder, 'cache', 'micro.json'), JSON.stringify(manifest));
  printed = '';
  vi.spyOn(process.stdout, 'write').mockImplementation(text => {
    printed += text;
    return true;
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  server?.close();
  await rm(folder, { recursive: true, force: true });
});

const manifest: ImageManifest = {
  name: 'fogbank-micro-20260131',
  family: 'micro',
  description: 'test image',
  architecture: 'x86_64',
  loginUser: 'ec2-user',
  rootDeviceName: '/dev/xvda',
  bootMode: 'legacy-bios',
  fastStart: true,
  sizeGib: 2,
  file: 'micro.qcow2',
  sha256: '00',
  recipe: '00',
  ssmAliases: [],
};

async function addWarm(number: number, instanceType: string, snapshotId: string): Promise<void> {
  const id = String(number).padStart(24, '0');
  await mkdir(join(folder, 'data', 'warm', id), { recursive: true });
  const facts = { id, instanceType, snapshot: `snapshots/${snapshotId}.qcow2`, createdAt: 0, places: [] };
  await writeFile(join(folder, 'data', 'warm', id, 'warm.json'), JSON.stringify(facts));
}

const settings = () =>
  resolveConfiguration({ flags: { data: join(folder, 'data'), imageCache: join(folder, 'cache') } });

test('the list shows which types of an AMI are warm, in whatever Region', async () => {
  await list(await settings(), false);
  expect(printed).toMatch(/^micro +fogbank-micro-20260131 +2 GiB +ec2-user +–$/m);
  printed = '';
  await addWarm(1, 't3.nano', publishedSnapshotId('eu-west-1', manifest));
  await addWarm(2, 't3.micro', publishedSnapshotId('us-east-1', manifest));
  await addWarm(3, 't3.micro', publishedSnapshotId('eu-west-1', manifest));
  await addWarm(4, 't3.small', 'snap-0123456789abcdef0');
  await list(await settings(), false);
  expect(printed).toMatch(/^micro +fogbank-micro-20260131 +2 GiB +ec2-user +t3\.micro, t3\.nano$/m);
  expect(printed).toContain('warm, of an AMI that is not in the cache: snap-0123456789abcdef0 (t3.small)\n');
  printed = '';
  await list(await settings(), true);
  const [image] = JSON.parse(printed);
  expect(image).toMatchObject(manifest);
  expect(image.warm).toHaveLength(3);
  expect(image.warm).toContainEqual({
    type: 't3.nano',
    snapshotId: publishedSnapshotId('eu-west-1', manifest),
    bytes: 0,
    createdAt: '1970-01-01T00:00:00.000Z',
  });
});

/** A server that answers these AMIs. */
async function serve(...ids: string[]): Promise<{ client: Ec2Client; calls: URLSearchParams[] }> {
  const calls: URLSearchParams[] = [];
  const mapping =
    '<item><deviceName>/dev/xvdb</deviceName><ebs/></item><item><deviceName>/dev/xvda</deviceName><ebs><snapshotId>snap-1</snapshotId></ebs></item>';
  const images = ids.map(
    id =>
      `<item><imageId>${id}</imageId><name>web</name><rootDeviceName>/dev/xvda</rootDeviceName><blockDeviceMapping>${mapping}</blockDeviceMapping></item>`,
  );
  server = createServer((request, response) => {
    let body = '';
    request.on('data', chunk => {
      body += chunk;
    });
    request.on('end', () => {
      calls.push(new URLSearchParams(body));
      response.end(`<R><imagesSet>${images.join('')}</imagesSet></R>`);
    });
  });
  await new Promise<void>(resolve => server?.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const key = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'x'.repeat(40) };
  return { client: new Ec2Client(`http://127.0.0.1:${port}`, 'us-east-1', key), calls };
}

test('an AMI is found by id, name and family', async () => {
  const { client, calls } = await serve('ami-1');
  const cache = join(folder, 'cache');
  for (const name of ['ami-1', 'web', 'micro']) {
    expect(await findImage(client, name, cache)).toEqual({
      imageId: 'ami-1',
      name: 'web',
      rootDeviceName: '/dev/xvda',
      snapshotId: 'snap-1',
    });
  }
  expect(calls[0]?.get('ImageId.1')).toBe('ami-1');
  expect(calls[1]?.get('Filter.1.Value.1')).toBe('web');
  expect(calls[2]?.get('Filter.1.Value.1')).toBe('fogbank-micro-20260131');
});

test('an AMI that is not there, and a name that several have', async () => {
  await expect(findImage((await serve()).client, 'web', folder)).rejects.toThrow('there is no AMI web');
  server?.close();
  await expect(findImage((await serve('ami-1', 'ami-2')).client, 'web', folder)).rejects.toThrow(
    'several AMIs are called web: ami-1, ami-2',
  );
});

test.each([
  [['warm'], 'which AMI'],
  [['warm', 'micro', '--on', '--off'], 'exclude each other'],
  [['warm', 'micro', '--off', '--type', 't3.nano'], 'exclude each other'],
  [['warm', 'micro', '--data', '/nonexistent', '--off'], 'there are no keys in /nonexistent yet'],
])('%j is refused', async (words, message) => {
  const invocation = parseArguments(command, words);
  if (invocation === 'help') throw new Error('help');
  await expect(command.run(invocation)).rejects.toThrow(message);
});

test.runIf(process.getuid?.() === 0).each([
  ['t9.large', "there is no x86_64 instance type 't9.large'"],
  ['t4g.micro', "there is no x86_64 instance type 't4g.micro'"],
])('a guest of %s cannot be frozen', async (type, message) => {
  const invocation = parseArguments(command, ['warm', 'micro', '--type', type]);
  if (invocation === 'help') throw new Error('help');
  await expect(command.run(invocation)).rejects.toThrow(message);
});
