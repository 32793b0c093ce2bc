import { defineTable } from '../../state/table.ts';

export interface KeyPairRow {
  readonly keyPairId: string;
  readonly owner: string;
  readonly keyName: string;
  readonly keyType: 'rsa' | 'ed25519';
  readonly keyFingerprint: string;
  /** One line in OpenSSH's format, its comment the key's name. */
  readonly publicKey: string;
  readonly createTime: number;
}

export const keyPairs = defineTable<KeyPairRow>()({
  name: 'key_pairs',
  key: row => row.keyPairId,
  indexes: { owner: row => row.owner, name: row => `${row.owner}/${row.keyName}` },
});
