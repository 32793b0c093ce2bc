import type { Reader } from '../../state/state.ts';
import { defineTable } from '../../state/table.ts';

export interface PrefixListEntryRow {
  readonly cidr: string;
  readonly description?: string;
}

/** A managed prefix list. Its entries are those of its current version. */
export interface PrefixListRow {
  readonly prefixListId: string;
  readonly owner: string;
  readonly prefixListName: string;
  readonly addressFamily: 'IPv4' | 'IPv6';
  readonly maxEntries: number;
  readonly version: number;
  readonly state: 'create-complete' | 'modify-complete' | 'restore-complete';
}

export const prefixLists = defineTable<PrefixListRow>()({
  name: 'prefix_lists',
  key: row => row.prefixListId,
  indexes: { owner: row => row.owner },
});

/** What a prefix list held, or holds, in one of its versions. */
export interface PrefixListVersionRow {
  readonly prefixListId: string;
  readonly version: number;
  readonly entries: readonly PrefixListEntryRow[];
}

export const prefixListVersions = defineTable<PrefixListVersionRow>()({
  name: 'prefix_list_versions',
  key: row => versionKey(row.prefixListId, row.version),
  indexes: { list: row => row.prefixListId },
});

export function versionKey(prefixListId: string, version: number): string {
  return `${prefixListId} ${version}`;
}

/** The blocks of a list now; none when it does not exist. */
export function currentEntries(db: Reader, prefixListId: string): readonly PrefixListEntryRow[] {
  const list = db.get(prefixLists, prefixListId);
  if (list === undefined) return [];
  return db.get(prefixListVersions, versionKey(prefixListId, list.version))?.entries ?? [];
}
