import type {
  ListResourceTagsRequest,
  ListResourceTagsResponse,
  TagResourceRequest,
  UntagResourceRequest,
} from '@aws-sdk/client-kms';
import { readOperation, writeOperation } from '../../api/operation.ts';
import { keyOf } from '../access/targets.ts';
import { page } from '../paging.ts';
import { findKey, refusePendingDeletion } from './find.ts';
import { keys } from './model.ts';
import { withTags } from './tags.ts';

/** @see https://docs.aws.amazon.com/kms/latest/APIReference/API_TagResource.html */
export const tagResource = writeOperation<TagResourceRequest, void>({
  service: 'kms',
  name: 'TagResource',
  resources: keyOf,
  run: (input, context) => {
    const row = findKey(context, input.KeyId);
    refusePendingDeletion(row);
    context.db.put(keys, { ...row, tags: withTags(row.tags, input.Tags) });
  },
});

/** @see https://docs.aws.amazon.com/kms/latest/APIReference/API_UntagResource.html */
export const untagResource = writeOperation<UntagResourceRequest, void>({
  service: 'kms',
  name: 'UntagResource',
  resources: keyOf,
  run: (input, context) => {
    const row = findKey(context, input.KeyId);
    refusePendingDeletion(row);
    const gone = new Set(input.TagKeys);
    const tags = Object.fromEntries(Object.entries(row.tags).filter(([key]) => !gone.has(key)));
    context.db.put(keys, { ...row, tags });
  },
});

/** @see https://docs.aws.amazon.com/kms/latest/APIReference/API_ListResourceTags.html */
export const listResourceTags = readOperation<ListResourceTagsRequest, ListResourceTagsResponse>({
  service: 'kms',
  name: 'ListResourceTags',
  resources: keyOf,
  run: (input, context) => {
    const { tags } = findKey(context, input.KeyId);
    const { rows, end } = page(context, input, Object.entries(tags), ([key]) => key, { usual: 50, most: 50 });
    return { Tags: rows.map(([TagKey, TagValue]) => ({ TagKey, TagValue })), ...end };
  },
});
