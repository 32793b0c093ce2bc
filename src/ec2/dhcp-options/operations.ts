import type { DescribeDhcpOptionsRequest, DescribeDhcpOptionsResult, DhcpOptions } from '@aws-sdk/client-ec2';
import type { FilterTable } from '../../api/filters.ts';
import { idKinds } from '../../api/ids.ts';
import { type AnyOperation, readOperation } from '../../api/operation.ts';
import { accountOf } from '../../api/owner.ts';
import type { Reader } from '../../state/state.ts';
import { describeOwn } from '../describe.ts';
import { tagList } from '../tags/model.ts';
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

export const dhcpOptionsOperations: readonly AnyOperation[] = [describeDhcpOptions];
