import type {
  DescribeInternetGatewaysRequest,
  DescribeInternetGatewaysResult,
  InternetGateway,
} from '@aws-sdk/client-ec2';
import type { FilterTable } from '../../api/filters.ts';
import { idKinds } from '../../api/ids.ts';
import { type AnyOperation, readOperation } from '../../api/operation.ts';
import { accountOf } from '../../api/owner.ts';
import type { Reader } from '../../state/state.ts';
import { describeOwn } from '../describe.ts';
import { tagList } from '../tags/model.ts';
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

export const internetGatewayOperations: readonly AnyOperation[] = [describeInternetGateways];
