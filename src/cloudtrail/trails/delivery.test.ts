import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { GetTrailStatusResponse } from '@aws-sdk/client-cloudtrail';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Controllers } from '../../controllers/controllers.ts';
import type { TrailEvent } from '../record/event.ts';
import { createTestTrail, type TestTrail } from '../testing.ts';
import { deliverEvery, trailController } from './delivery.ts';
import { type TrailLogRow, trailLogs, trails } from './model.ts';

let api: TestTrail;
let folder = '';
let running: Controllers;
const said: string[] = [];
const arn = 'arn:aws:cloudtrail:us-east-1:000000000000:trail/audit';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fogbank-buckets-'));
  api = createTestTrail();
  said.length = 0;
  running = start();
});
afterEach(async () => {
  await running.close();
  rmSync(folder, { recursive: true });
});

function start(): Controllers {
  const { state, events, clock } = api;
  const controllers = new Controllers(state, [trailController({ state, events, clock, folder })], line =>
    said.push(line),
  );
  controllers.start();
  return controllers;
}

const create = async (input: object = {}) => {
  await api.trail('CreateTrail', { Name: 'audit', S3BucketName: 'audit-logs', ...input });
  await api.trail('StartLogging', { Name: 'audit' });
};
/** Lets a minute pass, and what is due be delivered. */
async function deliver(): Promise<void> {
  await running.idle();
  api.clock.advance(deliverEvery);
  running.wake('trails', arn);
  await running.idle();
}
const files = () => globSync('**/*.gz', { cwd: folder }).sort();
const recordsOf = (file: string) =>
  (JSON.parse(gunzipSync(readFileSync(join(folder, file))).toString()) as { Records: TrailEvent[] }).Records;
const delivered = () => files().flatMap(file => recordsOf(file).map(event => event.eventName));
const status = () => api.trail<GetTrailStatusResponse>('GetTrailStatus', { Name: 'audit' });

describe('a trail', () => {
  it("writes AWS's files: compressed, by account, Region and day", async () => {
    await create({ S3KeyPrefix: 'team/a' });
    await api.call('CreateSecurityGroup', { GroupName: 'web', Description: 'web' });
    await api.call('DescribeVpcs');
    await deliver();
    const [file = '', ...more] = files();
    expect(more).toEqual([]);
    expect(file).toMatch(
      /^audit-logs\/team\/a\/AWSLogs\/000000000000\/CloudTrail\/us-east-1\/2026\/01\/31\/000000000000_CloudTrail_us-east-1_20260131T1001Z_[A-Za-z0-9]{16}\.json\.gz$/,
    );
    expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
    expect(recordsOf(file).map(event => event.eventName)).toEqual([
      'StartLogging',
      'CreateSecurityGroup',
      'DescribeVpcs',
    ]);
    const { Events } = await api.trail<{ Events: { CloudTrailEvent: string }[] }>('LookupEvents');
    expect(Events.map(event => JSON.parse(event.CloudTrailEvent))).toEqual(
      expect.arrayContaining(recordsOf(file).map(event => expect.objectContaining(event))),
    );
    expect(await status()).toMatchObject({ IsLogging: true, LatestDeliveryTime: new Date(api.clock.now() - 2_000) });
  });

  it('delivers each event once, in as many files as it takes', async () => {
    await create();
    for (let minute = 0; minute < 3; minute++) {
      for (let call = 0; call < 4; call++) await api.call('DescribeVpcs', { MaxResults: 5 + minute });
      await deliver();
    }
    // Nothing happened.
    await deliver();
    expect(files()).toHaveLength(3);
    expect(delivered().filter(name => name === 'DescribeVpcs')).toHaveLength(12);
    expect(
      new Set(
        files()
          .flatMap(recordsOf)
          .map(event => event.eventID),
      ).size,
    ).toBe(13);
  });

  it('waits a minute between two files', async () => {
    await create();
    await api.call('DescribeVpcs');
    await running.idle();
    expect(files()).toEqual([]);
    api.clock.advance(deliverEvery - 1);
    running.wake('trails', arn);
    await running.idle();
    expect(files()).toEqual([]);
    await deliver();
    expect(files()).toHaveLength(1);
  });

  it('has the events of its account in its own Region, or in all of them', async () => {
    await create();
    await api.call('DescribeVpcs');
    await api.call('DescribeSubnets', {}, { region: 'eu-west-1' });
    await api.call('DescribeImages', {}, { account: '111122223333' });
    await api.call('ListUsers', {}, { service: 'iam', region: 'eu-west-1' });
    await deliver();
    expect(delivered()).toEqual(['StartLogging', 'DescribeVpcs', 'ListUsers']);
    await api.trail('UpdateTrail', { Name: 'audit', IsMultiRegionTrail: true });
    await api.call('DescribeSubnets', {}, { region: 'eu-west-1' });
    await api.call('DescribeVolumes');
    await deliver();
    const regions = files().map(file => file.split('/')[4]);
    expect(regions).toEqual(['eu-west-1', 'us-east-1', 'us-east-1']);
    expect(delivered()).toEqual([
      'DescribeSubnets',
      'StartLogging',
      'DescribeVpcs',
      'ListUsers',
      'UpdateTrail',
      'DescribeVolumes',
    ]);
  });

  it('leaves the events of global services out where it is told so', async () => {
    await create({ IncludeGlobalServiceEvents: false });
    await api.call('ListUsers', {}, { service: 'iam' });
    await api.call('GetCallerIdentity', {}, { service: 'sts' });
    await api.call('DescribeVpcs');
    await deliver();
    expect(delivered()).toEqual(['StartLogging', 'DescribeVpcs']);
  });

  it('has what its selectors select', async () => {
    await create();
    const select = async (input: object, expected: string[]) => {
      await api.trail('PutEventSelectors', { TrailName: 'audit', ...input });
      await deliver();
      rmSync(folder, { recursive: true });
      mkdirSync(folder);
      await api.call('DescribeVpcs');
      await api.call('CreateSecurityGroup', { GroupName: `g${api.clock.now()}`, Description: 'x' });
      await api.call('ListUsers', {}, { service: 'iam' });
      await api.fail('PutMetricData', {}, { service: 'cloudwatch' });
      await deliver();
      expect(delivered()).toEqual(expected);
    };
    await select({ EventSelectors: [{ ReadWriteType: 'ReadOnly' }] }, ['DescribeVpcs', 'ListUsers']);
    await select({ EventSelectors: [{ ReadWriteType: 'WriteOnly' }] }, ['CreateSecurityGroup']);
    await select({ EventSelectors: [{ ReadWriteType: 'WriteOnly' }, { ReadWriteType: 'All' }] }, [
      'DescribeVpcs',
      'CreateSecurityGroup',
      'ListUsers',
    ]);
    const management = { Field: 'eventCategory', Equals: ['Management'] };
    const advanced = (...FieldSelectors: object[]) => ({
      AdvancedEventSelectors: [{ FieldSelectors: [management, ...FieldSelectors] }],
    });
    await select(advanced({ Field: 'eventSource', NotEquals: ['ec2.amazonaws.com'] }), ['ListUsers']);
    await select(advanced({ Field: 'eventName', StartsWith: ['Describe', 'Create'], NotEndsWith: ['Group'] }), [
      'DescribeVpcs',
    ]);
    await select(advanced({ Field: 'readOnly', Equals: ['false'] }), ['CreateSecurityGroup']);
    await select(advanced({ Field: 'userIdentity.arn', NotStartsWith: ['arn:aws:iam::000000000000:root'] }), []);
  });

  it('delivers what happened until it is stopped, and nothing after', async () => {
    await create();
    await api.call('DescribeVpcs');
    await api.trail('StopLogging', { Name: 'audit' });
    await api.call('DescribeSubnets');
    await running.idle();
    expect(delivered()).toEqual(['StartLogging', 'DescribeVpcs', 'StopLogging']);
    await deliver();
    await api.trail('StartLogging', { Name: 'audit' });
    await api.call('DescribeVolumes');
    await deliver();
    expect(delivered()).toEqual(['StartLogging', 'DescribeVpcs', 'StopLogging', 'StartLogging', 'DescribeVolumes']);
  });

  it('delivers what happened until it is deleted, and is gone then', async () => {
    await create();
    await api.call('DescribeVpcs');
    await api.trail('DeleteTrail', { Name: 'audit' });
    await running.idle();
    expect(delivered()).toEqual(['StartLogging', 'DescribeVpcs', 'DeleteTrail']);
    expect([api.state.count(trails), api.state.count(trailLogs)]).toEqual([0, 0]);
  });

  it('shows why it cannot deliver, and does so when it can', async () => {
    writeFileSync(join(folder, 'audit-logs'), 'a file, not a folder');
    await create();
    await api.call('DescribeVpcs');
    await deliver();
    expect(said.join()).toContain('attempt 1 failed');
    expect(await status()).toMatchObject({ LatestDeliveryError: 'NoSuchBucket', IsLogging: true });
    rmSync(join(folder, 'audit-logs'));
    await deliver();
    expect((await status()).LatestDeliveryError).toBeUndefined();
    expect(delivered()).toEqual(['StartLogging', 'DescribeVpcs']);
  });

  it('makes the same files again when a crash comes before they are crossed out', async () => {
    await create();
    await api.call('DescribeVpcs');
    // As it is while files are being written.
    const log = api.state.get(trailLogs, arn) as TrailLogRow;
    const trail = api.state.get(trails, arn);
    await deliver();
    const before = files();
    const through = api.events.last;
    await running.close();
    if (trail === undefined) throw new Error('no trail');
    const at = api.state.get(trailLogs, arn)?.attempted ?? 0;
    api.state.write(tx => tx.put(trailLogs, { ...log, delivery: { through, at, trail } }));
    await api.call('DescribeSubnets');
    running = start();
    await running.idle();
    expect(files()).toEqual(before);
    await deliver();
    expect(delivered()).toEqual(['StartLogging', 'DescribeVpcs', 'DescribeSubnets']);
  });
});
