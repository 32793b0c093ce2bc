import type {
  DescribeSecurityGroupReferencesRequest,
  DescribeSecurityGroupReferencesResult,
  DescribeStaleSecurityGroupsRequest,
  DescribeStaleSecurityGroupsResult,
  GetSecurityGroupsForVpcRequest,
  GetSecurityGroupsForVpcResult,
  StaleIpPermission,
  StaleSecurityGroup,
} from '@aws-sdk/client-ec2';
import { arn, arns } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { compileFilters, type FilterTable } from '../../api/filters.ts';
import { findById, findByIds, idKinds } from '../../api/ids.ts';
import { type AnyOperation, readOperation } from '../../api/operation.ts';
import { accountOf } from '../../api/owner.ts';
import { paginate, paginateArray } from '../../api/pagination.ts';
import type { Reader } from '../../state/state.ts';
import { tagList, tagsOf } from '../tags/model.ts';
import { vpcs } from '../vpcs/model.ts';
import { isStale, type SecurityGroupRow, securityGroupRules, securityGroups } from './model.ts';
import { renderPermissions } from './render.ts';
import { rulesOf } from './rules.ts';

/**
 * VPCs on the other side of a peering connection whose groups refer to one of these.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroupReferences.html
 */
const describeSecurityGroupReferences = readOperation<
  DescribeSecurityGroupReferencesRequest,
  DescribeSecurityGroupReferencesResult
>({
  service: 'ec2',
  name: 'DescribeSecurityGroupReferences',
  resources: (input, context) => arns(context, 'security-group', input.GroupId),
  run: (input, context) => {
    const { db } = context;
    const ids = input.GroupId ?? [];
    if (ids.length === 0) throw new ApiError('MissingParameter', 'The request must contain the parameter groupId');
    const groups = findByIds(context, securityGroups, idKinds.securityGroup, ids);
    return {
      SecurityGroupReferenceSet: groups.flatMap(({ groupId }) => {
        const found = new Map<string, string>();
        for (const rule of db.by(securityGroupRules, 'referencedGroup', groupId)) {
          const vpcId = db.get(securityGroups, rule.groupId)?.vpcId;
          if (rule.peer !== undefined && vpcId !== undefined && !isStale(db, rule))
            found.set(rule.peer.vpcPeeringConnectionId, vpcId);
        }
        return [...found].map(([VpcPeeringConnectionId, ReferencingVpcId]) => ({
          GroupId: groupId,
          ReferencingVpcId,
          VpcPeeringConnectionId,
        }));
      }),
    };
  },
});

/**
 * Groups of a VPC with rules for groups of a peer VPC that are gone, or whose peering connection is.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeStaleSecurityGroups.html
 */
const describeStaleSecurityGroups = readOperation<
  DescribeStaleSecurityGroupsRequest,
  DescribeStaleSecurityGroupsResult
>({
  service: 'ec2',
  name: 'DescribeStaleSecurityGroups',
  resources: () => ['*'],
  run: (input, context) => {
    const { db } = context;
    const { vpcId } = findById(context, vpcs, idKinds.vpc, input.VpcId ?? '');
    const stale = db.by(securityGroups, 'vpc', vpcId).flatMap(row => staleGroup(db, row) ?? []);
    const page = paginateArray(context, input, stale, { range: [5, 255] });
    return { StaleSecurityGroupSet: page.rows, NextToken: page.nextToken };
  },
});

function staleGroup(db: Reader, row: SecurityGroupRow): StaleSecurityGroup | undefined {
  const ingress = stalePermissions(db, row, false);
  const egress = stalePermissions(db, row, true);
  if (ingress.length === 0 && egress.length === 0) return undefined;
  return {
    GroupId: row.groupId,
    GroupName: row.groupName,
    Description: row.description,
    VpcId: row.vpcId,
    StaleIpPermissions: ingress,
    StaleIpPermissionsEgress: egress,
  };
}

function stalePermissions(db: Reader, row: SecurityGroupRow, isEgress: boolean): StaleIpPermission[] {
  const rules = rulesOf(db, row.groupId, isEgress).filter(rule => isStale(db, rule));
  return renderPermissions(db, row.owner, rules).map(one => ({
    IpProtocol: one.IpProtocol,
    FromPort: one.FromPort,
    ToPort: one.ToPort,
    IpRanges: [],
    PrefixListIds: [],
    UserIdGroupPairs: one.UserIdGroupPairs,
  }));
}

const forVpcFilters: FilterTable<SecurityGroupRow> = {
  description: row => row.description,
  'group-id': row => row.groupId,
  'group-name': row => row.groupName,
  'owner-id': row => accountOf(row.owner),
  'primary-vpc-id': row => row.vpcId,
};

/**
 * The groups that interfaces of a VPC can have: its own, as no group is associated with further VPCs here.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetSecurityGroupsForVpc.html
 */
const getSecurityGroupsForVpc = readOperation<GetSecurityGroupsForVpcRequest, GetSecurityGroupsForVpcResult>({
  service: 'ec2',
  name: 'GetSecurityGroupsForVpc',
  resources: (input, context) => [arn(context, 'vpc', input.VpcId)],
  run: (input, context) => {
    const { db } = context;
    const { vpcId } = findById(context, vpcs, idKinds.vpc, input.VpcId ?? '');
    const matches = compileFilters(input.Filters, forVpcFilters, row => tagsOf(db, row.groupId));
    const page = paginate(context, input, { table: securityGroups, index: 'vpc', value: vpcId, matches });
    return {
      SecurityGroupForVpcs: page.rows.map(row => ({
        GroupId: row.groupId,
        GroupName: row.groupName,
        Description: row.description,
        OwnerId: accountOf(row.owner),
        PrimaryVpcId: row.vpcId,
        Tags: tagList(db, row.groupId) ?? [],
      })),
      NextToken: page.nextToken,
    };
  },
});

export const peerOperations: readonly AnyOperation[] = [
  describeSecurityGroupReferences,
  describeStaleSecurityGroups,
  getSecurityGroupsForVpc,
];
