import { newId } from '../../api/ids.ts';
import type { State, Tx } from '../../state/state.ts';
import { defineTable } from '../../state/table.ts';
import { internetGateways } from '../internet-gateways/model.ts';
import { parseCidr } from '../network-interfaces/ipv4.ts';
import { type Zone, zonesOf } from '../regions/zones.ts';
import { routeTables } from '../route-tables/model.ts';
import { createSubnetRow } from '../subnets/create.ts';
import { type SubnetRow, subnets } from '../subnets/model.ts';
import { createVpcRow } from './create.ts';
import type { VpcRow } from './model.ts';

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
  const vpc = createVpcRow(tx, owner, vpcCidr, true);
  const internetGatewayId = newId('igw');
  tx.put(internetGateways, { internetGatewayId, owner, vpcId: vpc.vpcId });
  const main = tx.firstBy(routeTables, 'main', vpc.vpcId);
  if (main === undefined) throw new Error('a new VPC has a main route table');
  const toInternet = {
    destinationCidrBlock: '0.0.0.0/0',
    gatewayId: internetGatewayId,
    origin: 'CreateRoute',
  } as const;
  tx.put(routeTables, { ...main, routes: [toInternet] });
  for (const zone of zonesOf(region)) createDefaultSubnet(tx, vpc, zone);
  return vpc.vpcId;
}

/** The default subnet of a zone: the first free /20 of the VPC's block. @returns undefined when none is free. */
export function createDefaultSubnet(tx: Tx, vpc: VpcRow, zone: Zone): SubnetRow | undefined {
  const taken = tx.by(subnets, 'vpc', vpc.vpcId).flatMap(one => parseCidr(one.cidrBlock) ?? []);
  for (let index = 0; index < 16; index++) {
    const cidrBlock = `172.31.${index * 16}.0/20`;
    const cidr = parseCidr(cidrBlock);
    if (cidr === undefined || taken.some(one => one.first <= cidr.last && cidr.first <= one.last)) continue;
    return createSubnetRow(tx, vpc, { cidrBlock, zone, isDefault: true });
  }
  return undefined;
}
