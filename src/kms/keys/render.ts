import type { KeyMetadata } from '@aws-sdk/client-kms';
import { accountOf } from '../../api/owner.ts';
import { currentMaterial } from '../cryptography/material.ts';
import { keyArn } from './find.ts';
import type { KeyRow } from './model.ts';

/** What is told of a key. @see https://docs.aws.amazon.com/kms/latest/APIReference/API_KeyMetadata.html */
export function keyMetadata(row: KeyRow): KeyMetadata {
  return {
    AWSAccountId: accountOf(row.owner),
    KeyId: row.keyId,
    Arn: keyArn(row),
    CreationDate: new Date(row.created),
    Enabled: row.state === 'Enabled',
    Description: row.description,
    KeyUsage: row.keyUsage,
    KeyState: row.state,
    ...(row.deletionDate !== undefined && { DeletionDate: new Date(row.deletionDate) }),
    Origin: 'AWS_KMS',
    KeyManager: row.manager,
    CustomerMasterKeySpec: row.keySpec,
    KeySpec: row.keySpec,
    EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
    MultiRegion: false,
    CurrentKeyMaterialId: currentMaterial(row).materialId,
  };
}
