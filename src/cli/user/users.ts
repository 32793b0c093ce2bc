import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { UserError } from '../../config/user-error.ts';
import type { AdminClient } from '../admin-client.ts';
import { printTable } from '../print-key.ts';
import { readCredentials } from '../server-files.ts';

/** The account in which users are handled, and the way to it. */
export interface Place {
  readonly admin: AdminClient;
  /** Its id or name. */
  readonly account: string;
}

interface User {
  readonly UserName: string;
  readonly Arn: string;
  readonly CreateDate: string;
}

interface Key {
  readonly AccessKeyId: string;
  readonly Status: string;
}

/** The account of the data folder's root key. */
export function firstAccount(dataDir: string): string {
  return readCredentials(dataDir)?.accountId ?? '';
}

/** Makes a user with an access key and what a policy allows; all of it or nothing. @throws UserError */
export async function createUser({ admin, account }: Place, UserName: string, policy: string | undefined) {
  const grant = policy === undefined ? undefined : grantOf(policy);
  const { User } = await admin.iam<{ User: User }>(account, 'CreateUser', { UserName });
  try {
    if (grant !== undefined) await admin.iam(account, grant.operation, { UserName, ...grant.input });
    const { AccessKey } = await admin.iam<{ AccessKey: Key & { SecretAccessKey: string } }>(
      account,
      'CreateAccessKey',
      {
        UserName,
      },
    );
    return {
      arn: User.Arn,
      key: { accessKeyId: AccessKey.AccessKeyId, secretAccessKey: AccessKey.SecretAccessKey },
    };
  } catch (error) {
    await deleteUser({ admin, account }, UserName);
    throw error;
  }
}

/** What `--policy` stands for: a managed policy, or a document in a file. @throws UserError */
function grantOf(policy: string): { operation: string; input: object } {
  if (policy.startsWith('arn:')) return { operation: 'AttachUserPolicy', input: { PolicyArn: policy } };
  if (/^\w+$/.test(policy)) {
    return { operation: 'AttachUserPolicy', input: { PolicyArn: `arn:aws:iam::aws:policy/${policy}` } };
  }
  let PolicyDocument: string;
  try {
    PolicyDocument = readFileSync(policy, 'utf8');
  } catch (error) {
    throw new UserError(
      `the policy ${policy} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      'Give a file with a policy document, the name of an AWS managed policy, or the ARN of a managed policy.',
    );
  }
  const PolicyName = basename(policy)
    .replace(/\.json$/, '')
    .replace(/[^\w+=,.@-]/g, '-');
  return { operation: 'PutUserPolicy', input: { PolicyName, PolicyDocument } };
}

export async function listUsers(place: Place, asJson: boolean): Promise<void> {
  const users = await all<User>(place, 'ListUsers', {}, 'Users');
  const rows = await Promise.all(
    users.map(async user => {
      const keys = await all<Key>(place, 'ListAccessKeys', { UserName: user.UserName }, 'AccessKeyMetadata');
      return { ...user, AccessKeys: keys.map(({ AccessKeyId, Status }) => ({ AccessKeyId, Status })) };
    }),
  );
  if (asJson) {
    process.stdout.write(`${JSON.stringify(rows, undefined, 2)}\n`);
    return;
  }
  const shown = rows.map(({ UserName, Arn, CreateDate, AccessKeys }) => [
    UserName,
    Arn,
    CreateDate.slice(0, 19).replace('T', ' '),
    AccessKeys.map(key => (key.Status === 'Active' ? key.AccessKeyId : `${key.AccessKeyId} (inactive)`)).join(' '),
  ]);
  printTable([['NAME', 'ARN', 'CREATED', 'ACCESS KEYS'], ...shown]);
}

/** Removes a user with everything that hangs on him. @throws UserError when there is none such */
export async function deleteUser(place: Place, UserName: string): Promise<void> {
  const { admin, account } = place;
  const named = { UserName };
  const remove = (operation: string, input: object) => admin.iam(account, operation, { ...named, ...input });
  for (const { AccessKeyId } of await all<Key>(place, 'ListAccessKeys', named, 'AccessKeyMetadata'))
    await remove('DeleteAccessKey', { AccessKeyId });
  for (const PolicyName of await all<string>(place, 'ListUserPolicies', named, 'PolicyNames'))
    await remove('DeleteUserPolicy', { PolicyName });
  for (const { PolicyArn } of await all<{ PolicyArn: string }>(
    place,
    'ListAttachedUserPolicies',
    named,
    'AttachedPolicies',
  ))
    await remove('DetachUserPolicy', { PolicyArn });
  for (const { GroupName } of await all<{ GroupName: string }>(place, 'ListGroupsForUser', named, 'Groups'))
    await remove('RemoveUserFromGroup', { GroupName });
  for (const { SerialNumber } of await all<{ SerialNumber: string }>(place, 'ListMFADevices', named, 'MFADevices'))
    await remove('DeactivateMFADevice', { SerialNumber });
  await remove('DeleteLoginProfile', {}).catch(error => {
    if (!(error instanceof Error && 'code' in error && error.code === 'NoSuchEntity')) throw error;
  });
  await remove('DeleteUser', {});
}

/** Every page of a listing. */
async function all<Item>({ admin, account }: Place, operation: string, input: object, member: string): Promise<Item[]> {
  const items: Item[] = [];
  let Marker: string | undefined;
  do {
    const page = await admin.iam<Record<string, unknown>>(account, operation, {
      ...input,
      ...(Marker === undefined ? {} : { Marker }),
    });
    items.push(...((page[member] as Item[] | undefined) ?? []));
    Marker = page.Marker as string | undefined;
  } while (Marker !== undefined);
  return items;
}
