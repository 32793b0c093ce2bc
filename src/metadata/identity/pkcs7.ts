import { createHash, type KeyObject, sign } from 'node:crypto';
import type { SignatureAlgorithm } from './algorithms.ts';
import { context, element, integer, objectIdentifier, octetString, sequence, setOf, time } from './asn1.ts';
import type { Certificate } from './certificate.ts';

const data = '1.2.840.113549.1.7.1';
const signedData = '1.2.840.113549.1.7.2';
const contentType = '1.2.840.113549.1.9.3';
const messageDigest = '1.2.840.113549.1.9.4';
const signingTime = '1.2.840.113549.1.9.5';

/**
 * PKCS #7 SignedData with its content inside and without certificates: as with EC2, whoever verifies brings the one
 * that he trusts.
 * @returns DER
 * @see https://www.rfc-editor.org/rfc/rfc2315#section-9
 */
export function pkcs7(
  content: Uint8Array,
  key: KeyObject,
  certificate: Certificate,
  algorithm: SignatureAlgorithm,
  now: number,
): Buffer {
  const attributes = [
    attribute(contentType, objectIdentifier(data)),
    attribute(signingTime, time(new Date(now))),
    attribute(messageDigest, octetString(createHash(algorithm.digest).update(content).digest())),
  ];
  // Signed as a SET OF, but written under an implicit tag in its place.
  const signature = sign(algorithm.digest, setOf(...attributes), key);
  const signer = sequence(
    integer(1),
    sequence(certificate.issuer, integer(certificate.serial)),
    algorithm.digestIdentifier,
    element(0xa0, ...attributes.toSorted(Buffer.compare)),
    algorithm.encryptionIdentifier,
    octetString(signature),
  );
  const signed = sequence(
    integer(1),
    setOf(algorithm.digestIdentifier),
    sequence(objectIdentifier(data), context(0, octetString(content))),
    setOf(signer),
  );
  return sequence(objectIdentifier(signedData), context(0, signed));
}

function attribute(type: string, value: Buffer): Buffer {
  return sequence(objectIdentifier(type), setOf(value));
}
