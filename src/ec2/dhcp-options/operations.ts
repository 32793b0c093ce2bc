import type {
  AssociateDhcpOptionsRequest,
  CreateDhcpOptionsRequest,
  CreateDhcpOptionsResult,
  DeleteDhcpOptionsRequest,
  DescribeDhcpOptionsRequest,
  DescribeDhcpOptionsResult,
  DhcpOptions,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import type { FilterTable } from '../../api/filters.ts';
import { findById, idKinds, newId } from '../../api/ids.ts';
import { type AnyOperation, readOperation, writeOperation } from '../../api/operation.ts';
import { accountOf } from '../../api/owner.ts';
import type { Reader } from '../../state/state.ts';
import { describeOwn } from '../describe.ts';
import { addTags, parseTagSpecifications, removeAllTags, tagList } from '../tags/model.ts';
import { vpcs } from '../vpcs/model.ts';
import { parseConfigurations } from './configurations.ts';
import { type DhcpOptionsRow, dhcpOptions } from './model.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DhcpOptions.html */
export function renderDhcpOptions(db: Reader, row: DhcpOptionsRow): DhcpOptions {
  return {
    DhcpOptionsId: row.dhcpOptionsId,
    OwnerId: accountOf(row.owner),
    DhcpConfigurations: Object.entries(row.configurations).map(([Key, values]) => ({
      Key,
      Values: values.map(Value => ({ Value })),
    })),
    Tags: tagList(db, row.dhcpOptionsId) ?? [],
  };
}

const filters: FilterTable<DhcpOptionsRow> = {
  'dhcp-options-id': row => row.dhcpOptionsId,
  key: row => Object.keys(row.configurations),
  value: row => Object.values(row.configurations).flat(),
  'owner-id': row => accountOf(row.owner),
};

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeDhcpOptions.html */
const describeDhcpOptions = readOperation<DescribeDhcpOptionsRequest, DescribeDhcpOptionsResult>({
  service: 'ec2',
  name: 'DescribeDhcpOptions',
  resources: () => ['*'],
  run: (input, context) => {
    const page = describeOwn(context, input, {
      table: dhcpOptions,
      kind: idKinds.dhcpOptions,
      ids: input.DhcpOptionsIds,
      filters,
      keyFilter: 'dhcp-options-id',
    });
    return { DhcpOptions: page.rows.map(row => renderDhcpOptions(context.db, row)), NextToken: page.nextToken };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateDhcpOptions.html */
const createDhcpOptions = writeOperation<CreateDhcpOptionsRequest, CreateDhcpOptionsResult>({
  service: 'ec2',
  name: 'CreateDhcpOptions',
  resources: (_input, context) => [arn(context, 'dhcp-options')],
  run: (input, context) => {
    const { db, owner } = context;
    const configurations = parseConfigurations(input.DhcpConfigurations);
    const tags = parseTagSpecifications(input.TagSpecifications, ['dhcp-options'])['dhcp-options'] ?? {};
    const row: DhcpOptionsRow = { dhcpOptionsId: newId('dopt'), owner, configurations };
    db.put(dhcpOptions, row);
    addTags(db, { resourceId: row.dhcpOptionsId, resourceType: 'dhcp-options', owner }, tags);
    return { DhcpOptions: renderDhcpOptions(db, row) };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteDhcpOptions.html */
const deleteDhcpOptions = writeOperation<DeleteDhcpOptionsRequest, object>({
  service: 'ec2',
  name: 'DeleteDhcpOptions',
  resources: (input, context) => [arn(context, 'dhcp-options', input.DhcpOptionsId)],
  run: (input, context) => {
    const { db } = context;
    const { dhcpOptionsId } = findById(context, dhcpOptions, idKinds.dhcpOptions, input.DhcpOptionsId ?? '');
    const user = db.firstBy(vpcs, 'dhcpOptions', dhcpOptionsId);
    if (user !== undefined) {
      throw new ApiError(
        'DependencyViolation',
        `The dhcpOptions '${dhcpOptionsId}' has dependencies and cannot be deleted: ${user.vpcId} uses it.`,
      );
    }
    db.delete(dhcpOptions, dhcpOptionsId);
    removeAllTags(db, dhcpOptionsId);
    return {};
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateDhcpOptions.html */
const associateDhcpOptions = writeOperation<AssociateDhcpOptionsRequest, object>({
  service: 'ec2',
  name: 'AssociateDhcpOptions',
  resources: (input, context) => [arn(context, 'dhcp-options', input.DhcpOptionsId), arn(context, 'vpc', input.VpcId)],
  run: (input, context) => {
    const { db } = context;
    const wanted = input.DhcpOptionsId ?? '';
    // `default` stands for no options at all.
    if (wanted !== 'default') findById(context, dhcpOptions, idKinds.dhcpOptions, wanted);
    const vpc = findById(context, vpcs, idKinds.vpc, input.VpcId ?? '');
    db.put(vpcs, { ...vpc, dhcpOptionsId: wanted });
    return {};
  },
});

export const dhcpOptionsOperations: readonly AnyOperation[] = [
  createDhcpOptions,
  deleteDhcpOptions,
  associateDhcpOptions,
  describeDhcpOptions,
];
