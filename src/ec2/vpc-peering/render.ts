import type { VpcPeeringConnection, VpcPeeringConnectionVpcInfo } from '@aws-sdk/client-ec2';
import type { FilterTable } from '../../api/filters.ts';
import type { ReadContext } from '../../api/operation.ts';
import { accountOf, regionOf } from '../../api/owner.ts';
import { tagList } from '../tags/model.ts';
import { vpcs } from '../vpcs/model.ts';
import { type PeeringSide, peeringTagKey, type VpcPeeringConnectionRow } from './model.ts';
import { renderStatus, statusAt } from './status.ts';

type Context = Pick<ReadContext, 'db' | 'owner' | 'now'>;

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_VpcPeeringConnection.html */
export function renderPeering(context: Context, row: VpcPeeringConnectionRow): VpcPeeringConnection {
  const status = statusAt(row, context.now);
  return {
    VpcPeeringConnectionId: row.vpcPeeringConnectionId,
    RequesterVpcInfo: renderSide(context, row.requester, true),
    // Who asks learns nothing of the other VPC before it is accepted.
    AccepterVpcInfo: renderSide(context, row.accepter, status === 'active' || context.owner === row.accepter.owner),
    ExpirationTime: status === 'pending-acceptance' ? new Date(row.expirationTime) : undefined,
    Status: renderStatus(row, context.now),
    // Each side has tags of its own.
    Tags: tagList(context.db, peeringTagKey(row, context.owner)) ?? [],
  };
}

function renderSide({ db }: Context, side: PeeringSide, isOpen: boolean): VpcPeeringConnectionVpcInfo {
  const vpc = isOpen ? db.get(vpcs, side.vpcId) : undefined;
  return {
    OwnerId: accountOf(side.owner),
    Region: regionOf(side.owner),
    VpcId: side.vpcId,
    ...(vpc === undefined
      ? {}
      : {
          CidrBlock: vpc.cidrBlock,
          CidrBlockSet: vpc.cidrAssociations.map(one => ({ CidrBlock: one.cidrBlock })),
          Ipv6CidrBlockSet: (vpc.ipv6Associations ?? []).map(one => ({ Ipv6CidrBlock: one.ipv6CidrBlock })),
          PeeringOptions: {
            AllowDnsResolutionFromRemoteVpc: side.allowDnsResolution === true,
            AllowEgressFromLocalClassicLinkToRemoteVpc: false,
            AllowEgressFromLocalVpcToRemoteClassicLink: false,
          },
        }),
  };
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcPeeringConnections.html */
export function peeringFilters(context: Context): FilterTable<VpcPeeringConnectionRow> {
  const shown = (row: VpcPeeringConnectionRow) => renderPeering(context, row);
  return {
    'accepter-vpc-info.cidr-block': row => shown(row).AccepterVpcInfo?.CidrBlock,
    'accepter-vpc-info.owner-id': row => accountOf(row.accepter.owner),
    'accepter-vpc-info.vpc-id': row => row.accepter.vpcId,
    'expiration-time': row => shown(row).ExpirationTime?.toISOString(),
    'requester-vpc-info.cidr-block': row => shown(row).RequesterVpcInfo?.CidrBlock,
    'requester-vpc-info.owner-id': row => accountOf(row.requester.owner),
    'requester-vpc-info.vpc-id': row => row.requester.vpcId,
    'status-code': row => statusAt(row, context.now),
    'status-message': row => renderStatus(row, context.now).Message,
    'vpc-peering-connection-id': row => row.vpcPeeringConnectionId,
  };
}
