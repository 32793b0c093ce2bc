import { beforeEach, describe, expect, it } from 'vitest';
import { SignatureFailures } from './signature-failures.ts';
import { type RawRequest, sendSigned, startTestGateway, testKey } from './testing.ts';

const minute = 60_000;
let waits: number[] = [];
let failures = new SignatureFailures();
beforeEach(() => {
  waits = [];
  failures = new SignatureFailures(async milliseconds => void waits.push(milliseconds));
});

async function fail(times: number, address = '192.0.2.1', now = 0): Promise<void> {
  for (let at = 0; at < times; at++) await failures.hold('mismatch', address, now);
}

describe('refusals of bad signatures', () => {
  it('wait from the eleventh on, ever longer, but not for ever', async () => {
    await fail(10);
    expect(waits).toEqual([]);
    await fail(100);
    expect(waits.slice(0, 3)).toEqual([50, 100, 150]);
    expect(Math.max(...waits)).toBe(1_000);
    expect(waits.at(-1)).toBe(1_000);
  });

  it('wait by their source address', async () => {
    await fail(20);
    waits = [];
    await fail(10, '192.0.2.2');
    expect(waits).toEqual([]);
  });

  it('are forgotten with time', async () => {
    await fail(20);
    waits = [];
    await fail(1, '192.0.2.1', minute);
    expect(waits).toEqual([50]);
    await fail(1, '192.0.2.1', 10 * minute);
    expect(waits).toHaveLength(1);
  });

  it('count guesses only: not missing signatures, clocks that are wrong, and tokens that have expired', async () => {
    for (const fault of ['missing', 'incomplete', 'scope', 'expired', 'expired-token'] as const)
      for (let at = 0; at < 50; at++) await failures.hold(fault, '192.0.2.1', 0);
    await fail(10);
    expect(waits).toEqual([]);
    for (const fault of ['unknown-key', 'bad-token'] as const) await failures.hold(fault, '192.0.2.1', 0);
    expect(waits).toEqual([50, 100]);
  });

  it('do not grow without bound with the addresses', async () => {
    for (let at = 0; at < 20_000; at++) await failures.hold('mismatch', `10.0.${at >> 8}.${at & 255}`, 0);
    await fail(11, '10.0.0.0');
    expect(waits).toEqual([50]);
  });
});

it('delays no call that is signed well, from the same address and meanwhile', async () => {
  let release = () => {};
  const waiting = new Promise<void>(resolve => {
    release = resolve;
  });
  const held: number[] = [];
  let secretAccessKey = 'another';
  const test = await startTestGateway({
    failures: new SignatureFailures(milliseconds => {
      held.push(milliseconds);
      return waiting;
    }),
    accessKey: () => ({ ...testKey, secretAccessKey }),
  });
  const request: RawRequest = { body: 'Action=DescribeRegions&Version=2016-11-15' };
  for (let at = 0; at < 10; at++) expect((await sendSigned(test, request)).code).toBe('AuthFailure');
  const refused = sendSigned(test, request);
  while (held.length === 0) await new Promise(resolve => setImmediate(resolve));
  secretAccessKey = testKey.secretAccessKey;
  expect((await sendSigned(test, request)).status).toBe(200);
  release();
  expect((await refused).code).toBe('AuthFailure');
  expect(held).toEqual([50]);
  await test.gateway.close();
});
