import { parseArn } from '../api/arn.ts';
import type { Principal } from '../api/call.ts';
import { ApiError } from '../api/errors.ts';
import { rootArn } from '../iam/arns.ts';
import { lookUp, roleKind, userKind } from '../iam/identities/kinds.ts';
import type { Reader } from '../state/state.ts';
import { plainSession } from '../sts/session-tokens.ts';

/**
 * The principal that an ARN names: root, a user, a role (a session of it) or a session of a role; or a name of a user
 * or role in `account`: `ann`, `user/ann`, `role/deploy`, or its `root`.
 * @param now milliseconds since the epoch
 * @throws ApiError `NoSuchEntity`
 */
export function principalOfArn(db: Reader, name: string, account: string, now: number): Principal {
  const arn = parseArn(name);
  if (name.startsWith('arn:') && arn === undefined) throw unknown(name);
  const owner = arn?.account ?? account;
  const [type = '', ...rest] = (arn?.resource ?? (name.includes('/') ? name : `any/${name}`)).split('/');
  if (name === 'root' || (type === 'root' && arn !== undefined)) {
    return { type: 'root', account: owner, arn: rootArn(owner), userId: owner, accessKeyId: '' };
  }
  const last = rest.at(-1) ?? '';
  const user = type === 'user' || type === 'any' ? lookUp(db, userKind, owner, last) : undefined;
  if (user !== undefined && (arn === undefined || userKind.arn(user) === name)) {
    const { userId, userName } = user;
    return { type: 'user', account: owner, arn: userKind.arn(user), userId, userName, accessKeyId: '' };
  }
  const [roleName, sessionName] = type === 'assumed-role' ? [rest[0] ?? '', rest[1] ?? ''] : [last, 'check'];
  const role = type === 'user' ? undefined : lookUp(db, roleKind, owner, roleName);
  if (role === undefined || (type === 'role' && arn !== undefined && roleKind.arn(role) !== name)) throw unknown(name);
  return {
    type: 'assumed-role',
    account: owner,
    arn: `arn:aws:sts::${owner}:assumed-role/${role.roleName}/${sessionName}`,
    userId: `${role.roleId}:${sessionName}`,
    roleName: role.roleName,
    roleId: role.roleId,
    roleArn: roleKind.arn(role),
    sessionName,
    accessKeyId: '',
    session: plainSession(now),
  };
}

function unknown(name: string): ApiError {
  return new ApiError(
    'NoSuchEntity',
    `There is no principal '${name}'. Give the ARN of a user or role, or a user's name.`,
    404,
  );
}
