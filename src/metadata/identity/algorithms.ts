import { asn1Null, objectIdentifier, sequence } from './asn1.ts';

/** How one of EC2's kinds of identity signature is made. */
export interface SignatureAlgorithm {
  /** Of Node's `crypto`. */
  readonly digest: 'sha1' | 'sha256';
  /** AlgorithmIdentifier of the digest. */
  readonly digestIdentifier: Buffer;
  /** AlgorithmIdentifier of the signature in a PKCS #7 SignerInfo. */
  readonly encryptionIdentifier: Buffer;
  /** AlgorithmIdentifier of the signature under a certificate. */
  readonly certificateIdentifier: Buffer;
}

/** What `pkcs7` is signed with. DSA's identifiers have no parameters (RFC 3279). */
export const dsaWithSha1: SignatureAlgorithm = {
  digest: 'sha1',
  digestIdentifier: sequence(objectIdentifier('1.3.14.3.2.26'), asn1Null),
  encryptionIdentifier: sequence(objectIdentifier('1.2.840.10040.4.1')),
  certificateIdentifier: sequence(objectIdentifier('1.2.840.10040.4.3')),
};

/** What `rsa2048` and `signature` are signed with. */
export const rsaWithSha256: SignatureAlgorithm = {
  digest: 'sha256',
  digestIdentifier: sequence(objectIdentifier('2.16.840.1.101.3.4.2.1'), asn1Null),
  encryptionIdentifier: sequence(objectIdentifier('1.2.840.113549.1.1.1'), asn1Null),
  certificateIdentifier: sequence(objectIdentifier('1.2.840.113549.1.1.11'), asn1Null),
};
