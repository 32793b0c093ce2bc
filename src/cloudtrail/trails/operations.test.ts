import type {
  DescribeTrailsResponse,
  GetEventSelectorsResponse,
  GetTrailResponse,
  GetTrailStatusResponse,
  ListTagsResponse,
  ListTrailsResponse,
} from '@aws-sdk/client-cloudtrail';
import { beforeEach, describe, expect, it } from 'vitest';
import { createTestTrail, type TestTrail } from '../testing.ts';
import { trails } from './model.ts';

let api: TestTrail;
beforeEach(() => {
  api = createTestTrail();
});

const arn = 'arn:aws:cloudtrail:us-east-1:000000000000:trail/audit';
const create = (input: object = {}, at = {}) =>
  api.trail('CreateTrail', { Name: 'audit', S3BucketName: 'audit-logs', ...input }, at);
const elsewhere = { region: 'eu-west-1' };

describe('CreateTrail', () => {
  it('makes a trail that does not log yet', async () => {
    expect(await create({ S3KeyPrefix: 'team/a', TagsList: [{ Key: 'team', Value: 'a' }] })).toEqual({
      Name: 'audit',
      S3BucketName: 'audit-logs',
      S3KeyPrefix: 'team/a',
      IncludeGlobalServiceEvents: true,
      IsMultiRegionTrail: false,
      TrailARN: arn,
      LogFileValidationEnabled: false,
      IsOrganizationTrail: false,
    });
    const { Trail } = await api.trail<GetTrailResponse>('GetTrail', { Name: arn });
    expect(Trail).toMatchObject({ Name: 'audit', HomeRegion: 'us-east-1', HasCustomEventSelectors: false });
    const status = await api.trail<GetTrailStatusResponse>('GetTrailStatus', { Name: 'audit' });
    expect(status).toMatchObject({ IsLogging: false, LatestDeliveryAttemptTime: '' });
    const tags = await api.trail<ListTagsResponse>('ListTags', { ResourceIdList: [arn] });
    expect(tags.ResourceTagList).toEqual([{ ResourceId: arn, TagsList: [{ Key: 'team', Value: 'a' }] }]);
  });

  it.each([
    ['a short name', { Name: 'ab' }, 'InvalidTrailNameException'],
    ['a name with a slash', { Name: 'a/b/c' }, 'InvalidTrailNameException'],
    ['a name with two dots', { Name: 'a..b' }, 'InvalidTrailNameException'],
    ['a name like an address', { Name: '192.168.5.4' }, 'InvalidTrailNameException'],
    ['a bucket that leaves the folder', { S3BucketName: '../../etc' }, 'InvalidS3BucketNameException'],
    ['a bucket in capitals', { S3BucketName: 'Audit' }, 'InvalidS3BucketNameException'],
    ['a prefix that leaves the bucket', { S3KeyPrefix: 'a/../../b' }, 'InvalidS3PrefixException'],
    ['an absolute prefix', { S3KeyPrefix: '/a' }, 'InvalidS3PrefixException'],
    [
      'a trail of all Regions without the global one',
      { IsMultiRegionTrail: true, IncludeGlobalServiceEvents: false },
      'InvalidParameterCombinationException',
    ],
    ['validation of files', { EnableLogFileValidation: true }, 'UnsupportedOperationException'],
    ['notifications', { SnsTopicName: 'topic' }, 'UnsupportedOperationException'],
    [
      'a log group',
      { CloudWatchLogsLogGroupArn: 'arn:aws:logs:us-east-1:1:log-group:a' },
      'UnsupportedOperationException',
    ],
    ['a key', { KmsKeyId: 'alias/a' }, 'UnsupportedOperationException'],
    ['an organization', { IsOrganizationTrail: true }, 'UnsupportedOperationException'],
    ['a reserved tag', { TagsList: [{ Key: 'aws:a', Value: '' }] }, 'InvalidTagParameterException'],
  ])('refuses %s', async (_what, input, code) => {
    const before = api.state.count(trails);
    expect(await api.code('CreateTrail', { Name: 'audit', S3BucketName: 'audit-logs', ...input })).toBe(code);
    expect(api.state.count(trails)).toBe(before);
  });

  it('refuses a name that is taken, and a sixth trail', async () => {
    await create();
    expect(await api.code('CreateTrail', { Name: 'audit', S3BucketName: 'other-logs' })).toBe(
      'TrailAlreadyExistsException',
    );
    for (const Name of ['b-2', 'b-3', 'b-4', 'b-5']) await create({ Name });
    const sixth = { Name: 'b-6', S3BucketName: 'audit-logs' };
    expect(await api.code('CreateTrail', sixth)).toBe('MaximumNumberOfTrailsExceededException');
    await create({}, { account: '111122223333' });
    await create(sixth, elsewhere);
  });
});

describe('trails of several Regions', () => {
  beforeEach(async () => {
    await create({ IsMultiRegionTrail: true });
    await create({ Name: 'local' });
  });
  const described = async (input: object, at = {}) =>
    (await api.trail<DescribeTrailsResponse>('DescribeTrails', input, at)).trailList?.map(trail => trail.Name);

  it('are seen in all of them, and changed at home', async () => {
    expect(await described({})).toEqual(['audit', 'local']);
    expect(await described({}, elsewhere)).toEqual(['audit']);
    expect(await described({ includeShadowTrails: false }, elsewhere)).toEqual([]);
    expect(await described({ trailNameList: ['local', arn, 'none'] })).toEqual(['local', 'audit']);
    expect(await described({}, { account: '111122223333' })).toEqual([]);
    const { Trails } = await api.trail<ListTrailsResponse>('ListTrails', {}, elsewhere);
    expect(Trails?.map(trail => [trail.Name, trail.HomeRegion])).toEqual([
      ['audit', 'us-east-1'],
      ['local', 'us-east-1'],
    ]);
    for (const operation of ['UpdateTrail', 'DeleteTrail', 'StartLogging', 'StopLogging'])
      expect(await api.code(operation, { Name: 'audit' }, elsewhere), operation).toBe('InvalidHomeRegionException');
    expect(await api.code('GetTrail', { Name: 'local' }, elsewhere)).toBe('TrailNotFoundException');
  });

  it('belong to their account', async () => {
    const other = { account: '111122223333' };
    expect(await api.code('GetTrail', { Name: arn }, other)).toBe('TrailNotFoundException');
    expect(await api.code('DeleteTrail', { Name: arn }, other)).toBe('TrailNotFoundException');
    expect(await api.code('ListTags', { ResourceIdList: [arn] }, other)).toBe('TrailNotFoundException');
  });
});

describe('UpdateTrail and DeleteTrail', () => {
  it('change what is given, and remove the trail', async () => {
    await create({ S3KeyPrefix: 'a' });
    expect(
      await api.trail('UpdateTrail', { Name: 'audit', S3BucketName: 'new-logs', IsMultiRegionTrail: true }),
    ).toMatchObject({
      S3BucketName: 'new-logs',
      S3KeyPrefix: 'a',
      IsMultiRegionTrail: true,
    });
    expect(await api.code('UpdateTrail', { Name: 'audit', S3BucketName: 'No' })).toBe('InvalidS3BucketNameException');
    const updated = await api.trail<GetTrailResponse>('GetTrail', { Name: 'audit' });
    expect(updated.Trail?.S3BucketName).toBe('new-logs');
    await api.trail('DeleteTrail', { Name: 'audit' });
    expect(await api.code('GetTrail', { Name: 'audit' })).toBe('TrailNotFoundException');
    expect(await api.code('DeleteTrail', { Name: 'audit' })).toBe('TrailNotFoundException');
    expect((await api.trail<DescribeTrailsResponse>('DescribeTrails')).trailList).toEqual([]);
    await create();
  });

  it('tell what is not the ARN of a trail', async () => {
    expect(await api.code('GetTrail', { Name: 'arn:aws:s3:::bucket' })).toBe('CloudTrailARNInvalidException');
    expect(await api.code('GetTrail', { Name: 'x' })).toBe('InvalidTrailNameException');
  });
});

describe('logging', () => {
  it('is started and stopped, and GetTrailStatus says since when', async () => {
    await create();
    await api.trail('StartLogging', { Name: 'audit' });
    const started = api.clock.now();
    expect(await api.trail('GetTrailStatus', { Name: 'audit' })).toMatchObject({
      IsLogging: true,
      StartLoggingTime: new Date(started),
      TimeLoggingStarted: '2026-01-31T10:00:02Z',
    });
    await api.trail('StopLogging', { Name: arn });
    expect(await api.trail('GetTrailStatus', { Name: 'audit' })).toMatchObject({
      IsLogging: false,
      StopLoggingTime: new Date(api.clock.now() - 1_000),
    });
  });
});

describe('event selectors', () => {
  const get = () => api.trail<GetEventSelectorsResponse>('GetEventSelectors', { TrailName: 'audit' });
  const put = (input: object) => api.trail('PutEventSelectors', { TrailName: 'audit', ...input });

  it('are everything at first, and then what was put', async () => {
    await create();
    const all = { IncludeManagementEvents: true, DataResources: [], ExcludeManagementEventSources: [] };
    expect((await get()).EventSelectors).toEqual([{ ReadWriteType: 'All', ...all }]);
    await put({
      EventSelectors: [{ ReadWriteType: 'WriteOnly', ExcludeManagementEventSources: ['kms.amazonaws.com'] }],
    });
    expect((await get()).EventSelectors).toEqual([
      { ...all, ReadWriteType: 'WriteOnly', ExcludeManagementEventSources: ['kms.amazonaws.com'] },
    ]);
    const FieldSelectors = [
      { Field: 'eventCategory', Equals: ['Management'] },
      { Field: 'eventSource', NotEquals: ['ec2.amazonaws.com'] },
    ];
    await put({ AdvancedEventSelectors: [{ Name: 'not EC2', FieldSelectors }] });
    expect(await get()).toEqual({ TrailARN: arn, AdvancedEventSelectors: [{ Name: 'not EC2', FieldSelectors }] });
    const { Trail } = await api.trail<GetTrailResponse>('GetTrail', { Name: 'audit' });
    expect(Trail?.HasCustomEventSelectors).toBe(true);
  });

  it.each([
    ['none', {}, 'InvalidEventSelectorsException'],
    ['an empty list', { EventSelectors: [] }, 'InvalidEventSelectorsException'],
    ['both kinds', { EventSelectors: [{}], AdvancedEventSelectors: [] }, 'InvalidEventSelectorsException'],
    ['an unknown type', { EventSelectors: [{ ReadWriteType: 'Some' }] }, 'InvalidEventSelectorsException'],
    ['nothing to include', { EventSelectors: [{ IncludeManagementEvents: false }] }, 'InvalidEventSelectorsException'],
    [
      'a source that may not be left out',
      { EventSelectors: [{ ExcludeManagementEventSources: ['ec2.amazonaws.com'] }] },
      'InvalidEventSelectorsException',
    ],
    [
      'data events',
      { EventSelectors: [{ DataResources: [{ Type: 'AWS::S3::Object', Values: ['arn:aws:s3'] }] }] },
      'UnsupportedOperationException',
    ],
    [
      'no category',
      { AdvancedEventSelectors: [{ FieldSelectors: [{ Field: 'readOnly', Equals: ['true'] }] }] },
      'InvalidEventSelectorsException',
    ],
    [
      'the category of data',
      { AdvancedEventSelectors: [{ FieldSelectors: [{ Field: 'eventCategory', Equals: ['Data'] }] }] },
      'UnsupportedOperationException',
    ],
    [
      'an unknown field',
      {
        AdvancedEventSelectors: [
          {
            FieldSelectors: [
              { Field: 'eventCategory', Equals: ['Management'] },
              { Field: 'x', Equals: ['y'] },
            ],
          },
        ],
      },
      'InvalidEventSelectorsException',
    ],
  ])('refuse %s', async (_what, input, code) => {
    await create();
    expect(await api.code('PutEventSelectors', { TrailName: 'audit', ...input })).toBe(code);
  });
});

describe('tags of trails', () => {
  it('are added, replaced and removed', async () => {
    await create({ TagsList: [{ Key: 'a', Value: '1' }] });
    const TagsList = [
      { Key: 'a', Value: '2' },
      { Key: 'b', Value: '' },
    ];
    await api.trail('AddTags', { ResourceId: arn, TagsList });
    await api.trail('RemoveTags', { ResourceId: arn, TagsList: [{ Key: 'b' }, { Key: 'c' }] });
    const { ResourceTagList } = await api.trail<ListTagsResponse>('ListTags', { ResourceIdList: [arn] });
    expect(ResourceTagList?.[0]?.TagsList).toEqual([{ Key: 'a', Value: '2' }]);
    const many = Array.from({ length: 50 }, (_, at) => ({ Key: `k${at}`, Value: '' }));
    expect(await api.code('AddTags', { ResourceId: arn, TagsList: many })).toBe('TagsLimitExceededException');
    expect(await api.code('AddTags', { ResourceId: 'audit', TagsList })).toBe('CloudTrailARNInvalidException');
    const twice = [...TagsList, ...TagsList];
    expect(await api.code('AddTags', { ResourceId: arn, TagsList: twice })).toBe('InvalidTagParameterException');
  });
});
