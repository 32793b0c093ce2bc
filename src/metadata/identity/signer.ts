import { sign } from 'node:crypto';
import { type Clock, systemClock } from '../../api/clock.ts';
import { wrapBase64 } from './asn1.ts';
import { type SigningKey, type SigningKeyName, signingKey } from './key-store.ts';
import { pkcs7 } from './pkcs7.ts';

/** `dsa` verifies `pkcs7`; `rsa2048` verifies `rsa2048`; `rsa` verifies `signature` and is the same certificate. */
export type IdentityCertificateKind = 'dsa' | 'rsa' | 'rsa2048';

/** Base64 in lines, without the lines that PEM puts around it, as the metadata service answers. */
export interface IdentitySignatures {
  readonly signature: string;
  readonly pkcs7: string;
  readonly rsa2048: string;
}

/**
 * Signs instance identity documents.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/verify-iid.html
 */
export interface IdentitySigner {
  /** PEM. */
  certificate(kind: IdentityCertificateKind): Promise<string>;
  sign(document: string): Promise<IdentitySignatures>;
  /** One of them alone, so that a request for one pays for no other. */
  signAs(kind: keyof IdentitySignatures, document: string): Promise<string>;
}

/** A signer with its keys in `dir`. They are made when first needed: some 50 ms once, and nothing at start. */
export function createIdentitySigner(options: { readonly dir: string; readonly clock?: Clock }): IdentitySigner {
  const clock = options.clock ?? systemClock;
  const keys = new Map<SigningKeyName, Promise<SigningKey>>();

  function keyOf(name: SigningKeyName): Promise<SigningKey> {
    const known = keys.get(name);
    if (known !== undefined) return known;
    const loading = signingKey(options.dir, name, clock.now());
    keys.set(name, loading);
    // A folder that could not be written now may be later.
    loading.catch(() => keys.delete(name));
    return loading;
  }

  async function signAs(kind: keyof IdentitySignatures, document: string): Promise<string> {
    const content = Buffer.from(document);
    const { key, certificate, algorithm } = await keyOf(kind === 'pkcs7' ? 'dsa' : 'rsa');
    if (kind === 'signature') return wrapBase64(sign(algorithm.digest, content, key), 76);
    return wrapBase64(pkcs7(content, key, certificate, algorithm, clock.now()), 64);
  }

  return {
    signAs,
    certificate: async kind => (await keyOf(kind === 'dsa' ? 'dsa' : 'rsa')).certificatePem,
    sign: async document => {
      const [signature, dsa, rsa2048] = await Promise.all([
        signAs('signature', document),
        signAs('pkcs7', document),
        signAs('rsa2048', document),
      ]);
      return { signature, pkcs7: dsa, rsa2048 };
    },
  };
}
