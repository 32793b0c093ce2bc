import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { configuredMirrors, dateOf } from './archive.ts';
import { loadOrder } from './modules.ts';

describe('loadOrder', () => {
  const dependencies = [
    'kernel/virtio/virtio.ko:',
    'kernel/virtio/virtio_ring.ko: kernel/virtio/virtio.ko',
    'kernel/virtio/virtio_pci.ko: kernel/virtio/virtio_ring.ko kernel/virtio/virtio.ko',
    'kernel/net/virtio-net.ko: kernel/virtio/virtio_ring.ko kernel/virtio/virtio.ko',
  ].join('\n');

  it('loads what a module needs before it, and each once', () => {
    expect(loadOrder(dependencies, '', ['virtio_pci', 'virtio-net'])).toEqual([
      'kernel/virtio/virtio.ko',
      'kernel/virtio/virtio_ring.ko',
      'kernel/virtio/virtio_pci.ko',
      'kernel/net/virtio-net.ko',
    ]);
  });

  it('leaves out what is in the kernel and refuses what there is not', () => {
    expect(loadOrder(dependencies, 'kernel/fs/ext4/ext4.ko\n', ['ext4'])).toEqual([]);
    expect(() => loadOrder(dependencies, '', ['floppy'])).toThrow(/no module floppy/);
  });
});

describe('configuredMirrors', () => {
  it('reads both forms of apt sources, and no comments or other archives', async () => {
    const etc = await mkdtemp(join(tmpdir(), 'fogbank-apt-'));
    await mkdir(join(etc, 'sources.list.d'));
    await writeFile(
      join(etc, 'sources.list'),
      '# deb http://old.example/debian sid main\ndeb [signed-by=/k] http://mirror.example/debian/ bookworm main\n',
    );
    await writeFile(
      join(etc, 'sources.list.d/x.sources'),
      'Types: deb\nURIs: https://packages.example/apt\n\nTypes: deb\nURIs: http://mirror.example/debian-security\n',
    );
    expect(await configuredMirrors(etc)).toEqual({
      main: 'http://mirror.example/debian',
      security: 'http://mirror.example/debian-security',
    });
    await rm(etc, { recursive: true });
    expect(await configuredMirrors(etc)).toEqual({});
  });
});

it('dates are those of the packages, in UTC', () => {
  expect(dateOf(Date.UTC(2026, 10, 16, 23, 59) / 1000)).toBe('20261116');
});
