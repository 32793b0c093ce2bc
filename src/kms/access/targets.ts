import type { AccessTarget, ConditionKeys } from '../../api/access.ts';
import type { ReadContext } from '../../api/operation.ts';
import { aliasArn } from '../aliases/model.ts';
import { arnOfKey } from '../keys/find.ts';

interface Identified {
  readonly KeyId?: string | undefined;
}

/** The key of a call as what it touches, with the keys that every call has. */
export function keyTarget(
  context: ReadContext,
  identifier: string | undefined,
  keys: ConditionKeys = {},
): AccessTarget {
  return { arn: arnOfKey(context, identifier), keys: { 'kms:CallerAccount': context.account, ...keys } };
}

/** For operations that take one key by id or ARN. */
export function keyOf({ KeyId }: Identified, context: ReadContext): readonly AccessTarget[] {
  return [keyTarget(context, KeyId)];
}

/** For operations that take one key by an alias, too. */
export function keyOrAliasOf({ KeyId }: Identified, context: ReadContext): readonly AccessTarget[] {
  return [keyTarget(context, KeyId, aliasKeys(KeyId))];
}

/** The alias by which a key was asked for. */
export function aliasKeys(identifier: string | undefined): ConditionKeys {
  const name = identifier === undefined ? undefined : /(?:^|:)(alias\/.+)$/.exec(identifier)?.[1];
  return name === undefined ? {} : { 'kms:RequestAlias': name };
}

export function aliasTarget(context: ReadContext, name: string | undefined): AccessTarget {
  const shown = name?.startsWith('alias/') ? name : 'alias/*';
  return { arn: aliasArn(context.owner, shown), keys: { 'kms:CallerAccount': context.account } };
}
