import type { Member } from '../../models/shapes.ts';

/** Members that never reach an event, not even as a mask: whoever holds one acts as somebody else. */
const leftOut: ReadonlySet<string> = new Set(['SecretAccessKey', 'SessionToken']);

/** Secrets that the model does not mark as such. */
const masked: ReadonlySet<string> = new Set([
  'AuthorizationToken',
  'ClientSecret',
  'KeyMaterial',
  'NewPassword',
  'OldPassword',
  'Password',
  'PasswordData',
  'PreSharedKey',
  'PrivateKey',
  'SAMLAssertion',
  'TokenValue',
  'UserData',
  'WebIdentityToken',
]);

/** What becomes of a member in an event: left out, replaced by a mask, or shown. */
export function secrecyOf({ name, sensitive }: Pick<Member, 'name' | 'sensitive'>): 'omit' | 'mask' | 'show' {
  if (leftOut.has(name)) return 'omit';
  return sensitive || masked.has(name) ? 'mask' : 'show';
}

/** EC2's mask, and that of the other services; JSON texts. */
export const ec2Mask = '"<sensitiveDataRemoved>"';
export const otherMask = '"HIDDEN_DUE_TO_SECURITY_REASONS"';
