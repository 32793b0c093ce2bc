import type { DescribeNetworkAclsRequest, DescribeNetworkAclsResult } from '@aws-sdk/client-ec2';
import { idKinds } from '../../api/ids.ts';
import { type AnyOperation, readOperation } from '../../api/operation.ts';
import { describeOwn } from '../describe.ts';
import { networkAclChanges } from './changes.ts';
import { networkAcls } from './model.ts';
import { aclFilters, renderNetworkAcl } from './render.ts';

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
      filters: aclFilters(context.db),
      keyFilter: 'network-acl-id',
      indexed: { 'vpc-id': 'vpc', 'association.subnet-id': 'subnet', 'association.association-id': 'association' },
    });
    return { NetworkAcls: page.rows.map(row => renderNetworkAcl(context.db, row)), NextToken: page.nextToken };
  },
});

export const networkAclOperations: readonly AnyOperation[] = [describeNetworkAcls, ...networkAclChanges];
