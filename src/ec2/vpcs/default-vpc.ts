import { newId } from '../../api/ids.ts';
import type { State, Tx } from '../../state/state.ts';
import { defineTable } from '../../state/table.ts';
import { dhcpOptions } from '../dhcp-options/model.ts';
import { internetGateways } from '../internet-gateways/model.ts';
import { networkAcls } from '../network-acls/model.ts';
import { internalDomain, zonesOf } from '../regions/zones.ts';
import { routeTables } from '../route-tables/model.ts';
import { createDefaultGroup } from '../security-groups/default-group.ts';
import { subnets } from '../subnets/model.ts';
import { vpcs } from './model.ts';

/** Which accounts have been in which Regions, so that a default VPC that was deleted is not made again. */
export interface PreparedRegionRow {
  readonly owner: string;
  readonly since: number;
}

export const preparedRegions = defineTable<PreparedRegionRow>()({
  name: 'prepared_regions',
  key: row => row.owner,
  indexes: {},
});

const vpcCidr = '172.31.0.0/16';

/** Gives an account its default VPC when it first comes to a Region. */
export function prepareRegion(state: State, account: string, region: string, now: number): void {
  const owner = `${account}/${region}`;
  if (state.get(preparedRegions, owner) !== undefined) return;
  state.write(tx => {
    tx.put(preparedRegions, { owner, since: now });
    createDefaultVpc(tx, account, region);
  });
}

/**
 * A VPC 172.31.0.0/16 with a /20 subnet in each zone, an internet gateway and routes to it, and default DHCP
 * options, network ACL and security group.
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc-components.html
 */
export function createDefaultVpc(tx: Tx, account: string, region: string): string {
  const owner = `${account}/${region}`;
  const vpcId = newId('vpc');
  const dhcpOptionsId = newId('dopt');
  tx.put(dhcpOptions, {
    dhcpOptionsId,
    owner,
    configurations: { 'domain-name': [internalDomain(region)], 'domain-name-servers': ['AmazonProvidedDNS'] },
  });
  tx.put(vpcs, {
    vpcId,
    owner,
    cidrBlock: vpcCidr,
    cidrAssociations: [{ associationId: newId('vpc-cidr-assoc'), cidrBlock: vpcCidr }],
    isDefault: true,
    dhcpOptionsId,
    instanceTenancy: 'default',
    enableDnsSupport: true,
    enableDnsHostnames: true,
    state: 'available',
  });
  const internetGatewayId = newId('igw');
  tx.put(internetGateways, { internetGatewayId, owner, vpcId });
  tx.put(routeTables, {
    routeTableId: newId('rtb'),
    owner,
    vpcId,
    associations: [{ associationId: newId('rtbassoc'), main: true }],
    routes: [
      { destinationCidrBlock: '0.0.0.0/0', gatewayId: internetGatewayId, origin: 'CreateRoute', state: 'active' },
    ],
  });
  const subnetIds: string[] = [];
  for (const [index, zone] of zonesOf(region).entries()) {
    const subnetId = newId('subnet');
    subnetIds.push(subnetId);
    tx.put(subnets, {
      subnetId,
      owner,
      vpcId,
      cidrBlock: `172.31.${index * 16}.0/20`,
      availabilityZone: zone.name,
      availabilityZoneId: zone.id,
      defaultForAz: true,
      mapPublicIpOnLaunch: true,
      hostnameType: 'ip-name',
      enableResourceNameDnsARecord: false,
      state: 'available',
    });
  }
  tx.put(networkAcls, {
    networkAclId: newId('acl'),
    owner,
    vpcId,
    isDefault: true,
    associations: subnetIds.map(subnetId => ({ associationId: newId('aclassoc'), subnetId })),
  });
  createDefaultGroup(tx, owner, vpcId);
  return vpcId;
}
