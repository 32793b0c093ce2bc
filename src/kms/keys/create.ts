import { randomUUID } from 'node:crypto';
import type { CreateKeyRequest, CreateKeyResponse } from '@aws-sdk/client-kms';
import { writeOperation } from '../../api/operation.ts';
import { accountOf, regionOf } from '../../api/owner.ts';
import type { Secrets } from '../../iam/secrets.ts';
import type { Tx } from '../../state/state.ts';
import { aliases, aliasKey } from '../aliases/model.ts';
import { newMaterial } from '../cryptography/material.ts';
import { constraint, unsupported, validation } from '../errors.ts';
import { keyArn } from './find.ts';
import { type KeyRow, keys } from './model.ts';
import { checkedKeyPolicy, defaultKeyPolicy, ebsKeyPolicy } from './policy.ts';
import { keyMetadata } from './render.ts';
import { automaticRotation } from './rotation.ts';
import { withTags } from './tags.ts';

/** @see https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html */
export const createKey = writeOperation<CreateKeyRequest, CreateKeyResponse>({
  service: 'kms',
  name: 'CreateKey',
  resources: (input, { account }) => [
    {
      arn: '*',
      keys: {
        'kms:CallerAccount': account,
        'kms:BypassPolicyLockoutSafetyCheck': input.BypassPolicyLockoutSafetyCheck ?? false,
        'kms:KeyOrigin': input.Origin ?? 'AWS_KMS',
        'kms:KeySpec': input.KeySpec ?? input.CustomerMasterKeySpec ?? 'SYMMETRIC_DEFAULT',
        'kms:KeyUsage': input.KeyUsage ?? 'ENCRYPT_DECRYPT',
        'kms:MultiRegion': input.MultiRegion ?? false,
      },
    },
  ],
  run: (input, context) => {
    checkSupported(input);
    const keyId = randomUUID();
    const { owner, account } = context;
    const policy = input.Policy === undefined ? defaultKeyPolicy(account) : input.Policy;
    const arn = keyArn({ owner, keyId });
    const row: KeyRow = {
      ...newKey(context.services.secrets, owner, keyId, context.now),
      description: checkedDescription(input.Description),
      ...checkedKeyPolicy(context, policy, { arn, owner }, input.BypassPolicyLockoutSafetyCheck),
      manager: 'CUSTOMER',
      tags: withTags({}, input.Tags),
    };
    context.db.put(keys, row);
    return { KeyMetadata: keyMetadata(row) };
  },
});

function newKey(secrets: Secrets, owner: string, keyId: string, now: number) {
  return {
    keyId,
    owner,
    created: now,
    state: 'Enabled',
    keySpec: 'SYMMETRIC_DEFAULT',
    keyUsage: 'ENCRYPT_DECRYPT',
    materials: [newMaterial(secrets, keyId, now)],
  } as const;
}

/** @throws ApiError `ValidationException` */
export function checkedDescription(text = ''): string {
  if (text.length > 8192) throw constraint('description', text, 'Member must have length less than or equal to 8192');
  return text;
}

function checkSupported(input: CreateKeyRequest): void {
  const { KeySpec, CustomerMasterKeySpec, KeyUsage = 'ENCRYPT_DECRYPT', Origin = 'AWS_KMS' } = input;
  if (KeySpec !== undefined && CustomerMasterKeySpec !== undefined) {
    throw validation(
      'You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated.',
    );
  }
  const spec = KeySpec ?? CustomerMasterKeySpec ?? 'SYMMETRIC_DEFAULT';
  if (spec !== 'SYMMETRIC_DEFAULT') {
    throw unsupported(`Keys of KeySpec ${spec.slice(0, 100)} are not supported. Use SYMMETRIC_DEFAULT.`);
  }
  if (KeyUsage !== 'ENCRYPT_DECRYPT') {
    throw validation(`KeyUsage ${KeyUsage.slice(0, 100)} is not compatible with KeySpec SYMMETRIC_DEFAULT`);
  }
  if (Origin !== 'AWS_KMS') throw unsupported(`Keys of Origin ${Origin.slice(0, 100)} are not supported. Use AWS_KMS.`);
  if (input.MultiRegion) throw unsupported('Keys of several Regions (MultiRegion) are not supported.');
  if (input.CustomKeyStoreId !== undefined || input.XksKeyId !== undefined) {
    throw unsupported('Custom key stores are not supported. Leave out CustomKeyStoreId and XksKeyId.');
  }
}

export const ebsAlias = 'alias/aws/ebs';

/** The key of an account and Region that EBS uses where nobody chose another; made when it is first used. */
export function ensureEbsKey(db: Tx, secrets: Secrets, owner: string, now: number): KeyRow {
  const alias = db.get(aliases, aliasKey(owner, ebsAlias));
  const present = alias && db.get(keys, alias.keyId);
  if (present !== undefined) return present;
  const keyId = randomUUID();
  const row: KeyRow = {
    ...newKey(secrets, owner, keyId, now),
    description: 'Default key that protects my EBS volumes when no other key is defined',
    policy: ebsKeyPolicy(accountOf(owner), regionOf(owner)),
    manager: 'AWS',
    tags: {},
    rotation: automaticRotation(now),
  };
  db.put(keys, row);
  db.put(aliases, { name: ebsAlias, owner, keyId, created: now, updated: now });
  return row;
}
