import type { Tag } from '@aws-sdk/client-iam';
import type { TagRow } from './entity.ts';
import { invalidInput, limitExceeded, validationError } from './errors.ts';
import { quotas } from './quotas.ts';

/** Keys of users and roles are the same in any case; those of other resources are not. */
export type KeyCase = 'insensitive' | 'sensitive';

const characters = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/**
 * Checks tags of a request.
 * @throws ApiError `ValidationError`, `InvalidInput`
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html#id_tags_rules
 */
export function checkedTags(tags: readonly Tag[] | undefined, keyCase: KeyCase): readonly TagRow[] {
  const seen = new Set<string>();
  return (tags ?? []).map(({ Key = '', Value = '' }) => {
    checkKey(Key);
    if (Value.length > 256 || !characters.test(Value)) {
      throw validationError(
        `The value of tag ${Key} must have at most 256 characters: letters, numbers, spaces and _.:/=+-@`,
      );
    }
    const same = comparable(Key, keyCase);
    if (seen.has(same)) {
      throw invalidInput(
        `Duplicate tag keys found: ${Key}.${keyCase === 'insensitive' ? ' Please note that Tag keys are case insensitive.' : ''}`,
      );
    }
    seen.add(same);
    return { Key, Value };
  });
}

/** Tags of something new. @throws ApiError also `LimitExceeded` */
export function newTags(tags: readonly Tag[] | undefined, keyCase: KeyCase): readonly TagRow[] {
  return withTags([], tags, keyCase);
}

/** Present tags with those of a request added or replaced. @throws ApiError */
export function withTags(
  present: readonly TagRow[],
  tags: readonly Tag[] | undefined,
  keyCase: KeyCase,
): readonly TagRow[] {
  const added = checkedTags(tags, keyCase);
  const replaced = new Set(added.map(tag => comparable(tag.Key, keyCase)));
  const all = [...present.filter(tag => !replaced.has(comparable(tag.Key, keyCase))), ...added];
  if (all.length > quotas.TagsPerResource) {
    throw limitExceeded(`The number of tags has reached the maximum limit of ${quotas.TagsPerResource}.`);
  }
  return all;
}

/** Present tags without some keys; keys that are not there do not matter. @throws ApiError */
export function withoutTags(
  present: readonly TagRow[],
  keys: readonly string[] | undefined,
  keyCase: KeyCase,
): readonly TagRow[] {
  const removed = new Set(
    (keys ?? []).map(key => {
      checkKey(key);
      return comparable(key, keyCase);
    }),
  );
  return present.filter(tag => !removed.has(comparable(tag.Key, keyCase)));
}

function checkKey(key: string): void {
  if (key.length === 0 || key.length > 128 || !characters.test(key)) {
    throw validationError('A tag key must have 1 to 128 characters: letters, numbers, spaces and _.:/=+-@');
  }
  if (/^aws:/i.test(key)) {
    throw invalidInput(`The tag key ${key} begins with aws:, which is reserved for AWS. Use another one.`);
  }
}

function comparable(key: string, keyCase: KeyCase): string {
  return keyCase === 'insensitive' ? key.toLowerCase() : key;
}
