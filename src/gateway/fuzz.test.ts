import { afterAll, beforeAll, expect, it } from 'vitest';
import { serviceModel } from '../models/models.ts';
import { type RawRequest, sendSigned, startTestGateway, type TestGateway } from './testing.ts';

/** Signed nonsense: whatever is sent, the answer is the caller's error or a call that was decoded, never a bug. */
let test: TestGateway;
beforeAll(async () => {
  test = await startTestGateway();
});
afterAll(() => test.gateway.close());

/** A generator of numbers below 1 that gives the same ones in every run. @see mulberry32 */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const next = numbers(20260131);
const pick = <T>(choices: readonly T[]): T => choices[Math.floor(next() * choices.length)] as T;
const several = <T>(most: number, make: () => T): T[] => Array.from({ length: Math.floor(next() * most) }, make);

const steps = ['1', '2', '0', '-1', 'member', 'entry', 'key', 'value', '', '__proto__', '4294967297', 'Ä', '%', '%00'];
const values = [
  '',
  '1',
  'true',
  'x',
  '-0',
  '1e999',
  '2026-01-31',
  '%ff',
  '%',
  '+',
  '=',
  '[]',
  '{"a":1}',
  'null',
  '\u0000',
];

function query(service: 'ec2' | 'iam' | 'autoscaling' | 'cloudwatch'): RawRequest {
  const model = serviceModel(service);
  const name = pick(model.operationNames);
  const members = model.operation(name)?.input?.members ?? [];
  const names = members.map(member => (service === 'ec2' ? member.queryName : member.xmlName)).concat('Filter', 'Tag');
  const parameter = (): string =>
    `${[pick(names), ...several(5, () => pick([...steps, pick(names)]))].join('.')}=${pick(values)}`;
  const body = [`Action=${name}`, `Version=${model.apiVersion}`, ...several(8, parameter)].join('&');
  return { service: model.signingName, body };
}

function json(service: 'ssm' | 'cloudtrail' | 'cloudwatch'): RawRequest {
  const model = serviceModel(service);
  const name = pick(model.operationNames);
  const names = (model.operation(name)?.input?.members ?? []).map(member => member.name).concat('__proto__', 'x');
  const value = (depth: number): unknown => {
    const leaf = pick([null, 0, -1.5, 1e308, true, '', 'NaN', 'AA==', '2026-01-31T00:00:00Z', '\u0000']);
    if (depth > 4 || next() < 0.3) return leaf;
    if (next() < 0.4) return several(3, () => value(depth + 1));
    return Object.fromEntries(several(5, () => [pick([...names, 'Key', 'Value', 'Name']), value(depth + 1)]));
  };
  const prefix = { ssm: 'AmazonSSM', cloudtrail: 'CloudTrail_20131101', cloudwatch: 'GraniteServiceVersion20100801' };
  const headers = { 'x-amz-target': `${prefix[service]}.${name}`, 'content-type': 'application/x-amz-json-1.1' };
  const text = JSON.stringify(Object.fromEntries(several(6, () => [pick(names), value(1)])));
  return { service: model.signingName, headers, body: next() < 0.1 ? text.slice(1) : text };
}

function rest(): RawRequest {
  const model = serviceModel('ebs');
  const [method = '', path = ''] = model.operation(pick(model.operationNames))?.http ?? [];
  const label = (): string => pick(['s', '1', '2', '%25', '', '%C3%BC', '-1']);
  const filled = path.replace(/\{\w+\}/g, label);
  const query = Object.fromEntries(several(6, () => [pick(['blockToken', 'pageToken', 'maxResults']), pick(values)]));
  const body = method === 'GET' ? '' : pick(['', '{}', '{"VolumeSize":1}', '[']);
  return { service: 'ebs', method, path: next() < 0.2 ? `${filled}/${label()}` : filled, query, body };
}

it.each<[string, () => RawRequest]>([
  ['EC2 Query', () => query('ec2')],
  ['AWS Query', () => query(pick(['iam', 'autoscaling', 'cloudwatch'] as const))],
  ['AWS JSON', () => json(pick(['ssm', 'cloudtrail', 'cloudwatch'] as const))],
  ['REST JSON', rest],
])('%s', { timeout: 60_000 }, async (_name, make) => {
  const statuses = new Map<number, number>();
  for (let round = 0; round < 500; round += 1) {
    const request = make();
    const { status, text } = await sendSigned(test, request);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    expect(status, `${JSON.stringify(request)}: ${text} ${String(test.log.at(-1)?.cause)}`).toBeLessThan(500);
    expect(text.length).toBeLessThan(3000);
    expect(test.log.at(-1)?.code ?? '', JSON.stringify(request)).not.toMatch(
      /^(AuthFailure|SignatureDoesNotMatch|InvalidSignature)/,
    );
  }
  // Some must have been decoded, and most not: otherwise the nonsense is of no use.
  expect(statuses.get(400) ?? 0).toBeGreaterThan(50);
  expect((statuses.get(200) ?? 0) + (statuses.get(201) ?? 0) + (statuses.get(202) ?? 0)).toBeGreaterThan(10);
  expect(({} as Record<string, unknown>).x).toBeUndefined();
});
