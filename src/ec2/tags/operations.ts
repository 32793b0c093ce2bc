import type {
  CreateTagsRequest,
  DeleteTagsRequest,
  DescribeTagsRequest,
  DescribeTagsResult,
  Tag,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { type AnyOperation, type ReadContext, readOperation, writeOperation } from '../../api/operation.ts';
import { instances } from '../instances/model.ts';
import { keyPairs } from '../key-pairs/model.ts';
import { describeTagPage } from './describe.ts';
import { checkMetadataTagKeys } from './metadata-keys.ts';
import { addTags, parseTags, resourceTags, type Tags, tagKey, tagsOf } from './model.ts';
import { findResourceType, ownResource, type TaggedResource } from './resource-types.ts';

const maximumResources = 1000;

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html */
const createTags = writeOperation<CreateTagsRequest, object>({
  service: 'ec2',
  name: 'CreateTags',
  resources: taggedArns,
  run: (input, context) => {
    const resources = ownResources(context, input.Resources);
    if ((input.Tags ?? []).length === 0)
      throw new ApiError('MissingParameter', 'The request must contain the parameter tagSet');
    const tags = parseTags(input.Tags);
    for (const [resourceId, { type, shared }] of resources) {
      const inMetadata = context.db.get(instances, resourceId)?.metadataOptions.instanceMetadataTags === 'enabled';
      if (inMetadata) checkMetadataTagKeys(tags);
      addTags(context.db, { resourceId, resourceType: type.name, owner: context.owner, ...shared }, tags);
    }
    return {};
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteTags.html */
const deleteTags = writeOperation<DeleteTagsRequest, object>({
  service: 'ec2',
  name: 'DeleteTags',
  resources: taggedArns,
  run: (input, context) => {
    const { db, owner } = context;
    for (const tag of input.Tags ?? []) {
      if (tag.Key === undefined || tag.Key === '')
        throw new ApiError('InvalidParameterValue', 'Tag key cannot be empty. Give every tag a Key.');
    }
    for (const [resourceId, { type, shared }] of ownResources(context, input.Resources)) {
      const resource = { resourceId, resourceType: type.name, owner, ...shared };
      const key = tagKey(resource);
      const left = withoutTags(tagsOf(db, key), input.Tags);
      if (Object.keys(left).length === 0) db.delete(resourceTags, key);
      else db.put(resourceTags, { ...resource, tags: left });
    }
    return {};
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeTags.html */
const describeTags = readOperation<DescribeTagsRequest, DescribeTagsResult>({
  service: 'ec2',
  name: 'DescribeTags',
  resources: () => ['*'],
  run: (input, context) => {
    const page = describeTagPage(context, input);
    return {
      Tags: page.rows.map(row => ({
        Key: row.key,
        Value: row.value,
        ResourceId: row.resourceId,
        ResourceType: row.resourceType as NonNullable<DescribeTagsResult['Tags']>[number]['ResourceType'],
      })),
      NextToken: page.nextToken,
    };
  },
});

/** All resources of a request, each once; none is changed when one of them is wrong. */
function ownResources(context: ReadContext, ids: readonly string[] | undefined): Map<string, TaggedResource> {
  if (ids === undefined || ids.length === 0) {
    throw new ApiError('MissingParameter', 'The request must contain the parameter resourceIdSet');
  }
  if (ids.length > maximumResources) {
    throw new ApiError(
      'InvalidParameterValue',
      `A request can name at most ${maximumResources} resources; this one names ${ids.length}.`,
    );
  }
  return new Map(ids.map(id => [id, ownResource(context, id)]));
}

/** Without any tag to remove, all go. A value, even an empty one, must be the tag's for it to go. */
function withoutTags(present: Tags, removed: readonly Tag[] | undefined): Tags {
  if (removed === undefined || removed.length === 0) return {};
  const goes = (key: string, value: string) =>
    removed.some(tag => tag.Key === key && (tag.Value === undefined || tag.Value === value));
  return Object.fromEntries(Object.entries(present).filter(([key, value]) => !goes(key, value)));
}

function taggedArns(input: { readonly Resources?: readonly string[] | undefined }, context: ReadContext): string[] {
  return (input.Resources ?? []).map(id => {
    const type = findResourceType(id)?.name;
    if (type === undefined) return '*';
    // Policies name key pairs by their names.
    return arn(context, type, type === 'key-pair' ? keyNameOf(context, id) : id);
  });
}

function keyNameOf(context: ReadContext, id: string): string | undefined {
  const row = context.db.get(keyPairs, id);
  return row?.owner === context.owner ? row.keyName : undefined;
}

export const tagOperations: readonly AnyOperation[] = [createTags, deleteTags, describeTags];
