import type { ResourceLookup } from '../../api/access.ts';
import { accountOf } from '../../api/owner.ts';
import { aliases } from '../aliases/model.ts';
import { keys } from '../keys/model.ts';

/**
 * Tags and condition keys of a key.
 * @see https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
 */
export const kmsResourceFacts: ResourceLookup = ({ db }, { account, region, resource }) => {
  const row = resource.startsWith('key/') ? db.get(keys, resource.slice(4)) : undefined;
  if (row === undefined || row.owner !== `${account}/${region}`) return undefined;
  const names = db.by(aliases, 'keyId', row.keyId).map(alias => alias.name);
  return {
    account: accountOf(row.owner),
    keys: {
      'kms:KeyOrigin': 'AWS_KMS',
      'kms:KeySpec': row.keySpec,
      'kms:KeyUsage': row.keyUsage,
      'kms:MultiRegion': false,
      'kms:ResourceAliases': names.length === 0 ? undefined : names,
    },
    tags: row.tags,
  };
};
