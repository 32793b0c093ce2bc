import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { Secrets } from '../../iam/secrets.ts';
import type { KeyRow } from '../keys/model.ts';
import { canonicalContext, type EncryptionContext } from './encryption-context.ts';
import { currentMaterial, openMaterial } from './material.ts';

/*
 * A ciphertext of a symmetric key: version (1 byte), the key's id (16), the first half of the material's id (16), a salt
 * (16), IV (12), tag (16), and the encrypted bytes. Each is encrypted by AES-256-GCM under a key that is derived from the
 * material and the salt, so that a key may encrypt any number of times; what stands before the tag, and the encryption
 * context, are authenticated with it.
 */

const version = 1;
const lengths = { keyId: 16, materialId: 16, salt: 16, iv: 12, tag: 16 };
const headLength = 1 + lengths.keyId + lengths.materialId + lengths.salt + lengths.iv;
const overhead = headLength + lengths.tag;

/** Encrypts under a key's current material. */
export function seal(secrets: Secrets, row: KeyRow, plaintext: Uint8Array, context: EncryptionContext): Buffer {
  const material = currentMaterial(row);
  const salt = randomBytes(lengths.salt);
  const iv = randomBytes(lengths.iv);
  const keyId = Buffer.from(row.keyId.replaceAll('-', ''), 'hex');
  const materialId = Buffer.from(material.materialId.slice(0, 2 * lengths.materialId), 'hex');
  const head = Buffer.concat([Buffer.of(version), keyId, materialId, salt, iv]);
  const cipher = createCipheriv('aes-256-gcm', derive(openMaterial(secrets, row.keyId, material), salt), iv);
  cipher.setAAD(authenticated(head, context));
  const body = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([head, cipher.getAuthTag(), body]);
}

/** Which key a ciphertext was made under; undefined for bytes that are none. */
export function keyIdOf(ciphertext: Uint8Array): string | undefined {
  if (ciphertext.length < overhead || ciphertext[0] !== version) return undefined;
  const hex = Buffer.from(ciphertext.subarray(1, 1 + lengths.keyId)).toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** The plaintext, and the material's id; undefined when the ciphertext was changed, or has another context. */
export function open(
  secrets: Secrets,
  row: KeyRow,
  ciphertext: Uint8Array,
  context: EncryptionContext,
): { plaintext: Buffer; materialId: string } | undefined {
  const bytes = Buffer.from(ciphertext);
  if (keyIdOf(bytes) !== row.keyId) return undefined;
  const head = bytes.subarray(0, headLength);
  const start = 1 + lengths.keyId;
  const prefix = bytes.subarray(start, start + lengths.materialId).toString('hex');
  const material = row.materials.find(one => one.materialId.startsWith(prefix));
  if (material === undefined) return undefined;
  const salt = head.subarray(start + lengths.materialId, start + lengths.materialId + lengths.salt);
  const key = derive(openMaterial(secrets, row.keyId, material), salt);
  const decipher = createDecipheriv('aes-256-gcm', key, head.subarray(-lengths.iv), { authTagLength: lengths.tag });
  decipher.setAAD(authenticated(head, context)).setAuthTag(bytes.subarray(headLength, overhead));
  try {
    const plaintext = Buffer.concat([decipher.update(bytes.subarray(overhead)), decipher.final()]);
    return { plaintext, materialId: material.materialId };
  } catch {
    return undefined;
  }
}

function derive(material: Buffer, salt: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', material, salt, 'fogbank/kms/ciphertext', 32));
}

function authenticated(head: Buffer, context: EncryptionContext): Buffer {
  return Buffer.concat([head, Buffer.from(canonicalContext(context))]);
}
