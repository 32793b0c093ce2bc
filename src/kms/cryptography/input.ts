import { ApiError } from '../../api/errors.ts';
import { constraint, unsupported, validation } from '../errors.ts';
import { keyArn } from '../keys/find.ts';
import type { KeyRow } from '../keys/model.ts';

/** @throws ApiError `ValidationException` */
export function checkedBytes(member: string, bytes: Uint8Array | undefined, most: number): Uint8Array {
  const given = bytes ?? new Uint8Array();
  if (given.length < 1) throw constraint(member, '', 'Member must have length greater than or equal to 1');
  if (given.length > most) {
    throw constraint(member, `${given.length} bytes`, `Member must have length less than or equal to ${most}`);
  }
  return given;
}

/** Symmetric keys have one algorithm. @throws ApiError `InvalidKeyUsageException` */
export function checkAlgorithm(row: KeyRow, algorithm: string | undefined): void {
  if (algorithm === undefined || algorithm === 'SYMMETRIC_DEFAULT') return;
  throw new ApiError(
    'InvalidKeyUsageException',
    `Algorithm ${algorithm.slice(0, 100)} is incompatible with key spec ${row.keySpec} of ${keyArn(row)}.`,
  );
}

/** @throws ApiError `UnsupportedOperationException` */
export function refuseRecipient(recipient: unknown): void {
  if (recipient !== undefined) throw unsupported('Answers to attested enclaves (Recipient) are not supported.');
}

/** @throws ApiError `UnsupportedOperationException` */
export function refuseModifiers(modifiers: readonly string[] | undefined): void {
  if (modifiers?.length) throw unsupported('DryRunModifiers are not supported. Leave them out.');
}

/** How long a data key is to be, in bytes. @throws ApiError `ValidationException` */
export function dataKeyLength(input: {
  readonly KeySpec?: string | undefined;
  readonly NumberOfBytes?: number | undefined;
}): number {
  const { KeySpec: spec, NumberOfBytes: bytes } = input;
  if ((spec === undefined) === (bytes === undefined)) {
    throw validation('Please specify either number of bytes or key spec.');
  }
  if (bytes !== undefined) return checkedNumber(bytes);
  if (spec === 'AES_256') return 32;
  if (spec === 'AES_128') return 16;
  throw constraint('keySpec', spec, 'Member must satisfy enum value set: [AES_256, AES_128]');
}

/** @throws ApiError `ValidationException` */
export function checkedNumber(bytes: number): number {
  if (Number.isInteger(bytes) && bytes >= 1 && bytes <= 1024) return bytes;
  const rule = bytes < 1 ? 'greater than or equal to 1' : 'less than or equal to 1024';
  throw constraint('numberOfBytes', bytes, `Member must have value ${rule}`);
}
