import type { ConditionKeys } from '../../api/access.ts';

/** Pairs that are not secret, and without which a ciphertext cannot be read. */
export type EncryptionContext = Readonly<Record<string, string>>;

const members: Readonly<Record<string, string>> = {
  ReEncryptFrom: 'SourceEncryptionContext',
  ReEncryptTo: 'DestinationEncryptionContext',
};

/** The encryption context of a call, for an action. */
export function contextOf(input: Readonly<Record<string, unknown>>, action: string): EncryptionContext {
  const given = input[members[action] ?? 'EncryptionContext'];
  return typeof given === 'object' && given !== null ? (given as EncryptionContext) : {};
}

/** Condition keys of an encryption context. */
export function contextKeys(pairs: EncryptionContext): ConditionKeys {
  const names = Object.keys(pairs);
  if (names.length === 0) return {};
  return {
    ...Object.fromEntries(names.map(name => [`kms:EncryptionContext:${name}`, pairs[name]])),
    'kms:EncryptionContextKeys': names,
  };
}

/** The same text for the same pairs, in whatever order they are given. */
export function canonicalContext(pairs: EncryptionContext): string {
  return JSON.stringify(Object.entries(pairs).sort(([a], [b]) => (a < b ? -1 : 1)));
}
