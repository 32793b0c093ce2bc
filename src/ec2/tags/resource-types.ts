import { ApiError } from '../../api/errors.ts';
import { checkId, type IdKind, idKinds, throwNotFound } from '../../api/ids.ts';
import type { ReadContext } from '../../api/operation.ts';
import type { AnyTable, Reader } from '../../state/state.ts';
import type { Table } from '../../state/table.ts';
import { addresses } from '../addresses/model.ts';
import { byoipCidrs } from '../byoip/model.ts';
import { dhcpOptions } from '../dhcp-options/model.ts';
import { egressOnlyInternetGateways } from '../egress-only-gateways/model.ts';
import { flowLogs } from '../flow-logs/model.ts';
import { images } from '../images/model.ts';
import { instances } from '../instances/model.ts';
import { internetGateways } from '../internet-gateways/model.ts';
import { keyPairs } from '../key-pairs/model.ts';
import { natGateways } from '../nat-gateways/model.ts';
import { networkAcls } from '../network-acls/model.ts';
import { networkInterfaces } from '../network-interfaces/model.ts';
import { prefixLists } from '../prefix-lists/model.ts';
import { networkInsightsAnalyses, networkInsightsPaths } from '../reachability/model.ts';
import { replaceRootVolumeTasks } from '../replace-root-volume/model.ts';
import { routeTables } from '../route-tables/model.ts';
import { securityGroupRules, securityGroups } from '../security-groups/model.ts';
import { isPublicSnapshot } from '../snapshots/access.ts';
import { type SnapshotRow, snapshots } from '../snapshots/model.ts';
import { subnetCidrReservations, subnets } from '../subnets/model.ts';
import { exportTasks, importTasks } from '../vm-import/model.ts';
import { volumes } from '../volumes/model.ts';
import { vpcEndpoints } from '../vpc-endpoints/model.ts';
import { vpcPeeringConnections } from '../vpc-peering/model.ts';
import { vpcs } from '../vpcs/model.ts';

/** A kind of resource that can have tags. */
export interface ResourceType {
  /** As in `TagSpecification.ResourceType`. */
  readonly name: string;
  readonly kind: IdKind;
  readonly table: Table<{ readonly owner: string }>;
  /** Whether everybody may use a row of it. */
  readonly isPublic: (db: Reader, row: object) => boolean;
}

function type(name: string, kind: IdKind, table: AnyTable, isPublic = isMarkedPublic): ResourceType {
  return { name, kind, table, isPublic };
}

function isMarkedPublic(_db: Reader, row: object): boolean {
  return ('public' in row && row.public === true) || ('ownerAlias' in row && row.ownerAlias !== undefined);
}

/** Every taggable resource that exists here. A new resource adds one line. */
export const resourceTypes: readonly ResourceType[] = [
  type('dhcp-options', idKinds.dhcpOptions, dhcpOptions),
  type('egress-only-internet-gateway', idKinds.egressOnlyInternetGateway, egressOnlyInternetGateways),
  type('elastic-ip', idKinds.elasticIp, addresses),
  type('export-image-task', idKinds.exportImageTask, exportTasks),
  type('image', idKinds.image, images),
  type('import-image-task', idKinds.importImageTask, importTasks),
  type('import-snapshot-task', idKinds.importSnapshotTask, importTasks),
  type('instance', idKinds.instance, instances),
  type('internet-gateway', idKinds.internetGateway, internetGateways),
  type('ipv4pool-ec2', idKinds.publicIpv4Pool, byoipCidrs),
  type('ipv6pool-ec2', idKinds.ipv6Pool, byoipCidrs),
  type('key-pair', idKinds.keyPair, keyPairs),
  type('natgateway', idKinds.natGateway, natGateways),
  type('network-acl', idKinds.networkAcl, networkAcls),
  type('network-insights-analysis', idKinds.networkInsightsAnalysis, networkInsightsAnalyses),
  type('network-insights-path', idKinds.networkInsightsPath, networkInsightsPaths),
  type('network-interface', idKinds.networkInterface, networkInterfaces),
  type('prefix-list', idKinds.prefixList, prefixLists),
  type('replace-root-volume-task', idKinds.replaceRootVolumeTask, replaceRootVolumeTasks),
  type('route-table', idKinds.routeTable, routeTables),
  type('security-group', idKinds.securityGroup, securityGroups),
  type('security-group-rule', idKinds.securityGroupRule, securityGroupRules),
  type('snapshot', idKinds.snapshot, snapshots, (db, row) => isPublicSnapshot(db, row as SnapshotRow)),
  type('subnet', idKinds.subnet, subnets),
  type('subnet-cidr-reservation', idKinds.subnetCidrReservation, subnetCidrReservations),
  type('volume', idKinds.volume, volumes),
  type('vpc', idKinds.vpc, vpcs),
  type('vpc-flow-log', idKinds.flowLog, flowLogs),
  type('vpc-endpoint', idKinds.vpcEndpoint, vpcEndpoints),
  type('vpc-peering-connection', idKinds.vpcPeeringConnection, vpcPeeringConnections),
];

const byPrefix = new Map(resourceTypes.map(one => [one.kind.prefix, one]));

/** The type that an id belongs to by its prefix. */
export function findResourceType(id: string): ResourceType | undefined {
  return byPrefix.get(id.slice(0, id.lastIndexOf('-')));
}

/** The type that an id belongs to by its prefix. @throws ApiError `InvalidID` when there is none. */
function resourceTypeOf(id: string): ResourceType {
  const found = findResourceType(id);
  if (found === undefined) throw new ApiError('InvalidID', `The ID '${id}' is not valid`);
  return found;
}

/** A resource that the caller may put tags on. */
export interface TaggedResource {
  readonly type: ResourceType;
  /** For the row of tags. */
  readonly shared: { readonly shared?: true };
}

/** Whether a resource of another account's is the caller's as well: a peering connection belongs to both sides. */
export function isSharedWith(row: { readonly owner: string }, owner: string): boolean {
  if (row.owner === owner || !('accepter' in row) || !('status' in row) || row.status === 'failed') return false;
  const { accepter } = row;
  return typeof accepter === 'object' && accepter !== null && 'owner' in accepter && accepter.owner === owner;
}

/**
 * A resource of the caller, with its type.
 * @throws ApiError `InvalidID`, `.Malformed` and `.NotFound` of its kind, `UnsupportedOperation` when it is shared.
 */
export function ownResource(context: Pick<ReadContext, 'db' | 'owner'>, id: string): TaggedResource {
  const found = resourceTypeOf(id);
  checkId(found.kind, id);
  const row = context.db.get(found.table, id);
  if (row === undefined || ('recycleBin' in row && row.recycleBin !== undefined)) throwNotFound(found.kind, [id]);
  if (row.owner === context.owner) return { type: found, shared: {} };
  if (isSharedWith(row, context.owner)) return { type: found, shared: { shared: true } };
  if (found.isPublic(context.db, row)) {
    throw new ApiError(
      'UnsupportedOperation',
      `${id} belongs to another account and is shared with you; tags of your own on it are not supported yet.`,
    );
  }
  throwNotFound(found.kind, [id]);
}
