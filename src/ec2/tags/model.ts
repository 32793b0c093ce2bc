import { ApiError } from '../../api/errors.ts';
import type { Reader, Tx } from '../../state/state.ts';
import { defineTable } from '../../state/table.ts';

export type Tags = Readonly<Record<string, string>>;

/** The tags of one resource. There is no row for a resource without tags. */
export interface TagsRow {
  readonly resourceId: string;
  /** As in `TagSpecification.ResourceType`: `instance`, `security-group` … */
  readonly resourceType: string;
  /** Whose tags they are. */
  readonly owner: string;
  /** The resource is another account's, too, whose tags on it are others. */
  readonly shared?: true;
  readonly tags: Tags;
}

export const resourceTags = defineTable<TagsRow>()({
  name: 'resource_tags',
  key: tagKey,
  indexes: {
    owner: row => row.owner,
    /** `OWNER KEY=VALUE`, see `tagPair`. */
    pair: row => Object.entries(row.tags).map(([key, value]) => tagPair(row.owner, key, value)),
  },
});

/** Where tags are kept: under the resource, those of who shares it under him as well. */
export function tagKey({ resourceId, owner, shared }: Omit<TagsRow, 'tags' | 'resourceType'>): string {
  return shared === true ? `${resourceId} ${owner}` : resourceId;
}

/** Where the resources of an owner with a certain tag are found. */
export function tagPair(owner: string, key: string, value: string): string {
  return `${owner} ${key}=${value}`;
}

const none: Tags = {};

/** @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html */
export const tagLimits = { perResource: 50, key: 127, value: 255 } as const;

/** @param key the resource's id, or a `tagKey` */
export function tagsOf(db: Reader, key: string): Tags {
  return db.get(resourceTags, key)?.tags ?? none;
}

/** As answers show tags; undefined when there are none, so that `tagSet` is left out as EC2 does. */
export function tagList(db: Reader, resourceId: string): { Key: string; Value: string }[] | undefined {
  const row = db.get(resourceTags, resourceId);
  if (row === undefined) return undefined;
  return Object.entries(row.tags).map(([Key, Value]) => ({ Key, Value }));
}

/**
 * Adds tags to a resource, replacing values of keys that it has.
 * @throws ApiError `TagLimitExceeded` beyond 50 tags.
 */
export function addTags(db: Tx, resource: Omit<TagsRow, 'tags'>, tags: Tags): void {
  if (Object.keys(tags).length === 0) return;
  const merged = { ...tagsOf(db, tagKey(resource)), ...tags };
  if (Object.keys(merged).length > tagLimits.perResource) {
    throw new ApiError(
      'TagLimitExceeded',
      `A resource can have at most ${tagLimits.perResource} tags; ${resource.resourceId} would have ${Object.keys(merged).length}.`,
    );
  }
  db.put(resourceTags, { ...resource, tags: merged });
}

export function removeAllTags(db: Tx, resourceId: string): void {
  db.delete(resourceTags, resourceId);
}

interface TagInput {
  readonly Key?: string | undefined;
  readonly Value?: string | undefined;
}

/**
 * Checks tags as a request has them.
 * @throws ApiError `InvalidParameterValue` (empty, long, reserved or repeated keys; long values), `TagLimitExceeded`.
 */
export function parseTags(input: readonly TagInput[] | undefined): Tags {
  const tags: Record<string, string> = Object.create(null);
  let count = 0;
  for (const { Key, Value = '' } of input ?? []) {
    if (Key === undefined || Key === '')
      throw new ApiError('InvalidParameterValue', 'Tag key cannot be empty. Give every tag a Key.');
    if ([...Key].length > tagLimits.key) {
      throw new ApiError(
        'InvalidParameterValue',
        `Tag key exceeds the maximum length of ${tagLimits.key} characters: '${Key.slice(0, 40)}…'`,
      );
    }
    if ([...Value].length > tagLimits.value) {
      throw new ApiError(
        'InvalidParameterValue',
        `Tag value exceeds the maximum length of ${tagLimits.value} characters: '${Value.slice(0, 40)}…'`,
      );
    }
    if (/^aws:/i.test(Key)) {
      throw new ApiError(
        'InvalidParameterValue',
        `Tag keys starting with 'aws:' are reserved for internal use: '${Key}'`,
      );
    }
    if (Key in tags) throw new ApiError('InvalidParameterValue', `Duplicate tag key '${Key}' specified.`);
    tags[Key] = Value;
    count++;
  }
  if (count > tagLimits.perResource) {
    throw new ApiError(
      'TagLimitExceeded',
      `A resource can have at most ${tagLimits.perResource} tags; the request has ${count}.`,
    );
  }
  return { ...tags };
}

interface TagSpecificationInput {
  readonly ResourceType?: string | undefined;
  readonly Tags?: readonly TagInput[] | undefined;
}

/**
 * The `TagSpecifications` of a request by resource type. `allowed` are the types that its action creates.
 * @throws ApiError `InvalidParameterValue` and what `parseTags` throws.
 */
export function parseTagSpecifications<Type extends string>(
  input: readonly TagSpecificationInput[] | undefined,
  allowed: readonly Type[],
): Partial<Record<Type, Tags>> {
  const result: Partial<Record<Type, Tags>> = {};
  for (const specification of input ?? []) {
    const type = allowed.find(one => one === specification.ResourceType);
    if (type === undefined) {
      throw new ApiError(
        'InvalidParameterValue',
        `'${specification.ResourceType ?? ''}' is not a valid taggable resource type for this operation. Use one of: ${allowed.join(', ')}.`,
      );
    }
    if (result[type] !== undefined) {
      throw new ApiError(
        'InvalidParameterValue',
        `The resource type '${type}' appears in more than one tag specification. Put its tags in one.`,
      );
    }
    const tags = parseTags(specification.Tags);
    if (Object.keys(tags).length === 0) {
      throw new ApiError('InvalidParameterValue', `Tag specification for '${type}' must have at least one tag.`);
    }
    result[type] = tags;
  }
  return result;
}
