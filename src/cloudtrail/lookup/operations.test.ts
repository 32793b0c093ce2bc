import type { LookupEventsResponse } from '@aws-sdk/client-cloudtrail';
import { beforeEach, describe, expect, it } from 'vitest';
import type { TrailEvent } from '../record/event.ts';
import { createTestTrail, type TestTrail } from '../testing.ts';

let api: TestTrail;
let began: number;
beforeEach(() => {
  api = createTestTrail();
  began = api.clock.now();
});

const lookup = (input: object = {}, at = {}) => api.trail<LookupEventsResponse>('LookupEvents', input, at);
const names = async (input: object = {}, at = {}) => (await lookup(input, at)).Events?.map(event => event.EventName);
const by = (AttributeKey: string, AttributeValue: string) => ({ LookupAttributes: [{ AttributeKey, AttributeValue }] });

describe('LookupEvents', () => {
  it('answers events of the account and Region, newest first, with what they are found by', async () => {
    const group = await api.call<{ GroupId: string }>('CreateSecurityGroup', { GroupName: 'web', Description: 'web' });
    api.clock.advance(1_000);
    await api.call('DescribeVpcs');
    await api.call('DescribeSubnets', {}, { region: 'eu-west-1' });
    await api.call('DescribeImages', {}, { account: '111122223333' });
    const { Events = [], NextToken } = await lookup();
    expect(NextToken).toBeUndefined();
    expect(Events.map(event => event.EventName)).toEqual(['DescribeVpcs', 'CreateSecurityGroup']);
    const created = Events[1];
    expect(created).toMatchObject({
      ReadOnly: 'false',
      AccessKeyId: 'AKIATEST',
      EventTime: new Date(began),
      EventSource: 'ec2.amazonaws.com',
      Username: 'root',
      Resources: [{ ResourceType: 'AWS::EC2::SecurityGroup', ResourceName: group.GroupId }],
    });
    const event = JSON.parse(created?.CloudTrailEvent ?? '') as TrailEvent;
    expect(event.eventID).toBe(created?.EventId);
    expect(event.requestParameters).toMatchObject({ groupName: 'web' });
    expect(await names({}, { region: 'eu-west-1' })).toEqual(['DescribeSubnets']);
    expect(await names({}, { account: '111122223333' })).toEqual(['DescribeImages']);
    // The lookups, too, are on record.
    expect((await names())?.slice(0, 1)).toEqual(['LookupEvents']);
  });

  it('shows IAM in us-east-1 and STS where it was called', async () => {
    await api.call('ListUsers', {}, { service: 'iam', region: 'eu-west-1' });
    await api.call('GetCallerIdentity', {}, { service: 'sts', region: 'eu-west-1' });
    expect(await names({}, { region: 'eu-west-1' })).toEqual(['GetCallerIdentity']);
    expect(await names()).toEqual(['ListUsers']);
  });

  it('finds events by each attribute', async () => {
    await api.call('CreateSecurityGroup', { GroupName: 'web', Description: 'web' });
    await api.call('DescribeVpcs');
    await api.fail('DescribeVolumes', { VolumeIds: ['vol-00000000000000001'] });
    await api.call('ListUsers', {}, { service: 'iam' });
    const { Events = [] } = await lookup(by('EventName', 'CreateSecurityGroup'));
    expect(Events.map(event => event.EventName)).toEqual(['CreateSecurityGroup']);
    const [created] = Events;
    const groupId = created?.Resources?.[0]?.ResourceName ?? '';
    expect(await names(by('EventId', created?.EventId ?? ''))).toEqual(['CreateSecurityGroup']);
    expect(await names(by('ResourceName', groupId))).toEqual(['CreateSecurityGroup']);
    expect(await names(by('ResourceName', 'vol-00000000000000001'))).toEqual(['DescribeVolumes']);
    expect(await names(by('ResourceType', 'AWS::EC2::Volume'))).toEqual(['DescribeVolumes']);
    expect(await names(by('EventSource', 'iam.amazonaws.com'))).toEqual(['ListUsers']);
    expect(await names(by('ReadOnly', 'false'))).toEqual(['CreateSecurityGroup']);
    const all = (await names())?.length;
    expect((await names(by('Username', 'root')))?.length).toBe((all ?? 0) + 1);
    expect((await names(by('AccessKeyId', 'AKIATEST')))?.length).toBe((all ?? 0) + 2);
    expect(await names(by('AccessKeyId', 'AKIAOTHER'))).toEqual([]);
  });

  it('finds events of a time, and none that is older than ninety days', async () => {
    await api.call('DescribeVpcs');
    api.clock.advance(60_000);
    await api.call('DescribeSubnets');
    api.clock.advance(60_000);
    await api.call('DescribeImages');
    const StartTime = new Date(began + 1_000);
    const EndTime = new Date(began + 60_000);
    expect(await names({ StartTime, EndTime })).toEqual(['DescribeSubnets']);
    expect(await names({ EndTime: new Date(began) })).toEqual(['DescribeVpcs']);
    expect(await names({ StartTime: new Date(began + 120_000), EndTime: new Date(began + 120_500) })).toEqual([
      'DescribeImages',
    ]);
    expect(await api.code('LookupEvents', { StartTime: EndTime, EndTime: StartTime })).toBe(
      'InvalidTimeRangeException',
    );
    api.clock.advance(90 * 24 * 3600 * 1000);
    expect(await names({ StartTime })).toEqual([]);
  });

  it('gives pages that neither repeat nor leave out events while others come', async () => {
    for (let at = 0; at < 25; at++) await api.call('DescribeVpcs', { VpcIds: [], MaxResults: 5 + at });
    const seen: string[] = [];
    let NextToken: string | undefined;
    do {
      const page: LookupEventsResponse = await lookup({
        ...by('EventName', 'DescribeVpcs'),
        MaxResults: 10,
        NextToken,
      });
      seen.push(...(page.Events ?? []).map(event => event.EventId ?? ''));
      NextToken = page.NextToken;
      await api.call('DescribeVpcs');
    } while (NextToken !== undefined);
    expect(seen).toHaveLength(25);
    expect(new Set(seen).size).toBe(25);
  });

  it.each([
    [
      'two attributes',
      { LookupAttributes: [...by('Username', 'a').LookupAttributes, ...by('Username', 'b').LookupAttributes] },
      'InvalidLookupAttributesException',
    ],
    ['an unknown attribute', by('Color', 'red'), 'InvalidLookupAttributesException'],
    ['an empty value', by('Username', ''), 'InvalidLookupAttributesException'],
    ['a bad value of ReadOnly', by('ReadOnly', 'yes'), 'InvalidLookupAttributesException'],
    ['too large a page', { MaxResults: 51 }, 'InvalidMaxResultsException'],
    ['no page at all', { MaxResults: 0 }, 'InvalidMaxResultsException'],
    ['a foreign token', { NextToken: 'abc' }, 'InvalidNextTokenException'],
    ['another category', { EventCategory: 'data' }, 'InvalidEventCategoryException'],
  ])('refuses %s', async (_what, input, code) => {
    expect(await api.code('LookupEvents', input)).toBe(code);
  });

  it('has no insights', async () => {
    await api.call('DescribeVpcs');
    expect(await lookup({ EventCategory: 'insight' })).toEqual({ Events: [] });
  });

  it('answers two calls a second in each account and Region', async () => {
    const options = { service: 'cloudtrail' };
    await api.call('LookupEvents', {}, options);
    await api.call('LookupEvents', {}, options);
    const refused = await api.fail('LookupEvents', {}, options);
    expect(refused.code).toBe('ThrottlingException');
    await api.call('LookupEvents', {}, { ...options, region: 'eu-west-1' });
    await api.call('LookupEvents', {}, { ...options, account: '111122223333' });
    api.clock.advance(500);
    await api.call('LookupEvents', {}, options);
    expect((await api.fail('LookupEvents', {}, options)).code).toBe('ThrottlingException');
  });

  it('leaves out calls on data', async () => {
    await api.fail('PutMetricData', { Namespace: 'a', MetricData: [] }, { service: 'cloudwatch' });
    await api.fail('ListMetrics', {}, { service: 'cloudwatch' });
    expect(await names()).toEqual(['ListMetrics']);
  });
});
