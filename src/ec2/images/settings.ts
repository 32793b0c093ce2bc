import type { ImageCriterion } from '@aws-sdk/client-ec2';
import type { Reader, Tx } from '../../state/state.ts';
import { defineTable } from '../../state/table.ts';

/** What an account has decided about AMIs in one Region; absent members mean AWS's defaults. */
export interface ImageSettingsRow {
  /** `ACCOUNT/REGION` */
  readonly owner: string;
  readonly blockPublicAccess?: 'block-new-sharing' | 'unblocked';
  readonly allowedImages?: 'enabled' | 'audit-mode';
  /** Of allowed AMIs; kept while the setting is off, as on AWS. */
  readonly imageCriteria?: readonly ImageCriterion[];
}

export const imageSettings = defineTable<ImageSettingsRow>()({
  name: 'image_settings',
  key: row => row.owner,
  indexes: {},
});

export function changeImageSettings(db: Tx, owner: string, change: Partial<ImageSettingsRow>): void {
  db.put(imageSettings, { ...db.get(imageSettings, owner), ...change, owner });
}

/** A new account blocks new public sharing, as new accounts on AWS do. */
export function blockPublicAccess(db: Reader, owner: string): NonNullable<ImageSettingsRow['blockPublicAccess']> {
  return db.get(imageSettings, owner)?.blockPublicAccess ?? 'block-new-sharing';
}
