import { ApiError } from '../../api/errors.ts';
import type { WriteContext } from '../../api/operation.ts';
import type { Reader } from '../../state/state.ts';
import { egressOnlyInternetGateways } from '../egress-only-gateways/model.ts';
import { internetGateways } from '../internet-gateways/model.ts';
import { networkAcls } from '../network-acls/model.ts';
import { networkInterfaces } from '../network-interfaces/model.ts';
import { routeTables } from '../route-tables/model.ts';
import { securityGroupRules, securityGroups } from '../security-groups/model.ts';
import { removeRule } from '../security-groups/rules.ts';
import { subnets } from '../subnets/model.ts';
import { removeAllTags } from '../tags/model.ts';
import { vpcEndpoints } from '../vpc-endpoints/model.ts';
import { vpcPeeringConnections } from '../vpc-peering/model.ts';
import { type VpcRow, vpcs } from './model.ts';

/**
 * Deletes a VPC with what it came with: main route table, default network ACL, group `default`.
 * @throws ApiError `DependencyViolation` while anything else is in it.
 */
export function deleteVpcWithParts(context: WriteContext, vpc: VpcRow): void {
  const { db } = context;
  const { vpcId } = vpc;
  const dependent = dependents(db, vpcId)[0];
  if (dependent !== undefined) {
    throw new ApiError(
      'DependencyViolation',
      `The vpc '${vpcId}' has dependencies and cannot be deleted: ${dependent}.`,
    );
  }
  for (const row of db.by(routeTables, 'vpc', vpcId)) {
    db.delete(routeTables, row.routeTableId);
    removeAllTags(db, row.routeTableId);
  }
  for (const row of db.by(networkAcls, 'vpc', vpcId)) {
    db.delete(networkAcls, row.networkAclId);
    removeAllTags(db, row.networkAclId);
  }
  for (const row of db.by(securityGroups, 'vpc', vpcId)) {
    for (const rule of db.by(securityGroupRules, 'group', row.groupId)) removeRule(context, rule);
    db.delete(securityGroups, row.groupId);
    removeAllTags(db, row.groupId);
  }
  db.delete(vpcs, vpcId);
  removeAllTags(db, vpcId);
}

/** Ids of what must go before the VPC can. */
function dependents(db: Reader, vpcId: string): string[] {
  return [
    ...db.by(subnets, 'vpc', vpcId).map(row => row.subnetId),
    ...db.by(networkInterfaces, 'vpc', vpcId).map(row => row.networkInterfaceId),
    ...db.by(internetGateways, 'vpc', vpcId).map(row => row.internetGatewayId),
    ...db.by(egressOnlyInternetGateways, 'vpc', vpcId).map(row => row.egressOnlyInternetGatewayId),
    ...db.by(vpcEndpoints, 'vpc', vpcId).map(row => row.vpcEndpointId),
    ...db.by(vpcPeeringConnections, 'activeVpc', vpcId).map(row => row.vpcPeeringConnectionId),
    ...db
      .by(routeTables, 'vpc', vpcId)
      .filter(row => !row.associations.some(one => one.main))
      .map(row => row.routeTableId),
    ...db
      .by(networkAcls, 'vpc', vpcId)
      .filter(row => !row.isDefault)
      .map(row => row.networkAclId),
    ...db
      .by(securityGroups, 'vpc', vpcId)
      .filter(row => row.groupName !== 'default')
      .map(row => row.groupId),
  ];
}
