import type {
  DescribeKeyRequest,
  DescribeKeyResponse,
  ListKeysRequest,
  ListKeysResponse,
  UpdateKeyDescriptionRequest,
} from '@aws-sdk/client-kms';
import { readOperation, writeOperation } from '../../api/operation.ts';
import { keyOf, keyOrAliasOf } from '../access/targets.ts';
import { checkGrantTokens } from '../grants/tokens.ts';
import { page } from '../paging.ts';
import { checkedDescription, ebsAlias, ensureEbsKey } from './create.ts';
import { findKey, keyArn, refusePendingDeletion } from './find.ts';
import { keys } from './model.ts';
import { keyMetadata } from './render.ts';

/**
 * Asking for EBS's key by its alias makes it: hence this can write.
 * @see https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeKey.html
 */
export const describeKey = writeOperation<DescribeKeyRequest, DescribeKeyResponse>({
  service: 'kms',
  name: 'DescribeKey',
  resources: keyOrAliasOf,
  run: (input, context) => {
    checkGrantTokens(context, input.GrantTokens);
    const { owner, region, account } = context;
    if (input.KeyId === ebsAlias || input.KeyId === `arn:aws:kms:${region}:${account}:${ebsAlias}`) {
      ensureEbsKey(context.db, context.services.secrets, owner, context.now);
    }
    return { KeyMetadata: keyMetadata(findKey(context, input.KeyId, { alias: true, foreign: true })) };
  },
});

/** @see https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeys.html */
export const listKeys = readOperation<ListKeysRequest, ListKeysResponse>({
  service: 'kms',
  name: 'ListKeys',
  resources: () => ['*'],
  run: (input, context) => {
    const all = context.db.by(keys, 'owner', context.owner);
    const { rows, end } = page(context, input, all, row => row.keyId, { usual: 100, most: 1000 });
    return { Keys: rows.map(row => ({ KeyId: row.keyId, KeyArn: keyArn(row) })), ...end };
  },
});

/** @see https://docs.aws.amazon.com/kms/latest/APIReference/API_UpdateKeyDescription.html */
export const updateKeyDescription = writeOperation<UpdateKeyDescriptionRequest, void>({
  service: 'kms',
  name: 'UpdateKeyDescription',
  resources: keyOf,
  run: (input, context) => {
    const row = findKey(context, input.KeyId);
    const description = checkedDescription(input.Description);
    refusePendingDeletion(row);
    context.db.put(keys, { ...row, description });
  },
});
