import type {
  AddPrefixListEntry,
  CreateManagedPrefixListRequest,
  CreateManagedPrefixListResult,
  DeleteManagedPrefixListRequest,
  DeleteManagedPrefixListResult,
  DescribeManagedPrefixListsRequest,
  DescribeManagedPrefixListsResult,
  DescribePrefixListsRequest,
  DescribePrefixListsResult,
  GetManagedPrefixListAssociationsRequest,
  GetManagedPrefixListAssociationsResult,
  GetManagedPrefixListEntriesRequest,
  GetManagedPrefixListEntriesResult,
  ManagedPrefixList,
  ModifyManagedPrefixListRequest,
  ModifyManagedPrefixListResult,
  RestoreManagedPrefixListVersionRequest,
  RestoreManagedPrefixListVersionResult,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { compileFilters, type FilterTable } from '../../api/filters.ts';
import { checkId, findById, findByIds, idKinds, newId, throwNotFound } from '../../api/ids.ts';
import { type AnyOperation, readOperation, type WriteContext, writeOperation } from '../../api/operation.ts';
import { accountOf, regionOf } from '../../api/owner.ts';
import { paginateArray, paginateEntries } from '../../api/pagination.ts';
import type { Reader } from '../../state/state.ts';
import { attributeKeys } from '../access/attribute-keys.ts';
import { formatCidr, parseCidr } from '../network-interfaces/ipv4.ts';
import { canonicalIpv6Cidr } from '../network-interfaces/ipv6.ts';
import { checkLimit, networkLimits } from '../network-limits.ts';
import { addTags, parseTagSpecifications, removeAllTags, tagList, tagsOf } from '../tags/model.ts';
import { awsPrefixLists, findAwsPrefixList } from './aws.ts';
import {
  currentEntries,
  type PrefixListEntryRow,
  type PrefixListRow,
  prefixLists,
  prefixListVersions,
  versionKey,
} from './model.ts';
import { usersOf } from './users.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ManagedPrefixList.html */
function render(db: Reader, row: PrefixListRow, state: ManagedPrefixList['State'] = row.state): ManagedPrefixList {
  const place = { account: accountOf(row.owner), region: regionOf(row.owner) };
  if (place.account === 'AWS') {
    return {
      PrefixListId: row.prefixListId,
      AddressFamily: row.addressFamily,
      State: state,
      PrefixListArn: arn({ ...place, account: 'aws' }, 'prefix-list', row.prefixListId),
      PrefixListName: row.prefixListName,
      Tags: [],
      OwnerId: place.account,
    };
  }
  return {
    PrefixListId: row.prefixListId,
    AddressFamily: row.addressFamily,
    State: state,
    PrefixListArn: arn(place, 'prefix-list', row.prefixListId),
    PrefixListName: row.prefixListName,
    MaxEntries: row.maxEntries,
    Version: row.version,
    Tags: tagList(db, row.prefixListId) ?? [],
    OwnerId: place.account,
  };
}

function find(context: WriteContext | Parameters<typeof findById>[0], id: string | undefined): PrefixListRow {
  return findById(context, prefixLists, idKinds.prefixList, id ?? '');
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateManagedPrefixList.html */
const createManagedPrefixList = writeOperation<CreateManagedPrefixListRequest, CreateManagedPrefixListResult>({
  service: 'ec2',
  name: 'CreateManagedPrefixList',
  resources: (_input, context) => [arn(context, 'prefix-list')],
  run: (input, context) => {
    const { db, owner } = context;
    const { AddressFamily: addressFamily } = input;
    if (addressFamily !== 'IPv4' && addressFamily !== 'IPv6') {
      throw new ApiError(
        'InvalidParameterValue',
        `Value (${addressFamily ?? ''}) for parameter addressFamily is invalid. Use IPv4 or IPv6.`,
      );
    }
    const tags = parseTagSpecifications(input.TagSpecifications, ['prefix-list'])['prefix-list'] ?? {};
    checkLimit(
      db.countBy(prefixLists, 'owner', owner),
      networkLimits.prefixLists,
      'PrefixListLimitExceeded',
      'prefix lists',
    );
    const row: PrefixListRow = {
      prefixListId: newId('pl'),
      owner,
      prefixListName: checkName(input.PrefixListName ?? ''),
      addressFamily,
      maxEntries: checkMaximum(input.MaxEntries ?? 0),
      version: 1,
      state: 'create-complete',
    };
    const entries = added([], row, input.Entries);
    checkSize(row.maxEntries, entries.length);
    db.put(prefixLists, row);
    db.put(prefixListVersions, { prefixListId: row.prefixListId, version: 1, entries });
    addTags(db, { resourceId: row.prefixListId, resourceType: 'prefix-list', owner }, tags);
    return { PrefixList: render(db, row) };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyManagedPrefixList.html */
const modifyManagedPrefixList = writeOperation<ModifyManagedPrefixListRequest, ModifyManagedPrefixListResult>({
  service: 'ec2',
  name: 'ModifyManagedPrefixList',
  resources: (input, context) => [{ arn: arn(context, 'prefix-list', input.PrefixListId), keys: attributeKeys(input) }],
  run: (input, context) => {
    const { db } = context;
    const row = find(context, input.PrefixListId);
    if (input.IpamPrefixListResolverSyncEnabled !== undefined)
      throw new ApiError('UnsupportedOperation', 'Prefix lists from IPAM are not supported.');
    const changesEntries = (input.AddEntries ?? []).length + (input.RemoveEntries ?? []).length > 0;
    if (changesEntries && input.MaxEntries !== undefined) {
      throw new ApiError(
        'InvalidParameterCombination',
        'Change the entries and the maximum number of entries in two requests.',
      );
    }
    const prefixListName = input.PrefixListName === undefined ? row.prefixListName : checkName(input.PrefixListName);
    const maxEntries = input.MaxEntries === undefined ? row.maxEntries : checkMaximum(input.MaxEntries);
    const entries = currentEntries(db, row.prefixListId);
    if (!changesEntries) {
      checkSize(maxEntries, entries.length);
      const changed: PrefixListRow = { ...row, prefixListName, maxEntries, state: 'modify-complete' };
      db.put(prefixLists, changed);
      return { PrefixList: render(db, changed) };
    }
    checkVersion(row, input.CurrentVersion);
    const removed = new Set((input.RemoveEntries ?? []).map(one => blockOf(row, one.Cidr)));
    for (const cidr of removed) {
      if (!entries.some(one => one.cidr === cidr))
        throw new ApiError('InvalidParameterValue', `The entry ${cidr} is not in ${row.prefixListId}.`);
    }
    const next = added(
      entries.filter(one => !removed.has(one.cidr)),
      row,
      input.AddEntries,
    );
    checkSize(row.maxEntries, next.length);
    return { PrefixList: render(db, putVersion(context, { ...row, prefixListName, state: 'modify-complete' }, next)) };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RestoreManagedPrefixListVersion.html */
const restoreManagedPrefixListVersion = writeOperation<
  RestoreManagedPrefixListVersionRequest,
  RestoreManagedPrefixListVersionResult
>({
  service: 'ec2',
  name: 'RestoreManagedPrefixListVersion',
  resources: (input, context) => [arn(context, 'prefix-list', input.PrefixListId)],
  run: (input, context) => {
    const { db } = context;
    const row = find(context, input.PrefixListId);
    checkVersion(row, input.CurrentVersion);
    const entries = versionOf(db, row, input.PreviousVersion);
    checkSize(row.maxEntries, entries.length);
    return { PrefixList: render(db, putVersion(context, { ...row, state: 'restore-complete' }, entries)) };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteManagedPrefixList.html */
const deleteManagedPrefixList = writeOperation<DeleteManagedPrefixListRequest, DeleteManagedPrefixListResult>({
  service: 'ec2',
  name: 'DeleteManagedPrefixList',
  resources: (input, context) => [arn(context, 'prefix-list', input.PrefixListId)],
  run: (input, context) => {
    const { db } = context;
    const row = find(context, input.PrefixListId);
    const [user] = usersOf(db, row.prefixListId);
    if (user !== undefined) {
      throw new ApiError(
        'DependencyViolation',
        `The prefix list '${row.prefixListId}' has dependencies and cannot be deleted: ${user.resourceId} uses it.`,
      );
    }
    const PrefixList = render(db, row, 'delete-complete');
    for (const one of db.by(prefixListVersions, 'list', row.prefixListId))
      db.delete(prefixListVersions, versionKey(one.prefixListId, one.version));
    db.delete(prefixLists, row.prefixListId);
    removeAllTags(db, row.prefixListId);
    return { PrefixList };
  },
});

const filters: FilterTable<PrefixListRow> = {
  'owner-id': row => accountOf(row.owner),
  'prefix-list-id': row => row.prefixListId,
  'prefix-list-name': row => row.prefixListName,
};

/** AWS's own come last in listings, behind every row of the table. */
const behindAll = 2 ** 46;

/**
 * The caller's lists and AWS's.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeManagedPrefixLists.html
 */
const describeManagedPrefixLists = readOperation<DescribeManagedPrefixListsRequest, DescribeManagedPrefixListsResult>({
  service: 'ec2',
  name: 'DescribeManagedPrefixLists',
  resources: () => ['*'],
  run: (input, context) => {
    const { db, owner, region } = context;
    const ids = new Set(input.PrefixListIds ?? []);
    const aws = awsPrefixLists(region);
    const own = [...ids].filter(id => !aws.some(row => row.prefixListId === id));
    findByIds(context, prefixLists, idKinds.prefixList, own);
    const filtered = compileFilters(input.Filters, filters, row => tagsOf(db, row.prefixListId));
    const page = paginateEntries(context, input, {
      entries: function* (after) {
        yield* db.entries(prefixLists, 'owner', owner, after);
        for (const [index, row] of aws.entries()) {
          const sequence = behindAll + index;
          if (sequence > after) yield { sequence, key: row.prefixListId, row };
        }
      },
      matches: row => (ids.size === 0 || ids.has(row.prefixListId)) && (filtered?.(row) ?? true),
      range: [1, 100],
    });
    return { PrefixLists: page.rows.map(row => render(db, row)), NextToken: page.nextToken };
  },
});

/**
 * Lists of the services that have gateway endpoints, which AWS manages.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribePrefixLists.html
 */
const describePrefixLists = readOperation<DescribePrefixListsRequest, DescribePrefixListsResult>({
  service: 'ec2',
  name: 'DescribePrefixLists',
  resources: () => ['*'],
  run: (input, context) => {
    const ids = input.PrefixListIds ?? [];
    for (const id of ids) {
      checkId(idKinds.prefixList, id);
      if (findAwsPrefixList(context.region, id) === undefined) throwNotFound(idKinds.prefixList, [id]);
    }
    const filtered = compileFilters(input.Filters, {
      'prefix-list-id': (row: PrefixListRow) => row.prefixListId,
      'prefix-list-name': (row: PrefixListRow) => row.prefixListName,
    });
    const found = awsPrefixLists(context.region)
      .filter(row => ids.length === 0 || ids.includes(row.prefixListId))
      .filter(row => filtered?.(row) ?? true);
    const page = paginateArray(context, input, found);
    return {
      PrefixLists: page.rows.map(row => ({
        PrefixListId: row.prefixListId,
        PrefixListName: row.prefixListName,
        Cidrs: [],
      })),
      NextToken: page.nextToken,
    };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetManagedPrefixListEntries.html */
const getManagedPrefixListEntries = readOperation<
  GetManagedPrefixListEntriesRequest,
  GetManagedPrefixListEntriesResult
>({
  service: 'ec2',
  name: 'GetManagedPrefixListEntries',
  resources: (input, context) => [arn(context, 'prefix-list', input.PrefixListId)],
  run: (input, context) => {
    const aws = findAwsPrefixList(context.region, input.PrefixListId ?? '');
    const row = aws ?? find(context, input.PrefixListId);
    const entries = aws === undefined ? versionOf(context.db, row, input.TargetVersion ?? row.version) : [];
    const page = paginateArray(context, input, entries, { range: [1, 100], defaultSize: 100 });
    return {
      Entries: page.rows.map(one => ({ Cidr: one.cidr, Description: one.description })),
      NextToken: page.nextToken,
    };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetManagedPrefixListAssociations.html */
const getManagedPrefixListAssociations = readOperation<
  GetManagedPrefixListAssociationsRequest,
  GetManagedPrefixListAssociationsResult
>({
  service: 'ec2',
  name: 'GetManagedPrefixListAssociations',
  resources: (input, context) => [arn(context, 'prefix-list', input.PrefixListId)],
  run: (input, context) => {
    const row = find(context, input.PrefixListId);
    const page = paginateArray(context, input, usersOf(context.db, row.prefixListId), { range: [5, 255] });
    return {
      PrefixListAssociations: page.rows.map(one => ({
        ResourceId: one.resourceId,
        ResourceOwner: accountOf(one.owner),
      })),
      NextToken: page.nextToken,
    };
  },
});

function putVersion(context: WriteContext, row: PrefixListRow, entries: readonly PrefixListEntryRow[]): PrefixListRow {
  const changed = { ...row, version: row.version + 1 };
  context.db.put(prefixLists, changed);
  context.db.put(prefixListVersions, { prefixListId: row.prefixListId, version: changed.version, entries });
  return changed;
}

function versionOf(db: Reader, row: PrefixListRow, version: number | undefined): readonly PrefixListEntryRow[] {
  const found = version === undefined ? undefined : db.get(prefixListVersions, versionKey(row.prefixListId, version));
  if (found === undefined)
    throw new ApiError('InvalidParameterValue', `The prefix list ${row.prefixListId} has no version ${version}.`);
  return found.entries;
}

function added(
  present: readonly PrefixListEntryRow[],
  list: PrefixListRow,
  input: readonly AddPrefixListEntry[] | undefined,
): PrefixListEntryRow[] {
  const entries = new Map(present.map(one => [one.cidr, one]));
  const given = new Set<string>();
  for (const { Cidr, Description: description } of input ?? []) {
    const cidr = blockOf(list, Cidr);
    if (given.has(cidr))
      throw new ApiError('InvalidParameterValue', `The entry ${cidr} appears more than once in the request.`);
    given.add(cidr);
    if (description !== undefined && description.length > 255)
      throw new ApiError('InvalidParameterValue', 'The description of an entry can have at most 255 characters.');
    // An entry that is there gets the new description.
    entries.set(cidr, { cidr, ...(description === undefined || description === '' ? {} : { description }) });
  }
  return [...entries.values()];
}

function blockOf(list: PrefixListRow, text = ''): string {
  if (list.addressFamily === 'IPv6') {
    const block = canonicalIpv6Cidr(text);
    if (block !== undefined) return block;
  } else {
    const cidr = parseCidr(text);
    if (cidr !== undefined) return formatCidr(cidr);
  }
  throw new ApiError('InvalidParameterValue', `The CIDR (${text}) is not a valid ${list.addressFamily} block.`);
}

function checkName(name: string): string {
  if (name === '' || name.length > 255 || name.startsWith('com.amazonaws')) {
    throw new ApiError(
      'InvalidParameterValue',
      `Value (${name}) for parameter prefixListName is invalid. Use up to 255 characters, not beginning with com.amazonaws.`,
    );
  }
  return name;
}

function checkMaximum(maximum: number): number {
  if (!Number.isInteger(maximum) || maximum < 1 || maximum > networkLimits.entriesPerPrefixList) {
    throw new ApiError(
      'InvalidParameterValue',
      `Value (${maximum}) for parameter maxEntries is invalid. Use 1 to ${networkLimits.entriesPerPrefixList}.`,
    );
  }
  return maximum;
}

function checkSize(maximum: number, size: number): void {
  if (size <= maximum) return;
  throw new ApiError(
    'PrefixListMaxEntriesExceeded',
    `You've reached the maximum number of entries for the prefix list: it may have ${maximum}, and would have ${size}.`,
  );
}

function checkVersion(row: PrefixListRow, version: number | undefined): void {
  if (version === undefined)
    throw new ApiError('MissingParameter', 'The request must contain the parameter currentVersion');
  if (version !== row.version) {
    throw new ApiError(
      'PrefixListVersionMismatch',
      `The prefix list has the version ${row.version}, not ${version}. Look at its entries again and use that version.`,
    );
  }
}

export const prefixListOperations: readonly AnyOperation[] = [
  createManagedPrefixList,
  modifyManagedPrefixList,
  restoreManagedPrefixListVersion,
  deleteManagedPrefixList,
  describeManagedPrefixLists,
  describePrefixLists,
  getManagedPrefixListEntries,
  getManagedPrefixListAssociations,
];
