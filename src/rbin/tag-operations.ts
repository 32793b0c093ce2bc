import { parseArn } from '../api/arn.ts';
import { type AnyOperation, type ReadContext, readOperation, writeOperation } from '../api/operation.ts';
import { validation } from './errors.ts';
import { type RetentionRuleRow, retentionRules } from './model.ts';
import { renderTags, ruleTags } from './rule-operations.ts';
import { ownRule } from './rules.ts';
import type { Tag, TagRequest } from './shapes.ts';

const maximumTags = 50;

const target = (input: TagRequest) => [input.ResourceArn ?? 'arn:aws:rbin:::rule/*'];

/** @throws ApiError `ValidationException`, `ResourceNotFoundException` */
function ruleOf(context: ReadContext, input: TagRequest): RetentionRuleRow {
  const arn = parseArn(input.ResourceArn ?? '');
  const isHere = arn?.service === 'rbin' && arn.region === context.region && arn.resource.startsWith('rule/');
  if (!isHere) throw validation(`'${input.ResourceArn}' is not the ARN of a retention rule of this Region.`);
  return ownRule(context, arn.resource.slice('rule/'.length));
}

/** @see https://docs.aws.amazon.com/recyclebin/latest/APIReference/API_ListTagsForResource.html */
const listTagsForResource = readOperation<TagRequest, { Tags: Tag[] }>({
  service: 'rbin',
  name: 'ListTagsForResource',
  resources: target,
  run: (input, context) => ({ Tags: renderTags(ruleOf(context, input)) }),
});

/** @see https://docs.aws.amazon.com/recyclebin/latest/APIReference/API_TagResource.html */
const tagResource = writeOperation<TagRequest, void>({
  service: 'rbin',
  name: 'TagResource',
  resources: target,
  run: (input, context) => {
    const row = ruleOf(context, input);
    const tags = { ...row.tags, ...ruleTags(input.Tags) };
    if (Object.keys(tags).length > maximumTags) throw validation(`A rule has at most ${maximumTags} tags.`);
    context.db.put(retentionRules, { ...row, tags });
  },
});

/** @see https://docs.aws.amazon.com/recyclebin/latest/APIReference/API_UntagResource.html */
const untagResource = writeOperation<TagRequest, void>({
  service: 'rbin',
  name: 'UntagResource',
  resources: target,
  run: (input, context) => {
    const row = ruleOf(context, input);
    const tags = Object.fromEntries(Object.entries(row.tags).filter(([key]) => !input.TagKeys?.includes(key)));
    context.db.put(retentionRules, { ...row, tags });
  },
});

export const ruleTagOperations: readonly AnyOperation[] = [listTagsForResource, tagResource, untagResource];
