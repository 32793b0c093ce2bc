import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { resolveConfiguration } from '../../config/resolve.ts';
import { probe } from './check.ts';
import { checksFor } from './checks.ts';
import { missingCapabilities, poolConflict } from './network.ts';
import { overlaps } from './prefix.ts';
import { portCheck } from './server.ts';
import { clock, diskSpace, memory, nodeVersion } from './system.ts';
import { fastStart, warmCheck } from './warm.ts';

test.each([
  ['10.0.0.0/8', '10.1.0.0/16', true],
  ['10.1.0.0/16', '10.0.0.0/8', true],
  ['10.0.0.0/9', '10.128.0.0/9', false],
  ['198.18.0.0/16', '198.18.3.4', true],
  ['198.18.0.0/16', '0.0.0.0/0', true],
  ['198.18.0.0/16', 'default', false],
])('%s and %s overlap: %s', (left, right, expected) => expect(overlaps(left, right)).toBe(expected));

test("a pool that somebody else's route overlaps", () => {
  const routes = [
    { dst: 'default', dev: 'eth0' },
    { dst: '198.18.0.0/16', dev: 'fbe1234' },
    { type: 'blackhole', dst: '198.18.0.0/16' },
    { dst: '172.17.0.0/16', dev: 'docker0' },
  ];
  expect(poolConflict('198.18.0.0/16', routes)).toBeUndefined();
  expect(poolConflict('172.16.0.0/12', routes)).toBe('172.17.0.0/16 on docker0');
});

test('capabilities by their bits', () => {
  expect(missingCapabilities(0x1ffffffffffn)).toEqual([]);
  expect(missingCapabilities(0x1ffffffffffn & ~(1n << 12n))).toEqual(['NET_ADMIN']);
  // What Docker leaves root by default.
  expect(missingCapabilities(0xa80425fbn)).toEqual(['NET_ADMIN', 'SYS_ADMIN']);
});

test('versions, memory, disk, clock', () => {
  expect(nodeVersion('24.0.0').level).toBe('ok');
  expect(nodeVersion('22.20.0').level).toBe('fail');
  expect(memory('MemTotal: 9 kB\nMemAvailable:   8388608 kB\n')).toMatchObject({ level: 'ok', detail: '8.0 GiB free' });
  expect(memory('MemAvailable:   1048576 kB\n').level).toBe('warn');
  expect(memory('MemAvailable:   1024 kB\n').level).toBe('fail');
  expect(diskSpace(2 ** 30, 'qemu').level).toBe('fail');
  expect(diskSpace(2 ** 30, 'simulator').level).toBe('ok');
  expect(clock(0).level).toBe('fail');
  expect(clock(Date.now()).level).toBe('ok');
});

test('an address that is taken', async () => {
  const other = createServer();
  await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;
  const configuration = await resolveConfiguration({ flags: { listen: `127.0.0.1:${port}`, data: '/nonexistent' } });
  expect(await portCheck(configuration).run()).toMatchObject({
    level: 'fail',
    detail: expect.stringContaining('is taken'),
  });
  await new Promise(resolve => other.close(resolve));
  expect(await portCheck(configuration).run()).toMatchObject({ level: 'ok' });
});

test('the simulator needs no network of its own', async () => {
  const names = async (engine: string) =>
    checksFor(await resolveConfiguration({ flags: { engine, data: '/nonexistent' } })).map(check => check.name);
  expect(await names('simulator')).not.toContain('nftables');
  expect(await names('qemu')).toEqual(expect.arrayContaining(['nftables', 'KVM', 'rights', 'disk']));
});

test('frozen guests, and what copies of them need', async () => {
  const guest = (instanceType: string) => ({ instanceType, bytes: 100.5 * 2 ** 20 });
  expect(fastStart([guest('t3.nano'), guest('t3.micro'), guest('t3.nano')], true)).toEqual({
    level: 'ok',
    detail: '3 frozen guests (t3.micro, t3.nano), 302 MiB on the disk',
  });
  expect(fastStart([], true).level).toBe('ok');
  expect(fastStart([guest('t3.nano')], false)).toMatchObject({
    level: 'warn',
    advice: expect.stringContaining('perl-base'),
  });
  const flags = { warm: 'off', data: '/nonexistent' };
  expect(await warmCheck(await resolveConfiguration({ flags })).run()).toMatchObject({
    level: 'ok',
    detail: expect.stringContaining('switched off'),
  });
});

test('a command that is not there is an answer, not an error', async () => {
  expect(await probe(['no-such-command-here'])).toMatchObject({ ok: false });
  expect(await probe(['cat'], 'x')).toMatchObject({ ok: true, output: 'x' });
});
