import type {
  CreateSubnetCidrReservationRequest,
  CreateSubnetCidrReservationResult,
  DeleteSubnetCidrReservationRequest,
  DeleteSubnetCidrReservationResult,
  GetSubnetCidrReservationsRequest,
  GetSubnetCidrReservationsResult,
  SubnetCidrReservation,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { compileFilters, type FilterTable } from '../../api/filters.ts';
import { findById, idKinds, newId } from '../../api/ids.ts';
import { type AnyOperation, readOperation, writeOperation } from '../../api/operation.ts';
import { accountOf } from '../../api/owner.ts';
import { paginateArray } from '../../api/pagination.ts';
import type { Reader } from '../../state/state.ts';
import { formatCidr, inside, overlap, parseCidr } from '../network-interfaces/ipv4.ts';
import { canonicalIpv6Cidr, inside6, overlap6, parseCidr6 } from '../network-interfaces/ipv6.ts';
import { addTags, parseTagSpecifications, removeAllTags, tagList, tagsOf } from '../tags/model.ts';
import { type SubnetCidrReservationRow, type SubnetRow, subnetCidrReservations, subnets } from './model.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSubnetCidrReservation.html */
const createSubnetCidrReservation = writeOperation<
  CreateSubnetCidrReservationRequest,
  CreateSubnetCidrReservationResult
>({
  service: 'ec2',
  name: 'CreateSubnetCidrReservation',
  resources: (input, context) => [arn(context, 'subnet', input.SubnetId)],
  run: (input, context) => {
    const { db, owner } = context;
    const subnet = findById(context, subnets, idKinds.subnet, input.SubnetId ?? '');
    const { ReservationType: reservationType, Description: description } = input;
    if (reservationType !== 'prefix' && reservationType !== 'explicit') {
      throw new ApiError(
        'InvalidParameterValue',
        `Value (${String(reservationType)}) for parameter reservationType is invalid. Use prefix or explicit.`,
      );
    }
    const tags =
      parseTagSpecifications(input.TagSpecifications, ['subnet-cidr-reservation'])['subnet-cidr-reservation'] ?? {};
    const row: SubnetCidrReservationRow = {
      subnetCidrReservationId: newId('scr'),
      owner,
      subnetId: subnet.subnetId,
      cidr: reservedBlock(db, subnet, input.Cidr ?? ''),
      reservationType,
      ...(description === undefined ? {} : { description }),
    };
    db.put(subnetCidrReservations, row);
    addTags(db, { resourceId: row.subnetCidrReservationId, resourceType: 'subnet-cidr-reservation', owner }, tags);
    return { SubnetCidrReservation: render(db, row) };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSubnetCidrReservation.html */
const deleteSubnetCidrReservation = writeOperation<
  DeleteSubnetCidrReservationRequest,
  DeleteSubnetCidrReservationResult
>({
  service: 'ec2',
  name: 'DeleteSubnetCidrReservation',
  resources: () => ['*'],
  run: (input, context) => {
    const id = input.SubnetCidrReservationId ?? '';
    const row = findById(context, subnetCidrReservations, idKinds.subnetCidrReservation, id);
    const DeletedSubnetCidrReservation = render(context.db, row);
    context.db.delete(subnetCidrReservations, id);
    removeAllTags(context.db, id);
    return { DeletedSubnetCidrReservation };
  },
});

const filters: FilterTable<SubnetCidrReservationRow> = {
  reservationType: row => row.reservationType,
  'subnet-id': row => row.subnetId,
};

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetSubnetCidrReservations.html */
const getSubnetCidrReservations = readOperation<GetSubnetCidrReservationsRequest, GetSubnetCidrReservationsResult>({
  service: 'ec2',
  name: 'GetSubnetCidrReservations',
  resources: () => ['*'],
  run: (input, context) => {
    const { db } = context;
    const { subnetId } = findById(context, subnets, idKinds.subnet, input.SubnetId ?? '');
    const matches = compileFilters(input.Filters, filters, row => tagsOf(db, row.subnetCidrReservationId));
    const rows = db.by(subnetCidrReservations, 'subnet', subnetId).filter(row => matches?.(row) ?? true);
    const page = paginateArray(context, input, rows);
    return {
      SubnetIpv4CidrReservations: page.rows.filter(row => !row.cidr.includes(':')).map(row => render(db, row)),
      SubnetIpv6CidrReservations: page.rows.filter(row => row.cidr.includes(':')).map(row => render(db, row)),
      NextToken: page.nextToken,
    };
  },
});

/** @throws ApiError `InvalidParameterValue` when it is no block, outside of the subnet, or reserved already. */
function reservedBlock(db: Reader, subnet: SubnetRow, text: string): string {
  const present = db.by(subnetCidrReservations, 'subnet', subnet.subnetId);
  const refuse = (why: string): never => {
    throw new ApiError('InvalidParameterValue', `Value (${text}) for parameter cidr is invalid: ${why}.`);
  };
  const ipv4 = parseCidr(text);
  if (ipv4 !== undefined) {
    const own = parseCidr(subnet.cidrBlock);
    if (own === undefined || !inside(ipv4, own)) refuse(`it is not within ${subnet.cidrBlock}`);
    const taken = present.find(one => {
      const other = parseCidr(one.cidr);
      return other !== undefined && overlap(ipv4, other);
    });
    if (taken !== undefined) refuse(`it overlaps the reservation ${taken.cidr}`);
    return formatCidr(ipv4);
  }
  const ipv6 = parseCidr6(text);
  if (ipv6 === undefined) return refuse('this is not a valid CIDR block');
  const within = (subnet.ipv6Associations ?? []).some(one => {
    const own = parseCidr6(one.ipv6CidrBlock);
    return own !== undefined && inside6(ipv6, own);
  });
  if (!within) refuse('it is not within an IPv6 block of the subnet');
  const taken = present.find(one => {
    const other = parseCidr6(one.cidr);
    return other !== undefined && overlap6(ipv6, other);
  });
  if (taken !== undefined) refuse(`it overlaps the reservation ${taken.cidr}`);
  return canonicalIpv6Cidr(text) ?? text;
}

function render(db: Reader, row: SubnetCidrReservationRow): SubnetCidrReservation {
  return {
    SubnetCidrReservationId: row.subnetCidrReservationId,
    SubnetId: row.subnetId,
    Cidr: row.cidr,
    ReservationType: row.reservationType,
    OwnerId: accountOf(row.owner),
    Description: row.description,
    Tags: tagList(db, row.subnetCidrReservationId) ?? [],
  };
}

export const reservationOperations: readonly AnyOperation[] = [
  createSubnetCidrReservation,
  deleteSubnetCidrReservation,
  getSubnetCidrReservations,
];
