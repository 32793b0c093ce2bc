import type { Tag } from '@aws-sdk/client-iam';
import type { AccessTarget } from '../../api/access.ts';
import { type AnyOperation, type ReadContext, readOperation, writeOperation } from '../../api/operation.ts';
import type { Table } from '../../state/table.ts';
import type { Tagged } from '../entity.ts';
import { type MarkerInput, pageByKey } from '../paging.ts';
import { type KeyCase, withoutTags, withTags } from '../tags.ts';

/** A kind of resource that has tags. */
export interface TaggedKind<Row extends Tagged, Input> {
  /** In the names of actions: `TagUser`. */
  readonly title: string;
  readonly table: Table<Row>;
  readonly keyCase: KeyCase;
  /** @throws ApiError `NoSuchEntity` */
  readonly find: (context: ReadContext, input: Input) => Row;
  /** As `find`, for changing it. */
  readonly findEditable?: (context: ReadContext, input: Input) => Row;
  readonly resources: (input: Input, context: ReadContext) => readonly (string | AccessTarget)[];
}

/**
 * `TagUser`, `UntagUser`, `ListUserTags` and those of other resources.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html
 */
export function tagOperations<Row extends Tagged, Input extends object>(
  kind: TaggedKind<Row, Input>,
): readonly AnyOperation[] {
  const { title, table, keyCase, resources } = kind;
  const change = kind.findEditable ?? kind.find;
  return [
    writeOperation<Input & { readonly Tags: readonly Tag[] }, void>({
      service: 'iam',
      name: `Tag${title}`,
      resources,
      run: (input, context) => {
        const row = change(context, input);
        context.db.put(table, { ...row, tags: withTags(row.tags, input.Tags, keyCase) });
      },
    }),
    writeOperation<Input & { readonly TagKeys: readonly string[] }, void>({
      service: 'iam',
      name: `Untag${title}`,
      resources,
      run: (input, context) => {
        const row = change(context, input);
        context.db.put(table, { ...row, tags: withoutTags(row.tags, input.TagKeys, keyCase) });
      },
    }),
    readOperation<Input & MarkerInput, object>({
      service: 'iam',
      name: `List${title}Tags`,
      resources,
      run: (input, context) => {
        const { rows, end } = pageByKey(context, input, kind.find(context, input).tags, tag => tag.Key);
        return { Tags: rows, ...end };
      },
    }),
  ];
}
