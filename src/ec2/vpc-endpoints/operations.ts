import type {
  CreateVpcEndpointRequest,
  CreateVpcEndpointResult,
  DeleteVpcEndpointsRequest,
  DeleteVpcEndpointsResult,
  DescribeVpcEndpointsRequest,
  DescribeVpcEndpointsResult,
  ModifyVpcEndpointRequest,
  ModifyVpcEndpointResult,
} from '@aws-sdk/client-ec2';
import { arn, arns } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds, isId, newId } from '../../api/ids.ts';
import { type AnyOperation, readOperation, type WriteContext, writeOperation } from '../../api/operation.ts';
import { parsePolicyDocument } from '../../iam/policy/document.ts';
import { attributeKeys } from '../access/attribute-keys.ts';
import { describeOwn } from '../describe.ts';
import { checkLimit, networkLimits } from '../network-limits.ts';
import { addTags, parseTagSpecifications, removeAllTags } from '../tags/model.ts';
import { vpcs } from '../vpcs/model.ts';
import { tablesOf, type VpcEndpointRow, vpcEndpoints } from './model.ts';
import { renderVpcEndpoint, vpcEndpointFilters } from './render.ts';
import { addRoutes, removeRoutes } from './routes.ts';
import { describeVpcEndpointServices, findService } from './services.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpcEndpoint.html */
const createVpcEndpoint = writeOperation<CreateVpcEndpointRequest, CreateVpcEndpointResult>({
  service: 'ec2',
  name: 'CreateVpcEndpoint',
  resources: (input, context) => [
    arn(context, 'vpc', input.VpcId),
    {
      arn: arn(context, 'vpc-endpoint'),
      keys: {
        'ec2:VpceServiceName': input.ServiceName,
        'ec2:VpceServiceOwner': input.ServiceName === undefined ? undefined : 'amazon',
        'ec2:VpceServiceRegion': input.ServiceRegion ?? context.region,
      },
    },
    ...arns(context, 'route-table', input.RouteTableIds),
  ],
  run: (input, context) => {
    const { db, owner, region, now } = context;
    const type = input.VpcEndpointType ?? 'Gateway';
    if (type !== 'Gateway') {
      throw new ApiError(
        'UnsupportedOperation',
        `Endpoints of the type ${String(type)} are not supported: no service here could be behind them. Gateway endpoints are.`,
      );
    }
    refuseInterfaceMembers(input);
    if (input.ServiceRegion !== undefined && input.ServiceRegion !== region)
      throw new ApiError('InvalidParameter', 'A gateway endpoint is for a service of its own Region.');
    const { vpcId } = findById(context, vpcs, idKinds.vpc, input.VpcId ?? '');
    if (input.ServiceName === undefined)
      throw new ApiError('MissingParameter', 'The request must contain the parameter serviceName');
    const service = findService(region, input.ServiceName);
    const policyDocument = checkPolicy(input.PolicyDocument);
    const tags = parseTagSpecifications(input.TagSpecifications, ['vpc-endpoint'])['vpc-endpoint'] ?? {};
    checkLimit(
      db.countBy(vpcEndpoints, 'owner', owner),
      networkLimits.gatewayEndpoints,
      'VpcEndpointLimitExceeded',
      'gateway endpoints',
    );
    const row: VpcEndpointRow = {
      vpcEndpointId: newId('vpce'),
      owner,
      vpcId,
      service,
      ...(policyDocument === undefined ? {} : { policyDocument }),
      createTime: now,
    };
    db.put(vpcEndpoints, row);
    addRoutes(context, row, input.RouteTableIds ?? []);
    addTags(db, { resourceId: row.vpcEndpointId, resourceType: 'vpc-endpoint', owner }, tags);
    return { VpcEndpoint: renderVpcEndpoint(db, row), ClientToken: input.ClientToken };
  },
});

/** @throws ApiError for members that are for interface endpoints. */
function refuseInterfaceMembers(input: Partial<CreateVpcEndpointRequest & ModifyVpcEndpointRequest>): void {
  const names = [
    'SubnetIds',
    'SecurityGroupIds',
    'SubnetConfigurations',
    'AddSubnetIds',
    'RemoveSubnetIds',
    'AddSecurityGroupIds',
    'RemoveSecurityGroupIds',
    'DnsOptions',
    'ServiceNetworkArn',
    'ResourceConfigurationArn',
  ] as const;
  const name = names.find(one => {
    const value = input[one];
    return Array.isArray(value) ? value.length > 0 : value !== undefined;
  });
  if (name !== undefined)
    throw new ApiError('InvalidParameter', `The parameter ${name} is not for endpoints of the type Gateway.`);
  if (input.PrivateDnsEnabled === true)
    throw new ApiError('InvalidParameter', 'Private DNS is not for endpoints of the type Gateway.');
  if (input.IpAddressType !== undefined && input.IpAddressType !== 'ipv4') {
    throw new ApiError(
      'UnsupportedOperation',
      `Gateway endpoints with the IP address type ${input.IpAddressType} are not supported. Use ipv4.`,
    );
  }
}

/** @throws ApiError `InvalidPolicyDocument` */
function checkPolicy(document: string | undefined): string | undefined {
  if (document === undefined || document === '') return undefined;
  try {
    parsePolicyDocument(document);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    throw new ApiError('InvalidPolicyDocument', error.message);
  }
  return document;
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVpcEndpoint.html */
const modifyVpcEndpoint = writeOperation<ModifyVpcEndpointRequest, ModifyVpcEndpointResult>({
  service: 'ec2',
  name: 'ModifyVpcEndpoint',
  resources: (input, context) => [
    { arn: arn(context, 'vpc-endpoint', input.VpcEndpointId), keys: attributeKeys(input) },
    ...arns(context, 'route-table', [...(input.AddRouteTableIds ?? []), ...(input.RemoveRouteTableIds ?? [])]),
  ],
  run: (input, context) => {
    const row = findById(context, vpcEndpoints, idKinds.vpcEndpoint, input.VpcEndpointId ?? '');
    refuseInterfaceMembers(input);
    if (input.ResetPolicy === true && input.PolicyDocument !== undefined)
      throw new ApiError('InvalidParameterCombination', 'Give ResetPolicy or a PolicyDocument, not both.');
    if (input.ResetPolicy === true) {
      const { policyDocument: _policy, ...rest } = row;
      context.db.put(vpcEndpoints, rest);
    }
    const policyDocument = checkPolicy(input.PolicyDocument);
    if (policyDocument !== undefined) context.db.put(vpcEndpoints, { ...row, policyDocument });
    removeRoutes(context, row, input.RemoveRouteTableIds ?? []);
    addRoutes(context, row, input.AddRouteTableIds ?? []);
    return { Return: true };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpcEndpoints.html */
const deleteVpcEndpoints = writeOperation<DeleteVpcEndpointsRequest, DeleteVpcEndpointsResult>({
  service: 'ec2',
  name: 'DeleteVpcEndpoints',
  resources: (input, context) => arns(context, 'vpc-endpoint', input.VpcEndpointIds ?? ['*']),
  run: (input, context) => ({
    Unsuccessful: [...new Set(input.VpcEndpointIds ?? [])].flatMap(id => {
      const row = isId(idKinds.vpcEndpoint, id) ? context.db.get(vpcEndpoints, id) : undefined;
      if (row !== undefined && row.owner === context.owner) {
        remove(context, row);
        return [];
      }
      const Message = `The Vpc Endpoint Id '${id}' does not exist`;
      return [{ ResourceId: id, Error: { Code: 'InvalidVpcEndpoint.NotFound', Message } }];
    }),
  }),
});

function remove(context: WriteContext, row: VpcEndpointRow): void {
  const tables = tablesOf(context.db, row).map(one => one.routeTableId);
  removeRoutes(context, row, tables);
  context.db.delete(vpcEndpoints, row.vpcEndpointId);
  removeAllTags(context.db, row.vpcEndpointId);
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcEndpoints.html */
const describeVpcEndpoints = readOperation<DescribeVpcEndpointsRequest, DescribeVpcEndpointsResult>({
  service: 'ec2',
  name: 'DescribeVpcEndpoints',
  resources: () => ['*'],
  run: (input, context) => {
    const page = describeOwn(context, input, {
      table: vpcEndpoints,
      kind: idKinds.vpcEndpoint,
      ids: input.VpcEndpointIds,
      filters: vpcEndpointFilters,
      keyFilter: 'vpc-endpoint-id',
      indexed: { 'vpc-id': 'vpc' },
      range: [1, 1000],
    });
    return { VpcEndpoints: page.rows.map(row => renderVpcEndpoint(context.db, row)), NextToken: page.nextToken };
  },
});

export const vpcEndpointOperations: readonly AnyOperation[] = [
  createVpcEndpoint,
  modifyVpcEndpoint,
  deleteVpcEndpoints,
  describeVpcEndpoints,
  describeVpcEndpointServices,
];
