import type {
  CreateKeyPairRequest,
  DeleteKeyPairRequest,
  DeleteKeyPairResult,
  DescribeKeyPairsRequest,
  DescribeKeyPairsResult,
  ImportKeyPairRequest,
  ImportKeyPairResult,
  KeyPair,
  KeyPairInfo,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { compileFilters, type FilterTable } from '../../api/filters.ts';
import { findByIds, idKinds, newId } from '../../api/ids.ts';
import {
  type AnyOperation,
  type ReadContext,
  readOperation,
  type WriteContext,
  writeOperation,
} from '../../api/operation.ts';
import { addTags, parseTagSpecifications, removeAllTags, type Tags, tagList, tagsOf } from '../tags/model.ts';
import { type CreatedKey, createKey, importKey, type KeyFormat, type KeyIdentity, type KeyType } from './keys.ts';
import { type KeyPairRow, keyPairs } from './model.ts';

const maximumNameLength = 255;
const maximumKeyPairs = 5_000;

interface NewKeyPair {
  readonly key: CreatedKey;
  readonly tags: Tags;
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateKeyPair.html */
const createKeyPair = writeOperation<CreateKeyPairRequest, KeyPair, NewKeyPair>({
  service: 'ec2',
  name: 'CreateKeyPair',
  resources: (input, context) => [
    { arn: arn(context, 'key-pair', input.KeyName), keys: { 'ec2:KeyPairType': input.KeyType ?? 'rsa' } },
  ],
  prepare: async (input, context) => {
    const name = newName(context, input.KeyName);
    const keyType: KeyType = oneOf('KeyType', input.KeyType, ['rsa', 'ed25519']);
    const format: KeyFormat = oneOf('KeyFormat', input.KeyFormat, ['pem', 'ppk']);
    const tags = keyPairTags(input.TagSpecifications);
    return { key: await createKey(name, keyType, format), tags };
  },
  run: (input, context, { key, tags }) => ({
    ...add(context, newName(context, input.KeyName), key, tags),
    KeyMaterial: key.keyMaterial,
  }),
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ImportKeyPair.html */
const importKeyPair = writeOperation<ImportKeyPairRequest, ImportKeyPairResult>({
  service: 'ec2',
  name: 'ImportKeyPair',
  resources: (input, context) => [arn(context, 'key-pair', input.KeyName)],
  run: (input, context) => {
    const name = newName(context, input.KeyName);
    const tags = keyPairTags(input.TagSpecifications);
    return add(context, name, importKey(name, input.PublicKeyMaterial ?? new Uint8Array()), tags);
  },
});

function keyPairTags(input: CreateKeyPairRequest['TagSpecifications']): Tags {
  return parseTagSpecifications(input, ['key-pair'])['key-pair'] ?? {};
}

function add(context: WriteContext, keyName: string, key: KeyIdentity, tags: Tags): ImportKeyPairResult {
  const { db, owner, now } = context;
  if (db.countBy(keyPairs, 'owner', owner) >= maximumKeyPairs) {
    throw new ApiError(
      'KeyPairLimitExceeded',
      `You have reached the maximum of ${maximumKeyPairs} key pairs in this Region. Delete some first.`,
    );
  }
  const { keyType, keyFingerprint, publicKey } = key;
  const keyPairId = newId('key');
  db.put(keyPairs, { keyPairId, owner, keyName, keyType, keyFingerprint, publicKey, createTime: now });
  addTags(db, { resourceId: keyPairId, resourceType: 'key-pair', owner }, tags);
  return { KeyPairId: keyPairId, KeyName: keyName, KeyFingerprint: keyFingerprint, Tags: tagList(db, keyPairId) };
}

/** @throws ApiError `MissingParameter`, `InvalidParameterValue`, `InvalidKeyPair.Duplicate` */
function newName(context: ReadContext, name: string | undefined): string {
  if (name === undefined || name === '')
    throw new ApiError('MissingParameter', 'The request must contain the parameter KeyName');
  if (name.length > maximumNameLength || !/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(name)) {
    throw new ApiError(
      'InvalidParameterValue',
      `Invalid value for parameter KeyName. A key name has up to ${maximumNameLength} ASCII characters and no space at its start or end.`,
    );
  }
  if (byName(context, name) !== undefined)
    throw new ApiError('InvalidKeyPair.Duplicate', `The keypair '${name}' already exists.`);
  return name;
}

/** The first of the allowed values unless given. @throws ApiError `InvalidParameterValue` */
function oneOf<Value extends string>(
  parameter: string,
  value: string | undefined,
  allowed: readonly [Value, ...Value[]],
): Value {
  if (value === undefined) return allowed[0];
  const found = allowed.find(one => one === value);
  if (found !== undefined) return found;
  throw new ApiError(
    'InvalidParameterValue',
    `Value ( ${value} ) for parameter ${parameter} is invalid. Use ${allowed.join(' or ')}.`,
  );
}

function byName(context: ReadContext, name: string): KeyPairRow | undefined {
  return context.db.firstBy(keyPairs, 'name', `${context.owner}/${name}`);
}

const filters: FilterTable<KeyPairRow> = {
  fingerprint: row => row.keyFingerprint,
  'key-name': row => row.keyName,
  'key-pair-id': row => row.keyPairId,
};

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeKeyPairs.html */
const describeKeyPairs = readOperation<DescribeKeyPairsRequest, DescribeKeyPairsResult>({
  service: 'ec2',
  name: 'DescribeKeyPairs',
  resources: () => ['*'],
  run: (input, context) => {
    const matches = compileFilters(input.Filters, filters, row => tagsOf(context.db, row.keyPairId));
    const rows = chosen(input, context);
    const shown = matches === undefined ? rows : rows.filter(matches);
    return { KeyPairs: shown.map(row => render(context, row, input.IncludePublicKey === true)) };
  },
});

/** @throws ApiError `InvalidKeyPair.NotFound`, `InvalidKeyPair.Malformed` */
function chosen(input: DescribeKeyPairsRequest, context: ReadContext): KeyPairRow[] {
  const names = input.KeyNames ?? [];
  const ids = input.KeyPairIds ?? [];
  if (names.length === 0 && ids.length === 0) return context.db.by(keyPairs, 'owner', context.owner);
  const missing = names.filter(name => byName(context, name) === undefined);
  if (missing.length === 1)
    throw new ApiError('InvalidKeyPair.NotFound', `The key pair '${missing[0]}' does not exist`);
  if (missing.length > 1)
    throw new ApiError('InvalidKeyPair.NotFound', `The key pairs '${missing.join(', ')}' do not exist`);
  const named = names.flatMap(name => byName(context, name) ?? []);
  return [...new Set([...named, ...findByIds(context, keyPairs, idKinds.keyPair, ids)])];
}

function render(context: ReadContext, row: KeyPairRow, withPublicKey: boolean): KeyPairInfo {
  return {
    KeyPairId: row.keyPairId,
    KeyName: row.keyName,
    KeyType: row.keyType,
    KeyFingerprint: row.keyFingerprint,
    PublicKey: withPublicKey ? row.publicKey : undefined,
    CreateTime: new Date(row.createTime),
    Tags: tagList(context.db, row.keyPairId),
  };
}

/**
 * Deleting by a name that does not exist succeeds, by an id it does not.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteKeyPair.html
 */
const deleteKeyPair = writeOperation<DeleteKeyPairRequest, DeleteKeyPairResult>({
  service: 'ec2',
  name: 'DeleteKeyPair',
  // Policies name key pairs by their names, whatever the request does.
  resources: ({ KeyName, KeyPairId }, context) => {
    const row = context.db.get(keyPairs, KeyPairId ?? '');
    return [arn(context, 'key-pair', KeyName ?? (row?.owner === context.owner ? row.keyName : undefined))];
  },
  run: (input, context) => {
    const row = toDelete(input, context);
    if (row === undefined) return { Return: true };
    context.db.delete(keyPairs, row.keyPairId);
    removeAllTags(context.db, row.keyPairId);
    return { Return: true, KeyPairId: row.keyPairId };
  },
});

function toDelete(input: DeleteKeyPairRequest, context: WriteContext): KeyPairRow | undefined {
  const { KeyName, KeyPairId } = input;
  if (KeyPairId === undefined) {
    if (KeyName === undefined)
      throw new ApiError('MissingParameter', 'The request must contain the parameter KeyName or KeyPairId');
    return byName(context, KeyName);
  }
  const [row] = findByIds(context, keyPairs, idKinds.keyPair, [KeyPairId]);
  if (KeyName !== undefined && row?.keyName !== KeyName) {
    throw new ApiError(
      'InvalidParameterCombination',
      `The key pair ${KeyPairId} is not named '${KeyName}'. Give only one of KeyName and KeyPairId.`,
    );
  }
  return row;
}

export const keyPairOperations: readonly AnyOperation[] = [
  createKeyPair,
  importKeyPair,
  describeKeyPairs,
  deleteKeyPair,
];
