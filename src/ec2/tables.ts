import type { AnyTable } from '../state/state.ts';
import { addresses, addressTransfers } from './addresses/model.ts';
import { byoipCidrs } from './byoip/model.ts';
import { dhcpOptions } from './dhcp-options/model.ts';
import { ebsEncryption } from './ebs-encryption/model.ts';
import { egressOnlyInternetGateways } from './egress-only-gateways/model.ts';
import { fastSnapshotRestores } from './fast-snapshot-restores/model.ts';
import { flowLogs } from './flow-logs/model.ts';
import { fastLaunchChoices } from './images/fast-launch.ts';
import { images } from './images/model.ts';
import { imageSettings } from './images/settings.ts';
import { instances, metadataDefaults } from './instances/model.ts';
import { internetGateways } from './internet-gateways/model.ts';
import { keyPairs } from './key-pairs/model.ts';
import { natGateways } from './nat-gateways/model.ts';
import { networkAcls } from './network-acls/model.ts';
import { networkInterfaces } from './network-interfaces/model.ts';
import { networkInterfacePermissions } from './network-interfaces/permissions.ts';
import { prefixLists, prefixListVersions } from './prefix-lists/model.ts';
import { networkInsightsAnalyses, networkInsightsPaths } from './reachability/model.ts';
import { replaceRootVolumeTasks } from './replace-root-volume/model.ts';
import { routeTables } from './route-tables/model.ts';
import { securityGroupRules, securityGroups } from './security-groups/model.ts';
import { snapshotPublicAccess, snapshots } from './snapshots/model.ts';
import { subnetCidrReservations, subnets } from './subnets/model.ts';
import { resourceTags } from './tags/model.ts';
import { exportTasks, importTasks } from './vm-import/model.ts';
import { restoreTasks, storeTasks } from './vm-import/store-model.ts';
import { volumes } from './volumes/model.ts';
import { volumeModifications } from './volumes/modifications.ts';
import { vpcEndpoints } from './vpc-endpoints/model.ts';
import { vpcPeeringConnections } from './vpc-peering/model.ts';
import { preparedRegions } from './vpcs/default-vpc.ts';
import { vpcs } from './vpcs/model.ts';

/** Every table of EC2. */
export const ec2Tables: readonly AnyTable[] = [
  addressTransfers,
  addresses,
  byoipCidrs,
  dhcpOptions,
  ebsEncryption,
  egressOnlyInternetGateways,
  exportTasks,
  fastLaunchChoices,
  fastSnapshotRestores,
  flowLogs,
  imageSettings,
  images,
  importTasks,
  instances,
  internetGateways,
  keyPairs,
  metadataDefaults,
  natGateways,
  networkAcls,
  networkInterfacePermissions,
  networkInsightsAnalyses,
  networkInsightsPaths,
  networkInterfaces,
  prefixListVersions,
  prefixLists,
  preparedRegions,
  resourceTags,
  replaceRootVolumeTasks,
  routeTables,
  restoreTasks,
  securityGroupRules,
  securityGroups,
  snapshotPublicAccess,
  snapshots,
  storeTasks,
  subnetCidrReservations,
  subnets,
  volumes,
  volumeModifications,
  vpcEndpoints,
  vpcPeeringConnections,
  vpcs,
];
