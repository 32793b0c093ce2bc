import { ApiError } from '../api/errors.ts';
import { regionFacts } from '../ec2/regions/catalogue.ts';
import type { Reader, Tx } from '../state/state.ts';
import { accounts } from './model.ts';

/**
 * Whether an account may use a Region. Here it may use all from the start, and can be kept out of those that AWS lets
 * accounts opt in to.
 * @see https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
 */
export function isOptedIn(db: Reader, account: string, region: string): boolean {
  return db.get(accounts, account)?.optedOutRegions?.includes(region) !== true;
}

/** @throws ApiError `ValidationError` for Regions that there are not, or that no account can leave */
export function setOptIn(tx: Tx, accountId: string, region: string, optedIn: boolean): void {
  const facts = regionFacts(region);
  if (facts === undefined) throw new ApiError('ValidationError', `There is no Region ${region}.`);
  if (!facts.optIn) throw new ApiError('ValidationError', `${region} is always on: it needs no opt-in.`);
  const row = tx.get(accounts, accountId);
  if (row === undefined) return;
  const others = (row.optedOutRegions ?? []).filter(one => one !== region);
  const optedOutRegions = optedIn ? others : [...others, region];
  tx.put(accounts, { ...row, ...(optedOutRegions.length > 0 || row.optedOutRegions ? { optedOutRegions } : {}) });
}
