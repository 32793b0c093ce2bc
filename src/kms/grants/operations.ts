import { randomBytes } from 'node:crypto';
import type {
  CreateGrantRequest,
  CreateGrantResponse,
  GrantConstraints,
  GrantListEntry,
  GrantOperation,
  ListGrantsRequest,
  ListGrantsResponse,
  ListRetirableGrantsRequest,
  RetireGrantRequest,
  RevokeGrantRequest,
} from '@aws-sdk/client-kms';
import { ApiError } from '../../api/errors.ts';
import { type AnyOperation, type ReadContext, readOperation, writeOperation } from '../../api/operation.ts';
import { principalId, shownPrincipal } from '../../iam/policy-principals.ts';
import { keyOf, keyTarget } from '../access/targets.ts';
import { contextKeys } from '../cryptography/encryption-context.ts';
import { constraint, notFound, unsupported, validation } from '../errors.ts';
import { findKey, keyArn, mustBeEnabled } from '../keys/find.ts';
import { keys } from '../keys/model.ts';
import { page } from '../paging.ts';
import { type GrantConstraintsRow, type GrantRow, grants } from './model.ts';
import { checkGrantTokens, grantOfToken, grantToken } from './tokens.ts';

const service = 'kms';

/** What grants of symmetric keys can permit. */
const grantable: readonly GrantOperation[] = [
  'Decrypt',
  'Encrypt',
  'GenerateDataKey',
  'GenerateDataKeyWithoutPlaintext',
  'ReEncryptFrom',
  'ReEncryptTo',
  'CreateGrant',
  'RetireGrant',
  'DescribeKey',
];

/** @see https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateGrant.html */
const createGrant = writeOperation<CreateGrantRequest, CreateGrantResponse>({
  service,
  name: 'CreateGrant',
  resources: (input, context) => {
    const { EncryptionContextEquals, EncryptionContextSubset } = input.Constraints ?? {};
    const type = EncryptionContextEquals ? 'EncryptionContextEquals' : 'EncryptionContextSubset';
    return [
      keyTarget(context, input.KeyId, {
        'kms:GrantOperations': input.Operations,
        'kms:GranteePrincipal': input.GranteePrincipal,
        'kms:RetiringPrincipal': input.RetiringPrincipal,
        'kms:GrantIsForAWSResource': false,
        'kms:GrantConstraintType': EncryptionContextEquals || EncryptionContextSubset ? type : undefined,
        ...contextKeys(EncryptionContextEquals ?? EncryptionContextSubset ?? {}),
      }),
    ];
  },
  run: (input, context) => {
    const { db, principal, now } = context;
    checkGrantTokens(context, input.GrantTokens);
    refuseServices(input);
    const operations = checkedOperations(input.Operations);
    const constraints = checkedConstraints(input.Constraints);
    const row = findKey(context, input.KeyId, { foreign: true });
    mustBeEnabled(row);
    const named = [input.GranteePrincipal, input.RetiringPrincipal].flatMap(name => name ?? []);
    if (input.GranteePrincipal === undefined) throw validation('Please specify GranteePrincipal.');
    const grant: Omit<GrantRow, 'grantId' | 'created'> = {
      keyId: row.keyId,
      name: checkedName(input.Name),
      grantee: input.GranteePrincipal,
      ...(input.RetiringPrincipal !== undefined && { retiring: input.RetiringPrincipal }),
      principalIds: Object.fromEntries(named.flatMap(name => idOf(context, name))),
      issuer: principal.type === 'root' ? `arn:aws:iam::${principal.account}:root` : principal.arn,
      operations,
      ...(constraints !== undefined && { constraints }),
    };
    const present = grant.name === '' ? undefined : db.by(grants, 'keyId', row.keyId).find(one => isSame(one, grant));
    const grantId = present?.grantId ?? randomBytes(32).toString('hex');
    if (present === undefined) db.put(grants, { ...grant, grantId, created: now });
    return { GrantId: grantId, GrantToken: grantToken(context, grantId) };
  },
});

function refuseServices(input: CreateGrantRequest): void {
  if (input.GranteeServicePrincipal !== undefined || input.RetiringServicePrincipal !== undefined) {
    throw unsupported('Grants for services (GranteeServicePrincipal, RetiringServicePrincipal) are not supported.');
  }
  if (input.Constraints?.SourceArn !== undefined) throw unsupported('The grant constraint SourceArn is not supported.');
}

function checkedOperations(list: readonly GrantOperation[] = []): readonly GrantOperation[] {
  if (list.length === 0) throw validation('Please specify at least one operation.');
  const wrong = list.find(one => !grantable.includes(one));
  if (wrong !== undefined) {
    throw constraint(
      'operations',
      `[${list.join(', ')}]`,
      `Member must satisfy enum value set: [${grantable.join(', ')}]`,
    );
  }
  return [...new Set(list)];
}

function checkedConstraints(given: GrantConstraints | undefined): GrantConstraintsRow | undefined {
  const { EncryptionContextEquals: equals, EncryptionContextSubset: subset } = given ?? {};
  if (equals === undefined && subset === undefined) return undefined;
  for (const pairs of [equals, subset]) {
    const entries = Object.entries(pairs ?? {});
    if (entries.length > 8) throw validation('An encryption context of a grant constraint can have at most 8 pairs.');
    if (entries.some(([key, value]) => key.length + value.length > 384)) {
      throw validation('The encryption context of a grant constraint cannot exceed 384 characters.');
    }
  }
  return { ...(equals !== undefined && { equals }), ...(subset !== undefined && { subset }) };
}

function checkedName(name = ''): string {
  if (name !== '' && !/^[a-zA-Z0-9:/_-]{1,256}$/.test(name)) {
    throw constraint('name', name, 'Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$');
  }
  return name;
}

const principalForm =
  /^arn:aws:(?:iam::\d{12}:(?:root|user\/[^*?]+|role\/[^*?]+)|sts::\d{12}:(?:assumed-role\/[^*?/]+\/[^*?/]+|federated-user\/[^*?/]+))$/;

/** The unique id to keep of a principal. @throws ApiError `InvalidArnException` */
function idOf({ db }: ReadContext, name: string): [string, string][] {
  const id = principalForm.test(name) ? principalId(db, name) : null;
  if (id === null) throw new ApiError('InvalidArnException', `Invalid principal: ${name.slice(0, 256)}`);
  return id === undefined ? [] : [[name, id]];
}

/** Whether a grant is what is asked for, so that asking again makes no other. */
function isSame({ grantId: _id, created: _created, ...row }: GrantRow, asked: object): boolean {
  return sorted(row) === sorted(asked);
}

function sorted(value: object): string {
  return JSON.stringify(value, (_key, one: unknown) =>
    typeof one === 'object' && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
}

/** @see https://docs.aws.amazon.com/kms/latest/APIReference/API_ListGrants.html */
const listGrants = readOperation<ListGrantsRequest, ListGrantsResponse>({
  service,
  name: 'ListGrants',
  resources: keyOf,
  run: (input, context) => {
    if (input.GranteeServicePrincipal !== undefined) throw unsupported('Grants for services are not supported.');
    const row = findKey(context, input.KeyId, { foreign: true });
    const found = context.db
      .by(grants, 'keyId', row.keyId)
      .filter(one => input.GrantId === undefined || one.grantId === input.GrantId)
      .filter(one => input.GranteePrincipal === undefined || one.grantee === input.GranteePrincipal);
    return listed(context, input, found);
  },
});

/** @see https://docs.aws.amazon.com/kms/latest/APIReference/API_ListRetirableGrants.html */
const listRetirableGrants = readOperation<ListRetirableGrantsRequest, ListGrantsResponse>({
  service,
  name: 'ListRetirableGrants',
  resources: () => ['*'],
  run: (input, context) => {
    const { RetiringPrincipal } = input as { RetiringPrincipal?: string; RetiringServicePrincipal?: string };
    if ('RetiringServicePrincipal' in input) throw unsupported('Grants for services are not supported.');
    if (RetiringPrincipal === undefined) throw validation('Please specify RetiringPrincipal.');
    if (RetiringPrincipal.split(':')[4] !== context.account) {
      throw new ApiError('InvalidArnException', `Invalid principal: ${RetiringPrincipal.slice(0, 256)}`);
    }
    const found = context.db
      .by(grants, 'retiring', RetiringPrincipal)
      .filter(one => context.db.get(keys, one.keyId)?.owner.endsWith(`/${context.region}`));
    return listed(context, input, found);
  },
});

function listed(
  context: ReadContext,
  input: { Limit?: number | undefined; Marker?: string | undefined },
  all: GrantRow[],
) {
  const { rows, end } = page(context, input, all, one => one.grantId, { usual: 50, most: 100 });
  return { Grants: rows.map(one => shownGrant(context, one)), ...end };
}

function shownGrant({ db }: ReadContext, row: GrantRow): GrantListEntry {
  const key = db.get(keys, row.keyId);
  const { equals, subset } = row.constraints ?? {};
  return {
    KeyId: key === undefined ? row.keyId : keyArn(key),
    GrantId: row.grantId,
    Name: row.name,
    CreationDate: new Date(row.created),
    GranteePrincipal: shownPrincipal(db, row.grantee, row.principalIds),
    ...(row.retiring !== undefined && { RetiringPrincipal: shownPrincipal(db, row.retiring, row.principalIds) }),
    IssuingAccount: `arn:aws:iam::${row.issuer.split(':')[4]}:root`,
    Operations: [...row.operations],
    ...(row.constraints !== undefined && {
      Constraints: {
        ...(equals !== undefined && { EncryptionContextEquals: equals }),
        ...(subset !== undefined && { EncryptionContextSubset: subset }),
      },
    }),
  };
}

/** @see https://docs.aws.amazon.com/kms/latest/APIReference/API_RevokeGrant.html */
const revokeGrant = writeOperation<RevokeGrantRequest, void>({
  service,
  name: 'RevokeGrant',
  resources: (input, context) => [keyTarget(context, input.KeyId, { 'kms:GrantIsForAWSResource': false })],
  run: (input, context) => {
    const key = findKey(context, input.KeyId, { foreign: true });
    const row = context.db.get(grants, input.GrantId ?? '');
    if (row?.keyId !== key.keyId) throw notFound(`Grant ID ${(input.GrantId ?? '').slice(0, 128)} not found`);
    context.db.delete(grants, row.grantId);
  },
});

/** The grant that a call names, by its token, or by its key and id. */
function grantToRetire(input: RetireGrantRequest, context: ReadContext): GrantRow | undefined {
  const id = input.GrantToken === undefined ? input.GrantId : grantOfToken(context, input.GrantToken);
  return id === undefined ? undefined : context.db.get(grants, id);
}

function retiredKey(input: RetireGrantRequest, context: ReadContext): string | undefined {
  const row = input.GrantToken === undefined ? undefined : grantToRetire(input, context);
  const key = row && context.db.get(keys, row.keyId);
  return key === undefined ? input.KeyId : keyArn(key);
}

/** Whom the grant itself lets retire it needs nothing else. */
function isRetiring(row: GrantRow | undefined, { principal }: ReadContext): boolean {
  if (row?.retiring === undefined) return false;
  const { retiring } = row;
  const kept = row.principalIds[retiring];
  if (principal.type === 'root') return retiring === principal.arn;
  const names = [principal.arn, principal.userId];
  if (principal.type === 'assumed-role') names.push(principal.roleId, principal.roleArn);
  return kept === undefined ? names.includes(retiring) : names.includes(kept);
}

/** @see https://docs.aws.amazon.com/kms/latest/APIReference/API_RetireGrant.html */
const retireGrant = writeOperation<RetireGrantRequest, void>({
  service,
  name: 'RetireGrant',
  resources: (input, context) => [keyTarget(context, retiredKey(input, context))],
  allowedUnlessDenied: context => isRetiring(grantToRetire(context.call.input as RetireGrantRequest, context), context),
  run: (input, context) => {
    const { GrantToken, GrantId, KeyId } = input;
    if (GrantToken === undefined && (GrantId === undefined || KeyId === undefined)) {
      throw validation('Please specify GrantToken, or GrantId and KeyId.');
    }
    if (GrantToken !== undefined) checkGrantTokens(context, [GrantToken]);
    const row = grantToRetire(input, context);
    const key = findKey(context, retiredKey(input, context), { foreign: true });
    if (row?.keyId !== key.keyId) throw notFound(`Grant ID ${(GrantId ?? '').slice(0, 128)} not found`);
    context.db.delete(grants, row.grantId);
  },
});

export const grantOperations: readonly AnyOperation[] = [
  createGrant,
  listGrants,
  listRetirableGrants,
  revokeGrant,
  retireGrant,
];
