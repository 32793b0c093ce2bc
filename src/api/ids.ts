import type { Reader } from '../state/state.ts';
import type { Table } from '../state/table.ts';
import { ApiError } from './errors.ts';
import { randomHex } from './random.ts';

/** How ids of one kind look and which errors speak of them. */
export interface IdKind {
  /** `i`, `vol`, `sg` … */
  readonly prefix: string;
  /** In messages: `The instance ID 'i-…' does not exist`. */
  readonly noun: string;
  readonly malformed: string;
  readonly notFound: string;
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html */
export const idKinds = {
  instance: {
    prefix: 'i',
    noun: 'instance ID',
    malformed: 'InvalidInstanceID.Malformed',
    notFound: 'InvalidInstanceID.NotFound',
  },
  image: { prefix: 'ami', noun: 'image id', malformed: 'InvalidAMIID.Malformed', notFound: 'InvalidAMIID.NotFound' },
  volume: { prefix: 'vol', noun: 'volume', malformed: 'InvalidVolumeID.Malformed', notFound: 'InvalidVolume.NotFound' },
  snapshot: {
    prefix: 'snap',
    noun: 'snapshot',
    malformed: 'InvalidSnapshotID.Malformed',
    notFound: 'InvalidSnapshot.NotFound',
  },
  importImageTask: {
    prefix: 'import-ami',
    noun: 'import task ID',
    malformed: 'InvalidConversionTaskId.Malformed',
    notFound: 'InvalidConversionTaskId',
  },
  importSnapshotTask: {
    prefix: 'import-snap',
    noun: 'import task ID',
    malformed: 'InvalidConversionTaskId.Malformed',
    notFound: 'InvalidConversionTaskId',
  },
  exportImageTask: {
    prefix: 'export-ami',
    noun: 'export task ID',
    malformed: 'InvalidExportTaskID.Malformed',
    notFound: 'InvalidExportTaskID.NotFound',
  },
  replaceRootVolumeTask: {
    prefix: 'replacevol',
    noun: 'replace root volume task ID',
    malformed: 'InvalidReplaceRootVolumeTaskId.Malformed',
    notFound: 'InvalidReplaceRootVolumeTaskId.NotFound',
  },
  vpc: { prefix: 'vpc', noun: 'vpc ID', malformed: 'InvalidVpcID.Malformed', notFound: 'InvalidVpcID.NotFound' },
  subnet: {
    prefix: 'subnet',
    noun: 'subnet ID',
    malformed: 'InvalidSubnetID.Malformed',
    notFound: 'InvalidSubnetID.NotFound',
  },
  securityGroup: {
    prefix: 'sg',
    noun: 'security group',
    malformed: 'InvalidGroupId.Malformed',
    notFound: 'InvalidGroup.NotFound',
  },
  securityGroupRule: {
    prefix: 'sgr',
    noun: 'security group rule ID',
    malformed: 'InvalidSecurityGroupRuleId.Malformed',
    notFound: 'InvalidSecurityGroupRuleId.NotFound',
  },
  networkInterface: {
    prefix: 'eni',
    noun: 'networkInterface ID',
    malformed: 'InvalidNetworkInterfaceId.Malformed',
    notFound: 'InvalidNetworkInterfaceID.NotFound',
  },
  networkInterfacePermission: {
    prefix: 'eni-perm',
    noun: 'networkInterfacePermission ID',
    malformed: 'InvalidNetworkInterfacePermissionId.Malformed',
    notFound: 'InvalidNetworkInterfacePermissionID.NotFound',
  },
  networkInsightsPath: {
    prefix: 'nip',
    noun: 'network insights path ID',
    malformed: 'InvalidNetworkInsightsPathId.Malformed',
    notFound: 'InvalidNetworkInsightsPathId.NotFound',
  },
  networkInsightsAnalysis: {
    prefix: 'nia',
    noun: 'network insights analysis ID',
    malformed: 'InvalidNetworkInsightsAnalysisId.Malformed',
    notFound: 'InvalidNetworkInsightsAnalysisId.NotFound',
  },
  flowLog: {
    prefix: 'fl',
    noun: 'flow log ID',
    malformed: 'InvalidFlowLogId.Malformed',
    notFound: 'InvalidFlowLogId.NotFound',
  },
  internetGateway: {
    prefix: 'igw',
    noun: 'internetGateway ID',
    malformed: 'InvalidInternetGatewayId.Malformed',
    notFound: 'InvalidInternetGatewayID.NotFound',
  },
  routeTable: {
    prefix: 'rtb',
    noun: 'routeTable ID',
    malformed: 'InvalidRouteTableId.Malformed',
    notFound: 'InvalidRouteTableID.NotFound',
  },
  networkAcl: {
    prefix: 'acl',
    noun: 'networkAcl ID',
    malformed: 'InvalidNetworkAclId.Malformed',
    notFound: 'InvalidNetworkAclID.NotFound',
  },
  dhcpOptions: {
    prefix: 'dopt',
    noun: 'dhcpOption ID',
    malformed: 'InvalidDhcpOptionsId.Malformed',
    notFound: 'InvalidDhcpOptionID.NotFound',
  },
  keyPair: {
    prefix: 'key',
    noun: 'key pair ID',
    malformed: 'InvalidKeyPair.Malformed',
    notFound: 'InvalidKeyPair.NotFound',
  },
  egressOnlyInternetGateway: {
    prefix: 'eigw',
    noun: 'egress only internet gateway ID',
    malformed: 'InvalidEgressOnlyInternetGatewayId.Malformed',
    notFound: 'InvalidEgressOnlyInternetGatewayId.NotFound',
  },
  natGateway: {
    prefix: 'nat',
    noun: 'NAT gateway',
    malformed: 'NatGatewayMalformed',
    notFound: 'NatGatewayNotFound',
  },
  vpcPeeringConnection: {
    prefix: 'pcx',
    noun: 'vpcPeeringConnection ID',
    malformed: 'InvalidVpcPeeringConnectionId.Malformed',
    notFound: 'InvalidVpcPeeringConnectionID.NotFound',
  },
  vpcEndpoint: {
    prefix: 'vpce',
    noun: 'vpc endpoint ID',
    malformed: 'InvalidVpcEndpointId.Malformed',
    notFound: 'InvalidVpcEndpointId.NotFound',
  },
  prefixList: {
    prefix: 'pl',
    noun: 'prefix list ID',
    malformed: 'InvalidPrefixListId.Malformed',
    notFound: 'InvalidPrefixListID.NotFound',
  },
  ipv6Pool: {
    prefix: 'ipv6pool-ec2',
    noun: 'pool ID',
    malformed: 'InvalidPoolID.NotFound',
    notFound: 'InvalidPoolID.NotFound',
  },
  publicIpv4Pool: {
    prefix: 'ipv4pool-ec2',
    noun: 'public IPv4 pool ID',
    malformed: 'InvalidPublicIpv4PoolID.NotFound',
    notFound: 'InvalidPublicIpv4PoolID.NotFound',
  },
  elasticIp: {
    prefix: 'eipalloc',
    noun: 'allocation ID',
    malformed: 'InvalidAllocationID.NotFound',
    notFound: 'InvalidAllocationID.NotFound',
  },
  instanceProfileAssociation: {
    prefix: 'iip-assoc',
    noun: 'association ID',
    malformed: 'InvalidAssociationID.NotFound',
    notFound: 'InvalidAssociationID.NotFound',
  },
  subnetCidrReservation: {
    prefix: 'scr',
    noun: 'subnet CIDR reservation ID',
    malformed: 'InvalidSubnetCidrReservationID.Malformed',
    notFound: 'InvalidSubnetCidrReservationID.NotFound',
  },
  launchTemplate: {
    prefix: 'lt',
    noun: 'launch template ID',
    malformed: 'InvalidLaunchTemplateId.Malformed',
    notFound: 'InvalidLaunchTemplateId.NotFound',
  },
} as const satisfies Record<string, IdKind>;

/** A new id such as `i-0a1b2c3d4e5f60718`: the prefix and 17 hexadecimal digits, the first of them 0 as on EC2. */
export function newId(prefix: string): string {
  return `${prefix}-0${randomHex(8)}`;
}

const digits = /^(?:[0-9a-f]{8}|[0-9a-f]{17})$/;

export function isId(kind: IdKind, id: string): boolean {
  return id.startsWith(`${kind.prefix}-`) && digits.test(id.slice(kind.prefix.length + 1));
}

/** @throws ApiError the kind's `.Malformed` code. */
export function checkId(kind: IdKind, id: string): void {
  if (isId(kind, id)) return;
  throw new ApiError(
    kind.malformed,
    `Invalid id: "${id}" (expecting "${kind.prefix}-..." followed by 8 or 17 hexadecimal digits)`,
  );
}

/** @throws ApiError always: the kind's `.NotFound` code, naming the ids. */
export function throwNotFound(kind: IdKind, ids: readonly string[]): never {
  const one = ids.length === 1;
  throw new ApiError(
    kind.notFound,
    `The ${kind.noun}${one ? '' : 's'} '${ids.join(', ')}' ${one ? 'does' : 'do'} not exist`,
  );
}

/**
 * The row of an id, as one caller may see it.
 * @throws ApiError `.Malformed` or `.NotFound` of the kind.
 */
export function findById<Row extends { readonly owner: string }>(
  context: { readonly db: Reader; readonly owner: string },
  table: Table<Row>,
  kind: IdKind,
  id: string,
  visible: (row: Row) => boolean = row => row.owner === context.owner,
): Row {
  checkId(kind, id);
  const row = context.db.get(table, id);
  if (row === undefined || !visible(row)) throwNotFound(kind, [id]);
  return row;
}

/**
 * The rows of several ids, in their order and once each; all missing ones are named in one error.
 * @throws ApiError `.Malformed` or `.NotFound` of the kind.
 */
export function findByIds<Row extends { readonly owner: string }>(
  context: { readonly db: Reader; readonly owner: string },
  table: Table<Row>,
  kind: IdKind,
  ids: readonly string[],
  visible: (row: Row) => boolean = row => row.owner === context.owner,
): Row[] {
  for (const id of ids) checkId(kind, id);
  const rows: Row[] = [];
  const missing: string[] = [];
  for (const id of new Set(ids)) {
    const row = context.db.get(table, id);
    if (row === undefined || !visible(row)) missing.push(id);
    else rows.push(row);
  }
  if (missing.length > 0) throwNotFound(kind, missing);
  return rows;
}
