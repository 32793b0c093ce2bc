import { createHmac } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { AccessKey, Principal, PrincipalSession } from '../api/call.ts';
import { rootArn } from '../iam/arns.ts';
import { accessKeys } from '../iam/keys/model.ts';
import { type RoleRow, roleArn, roles } from '../iam/roles/model.ts';
import type { Secrets } from '../iam/secrets.ts';
import { type UserRow, userArn, users } from '../iam/users/model.ts';
import type { Reader } from '../state/state.ts';
import { newSessionKeyId } from './key-ids.ts';

/**
 * Temporary credentials. Nothing is stored for them: the session token holds what the session is, sealed about its key
 * id, and the secret follows from the token. A session ends with its time, with its user or role, and, where a
 * long-term key asked for it in its own name, with that key.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp.html
 */
export interface TemporaryCredentials {
  /** `ASIA…` */
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  /** Milliseconds since the epoch. */
  readonly expiration: number;
}

/** Whose session it is. */
export type SessionHolder =
  | { readonly type: 'root'; readonly account: string }
  | { readonly type: 'user'; readonly account: string; readonly userId: string }
  | {
      readonly type: 'assumed-role';
      readonly account: string;
      readonly roleId: string;
      readonly sessionName: string;
      /** The instance whose metadata service gives them out. */
      readonly instanceId?: string;
    }
  /** Federated by a user, or by root. */
  | { readonly type: 'federated-user'; readonly account: string; readonly name: string; readonly userId?: string };

export interface SessionGrant {
  readonly holder: SessionHolder;
  readonly session: PrincipalSession;
  /** Milliseconds since the epoch. */
  readonly expiration: number;
  /** The long-term key with which the session ends. */
  readonly issuerKeyId?: string;
}

/** Makes the credentials of a session. */
export function issueCredentials(secrets: Secrets, grant: SessionGrant): TemporaryCredentials {
  const accessKeyId = newSessionKeyId(grant.holder.account);
  const packed = deflateRawSync(JSON.stringify(grant)).toString('base64');
  const sessionToken = secrets.seal(packed, accessKeyId);
  const secretAccessKey = secretOf(secrets, sessionToken);
  return { accessKeyId, secretAccessKey, sessionToken, expiration: grant.expiration };
}

/** A session of no policies, tags or the like. */
export function plainSession(issuedAt: number): PrincipalSession {
  return { issuedAt, mfa: false, policies: [], policyArns: [], tags: {}, transitiveTagKeys: [], chained: false };
}

/** 40 characters of base64. */
function secretOf(secrets: Secrets, sessionToken: string): string {
  return createHmac('sha256', secrets.subkey('session-secret'))
    .update(sessionToken)
    .digest()
    .subarray(0, 30)
    .toString('base64');
}

interface Opened {
  readonly grant: SessionGrant;
  readonly key: Omit<AccessKey, 'principal' | 'active'>;
  /** The row that `principal` was made from, which is replaced when it changes. */
  row?: UserRow | RoleRow | undefined;
  principal?: Principal | undefined;
}

/**
 * Opens session tokens, as the gateway asks for it with every call. Tokens that were opened lately are kept.
 * @returns undefined for a token that was not made for this key, and for sessions whose holder or issuer is gone or
 *   whose issuing key is inactive; an expired one is found, and says when it expired.
 */
export class SessionTokens {
  readonly #secrets: Secrets;
  readonly #opened = new Map<string, Opened>();
  readonly #size: number;

  constructor(secrets: Secrets, size = 2_000) {
    this.#secrets = secrets;
    this.#size = size;
  }

  keyOf(db: Reader, accessKeyId: string, sessionToken: string): AccessKey | undefined {
    const opened = this.#opened.get(sessionToken) ?? this.#open(accessKeyId, sessionToken);
    if (opened?.key.accessKeyId !== accessKeyId) return undefined;
    const { issuerKeyId } = opened.grant;
    if (issuerKeyId !== undefined && db.get(accessKeys, issuerKeyId)?.status !== 'Active') return undefined;
    const principal = principalOf(db, opened);
    return principal && { ...opened.key, active: true, principal };
  }

  #open(accessKeyId: string, sessionToken: string): Opened | undefined {
    let grant: SessionGrant;
    try {
      const packed = this.#secrets.open(sessionToken, accessKeyId);
      grant = JSON.parse(inflateRawSync(Buffer.from(packed, 'base64')).toString()) as SessionGrant;
    } catch {
      // Not a token of this server's, or of another key.
      return undefined;
    }
    const { expiration } = grant;
    const secretAccessKey = secretOf(this.#secrets, sessionToken);
    const opened: Opened = { grant, key: { accessKeyId, secretAccessKey, sessionToken, expiration } };
    if (this.#opened.size >= this.#size) this.#opened.clear();
    this.#opened.set(sessionToken, opened);
    return opened;
  }
}

function principalOf(db: Reader, opened: Opened): Principal | undefined {
  const { holder } = opened.grant;
  const row = rowOf(db, holder);
  if (row === 'gone') return undefined;
  if (opened.principal === undefined || opened.row !== row) {
    opened.row = row;
    opened.principal = makePrincipal(opened, row);
  }
  return opened.principal;
}

/** The user or role that the session hangs on, of which root has none. */
function rowOf(db: Reader, holder: SessionHolder): UserRow | RoleRow | undefined | 'gone' {
  if (holder.type === 'assumed-role') return db.get(roles, holder.roleId) ?? 'gone';
  if (holder.type === 'root' || holder.userId === undefined) return undefined;
  return db.get(users, holder.userId) ?? 'gone';
}

function makePrincipal({ grant, key }: Opened, row: UserRow | RoleRow | undefined): Principal | undefined {
  const { holder, session } = grant;
  const { account } = holder;
  const common = { account, session, accessKeyId: key.accessKeyId };
  if (holder.type === 'root') return { ...common, type: 'root', arn: rootArn(account), userId: account };
  if (holder.type === 'federated-user') {
    const user = row as UserRow | undefined;
    const issuer = user === undefined ? { arn: rootArn(account) } : { arn: userArn(user), userName: user.userName };
    const arn = `arn:aws:sts::${account}:federated-user/${holder.name}`;
    return { ...common, type: 'federated-user', arn, userId: `${account}:${holder.name}`, issuer };
  }
  if (holder.type === 'user') {
    const user = row as UserRow;
    return { ...common, type: 'user', arn: userArn(user), userId: user.userId, userName: user.userName };
  }
  const role = row as RoleRow;
  const { roleId, roleName } = role;
  const { sessionName, instanceId } = holder;
  return {
    ...common,
    type: 'assumed-role',
    arn: `arn:aws:sts::${account}:assumed-role/${roleName}/${sessionName}`,
    userId: `${roleId}:${sessionName}`,
    roleName,
    roleId,
    roleArn: roleArn(role),
    sessionName,
    ...(instanceId === undefined ? {} : { instanceId }),
  };
}
