import type { RoleRow } from '../iam/roles/model.ts';
import type { Caller } from './caller.ts';
import type { InstanceCredentials } from './instance-credentials.ts';

export type IdentityProof = 'signature' | 'pkcs7' | 'rsa2048';

/** What the tree is drawn for: a caller, one of the service's versions, and how to sign that instance's identity. */
export interface Subject extends Caller {
  readonly version: string;
  sign(kind: IdentityProof, document: string): Promise<string>;
  /** Of the instance's role. */
  credentials(role: RoleRow): InstanceCredentials;
  /** Base64. */
  userData(): string | undefined;
}
