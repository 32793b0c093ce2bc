import type { ResourceLookup } from '../api/access.ts';
import type { Tagged } from './entity.ts';
import { nameKey } from './entity.ts';
import { lookUp, roleKind, userKind } from './identities/kinds.ts';
import { instanceProfileArn, instanceProfiles } from './instance-profiles/model.ts';
import { managedPolicies } from './managed-policies/model.ts';
import { mfaDevices } from './mfa/model.ts';
import { oidcProviders } from './oidc/model.ts';

/** Tags of IAM's resources, which its policies may ask for. */
export const iamResourceFacts: ResourceLookup = ({ db }, { account, resource }) => {
  const arn = `arn:aws:iam::${account}:${resource}`;
  const type = resource.slice(0, resource.indexOf('/'));
  const name = resource.slice(resource.lastIndexOf('/') + 1);
  const known = (row: Tagged | undefined, itsArn: string | undefined) =>
    row === undefined || itsArn !== arn
      ? undefined
      : { account, keys: {}, tags: Object.fromEntries(row.tags.map(({ Key, Value }) => [Key, Value])) };
  switch (type) {
    case 'user': {
      const row = lookUp(db, userKind, account, name);
      return known(row, row && userKind.arn(row));
    }
    case 'role': {
      const row = lookUp(db, roleKind, account, name);
      return known(row, row && roleKind.arn(row));
    }
    case 'instance-profile': {
      const row = db.firstBy(instanceProfiles, 'name', nameKey(account, name));
      return known(row, row && instanceProfileArn(row));
    }
    case 'policy': {
      const row = db.get(managedPolicies, arn);
      return known(row, row?.arn);
    }
    case 'oidc-provider': {
      const row = db.get(oidcProviders, arn);
      return known(row, row?.arn);
    }
    case 'mfa': {
      const row = db.get(mfaDevices, arn);
      return known(row, row?.serialNumber);
    }
    default:
      return undefined;
  }
};
