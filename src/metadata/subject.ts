import type { Caller } from './caller.ts';

export type IdentityProof = 'signature' | 'pkcs7' | 'rsa2048';

/** What the tree is drawn for: a caller, one of the service's versions, and how to sign that instance's identity. */
export interface Subject extends Caller {
  readonly version: string;
  sign(kind: IdentityProof, document: string): Promise<string>;
  /** Base64. */
  userData(): string | undefined;
}
