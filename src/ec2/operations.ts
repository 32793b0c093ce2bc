import type { AnyOperation } from '../api/operation.ts';
import { addressOperations } from './addresses/operations.ts';
import { byoipOperations } from './byoip/operations.ts';
import { dhcpOptionsOperations } from './dhcp-options/operations.ts';
import { ebsEncryptionOperations } from './ebs-encryption/operations.ts';
import { egressOnlyGatewayOperations } from './egress-only-gateways/operations.ts';
import { fastSnapshotRestoreOperations } from './fast-snapshot-restores/operations.ts';
import { flowLogOperations } from './flow-logs/operations.ts';
import { imageOperations } from './images/operations.ts';
import { instanceProfileOperations } from './instance-profiles/operations.ts';
import { instanceTypeOperations } from './instance-types/operations.ts';
import { instanceOperations } from './instances/operations.ts';
import { internetGatewayOperations } from './internet-gateways/operations.ts';
import { keyPairOperations } from './key-pairs/operations.ts';
import { natGatewayOperations } from './nat-gateways/operations.ts';
import { networkAclOperations } from './network-acls/operations.ts';
import { networkInterfaceOperations } from './network-interfaces/operations.ts';
import { prefixListOperations } from './prefix-lists/operations.ts';
import { reachabilityOperations } from './reachability/operations.ts';
import { accountAttributeOperations } from './regions/account-attributes.ts';
import { regionOperations } from './regions/operations.ts';
import { replaceRootVolumeOperations } from './replace-root-volume/operations.ts';
import { routeTableOperations } from './route-tables/operations.ts';
import { securityGroupOperations } from './security-groups/operations.ts';
import { snapshotOperations } from './snapshots/operations.ts';
import { subnetOperations } from './subnets/operations.ts';
import { tagOperations } from './tags/operations.ts';
import { vmImportOperations } from './vm-import/operations.ts';
import { volumeOperations } from './volumes/operations.ts';
import { vpcEndpointOperations } from './vpc-endpoints/operations.ts';
import { vpcPeeringOperations } from './vpc-peering/operations.ts';
import { vpcOperations } from './vpcs/operations.ts';

/** Every EC2 operation, by resource. A new resource adds one line. */
export const ec2Operations: readonly AnyOperation[] = [
  ...addressOperations,
  ...byoipOperations,
  ...accountAttributeOperations,
  ...imageOperations,
  ...instanceOperations,
  ...instanceProfileOperations,
  ...instanceTypeOperations,
  ...keyPairOperations,
  ...regionOperations,
  ...dhcpOptionsOperations,
  ...ebsEncryptionOperations,
  ...egressOnlyGatewayOperations,
  ...fastSnapshotRestoreOperations,
  ...flowLogOperations,
  ...internetGatewayOperations,
  ...natGatewayOperations,
  ...networkAclOperations,
  ...networkInterfaceOperations,
  ...prefixListOperations,
  ...reachabilityOperations,
  ...replaceRootVolumeOperations,
  ...routeTableOperations,
  ...securityGroupOperations,
  ...snapshotOperations,
  ...subnetOperations,
  ...tagOperations,
  ...volumeOperations,
  ...vmImportOperations,
  ...vpcOperations,
  ...vpcEndpointOperations,
  ...vpcPeeringOperations,
];
