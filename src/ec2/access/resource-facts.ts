import type { ResourceLookup } from '../../api/access.ts';
import { accountOf, regionOf } from '../../api/owner.ts';
import { keyPairs } from '../key-pairs/model.ts';
import { tagKey, tagsOf } from '../tags/model.ts';
import { isSharedWith, resourceTypes } from '../tags/resource-types.ts';
import { conditionKeys } from './condition-keys.ts';

const types = new Map(resourceTypes.map(type => [type.name, type]));

/** Tags and condition keys of an EC2 resource of the caller's, or of an AMI or snapshot that others share with him. */
export const ec2ResourceFacts: ResourceLookup = ({ db, account, region }, arn) => {
  const slash = arn.resource.indexOf('/');
  const type = arn.resource.slice(0, slash);
  const name = arn.resource.slice(slash + 1);
  const found = types.get(type);
  if (found === undefined || name === '*' || arn.region !== region) return undefined;
  const owner = `${account}/${region}`;
  const id = type === 'key-pair' ? (db.firstBy(keyPairs, 'name', `${owner}/${name}`)?.keyPairId ?? '') : name;
  const row = db.get(found.table, id);
  if (row === undefined || regionOf(row.owner) !== region) return undefined;
  const isOurs = isSharedWith(row, owner);
  if (row.owner !== owner && !isOurs && !found.isPublic(db, row) && !isShared(row, account)) return undefined;
  const keysOf = Object.hasOwn(conditionKeys, type) ? conditionKeys[type] : undefined;
  return {
    account: accountOf(row.owner),
    get keys() {
      return keysOf?.(db, name, owner) ?? {};
    },
    // Tags are seen by their owner only.
    tags:
      row.owner === owner || isOurs
        ? tagsOf(db, tagKey({ resourceId: id, owner, ...(isOurs && { shared: true }) }))
        : {},
  };
};

function isShared(row: object, account: string): boolean {
  const accounts =
    ('launchPermissions' in row && row.launchPermissions) ||
    ('createVolumePermissions' in row && row.createVolumePermissions);
  return Array.isArray(accounts) && accounts.includes(account);
}
