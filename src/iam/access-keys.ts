import type { AccessKey, Principal } from '../api/call.ts';
import type { Reader } from '../state/state.ts';
import { rootArn } from './arns.ts';
import { type AccessKeyRow, accessKeys } from './keys/model.ts';
import type { Secrets } from './secrets.ts';
import { type UserRow, userArn, users } from './users/model.ts';

interface Known {
  readonly user: UserRow | undefined;
  readonly key: AccessKey;
}

/** Opened keys by their rows, which are replaced when they change: a call must not decrypt each time. */
const known = new WeakMap<AccessKeyRow, Known>();

/**
 * The long-term access key of a user or of an account's root, as the gateway checks signatures by it.
 * @returns undefined for keys that do not exist, temporary ones among them
 */
export function accessKeyOf(db: Reader, secrets: Secrets, accessKeyId: string): AccessKey | undefined {
  const row = db.get(accessKeys, accessKeyId);
  if (row === undefined) return undefined;
  const user = row.userId === undefined ? undefined : db.get(users, row.userId);
  const found = known.get(row);
  if (found !== undefined && found.user === user) return found.key;
  const principal = principalOf(row, user);
  if (principal === undefined) return undefined;
  const key: AccessKey = {
    accessKeyId,
    secretAccessKey: found?.key.secretAccessKey ?? secrets.open(row.sealedSecret, accessKeyId),
    active: row.status === 'Active',
    principal,
  };
  known.set(row, { user, key });
  return key;
}

function principalOf({ account, accessKeyId, userId }: AccessKeyRow, user: UserRow | undefined): Principal | undefined {
  if (userId === undefined) return { type: 'root', account, arn: rootArn(account), userId: account, accessKeyId };
  if (user === undefined) return undefined;
  return { type: 'user', account, arn: userArn(user), userId, userName: user.userName, accessKeyId };
}
