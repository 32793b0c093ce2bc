import { newId } from '../../api/ids.ts';
import { regionOf } from '../../api/owner.ts';
import type { Tx } from '../../state/state.ts';
import { type DhcpOptionsRow, dhcpOptions } from '../dhcp-options/model.ts';
import { defaultEntries, networkAcls } from '../network-acls/model.ts';
import { internalDomain } from '../regions/zones.ts';
import { routeTables } from '../route-tables/model.ts';
import { createDefaultGroup } from '../security-groups/default-group.ts';
import { type VpcRow, vpcs } from './model.ts';

/**
 * Makes a VPC with what every VPC comes with: a main route table, a network ACL that lets everything pass, the security
 * group `default`.
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/create-vpc.html
 */
export function createVpcRow(tx: Tx, owner: string, cidrBlock: string, isDefault: boolean): VpcRow {
  const vpcId = newId('vpc');
  const row: VpcRow = {
    vpcId,
    owner,
    cidrBlock,
    cidrAssociations: [{ associationId: newId('vpc-cidr-assoc'), cidrBlock }],
    isDefault,
    dhcpOptionsId: defaultDhcpOptions(tx, owner),
    instanceTenancy: 'default',
    enableDnsSupport: true,
    enableDnsHostnames: isDefault,
    state: 'available',
  };
  tx.put(vpcs, row);
  tx.put(routeTables, {
    routeTableId: newId('rtb'),
    owner,
    vpcId,
    associations: [{ associationId: newId('rtbassoc'), main: true }],
    routes: [],
  });
  tx.put(networkAcls, {
    networkAclId: newId('acl'),
    owner,
    vpcId,
    isDefault: true,
    associations: [],
    entries: defaultEntries,
  });
  createDefaultGroup(tx, owner, vpcId);
  return row;
}

/** The DHCP options of new VPCs in a Region; made when the account has none such. */
function defaultDhcpOptions(tx: Tx, owner: string): string {
  const configurations: DhcpOptionsRow['configurations'] = {
    'domain-name': [internalDomain(regionOf(owner))],
    'domain-name-servers': ['AmazonProvidedDNS'],
  };
  const text = JSON.stringify(configurations);
  const present = tx.by(dhcpOptions, 'owner', owner).find(row => JSON.stringify(row.configurations) === text);
  if (present !== undefined) return present.dhcpOptionsId;
  const dhcpOptionsId = newId('dopt');
  tx.put(dhcpOptions, { dhcpOptionsId, owner, configurations });
  return dhcpOptionsId;
}
