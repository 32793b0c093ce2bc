import { randomBytes } from 'node:crypto';
import type { Secrets } from '../../iam/secrets.ts';
import type { KeyMaterial, KeyRow } from '../keys/model.ts';

/** New key material, of 256 bits, for a key. */
export function newMaterial(secrets: Secrets, keyId: string, now: number, by?: KeyMaterial['by']): KeyMaterial {
  const materialId = randomBytes(32).toString('hex');
  const sealed = secrets.seal(randomBytes(32).toString('base64'), about(keyId, materialId));
  return { materialId, sealed, created: now, ...(by !== undefined && { by }) };
}

/** The 32 bytes. */
export function openMaterial(secrets: Secrets, keyId: string, { materialId, sealed }: KeyMaterial): Buffer {
  return Buffer.from(secrets.open(sealed, about(keyId, materialId)), 'base64');
}

/** What a key encrypts with. */
export function currentMaterial(row: KeyRow): KeyMaterial {
  const material = row.materials.at(-1);
  if (material === undefined) throw new Error(`the key ${row.keyId} has no material`);
  return material;
}

function about(keyId: string, materialId: string): string {
  return `kms/${keyId}/${materialId}`;
}
