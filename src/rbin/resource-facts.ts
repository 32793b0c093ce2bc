import type { ResourceLookup } from '../api/access.ts';
import { retentionRules } from './model.ts';

/** Tags and condition keys of a retention rule of the caller's. */
export const retentionRuleFacts: ResourceLookup = ({ db, account, region }, arn) => {
  const row = db.get(retentionRules, arn.resource.slice('rule/'.length));
  if (row === undefined || row.owner !== `${account}/${region}`) return undefined;
  return { account, keys: { 'rbin:Attribute/ResourceType': row.resourceType }, tags: row.tags };
};
