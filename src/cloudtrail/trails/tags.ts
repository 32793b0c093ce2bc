import type {
  AddTagsRequest,
  AddTagsResponse,
  ListTagsRequest,
  ListTagsResponse,
  RemoveTagsRequest,
  RemoveTagsResponse,
  Tag,
} from '@aws-sdk/client-cloudtrail';
import { ApiError } from '../../api/errors.ts';
import { type AnyOperation, readOperation, writeOperation } from '../../api/operation.ts';
import { findOwnTrail, findTrail } from './find.ts';
import { trails } from './model.ts';

const service = 'cloudtrail';
const largestNumber = 50;
const characters = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

type Tags = Readonly<Record<string, string>>;

/** Tags of a new trail. @throws ApiError `InvalidTagParameterException`, `TagsLimitExceededException` */
export function newTags(list: readonly Tag[] | undefined): Tags {
  return withTags({}, list ?? []);
}

function withTags(present: Tags, list: readonly Tag[]): Tags {
  const added = new Map(list.map(({ Key = '', Value = '' }) => [Key, Value]));
  if (added.size < list.length) throw invalid('A tag key may be given once.');
  for (const [key, value] of added) checkTag(key, value);
  const all = { ...present, ...Object.fromEntries(added) };
  if (Object.keys(all).length > largestNumber) {
    throw new ApiError('TagsLimitExceededException', `A trail can have at most ${largestNumber} tags.`);
  }
  return all;
}

function checkTag(key: string, value: string): void {
  if (key === '' || key.length > 128 || value.length > 256 || !characters.test(key) || !characters.test(value)) {
    throw invalid('A tag has a key of 1 to 128 and a value of at most 256 letters, numbers, spaces and _.:/=+-@');
  }
  if (/^aws:/i.test(key)) throw invalid(`The tag key ${key} begins with aws:, which is reserved for AWS.`);
}

const invalid = (message: string) => new ApiError('InvalidTagParameterException', message);

/** @see https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AddTags.html */
const addTags = writeOperation<AddTagsRequest, AddTagsResponse>({
  service,
  name: 'AddTags',
  resources: input => [input.ResourceId ?? '*'],
  run: (input, context) => {
    const row = findOwnTrail(context, asArn(input.ResourceId));
    context.db.put(trails, { ...row, tags: withTags(row.tags, input.TagsList ?? []) });
    return {};
  },
});

/** @see https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_RemoveTags.html */
const removeTags = writeOperation<RemoveTagsRequest, RemoveTagsResponse>({
  service,
  name: 'RemoveTags',
  resources: input => [input.ResourceId ?? '*'],
  run: (input, context) => {
    const row = findOwnTrail(context, asArn(input.ResourceId));
    const gone = new Set((input.TagsList ?? []).map(tag => tag.Key));
    const tags = Object.fromEntries(Object.entries(row.tags).filter(([key]) => !gone.has(key)));
    context.db.put(trails, { ...row, tags });
    return {};
  },
});

/** @see https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_ListTags.html */
const listTags = readOperation<ListTagsRequest, ListTagsResponse>({
  service,
  name: 'ListTags',
  resources: input => input.ResourceIdList ?? ['*'],
  run: (input, context) => {
    const ids = input.ResourceIdList ?? [];
    if (ids.length === 0 || ids.length > 20) {
      throw new ApiError('InvalidParameterException', 'ResourceIdList must have 1 to 20 ARNs.');
    }
    return {
      ResourceTagList: ids.map(id => {
        const { trailArn, tags } = findTrail(context, asArn(id));
        return { ResourceId: trailArn, TagsList: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) };
      }),
    };
  },
});

/** Tags are asked for by ARN only. */
function asArn(id = ''): string {
  if (id.startsWith('arn:')) return id;
  throw new ApiError('CloudTrailARNInvalidException', `${id.slice(0, 200)} is not the ARN of a trail.`);
}

export const tagOperations: readonly AnyOperation[] = [addTags, removeTags, listTags];
