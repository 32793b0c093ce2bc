import { parseArn } from '../../api/arn.ts';
import type { ReadContext } from '../../api/operation.ts';
import { accountOf, regionOf } from '../../api/owner.ts';
import type { Reader } from '../../state/state.ts';
import { aliasArn, aliases, aliasKey } from '../aliases/model.ts';
import { accessDenied, disabled, invalidState, notFound } from '../errors.ts';
import { type KeyRow, keys } from './model.ts';

/** Where a key's identifier is looked up: by id and alias in the caller's account, by ARN everywhere in the Region. */
export type Place = Pick<ReadContext, 'account' | 'region' | 'owner'>;

export function keyArn(row: Pick<KeyRow, 'keyId' | 'owner'>): string {
  return `arn:aws:kms:${regionOf(row.owner)}:${accountOf(row.owner)}:key/${row.keyId}`;
}

/** The identifier of a key, taken apart. */
interface Named {
  readonly owner: string;
  readonly kind: 'key' | 'alias';
  /** The key's id, or the alias with its `alias/`. */
  readonly name: string;
  readonly isArn: boolean;
}

const uuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;

/** @returns undefined for a text that identifies no key */
function parse(place: Place, text: string): Named | undefined {
  const arn = parseArn(text);
  if (arn !== undefined) {
    if (arn.service !== 'kms' || !/^\d{12}$/.test(arn.account) || arn.region === '') return undefined;
    const owner = `${arn.account}/${arn.region}`;
    if (arn.resource.startsWith('key/')) return { owner, kind: 'key', name: arn.resource.slice(4), isArn: true };
    return arn.resource.startsWith('alias/') ? { owner, kind: 'alias', name: arn.resource, isArn: true } : undefined;
  }
  if (text.startsWith('alias/')) return { owner: place.owner, kind: 'alias', name: text, isArn: false };
  return uuid.test(text) ? { owner: place.owner, kind: 'key', name: text, isArn: false } : undefined;
}

/** The key that an identifier names, whoever owns it; undefined when there is none in this Region. */
export function lookUpKey(db: Reader, place: Place, identifier: string): KeyRow | undefined {
  const named = parse(place, identifier);
  if (named === undefined || regionOf(named.owner) !== place.region) return undefined;
  const id = named.kind === 'key' ? named.name : db.get(aliases, aliasKey(named.owner, named.name))?.keyId;
  const row = id === undefined ? undefined : db.get(keys, id);
  return row?.owner === named.owner ? row : undefined;
}

/** The ARN of the key that an identifier names, or would name; of any key without one. For authorization: never throws. */
export function arnOfKey(context: ReadContext, identifier: string | undefined): string {
  const row = identifier === undefined ? undefined : lookUpKey(context.db, context, identifier);
  if (row !== undefined) return keyArn(row);
  const named = identifier === undefined ? undefined : parse(context, identifier);
  const owner = named?.owner ?? context.owner;
  return keyArn({ owner, keyId: named?.kind === 'key' ? named.name : '*' });
}

export interface FindOptions {
  /** Aliases identify the key here, too. */
  readonly alias?: boolean;
  /** The key may be another account's, whose policy has allowed the call. */
  readonly foreign?: boolean;
}

/**
 * The key that an identifier names.
 * @throws ApiError `NotFoundException`; `AccessDenied` for what other accounts have, or do not have
 */
export function findKey(context: ReadContext, identifier: string | undefined, options: FindOptions = {}): KeyRow {
  const text = identifier ?? '';
  const named = parse(context, text);
  if (named === undefined || (named.kind === 'alias' && !options.alias))
    throw notFound(`Invalid keyId ${text.slice(0, 2048)}`);
  const row = lookUpKey(context.db, context, text);
  const isOurs = accountOf(named.owner) === context.account;
  if (!isOurs && (row === undefined || !options.foreign)) {
    throw accessDenied(
      `User: ${context.principal.arn} is not authorized to perform: kms:${context.call.operation} on this resource because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access`,
    );
  }
  if (row !== undefined) return row;
  if (named.kind === 'alias') throw notFound(`Alias ${aliasArn(named.owner, named.name)} is not found.`);
  if (named.isArn && regionOf(named.owner) !== context.region) throw notFound(`Invalid arn ${regionOf(named.owner)}`);
  throw notFound(`Key '${keyArn({ owner: named.owner, keyId: named.name })}' does not exist`);
}

/** @throws ApiError `KMSInvalidStateException` */
export function refusePendingDeletion(row: KeyRow): void {
  if (row.state === 'PendingDeletion') throw invalidState(keyArn(row));
}

/** @throws ApiError `DisabledException`, `KMSInvalidStateException` */
export function mustBeEnabled(row: KeyRow): void {
  refusePendingDeletion(row);
  if (row.state === 'Disabled') throw disabled(keyArn(row));
}
