import type {
  DescribeNetworkInterfaceAttributeRequest,
  DescribeNetworkInterfaceAttributeResult,
  DescribeNetworkInterfacesRequest,
  DescribeNetworkInterfacesResult,
  ModifyNetworkInterfaceAttributeRequest,
  ResetNetworkInterfaceAttributeRequest,
} from '@aws-sdk/client-ec2';
import { arn, arns } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds } from '../../api/ids.ts';
import { type AnyOperation, readOperation, writeOperation } from '../../api/operation.ts';
import { refuseMaxResultsWithIds } from '../../api/pagination.ts';
import { attributeKeys } from '../access/attribute-keys.ts';
import { describeOwn } from '../describe.ts';
import { assignOperations } from './assign.ts';
import { networkInterfaceChanges } from './changes.ts';
import { networkInterfaceFilters } from './filters.ts';
import { refuseManaged } from './managed.ts';
import { networkInterfaces } from './model.ts';
import { applyAttributes, resetSourceDestCheck } from './modify.ts';
import { permissionOperations } from './permissions.ts';
import { renderAttachment, renderNetworkInterface } from './render.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html */
const describeNetworkInterfaces = readOperation<DescribeNetworkInterfacesRequest, DescribeNetworkInterfacesResult>({
  service: 'ec2',
  name: 'DescribeNetworkInterfaces',
  resources: () => ['*'],
  run: (input, context) => {
    refuseMaxResultsWithIds(input, input.NetworkInterfaceIds, 'networkInterfaceSet');
    const page = describeOwn(context, input, {
      table: networkInterfaces,
      kind: idKinds.networkInterface,
      ids: input.NetworkInterfaceIds,
      filters: networkInterfaceFilters(context.db),
      keyFilter: 'network-interface-id',
      indexed: {
        'vpc-id': 'vpc',
        'subnet-id': 'subnet',
        'group-id': 'group',
        'attachment.instance-id': 'instance',
        'attachment.attachment-id': 'attachment',
        'mac-address': 'mac',
        'association.public-ip': 'publicIp',
        'addresses.association.public-ip': 'publicIp',
        'private-ip-address': 'address',
        'addresses.private-ip-address': 'address',
      },
    });
    return {
      NetworkInterfaces: page.rows.map(row => renderNetworkInterface(context.db, row)),
      NextToken: page.nextToken,
    };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaceAttribute.html */
const describeNetworkInterfaceAttribute = readOperation<
  DescribeNetworkInterfaceAttributeRequest,
  DescribeNetworkInterfaceAttributeResult
>({
  service: 'ec2',
  name: 'DescribeNetworkInterfaceAttribute',
  resources: () => ['*'],
  run: (input, context) => {
    const { db } = context;
    const row = findById(context, networkInterfaces, idKinds.networkInterface, input.NetworkInterfaceId ?? '');
    const NetworkInterfaceId = row.networkInterfaceId;
    switch (input.Attribute) {
      case undefined:
        throw new ApiError('MissingParameter', 'The request must contain the parameter attribute');
      case 'description':
        return { NetworkInterfaceId, Description: { Value: row.description } };
      case 'groupSet':
        return { NetworkInterfaceId, Groups: renderNetworkInterface(db, row).Groups };
      case 'sourceDestCheck':
        return { NetworkInterfaceId, SourceDestCheck: { Value: row.sourceDestCheck } };
      case 'attachment':
        return { NetworkInterfaceId, Attachment: renderAttachment(row) };
      case 'associatePublicIpAddress':
        return { NetworkInterfaceId, AssociatePublicIpAddress: row.associatePublicIp };
      default:
        throw new ApiError(
          'InvalidParameterValue',
          `Value (${String(input.Attribute)}) for parameter attribute is invalid. Use description, groupSet, sourceDestCheck, attachment or associatePublicIpAddress.`,
        );
    }
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyNetworkInterfaceAttribute.html */
const modifyNetworkInterfaceAttribute = writeOperation<ModifyNetworkInterfaceAttributeRequest, object>({
  service: 'ec2',
  name: 'ModifyNetworkInterfaceAttribute',
  resources: (input, context) => [
    { arn: arn(context, 'network-interface', input.NetworkInterfaceId), keys: attributeKeys(input) },
    ...arns(context, 'security-group', input.Groups),
  ],
  run: (input, context) => {
    const row = findById(context, networkInterfaces, idKinds.networkInterface, input.NetworkInterfaceId ?? '');
    refuseManaged(row);
    applyAttributes(context, row, input);
    return {};
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ResetNetworkInterfaceAttribute.html */
const resetNetworkInterfaceAttribute = writeOperation<ResetNetworkInterfaceAttributeRequest, object>({
  service: 'ec2',
  name: 'ResetNetworkInterfaceAttribute',
  resources: (input, context) => [arn(context, 'network-interface', input.NetworkInterfaceId)],
  run: (input, context) => {
    const row = findById(context, networkInterfaces, idKinds.networkInterface, input.NetworkInterfaceId ?? '');
    refuseManaged(row);
    resetSourceDestCheck(context, row, input.SourceDestCheck);
    return {};
  },
});

export const networkInterfaceOperations: readonly AnyOperation[] = [
  ...networkInterfaceChanges,
  ...assignOperations,
  ...permissionOperations,
  describeNetworkInterfaces,
  describeNetworkInterfaceAttribute,
  modifyNetworkInterfaceAttribute,
  resetNetworkInterfaceAttribute,
];
