import { defineTable } from '../../state/table.ts';

export interface DhcpOptionsRow {
  readonly dhcpOptionsId: string;
  readonly owner: string;
  /** `domain-name`, `domain-name-servers` … to their values. */
  readonly configurations: Readonly<Record<string, readonly string[]>>;
}

export const dhcpOptions = defineTable<DhcpOptionsRow>()({
  name: 'dhcp_options',
  key: row => row.dhcpOptionsId,
  indexes: { owner: row => row.owner },
});
