import type {
  CreateEgressOnlyInternetGatewayRequest,
  CreateEgressOnlyInternetGatewayResult,
  DeleteEgressOnlyInternetGatewayRequest,
  DeleteEgressOnlyInternetGatewayResult,
  DescribeEgressOnlyInternetGatewaysRequest,
  DescribeEgressOnlyInternetGatewaysResult,
  EgressOnlyInternetGateway,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import type { FilterTable } from '../../api/filters.ts';
import { findById, idKinds, newId } from '../../api/ids.ts';
import { type AnyOperation, readOperation, writeOperation } from '../../api/operation.ts';
import type { Reader } from '../../state/state.ts';
import { describeOwn } from '../describe.ts';
import { checkLimit, networkLimits } from '../network-limits.ts';
import { addTags, parseTagSpecifications, removeAllTags, tagList } from '../tags/model.ts';
import { vpcs } from '../vpcs/model.ts';
import { type EgressOnlyInternetGatewayRow, egressOnlyInternetGateways } from './model.ts';

function render(db: Reader, row: EgressOnlyInternetGatewayRow): EgressOnlyInternetGateway {
  return {
    EgressOnlyInternetGatewayId: row.egressOnlyInternetGatewayId,
    Attachments: [{ VpcId: row.vpcId, State: 'attached' }],
    Tags: tagList(db, row.egressOnlyInternetGatewayId) ?? [],
  };
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateEgressOnlyInternetGateway.html */
const createEgressOnlyInternetGateway = writeOperation<
  CreateEgressOnlyInternetGatewayRequest,
  CreateEgressOnlyInternetGatewayResult
>({
  service: 'ec2',
  name: 'CreateEgressOnlyInternetGateway',
  resources: (input, context) => [arn(context, 'egress-only-internet-gateway'), arn(context, 'vpc', input.VpcId)],
  run: (input, context) => {
    const { db, owner } = context;
    const type = 'egress-only-internet-gateway';
    const { vpcId } = findById(context, vpcs, idKinds.vpc, input.VpcId ?? '');
    const tags = parseTagSpecifications(input.TagSpecifications, [type])[type] ?? {};
    checkLimit(
      db.countBy(egressOnlyInternetGateways, 'owner', owner),
      networkLimits.egressOnlyInternetGateways,
      'EgressOnlyInternetGatewayLimitExceeded',
      'egress-only internet gateways',
    );
    // A VPC has one of them.
    checkLimit(
      db.countBy(egressOnlyInternetGateways, 'vpc', vpcId),
      1,
      'EgressOnlyInternetGatewayLimitExceeded',
      `egress-only internet gateways of ${vpcId}`,
    );
    const row: EgressOnlyInternetGatewayRow = { egressOnlyInternetGatewayId: newId('eigw'), owner, vpcId };
    db.put(egressOnlyInternetGateways, row);
    addTags(db, { resourceId: row.egressOnlyInternetGatewayId, resourceType: type, owner }, tags);
    return { ClientToken: input.ClientToken, EgressOnlyInternetGateway: render(db, row) };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteEgressOnlyInternetGateway.html */
const deleteEgressOnlyInternetGateway = writeOperation<
  DeleteEgressOnlyInternetGatewayRequest,
  DeleteEgressOnlyInternetGatewayResult
>({
  service: 'ec2',
  name: 'DeleteEgressOnlyInternetGateway',
  resources: (input, context) => [arn(context, 'egress-only-internet-gateway', input.EgressOnlyInternetGatewayId)],
  run: (input, context) => {
    const id = input.EgressOnlyInternetGatewayId ?? '';
    findById(context, egressOnlyInternetGateways, idKinds.egressOnlyInternetGateway, id);
    context.db.delete(egressOnlyInternetGateways, id);
    removeAllTags(context.db, id);
    return { ReturnCode: true };
  },
});

/** Only tags, as on EC2. */
const filters: FilterTable<EgressOnlyInternetGatewayRow> = {};

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeEgressOnlyInternetGateways.html */
const describeEgressOnlyInternetGateways = readOperation<
  DescribeEgressOnlyInternetGatewaysRequest,
  DescribeEgressOnlyInternetGatewaysResult
>({
  service: 'ec2',
  name: 'DescribeEgressOnlyInternetGateways',
  resources: () => ['*'],
  run: (input, context) => {
    const page = describeOwn(context, input, {
      table: egressOnlyInternetGateways,
      kind: idKinds.egressOnlyInternetGateway,
      ids: input.EgressOnlyInternetGatewayIds,
      filters,
      keyFilter: '',
      range: [5, 255],
    });
    return {
      EgressOnlyInternetGateways: page.rows.map(row => render(context.db, row)),
      NextToken: page.nextToken,
    };
  },
});

export const egressOnlyGatewayOperations: readonly AnyOperation[] = [
  createEgressOnlyInternetGateway,
  deleteEgressOnlyInternetGateway,
  describeEgressOnlyInternetGateways,
];
