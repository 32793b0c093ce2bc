import { accountOf, regionOf } from '../../api/owner.ts';
import { defineTable } from '../../state/table.ts';

/** Another name of a key, in its account and Region. */
export interface AliasRow {
  /** Begins with `alias/`. */
  readonly name: string;
  readonly owner: string;
  readonly keyId: string;
  /** Milliseconds since the epoch. */
  readonly created: number;
  readonly updated: number;
}

export const aliases = defineTable<AliasRow>()({
  name: 'kms_aliases',
  key: row => aliasKey(row.owner, row.name),
  indexes: { owner: row => row.owner, keyId: row => row.keyId },
});

export function aliasKey(owner: string, name: string): string {
  return `${owner}/${name}`;
}

export function aliasArn(owner: string, name: string): string {
  return `arn:aws:kms:${regionOf(owner)}:${accountOf(owner)}:${name}`;
}
