import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  CreateUserResponse,
  CreateVirtualMFADeviceResponse,
  GetMFADeviceResponse,
  ListMFADevicesResponse,
  ListMFADeviceTagsResponse,
  ListVirtualMFADevicesResponse,
} from '@aws-sdk/client-iam';
import { beforeEach, describe, expect, test } from 'vitest';
import { createTestIam, type TestIam } from '../testing.ts';
import { checkMfaCode } from './check.ts';
import { qrCodePng } from './qr-code.ts';
import { qrModules } from './qr-modules.ts';
import { codeAt, stepOf, toBase32 } from './totp.ts';

let api: TestIam;
let userId = '';
beforeEach(async () => {
  api = createTestIam();
  userId = (await api.iam<CreateUserResponse>('CreateUser', { UserName: 'bob' })).User?.UserId ?? '';
});

const SerialNumber = 'arn:aws:iam::000000000000:mfa/phone';
const create = async (more: object = {}) => {
  const answer = await api.iam<CreateVirtualMFADeviceResponse>('CreateVirtualMFADevice', {
    VirtualMFADeviceName: 'phone',
    ...more,
  });
  return Buffer.from(answer.VirtualMFADevice?.Base32StringSeed ?? []).toString();
};
/** What the device shows some steps from now. */
const shown = (seed: string, steps = 0) => codeAt(seed, stepOf(api.clock.now()) + steps);
const two = (seed: string, steps = 0) => ({
  UserName: 'bob',
  SerialNumber,
  AuthenticationCode1: shown(seed, steps - 1),
  AuthenticationCode2: shown(seed, steps),
});
const take = (TokenCode: string, serial = SerialNumber, user = userId) => {
  try {
    api.state.write(tx => checkMfaCode(tx, api.secrets, user, { SerialNumber: serial, TokenCode }, api.clock.now()));
    return 'taken';
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error;
  }
};

describe('codes', () => {
  // https://www.rfc-editor.org/rfc/rfc6238#appendix-B, the last six of its eight digits
  test.each([
    [59, '287082'],
    [1111111109, '081804'],
    [1234567890, '005924'],
    [20000000000, '353130'],
  ])('at %i seconds are those of the standard', (seconds, code) => {
    expect(codeAt(toBase32(Buffer.from('12345678901234567890')), stepOf(seconds * 1000))).toBe(code);
  });
});

describe('a virtual device', () => {
  test('is made with a seed that is told once and kept sealed', async () => {
    const { VirtualMFADevice } = await api.iam<CreateVirtualMFADeviceResponse>('CreateVirtualMFADevice', {
      VirtualMFADeviceName: 'tablet',
      Path: '/x/',
      Tags: [{ Key: 'k', Value: 'v' }],
    });
    expect(VirtualMFADevice?.SerialNumber).toBe('arn:aws:iam::000000000000:mfa/x/tablet');
    const seed = Buffer.from(VirtualMFADevice?.Base32StringSeed ?? []).toString();
    expect(seed).toMatch(/^[A-Z2-7]{64}$/);
    expect(
      Buffer.from(VirtualMFADevice?.QRCodePNG ?? [])
        .subarray(1, 4)
        .toString(),
    ).toBe('PNG');
    expect([...api.store.load()].map(row => row.data).join()).not.toContain(seed);
    const taken = { VirtualMFADeviceName: 'tablet', Path: '/x/' };
    expect(await api.code('CreateVirtualMFADevice', taken)).toBe('EntityAlreadyExists');
    expect(await api.code('CreateVirtualMFADevice', { VirtualMFADeviceName: 'a b' })).toBe('ValidationError');
  });

  test('is enabled by two codes, one after the other', async () => {
    const seed = await create();
    expect(await api.code('EnableMFADevice', { ...two(seed), AuthenticationCode1: 'x' })).toBe('ValidationError');
    const swapped = { ...two(seed), AuthenticationCode1: shown(seed), AuthenticationCode2: shown(seed, -1) };
    expect(await api.code('EnableMFADevice', swapped)).toBe('InvalidAuthenticationCode');
    expect(await api.code('EnableMFADevice', two(seed, 30))).toBe('InvalidAuthenticationCode');
    await api.iam('EnableMFADevice', two(seed));
    const { MFADevices } = await api.iam<ListMFADevicesResponse>('ListMFADevices', { UserName: 'bob' });
    expect(MFADevices).toEqual([{ UserName: 'bob', SerialNumber, EnableDate: new Date(api.clock.now()) }]);
    const found = await api.iam<GetMFADeviceResponse>('GetMFADevice', { UserName: 'bob', SerialNumber });
    expect(found).toMatchObject({ UserName: 'bob', SerialNumber });
    expect(await api.code('EnableMFADevice', two(seed))).toBe('EntityAlreadyExists');
    expect(await api.code('DeleteVirtualMFADevice', { SerialNumber })).toBe('DeleteConflict');
    expect(await api.code('DeleteUser', { UserName: 'bob' })).toBe('DeleteConflict');
  });

  test('is listed by whether somebody has it', async () => {
    const seed = await create();
    await api.iam('CreateVirtualMFADevice', { VirtualMFADeviceName: 'spare' });
    await api.iam('EnableMFADevice', two(seed));
    const list = async (input: object = {}) =>
      (await api.iam<ListVirtualMFADevicesResponse>('ListVirtualMFADevices', input)).VirtualMFADevices;
    expect(await list()).toHaveLength(2);
    expect(await list({ AssignmentStatus: 'Assigned' })).toMatchObject([{ SerialNumber, User: { UserName: 'bob' } }]);
    expect(await list({ AssignmentStatus: 'Unassigned' })).toEqual([
      { SerialNumber: 'arn:aws:iam::000000000000:mfa/spare' },
    ]);
    expect(await api.code('ListVirtualMFADevices', { AssignmentStatus: 'x' })).toBe('ValidationError');
    expect(await api.iam('ListMFADevices')).toEqual({ MFADevices: [], IsTruncated: false });
  });

  test('is deactivated, and deleted then', async () => {
    const seed = await create();
    await api.iam('EnableMFADevice', two(seed));
    const named = { UserName: 'bob', SerialNumber };
    await api.iam('DeactivateMFADevice', named);
    for (const operation of ['DeactivateMFADevice', 'GetMFADevice']) {
      expect(await api.code(operation, named)).toBe('NoSuchEntity');
    }
    expect(take(shown(seed, 1))).toBe('AccessDenied');
    await api.iam('DeleteVirtualMFADevice', { SerialNumber });
    expect(await api.code('DeleteVirtualMFADevice', { SerialNumber })).toBe('NoSuchEntity');
  });

  test('has tags', async () => {
    await create({ Tags: [{ Key: 'a', Value: '1' }] });
    await api.iam('TagMFADevice', { SerialNumber, Tags: [{ Key: 'b', Value: '2' }] });
    await api.iam('UntagMFADevice', { SerialNumber, TagKeys: ['a'] });
    const { Tags } = await api.iam<ListMFADeviceTagsResponse>('ListMFADeviceTags', { SerialNumber });
    expect(Tags).toEqual([{ Key: 'b', Value: '2' }]);
  });
});

describe('a code', () => {
  test('is taken once, of its own user', async () => {
    const seed = await create();
    expect(take(shown(seed))).toBe('AccessDenied');
    await api.iam('EnableMFADevice', two(seed));
    // Enabling has used up the present one.
    expect(take(shown(seed))).toBe('AccessDenied');
    api.clock.advance(30_000);
    expect(take(shown(seed), SerialNumber, 'AIDAOTHER')).toBe('AccessDenied');
    expect(take('000000')).toBe('AccessDenied');
    expect(take(shown(seed))).toBe('taken');
    expect(take(shown(seed))).toBe('AccessDenied');
    expect(take(shown(seed, 1))).toBe('taken');
    api.clock.advance(30_000);
    expect(take(shown(seed))).toBe('AccessDenied');
  });

  test('follows the clock of the device', async () => {
    const seed = await create();
    await api.iam('EnableMFADevice', two(seed, 3));
    api.clock.advance(60_000);
    expect(take(shown(seed))).toBe('AccessDenied');
    expect(take(shown(seed, 3))).toBe('taken');
    expect(await api.code('ResyncMFADevice', { ...two(seed, 100), SerialNumber: 'x' })).toBe('NoSuchEntity');
    await api.iam('ResyncMFADevice', two(seed, 100));
    api.clock.advance(30_000);
    expect(take(shown(seed, 3))).toBe('AccessDenied');
    expect(take(shown(seed, 100))).toBe('taken');
  });
});

describe('QR codes', () => {
  // What zbarimg, an independent reader, has read as they should be.
  test.each([
    ['otpauth://totp/x', 21, 'sN7eR3IP-It9HdlK'],
    ['otpauth://totp/'.padEnd(200, 'aB3%20'), 53, 'rxsZbOzD_OvRkx6g'],
    ['otpauth://totp/'.padEnd(858, 'aB3%20'), 97, 'trGJgdfc1fTViBEb'],
  ])('of %#', (text, size, digest) => {
    const modules = qrModules(text);
    expect(modules).toHaveLength(size);
    const drawn = modules.map(line => line.map(dark => (dark ? '#' : ' ')).join('')).join('\n');
    expect(createHash('sha256').update(drawn).digest('base64url').slice(0, 16)).toBe(digest);
  });

  test('have a limit', () => {
    expect(() => qrModules('x'.repeat(1300))).toThrow(RangeError);
  });

  test.skipIf(!existsSync('/usr/bin/zbarimg'))('are read by zbarimg', () => {
    const directory = mkdtempSync(join(tmpdir(), 'fogbank-qr-'));
    try {
      for (const length of [20, 107, 300, 700]) {
        const text = 'otpauth://totp/'.padEnd(length, 'aB3%20').slice(0, length);
        const file = join(directory, `${length}.png`);
        writeFileSync(file, qrCodePng(text));
        const read = execFileSync('zbarimg', ['-q', '--raw', file], {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'ignore'],
        });
        expect(read.trim()).toBe(text);
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
