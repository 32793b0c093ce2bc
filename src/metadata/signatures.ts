import type { IdentitySigner } from './identity/signer.ts';
import type { IdentityProof } from './subject.ts';

/** Signs an instance's identity document. */
export type SignIdentity = (instanceId: string, kind: IdentityProof, document: string) => Promise<string>;

interface Signed {
  readonly document: string;
  readonly proofs: Map<IdentityProof, Promise<string>>;
}

/**
 * Remembers signatures while an instance's document stays the same, for the last `limit` instances that asked: a loop
 * in a guest must not cost an RSA signature each time, and a proof must not change between two reads of it.
 */
export function cacheSignatures(signer: Pick<IdentitySigner, 'signAs'>, limit = 10_000): SignIdentity {
  const cache = new Map<string, Signed>();
  return (instanceId, kind, document) => {
    let signed = cache.get(instanceId);
    if (signed?.document !== document) {
      cache.delete(instanceId);
      signed = { document, proofs: new Map() };
      cache.set(instanceId, signed);
      const [oldest] = cache.keys();
      if (cache.size > limit && oldest !== undefined) cache.delete(oldest);
    }
    const { proofs } = signed;
    const known = proofs.get(kind);
    if (known !== undefined) return known;
    const signing = signer.signAs(kind, document);
    proofs.set(kind, signing);
    // What failed is tried again by the next request.
    signing.catch(() => proofs.delete(kind));
    return signing;
  };
}
