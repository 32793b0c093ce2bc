import type {
  CancelKeyDeletionRequest,
  CancelKeyDeletionResponse,
  DisableKeyRequest,
  EnableKeyRequest,
  ScheduleKeyDeletionRequest,
  ScheduleKeyDeletionResponse,
} from '@aws-sdk/client-kms';
import { ApiError } from '../../api/errors.ts';
import { writeOperation } from '../../api/operation.ts';
import { keyOf, keyTarget } from '../access/targets.ts';
import { inRange } from '../errors.ts';
import { findKey, keyArn, refusePendingDeletion } from './find.ts';
import { type KeyRow, keys } from './model.ts';

export const day = 24 * 3600 * 1000;

/** @see https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKey.html */
export const enableKey = writeOperation<EnableKeyRequest, void>({
  service: 'kms',
  name: 'EnableKey',
  resources: keyOf,
  run: (input, context) => {
    const row = findKey(context, input.KeyId);
    refusePendingDeletion(row);
    context.db.put(keys, { ...row, state: 'Enabled' });
  },
});

/** @see https://docs.aws.amazon.com/kms/latest/APIReference/API_DisableKey.html */
export const disableKey = writeOperation<DisableKeyRequest, void>({
  service: 'kms',
  name: 'DisableKey',
  resources: keyOf,
  run: (input, context) => {
    const row = findKey(context, input.KeyId);
    refusePendingDeletion(row);
    context.db.put(keys, { ...row, state: 'Disabled' });
  },
});

/** @see https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html */
export const scheduleKeyDeletion = writeOperation<ScheduleKeyDeletionRequest, ScheduleKeyDeletionResponse>({
  service: 'kms',
  name: 'ScheduleKeyDeletion',
  resources: (input, context) => [
    keyTarget(context, input.KeyId, {
      'kms:ScheduleKeyDeletionPendingWindowInDays': input.PendingWindowInDays,
    }),
  ],
  run: (input, context) => {
    const days = inRange('pendingWindowInDays', input.PendingWindowInDays ?? 30, 7, 30);
    const row = findKey(context, input.KeyId);
    refusePendingDeletion(row);
    const deletionDate = context.now + days * day;
    context.db.put(keys, { ...row, state: 'PendingDeletion', deletionDate });
    return {
      KeyId: keyArn(row),
      DeletionDate: new Date(deletionDate),
      KeyState: 'PendingDeletion',
      PendingWindowInDays: days,
    };
  },
});

/** @see https://docs.aws.amazon.com/kms/latest/APIReference/API_CancelKeyDeletion.html */
export const cancelKeyDeletion = writeOperation<CancelKeyDeletionRequest, CancelKeyDeletionResponse>({
  service: 'kms',
  name: 'CancelKeyDeletion',
  resources: keyOf,
  run: (input, context) => {
    const { deletionDate: _date, ...row } = findKey(context, input.KeyId);
    if (row.state !== 'PendingDeletion') {
      throw new ApiError('KMSInvalidStateException', `${keyArn(row)} is not pending deletion.`);
    }
    // It must be enabled by hand.
    const kept: KeyRow = { ...row, state: 'Disabled' };
    context.db.put(keys, kept);
    return { KeyId: keyArn(kept) };
  },
});
