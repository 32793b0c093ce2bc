import { accounts } from './accounts/model.ts';
import { clientTokens } from './api/client-tokens.ts';
import { settings } from './api/settings.ts';
import { trailLogs, trails } from './cloudtrail/trails/model.ts';
import { writtenBlocks } from './ebs/model.ts';
import { ec2Tables } from './ec2/tables.ts';
import { iamTables } from './iam/tables.ts';
import { kmsTables } from './kms/tables.ts';
import { retentionRules } from './rbin/model.ts';
import type { AnyTable } from './state/state.ts';

/** Every table that the state keeps. */
export const tables: readonly AnyTable[] = [
  accounts,
  clientTokens,
  settings,
  trailLogs,
  trails,
  retentionRules,
  writtenBlocks,
  ...ec2Tables,
  ...iamTables,
  ...kmsTables,
];
