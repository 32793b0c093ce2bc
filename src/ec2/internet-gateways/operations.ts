import type {
  AttachInternetGatewayRequest,
  CreateInternetGatewayRequest,
  CreateInternetGatewayResult,
  DeleteInternetGatewayRequest,
  DescribeInternetGatewaysRequest,
  DescribeInternetGatewaysResult,
  DetachInternetGatewayRequest,
  InternetGateway,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import type { FilterTable } from '../../api/filters.ts';
import { findById, idKinds, newId } from '../../api/ids.ts';
import { type AnyOperation, type ReadContext, readOperation, writeOperation } from '../../api/operation.ts';
import { accountOf } from '../../api/owner.ts';
import type { Reader } from '../../state/state.ts';
import { describeOwn } from '../describe.ts';
import { networkInterfaces } from '../network-interfaces/model.ts';
import { checkLimit, networkLimits } from '../network-limits.ts';
import { routeTables } from '../route-tables/model.ts';
import { addTags, parseTagSpecifications, removeAllTags, tagList } from '../tags/model.ts';
import { vpcs } from '../vpcs/model.ts';
import { type InternetGatewayRow, internetGateways } from './model.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InternetGateway.html */
export function renderInternetGateway(db: Reader, row: InternetGatewayRow): InternetGateway {
  return {
    InternetGatewayId: row.internetGatewayId,
    OwnerId: accountOf(row.owner),
    // EC2 says `available` here, which is not among the enumerated attachment states.
    Attachments: row.vpcId === undefined ? [] : [{ VpcId: row.vpcId, State: 'available' as 'attached' }],
    Tags: tagList(db, row.internetGatewayId) ?? [],
  };
}

const filters: FilterTable<InternetGatewayRow> = {
  'attachment.state': row => (row.vpcId === undefined ? undefined : 'available'),
  'attachment.vpc-id': row => row.vpcId,
  'internet-gateway-id': row => row.internetGatewayId,
  'owner-id': row => accountOf(row.owner),
};

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInternetGateways.html */
const describeInternetGateways = readOperation<DescribeInternetGatewaysRequest, DescribeInternetGatewaysResult>({
  service: 'ec2',
  name: 'DescribeInternetGateways',
  resources: () => ['*'],
  run: (input, context) => {
    const page = describeOwn(context, input, {
      table: internetGateways,
      kind: idKinds.internetGateway,
      ids: input.InternetGatewayIds,
      filters,
      keyFilter: 'internet-gateway-id',
      indexed: { 'attachment.vpc-id': 'vpc' },
    });
    return {
      InternetGateways: page.rows.map(row => renderInternetGateway(context.db, row)),
      NextToken: page.nextToken,
    };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateInternetGateway.html */
const createInternetGateway = writeOperation<CreateInternetGatewayRequest, CreateInternetGatewayResult>({
  service: 'ec2',
  name: 'CreateInternetGateway',
  resources: (_input, context) => [arn(context, 'internet-gateway')],
  run: (input, context) => {
    const { db, owner } = context;
    const tags = parseTagSpecifications(input.TagSpecifications, ['internet-gateway'])['internet-gateway'] ?? {};
    const present = db.countBy(internetGateways, 'owner', owner);
    checkLimit(present, networkLimits.internetGateways, 'InternetGatewayLimitExceeded', 'internet gateways');
    const row: InternetGatewayRow = { internetGatewayId: newId('igw'), owner };
    db.put(internetGateways, row);
    addTags(db, { resourceId: row.internetGatewayId, resourceType: 'internet-gateway', owner }, tags);
    return { InternetGateway: renderInternetGateway(db, row) };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteInternetGateway.html */
const deleteInternetGateway = writeOperation<DeleteInternetGatewayRequest, object>({
  service: 'ec2',
  name: 'DeleteInternetGateway',
  resources: (input, context) => [arn(context, 'internet-gateway', input.InternetGatewayId)],
  run: (input, context) => {
    const row = findById(context, internetGateways, idKinds.internetGateway, input.InternetGatewayId ?? '');
    if (row.vpcId !== undefined) {
      throw new ApiError(
        'DependencyViolation',
        `The internetGateway '${row.internetGatewayId}' has dependencies and cannot be deleted: it is attached to ${row.vpcId}.`,
      );
    }
    context.db.delete(internetGateways, row.internetGatewayId);
    removeAllTags(context.db, row.internetGatewayId);
    return {};
  },
});

/** What attaching and detaching are about. */
const gatewayAndVpcArns = (input: AttachInternetGatewayRequest, context: ReadContext) => [
  arn(context, 'internet-gateway', input.InternetGatewayId),
  arn(context, 'vpc', input.VpcId),
];

function gatewayAndVpc(input: AttachInternetGatewayRequest, context: ReadContext) {
  const row = findById(context, internetGateways, idKinds.internetGateway, input.InternetGatewayId ?? '');
  const { vpcId } = findById(context, vpcs, idKinds.vpc, input.VpcId ?? '');
  return { row, vpcId };
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AttachInternetGateway.html */
const attachInternetGateway = writeOperation<AttachInternetGatewayRequest, object>({
  service: 'ec2',
  name: 'AttachInternetGateway',
  resources: gatewayAndVpcArns,
  run: (input, context) => {
    const { db } = context;
    const { row, vpcId } = gatewayAndVpc(input, context);
    if (row.vpcId !== undefined) {
      throw new ApiError(
        'Resource.AlreadyAssociated',
        `resource ${row.internetGatewayId} is already attached to network ${row.vpcId}`,
      );
    }
    if (db.countBy(internetGateways, 'vpc', vpcId) > 0) {
      throw new ApiError('InvalidParameterValue', `Network ${vpcId} already has an internet gateway attached`);
    }
    db.put(internetGateways, { ...row, vpcId });
    return {};
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DetachInternetGateway.html */
const detachInternetGateway = writeOperation<DetachInternetGatewayRequest, object>({
  service: 'ec2',
  name: 'DetachInternetGateway',
  resources: gatewayAndVpcArns,
  run: (input, context) => {
    const { db } = context;
    const { row, vpcId } = gatewayAndVpc(input, context);
    if (row.vpcId !== vpcId) {
      throw new ApiError(
        'Gateway.NotAttached',
        `resource ${row.internetGatewayId} is not attached to network ${vpcId}`,
      );
    }
    const isPublic = db
      .by(networkInterfaces, 'vpc', vpcId)
      .some(one => one.privateIpAddresses.some(address => address.publicIp !== undefined));
    if (isPublic) {
      throw new ApiError(
        'DependencyViolation',
        `Network ${vpcId} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.`,
      );
    }
    for (const table of db.by(routeTables, 'gateway', row.internetGatewayId)) {
      const associations = table.associations.filter(one => one.gatewayId !== row.internetGatewayId);
      db.put(routeTables, { ...table, associations });
    }
    const { vpcId: _vpc, ...detached } = row;
    db.put(internetGateways, detached);
    return {};
  },
});

export const internetGatewayOperations: readonly AnyOperation[] = [
  createInternetGateway,
  deleteInternetGateway,
  attachInternetGateway,
  detachInternetGateway,
  describeInternetGateways,
];
