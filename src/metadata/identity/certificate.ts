import { createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto';
import type { SignatureAlgorithm } from './algorithms.ts';
import {
  bitString,
  boolean,
  context,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
  time,
  utf8String,
} from './asn1.ts';

/** A certificate and what PKCS #7 names it by. */
export interface Certificate {
  readonly der: Buffer;
  /** DER of the issuer's name. */
  readonly issuer: Buffer;
  /** Big-endian, positive. */
  readonly serial: Buffer;
}

const day = 24 * 3600 * 1000;

/**
 * A self-signed certificate of a key, valid from a day before `now` (guests' clocks differ) for a hundred years:
 * as EC2's own, it is a trust anchor that users pin.
 * @see https://www.rfc-editor.org/rfc/rfc5280#section-4.1
 */
export function selfSigned(
  privateKey: KeyObject,
  algorithm: SignatureAlgorithm,
  commonName: string,
  now: number,
): Certificate {
  const serial = randomBytes(16);
  // A clear top bit keeps the number positive, a set next one its length constant.
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  const name = distinguishedName(['2.5.4.10', 'Fogbank'], ['2.5.4.3', commonName]);
  const publicKey = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  const toBeSigned = sequence(
    context(0, integer(2)),
    integer(serial),
    algorithm.certificateIdentifier,
    name,
    sequence(time(new Date(now - day)), time(new Date(now + 100 * 365.25 * day))),
    name,
    publicKey,
    context(3, sequence(critical('2.5.29.19', sequence(boolean(true))))),
  );
  const signature = sign(algorithm.digest, toBeSigned, privateKey);
  return { der: sequence(toBeSigned, algorithm.certificateIdentifier, bitString(signature)), issuer: name, serial };
}

function distinguishedName(...attributes: readonly (readonly [type: string, value: string])[]): Buffer {
  return sequence(...attributes.map(([type, value]) => setOf(sequence(objectIdentifier(type), utf8String(value)))));
}

function critical(extension: string, value: Buffer): Buffer {
  return sequence(objectIdentifier(extension), boolean(true), octetString(value));
}
