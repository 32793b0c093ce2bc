import type {
  DisableKeyRotationRequest,
  EnableKeyRotationRequest,
  GetKeyRotationStatusRequest,
  GetKeyRotationStatusResponse,
  ListKeyRotationsRequest,
  ListKeyRotationsResponse,
  RotateKeyOnDemandRequest,
  RotateKeyOnDemandResponse,
} from '@aws-sdk/client-kms';
import { ApiError } from '../../api/errors.ts';
import { readOperation, writeOperation } from '../../api/operation.ts';
import { keyOf, keyTarget } from '../access/targets.ts';
import { currentMaterial, newMaterial } from '../cryptography/material.ts';
import { inRange, oneOf } from '../errors.ts';
import { page } from '../paging.ts';
import { findKey, keyArn, mustBeEnabled } from './find.ts';
import { type KeyRow, keys } from './model.ts';
import { day } from './states.ts';

const usualPeriod = 365;

/** Rotations on demand of one key. @see https://docs.aws.amazon.com/kms/latest/developerguide/rotating-keys-on-demand.html */
const mostOnDemand = 25;

/** Automatic rotation that begins now. @param period days */
export function automaticRotation(now: number, period = usualPeriod): NonNullable<KeyRow['rotation']> {
  return { period, next: now + period * day };
}

/** @see https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKeyRotation.html */
export const enableKeyRotation = writeOperation<EnableKeyRotationRequest, void>({
  service: 'kms',
  name: 'EnableKeyRotation',
  resources: (input, context) => [
    keyTarget(context, input.KeyId, { 'kms:RotationPeriodInDays': input.RotationPeriodInDays }),
  ],
  run: (input, context) => {
    const given = input.RotationPeriodInDays;
    if (given !== undefined) inRange('rotationPeriodInDays', given, 90, 2560);
    const row = findKey(context, input.KeyId);
    mustBeEnabled(row);
    const period = given ?? row.rotation?.period ?? usualPeriod;
    if (row.rotation?.period === period) return;
    context.db.put(keys, { ...row, rotation: automaticRotation(context.now, period) });
  },
});

/** @see https://docs.aws.amazon.com/kms/latest/APIReference/API_DisableKeyRotation.html */
export const disableKeyRotation = writeOperation<DisableKeyRotationRequest, void>({
  service: 'kms',
  name: 'DisableKeyRotation',
  resources: keyOf,
  run: (input, context) => {
    const { rotation: _rotation, ...row } = findKey(context, input.KeyId);
    mustBeEnabled(row);
    context.db.put(keys, row);
  },
});

/** @see https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyRotationStatus.html */
export const getKeyRotationStatus = readOperation<GetKeyRotationStatusRequest, GetKeyRotationStatusResponse>({
  service: 'kms',
  name: 'GetKeyRotationStatus',
  resources: keyOf,
  run: (input, context) => {
    const row = findKey(context, input.KeyId, { foreign: true });
    const { rotation, state } = row;
    // A key that waits for its deletion is not rotated.
    const isOn = rotation !== undefined && state !== 'PendingDeletion';
    return {
      KeyRotationEnabled: isOn,
      KeyId: keyArn(row),
      ...(isOn && { RotationPeriodInDays: rotation.period, NextRotationDate: new Date(rotation.next) }),
    };
  },
});

/** @see https://docs.aws.amazon.com/kms/latest/APIReference/API_RotateKeyOnDemand.html */
export const rotateKeyOnDemand = writeOperation<RotateKeyOnDemandRequest, RotateKeyOnDemandResponse>({
  service: 'kms',
  name: 'RotateKeyOnDemand',
  resources: keyOf,
  run: (input, context) => {
    const row = findKey(context, input.KeyId);
    mustBeEnabled(row);
    if (row.materials.filter(material => material.by === 'ON_DEMAND').length >= mostOnDemand) {
      throw new ApiError('LimitExceededException', `A key can be rotated on demand at most ${mostOnDemand} times.`);
    }
    const material = newMaterial(context.services.secrets, row.keyId, context.now, 'ON_DEMAND');
    context.db.put(keys, { ...row, materials: [...row.materials, material] });
    return { KeyId: keyArn(row) };
  },
});

/** @see https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeyRotations.html */
export const listKeyRotations = readOperation<ListKeyRotationsRequest, ListKeyRotationsResponse>({
  service: 'kms',
  name: 'ListKeyRotations',
  resources: keyOf,
  run: (input, context) => {
    const which = oneOf('includeKeyMaterial', input.IncludeKeyMaterial ?? 'ROTATIONS_ONLY', [
      'ALL_KEY_MATERIAL',
      'ROTATIONS_ONLY',
    ]);
    const row = findKey(context, input.KeyId);
    const all = row.materials
      .map((material, at) => ({ material, key: String(at).padStart(9, '0') }))
      .filter(({ material }) => which === 'ALL_KEY_MATERIAL' || material.by !== undefined);
    const { rows, end } = page(context, input, all, ({ key }) => key, { usual: 100, most: 1000 });
    const current = currentMaterial(row).materialId;
    const Rotations = rows.map(({ material }) => ({
      KeyId: keyArn(row),
      KeyMaterialId: material.materialId,
      KeyMaterialState: material.materialId === current ? ('CURRENT' as const) : ('NON_CURRENT' as const),
      ...(material.by !== undefined && { RotationDate: new Date(material.created), RotationType: material.by }),
    }));
    return { Rotations, ...end };
  },
});
