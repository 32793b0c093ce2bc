import type { Tag } from '@aws-sdk/client-kms';
import { ApiError } from '../../api/errors.ts';

const largestNumber = 50;
const characters = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

export type Tags = Readonly<Record<string, string>>;

/**
 * Present tags with those of a request added or replaced.
 * @throws ApiError `TagException`, `LimitExceededException`
 * @see https://docs.aws.amazon.com/kms/latest/developerguide/tagging-keys.html
 */
export function withTags(present: Tags, list: readonly Tag[] = []): Tags {
  const added = new Map(list.map(({ TagKey = '', TagValue = '' }) => [TagKey, TagValue]));
  if (added.size < list.length) throw invalid('A tag key may be given once.');
  for (const [key, value] of added) check(key, value);
  const all = { ...present, ...Object.fromEntries(added) };
  if (Object.keys(all).length > largestNumber) {
    throw new ApiError('LimitExceededException', `A key can have at most ${largestNumber} tags.`);
  }
  return all;
}

function check(key: string, value: string): void {
  if (key === '' || key.length > 128 || value.length > 256 || !characters.test(key) || !characters.test(value)) {
    throw invalid('A tag has a key of 1 to 128 and a value of at most 256 letters, numbers, spaces and _.:/=+-@');
  }
  if (/^aws:/i.test(key)) throw invalid(`The tag key ${key} begins with aws:, which is reserved for AWS.`);
}

const invalid = (message: string) => new ApiError('TagException', message);
