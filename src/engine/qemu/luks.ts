/**
 * A new LUKS header, version 1, as QEMU finds it in an encrypted qcow2 image: one key slot whose passphrase is random
 * already, so that stretching it would only cost time.
 * https://gitlab.com/cryptsetup/cryptsetup/-/wikis/LUKS-standard/on-disk-format.pdf
 */
import { createCipheriv, createHash, pbkdf2Sync, randomBytes, randomUUID } from 'node:crypto';

const SECTOR = 512;
/** AES-256 in XTS mode takes two keys. */
const KEY_BYTES = 64;
const STRIPES = 4000;
const SLOTS = 8;
const SLOT_BYTES = 48;
const FIRST_SLOT = 208;
/** Slots' key material begins on multiples of 4 KiB. */
const ALIGNMENT = 4096;
const MATERIAL_BYTES = Math.ceil((KEY_BYTES * STRIPES) / ALIGNMENT) * ALIGNMENT;
const ITERATIONS = 1000;
const SLOT_ENABLED = 0x00ac71f3;
const SLOT_DISABLED = 0x0000dead;
const HASH = 'sha256';
const HASH_BYTES = 32;

/** Bytes of a header with all its slots, used or not. */
export const LUKS_HEADER_BYTES = ALIGNMENT + SLOTS * MATERIAL_BYTES;

/** The part of a header that is not zeros: its beginning, with the first slot. */
export function luksHeader(passphrase: string): Buffer {
  const masterKey = randomBytes(KEY_BYTES);
  const header = Buffer.alloc(ALIGNMENT + MATERIAL_BYTES);
  header.write('LUKS\xba\xbe', 0, 'latin1');
  header.writeUInt16BE(1, 6);
  header.write('aes', 8, 'latin1');
  header.write('xts-plain64', 40, 'latin1');
  header.write(HASH, 72, 'latin1');
  header.writeUInt32BE(LUKS_HEADER_BYTES / SECTOR, 104);
  header.writeUInt32BE(KEY_BYTES, 108);
  const digestSalt = randomBytes(32);
  pbkdf2Sync(masterKey, digestSalt, ITERATIONS, 20, HASH).copy(header, 112);
  digestSalt.copy(header, 132);
  header.writeUInt32BE(ITERATIONS, 164);
  header.write(randomUUID(), 168, 'latin1');
  const salt = randomBytes(32);
  for (let slot = 0; slot < SLOTS; slot++) {
    const at = FIRST_SLOT + slot * SLOT_BYTES;
    header.writeUInt32BE(slot === 0 ? SLOT_ENABLED : SLOT_DISABLED, at);
    if (slot === 0) header.writeUInt32BE(ITERATIONS, at + 4);
    if (slot === 0) salt.copy(header, at + 8);
    header.writeUInt32BE((ALIGNMENT + slot * MATERIAL_BYTES) / SECTOR, at + 40);
    header.writeUInt32BE(STRIPES, at + 44);
  }
  const slotKey = pbkdf2Sync(passphrase, salt, ITERATIONS, KEY_BYTES, HASH);
  encryptSectors(split(masterKey), slotKey).copy(header, ALIGNMENT);
  return header;
}

/** Anti-forensic splitting: only all stripes together give the key. */
function split(key: Buffer): Buffer {
  const stripes = randomBytes(KEY_BYTES * STRIPES);
  let last: Buffer = Buffer.alloc(KEY_BYTES);
  for (let stripe = 0; stripe < STRIPES - 1; stripe++) {
    last = diffuse(xor(last, stripes.subarray(stripe * KEY_BYTES, (stripe + 1) * KEY_BYTES)));
  }
  xor(last, key).copy(stripes, (STRIPES - 1) * KEY_BYTES);
  return stripes;
}

function diffuse(block: Buffer): Buffer {
  const parts = [];
  for (let part = 0; part * HASH_BYTES < block.length; part++) {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(part);
    const bytes = block.subarray(part * HASH_BYTES, (part + 1) * HASH_BYTES);
    parts.push(createHash(HASH).update(number).update(bytes).digest().subarray(0, bytes.length));
  }
  return Buffer.concat(parts);
}

function xor(one: Buffer, other: Buffer): Buffer {
  return Buffer.from(one.map((byte, index) => byte ^ (other[index] ?? 0)));
}

/** AES-XTS with the sector's number as tweak, counted from 0. */
function encryptSectors(data: Buffer, key: Buffer): Buffer {
  const sectors = [];
  for (let sector = 0; sector * SECTOR < data.length; sector++) {
    const tweak = Buffer.alloc(16);
    tweak.writeUInt32LE(sector);
    const cipher = createCipheriv('aes-256-xts', key, tweak);
    sectors.push(cipher.update(data.subarray(sector * SECTOR, (sector + 1) * SECTOR)), cipher.final());
  }
  return Buffer.concat(sectors);
}
