import type {
  DescribeNetworkAclsRequest,
  DescribeNetworkAclsResult,
  NetworkAcl,
  NetworkAclEntry,
} from '@aws-sdk/client-ec2';
import type { FilterTable } from '../../api/filters.ts';
import { idKinds } from '../../api/ids.ts';
import { type AnyOperation, readOperation } from '../../api/operation.ts';
import { accountOf } from '../../api/owner.ts';
import type { Reader } from '../../state/state.ts';
import { describeOwn } from '../describe.ts';
import { tagList } from '../tags/model.ts';
import { type NetworkAclRow, networkAcls } from './model.ts';

/**
 * The entries of a default network ACL: all traffic passes; the last rule, which cannot be removed, is never reached.
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/default-network-acl.html
 */
const defaultEntries: readonly NetworkAclEntry[] = [true, false].flatMap(Egress => [
  { CidrBlock: '0.0.0.0/0', Egress, Protocol: '-1', RuleAction: 'allow', RuleNumber: 100 },
  { CidrBlock: '0.0.0.0/0', Egress, Protocol: '-1', RuleAction: 'deny', RuleNumber: 32767 },
]);

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NetworkAcl.html */
export function renderNetworkAcl(db: Reader, row: NetworkAclRow): NetworkAcl {
  return {
    NetworkAclId: row.networkAclId,
    OwnerId: accountOf(row.owner),
    VpcId: row.vpcId,
    IsDefault: row.isDefault,
    Associations: row.associations.map(one => ({
      NetworkAclAssociationId: one.associationId,
      NetworkAclId: row.networkAclId,
      SubnetId: one.subnetId,
    })),
    Entries: [...defaultEntries],
    Tags: tagList(db, row.networkAclId) ?? [],
  };
}

const ofEntries = (read: (entry: NetworkAclEntry) => string | number | boolean | undefined) => () =>
  defaultEntries.map(entry => String(read(entry)));

const filters: FilterTable<NetworkAclRow> = {
  'association.association-id': row => row.associations.map(one => one.associationId),
  'association.network-acl-id': row => row.associations.map(() => row.networkAclId),
  'association.subnet-id': row => row.associations.map(one => one.subnetId),
  default: row => row.isDefault,
  'entry.cidr': ofEntries(entry => entry.CidrBlock),
  'entry.icmp.code': () => undefined,
  'entry.icmp.type': () => undefined,
  'entry.ipv6-cidr': () => undefined,
  'entry.port-range.from': () => undefined,
  'entry.port-range.to': () => undefined,
  'entry.protocol': ofEntries(entry => entry.Protocol),
  'entry.rule-action': ofEntries(entry => entry.RuleAction),
  'entry.egress': ofEntries(entry => entry.Egress),
  'entry.rule-number': ofEntries(entry => entry.RuleNumber),
  'network-acl-id': row => row.networkAclId,
  'owner-id': row => accountOf(row.owner),
  'vpc-id': row => row.vpcId,
};

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkAcls.html */
const describeNetworkAcls = readOperation<DescribeNetworkAclsRequest, DescribeNetworkAclsResult>({
  service: 'ec2',
  name: 'DescribeNetworkAcls',
  resources: () => ['*'],
  run: (input, context) => {
    const page = describeOwn(context, input, {
      table: networkAcls,
      kind: idKinds.networkAcl,
      ids: input.NetworkAclIds,
      filters,
      keyFilter: 'network-acl-id',
      indexed: { 'vpc-id': 'vpc' },
    });
    return { NetworkAcls: page.rows.map(row => renderNetworkAcl(context.db, row)), NextToken: page.nextToken };
  },
});

export const networkAclOperations: readonly AnyOperation[] = [describeNetworkAcls];
