import type {
  CreateDefaultSubnetRequest,
  CreateDefaultSubnetResult,
  CreateSubnetRequest,
  CreateSubnetResult,
  DeleteSubnetRequest,
  DescribeSubnetsRequest,
  DescribeSubnetsResult,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds } from '../../api/ids.ts';
import { type AnyOperation, readOperation, writeOperation } from '../../api/operation.ts';
import { describeOwn } from '../describe.ts';
import { networkAcls } from '../network-acls/model.ts';
import { networkInterfaces } from '../network-interfaces/model.ts';
import { checkLimit, networkLimits } from '../network-limits.ts';
import { zonesOf } from '../regions/zones.ts';
import { routeTables } from '../route-tables/model.ts';
import { addTags, parseTagSpecifications, removeAllTags } from '../tags/model.ts';
import { createDefaultSubnet } from '../vpcs/default-vpc.ts';
import { vpcs } from '../vpcs/model.ts';
import { subnetAttributeOperations } from './attributes.ts';
import { subnetBlock, subnetIpv6Block } from './blocks.ts';
import { createSubnetRow } from './create.ts';
import { subnetCidrReservations, subnets } from './model.ts';
import { renderSubnet, subnetFilters } from './render.ts';
import { reservationOperations } from './reservations.ts';
import { zoneOf } from './zone.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSubnet.html */
const createSubnet = writeOperation<CreateSubnetRequest, CreateSubnetResult>({
  service: 'ec2',
  name: 'CreateSubnet',
  resources: (input, context) => [arn(context, 'subnet'), arn(context, 'vpc', input.VpcId)],
  run: (input, context) => {
    const { db, owner, region } = context;
    refuseUnsupported(input);
    const vpc = findById(context, vpcs, idKinds.vpc, input.VpcId ?? '');
    const zone = zoneOf(region, input) ?? zonesOf(region)[0];
    if (zone === undefined) throw new Error(`${region} has no zones`);
    const tags = parseTagSpecifications(input.TagSpecifications, ['subnet']).subnet ?? {};
    if (input.CidrBlock === undefined)
      throw new ApiError('MissingParameter', 'The request must contain the parameter cidrBlock');
    const cidrBlock = subnetBlock(db, vpc, input.CidrBlock);
    const ipv6CidrBlock = input.Ipv6CidrBlock === undefined ? undefined : subnetIpv6Block(db, vpc, input.Ipv6CidrBlock);
    const present = db.countBy(subnets, 'vpc', vpc.vpcId);
    checkLimit(present, networkLimits.subnetsPerVpc, 'SubnetLimitExceeded', `subnets of ${vpc.vpcId}`);
    const row = createSubnetRow(db, vpc, { cidrBlock, ipv6CidrBlock, zone, isDefault: false });
    addTags(db, { resourceId: row.subnetId, resourceType: 'subnet', owner }, tags);
    return { Subnet: renderSubnet(db, row) };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateDefaultSubnet.html */
const createDefault = writeOperation<CreateDefaultSubnetRequest, CreateDefaultSubnetResult>({
  service: 'ec2',
  name: 'CreateDefaultSubnet',
  resources: () => ['*'],
  run: (input, context) => {
    const { db, owner } = context;
    if (input.Ipv6Native === true)
      throw new ApiError('UnsupportedOperation', 'IPv6-only subnets are not supported by this version of Fogbank.');
    const zone = zoneOf(context.region, input);
    if (zone === undefined)
      throw new ApiError('MissingParameter', 'The request must contain the parameter availabilityZone');
    const vpc = db.firstBy(vpcs, 'default', owner);
    if (vpc === undefined)
      throw new ApiError('DefaultVpcDoesNotExist', 'No default VPC exists in this account for this region.');
    if (db.countBy(subnets, 'defaultForZone', `${owner}/${zone.name}`) > 0) {
      throw new ApiError(
        'DefaultSubnetAlreadyExistsInAvailabilityZone',
        `A default subnet already exists in the availability zone ${zone.name}.`,
      );
    }
    const row = createDefaultSubnet(db, vpc, zone);
    if (row === undefined)
      throw new ApiError('InvalidSubnet.Conflict', `There is no free /20 in ${vpc.cidrBlock} for a default subnet.`);
    return { Subnet: renderSubnet(db, row) };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSubnet.html */
const deleteSubnet = writeOperation<DeleteSubnetRequest, object>({
  service: 'ec2',
  name: 'DeleteSubnet',
  resources: (input, context) => [arn(context, 'subnet', input.SubnetId)],
  run: (input, context) => {
    const { db } = context;
    const { subnetId } = findById(context, subnets, idKinds.subnet, input.SubnetId ?? '');
    if (db.countBy(networkInterfaces, 'subnet', subnetId) > 0) {
      throw new ApiError(
        'DependencyViolation',
        `The subnet '${subnetId}' has dependencies and cannot be deleted: it has network interfaces.`,
      );
    }
    for (const table of db.by(routeTables, 'subnet', subnetId)) {
      db.put(routeTables, { ...table, associations: table.associations.filter(one => one.subnetId !== subnetId) });
    }
    for (const acl of db.by(networkAcls, 'subnet', subnetId)) {
      db.put(networkAcls, { ...acl, associations: acl.associations.filter(one => one.subnetId !== subnetId) });
    }
    for (const one of db.by(subnetCidrReservations, 'subnet', subnetId)) {
      db.delete(subnetCidrReservations, one.subnetCidrReservationId);
      removeAllTags(db, one.subnetCidrReservationId);
    }
    db.delete(subnets, subnetId);
    removeAllTags(db, subnetId);
    return {};
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSubnets.html */
const describeSubnets = readOperation<DescribeSubnetsRequest, DescribeSubnetsResult>({
  service: 'ec2',
  name: 'DescribeSubnets',
  resources: () => ['*'],
  run: (input, context) => {
    const page = describeOwn(context, input, {
      table: subnets,
      kind: idKinds.subnet,
      ids: input.SubnetIds,
      filters: subnetFilters(context.db),
      keyFilter: 'subnet-id',
      indexed: { 'vpc-id': 'vpc', 'ipv6-cidr-block-association.association-id': 'cidrAssociation' },
    });
    return { Subnets: page.rows.map(row => renderSubnet(context.db, row)), NextToken: page.nextToken };
  },
});

function refuseUnsupported(input: CreateSubnetRequest): void {
  const member = (
    ['OutpostArn', 'Ipv4IpamPoolId', 'Ipv4NetmaskLength', 'Ipv6IpamPoolId', 'Ipv6NetmaskLength'] as const
  ).find(name => input[name] !== undefined);
  if (member !== undefined)
    throw new ApiError('UnsupportedOperation', `The parameter ${member} is not supported by this version of Fogbank.`);
  if (input.Ipv6Native === true)
    throw new ApiError('UnsupportedOperation', 'IPv6-only subnets are not supported by this version of Fogbank.');
}

export const subnetOperations: readonly AnyOperation[] = [
  createSubnet,
  createDefault,
  deleteSubnet,
  describeSubnets,
  ...subnetAttributeOperations,
  ...reservationOperations,
];
