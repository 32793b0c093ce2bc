import type { Vpc, VpcCidrBlockAssociation, VpcIpv6CidrBlockAssociation } from '@aws-sdk/client-ec2';
import type { FilterTable } from '../../api/filters.ts';
import { accountOf } from '../../api/owner.ts';
import type { Reader } from '../../state/state.ts';
import { tagList } from '../tags/model.ts';
import type { VpcIpv6Association, VpcRow } from './model.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Vpc.html */
export function renderVpc(db: Reader, row: VpcRow): Vpc {
  const ipv6 = row.ipv6Associations ?? [];
  return {
    VpcId: row.vpcId,
    OwnerId: accountOf(row.owner),
    State: row.state,
    CidrBlock: row.cidrBlock,
    CidrBlockAssociationSet: row.cidrAssociations.map(one => renderBlock(one, 'associated')),
    Ipv6CidrBlockAssociationSet: ipv6.length === 0 ? undefined : ipv6.map(one => renderIpv6Block(one, 'associated')),
    DhcpOptionsId: row.dhcpOptionsId,
    InstanceTenancy: row.instanceTenancy,
    IsDefault: row.isDefault,
    Tags: tagList(db, row.vpcId),
  };
}

type State = 'associated' | 'disassociating';

export function renderBlock(one: VpcRow['cidrAssociations'][number], State: State): VpcCidrBlockAssociation {
  return { AssociationId: one.associationId, CidrBlock: one.cidrBlock, CidrBlockState: { State } };
}

export function renderIpv6Block(one: VpcIpv6Association, State: State): VpcIpv6CidrBlockAssociation {
  return {
    AssociationId: one.associationId,
    Ipv6CidrBlock: one.ipv6CidrBlock,
    Ipv6CidrBlockState: { State },
    NetworkBorderGroup: one.networkBorderGroup,
    Ipv6Pool: one.ipv6Pool,
    Ipv6AddressAttribute: 'public',
    IpSource: one.ipv6Pool === 'Amazon' ? 'amazon' : 'byoip',
  };
}

const ofIpv6 = (read: (one: VpcIpv6Association) => string) => (row: VpcRow) => (row.ipv6Associations ?? []).map(read);

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcs.html */
export const vpcFilters: FilterTable<VpcRow> = {
  cidr: row => row.cidrBlock,
  cidrBlock: row => row.cidrBlock,
  'cidr-block': row => row.cidrBlock,
  'cidr-block-association.cidr-block': row => row.cidrAssociations.map(one => one.cidrBlock),
  'cidr-block-association.association-id': row => row.cidrAssociations.map(one => one.associationId),
  'cidr-block-association.state': row => row.cidrAssociations.map(() => 'associated'),
  'dhcp-options-id': row => row.dhcpOptionsId,
  dhcpOptionsId: row => row.dhcpOptionsId,
  'ipv6-cidr-block-association.ipv6-cidr-block': ofIpv6(one => one.ipv6CidrBlock),
  'ipv6-cidr-block-association.ipv6-pool': ofIpv6(one => one.ipv6Pool),
  'ipv6-cidr-block-association.association-id': ofIpv6(one => one.associationId),
  'ipv6-cidr-block-association.state': ofIpv6(() => 'associated'),
  'is-default': row => row.isDefault,
  isDefault: row => row.isDefault,
  'owner-id': row => accountOf(row.owner),
  state: row => row.state,
  'vpc-id': row => row.vpcId,
};
