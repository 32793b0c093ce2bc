import type {
  AssociateSubnetCidrBlockRequest,
  AssociateSubnetCidrBlockResult,
  DisassociateSubnetCidrBlockRequest,
  DisassociateSubnetCidrBlockResult,
  ModifySubnetAttributeRequest,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds, newId } from '../../api/ids.ts';
import { type AnyOperation, writeOperation } from '../../api/operation.ts';
import type { Reader } from '../../state/state.ts';
import { attributeKeys } from '../access/attribute-keys.ts';
import { networkInterfaces } from '../network-interfaces/model.ts';
import { vpcs } from '../vpcs/model.ts';
import { subnetIpv6Block } from './blocks.ts';
import { type SubnetRow, subnets } from './model.ts';
import { renderIpv6Association } from './render.ts';

const changeable = [
  'MapPublicIpOnLaunch',
  'AssignIpv6AddressOnCreation',
  'PrivateDnsHostnameTypeOnLaunch',
  'EnableResourceNameDnsARecordOnLaunch',
  'EnableResourceNameDnsAAAARecordOnLaunch',
  'EnableDns64',
  'MapCustomerOwnedIpOnLaunch',
  'CustomerOwnedIpv4Pool',
  'EnableLniAtDeviceIndex',
  'DisableLniAtDeviceIndex',
] as const;

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifySubnetAttribute.html */
const modifySubnetAttribute = writeOperation<ModifySubnetAttributeRequest, object>({
  service: 'ec2',
  name: 'ModifySubnetAttribute',
  resources: (input, context) => [{ arn: arn(context, 'subnet', input.SubnetId), keys: attributeKeys(input) }],
  run: (input, context) => {
    const row = findById(context, subnets, idKinds.subnet, input.SubnetId ?? '');
    const given = changeable.filter(name => input[name] !== undefined);
    if (given.length === 0)
      throw new ApiError('MissingParameter', `No attributes specified. Give one of: ${changeable.join(', ')}.`);
    if (given.length > 1) {
      throw new ApiError(
        'InvalidParameterCombination',
        `Fields for multiple attributes specified: ${given.join(', ')}. Change one attribute in each request.`,
      );
    }
    context.db.put(subnets, { ...row, ...changed(row, input) });
    return {};
  },
});

function changed(row: SubnetRow, input: ModifySubnetAttributeRequest): Partial<SubnetRow> {
  const on = (attribute: { Value?: boolean | undefined } | undefined) => attribute?.Value === true;
  if (input.MapPublicIpOnLaunch !== undefined) return { mapPublicIpOnLaunch: on(input.MapPublicIpOnLaunch) };
  if (input.AssignIpv6AddressOnCreation !== undefined) {
    const assign = on(input.AssignIpv6AddressOnCreation);
    if (assign && (row.ipv6Associations ?? []).length === 0) {
      throw new ApiError(
        'InvalidParameterValue',
        `Invalid value 'true' for assignIpv6AddressOnCreation: ${row.subnetId} has no IPv6 CIDR block.`,
      );
    }
    return { assignIpv6AddressOnCreation: assign };
  }
  if (input.PrivateDnsHostnameTypeOnLaunch !== undefined) {
    const hostnameType = input.PrivateDnsHostnameTypeOnLaunch;
    if (hostnameType !== 'ip-name' && hostnameType !== 'resource-name') {
      throw new ApiError(
        'InvalidParameterValue',
        `Value (${String(hostnameType)}) for parameter privateDnsHostnameTypeOnLaunch is invalid. Use ip-name or resource-name.`,
      );
    }
    return { hostnameType };
  }
  if (input.EnableResourceNameDnsARecordOnLaunch !== undefined)
    return { enableResourceNameDnsARecord: on(input.EnableResourceNameDnsARecordOnLaunch) };
  if (input.EnableResourceNameDnsAAAARecordOnLaunch !== undefined)
    return { enableResourceNameDnsAaaaRecord: on(input.EnableResourceNameDnsAAAARecordOnLaunch) };
  // What is off can be turned off; nothing of these can be turned on.
  const wanted =
    on(input.EnableDns64) ||
    on(input.MapCustomerOwnedIpOnLaunch) ||
    input.CustomerOwnedIpv4Pool !== undefined ||
    input.EnableLniAtDeviceIndex !== undefined;
  if (wanted) {
    throw new ApiError(
      'UnsupportedOperation',
      'DNS64, customer-owned addresses and local network interfaces are not supported by this version of Fogbank.',
    );
  }
  return {};
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateSubnetCidrBlock.html */
const associateSubnetCidrBlock = writeOperation<AssociateSubnetCidrBlockRequest, AssociateSubnetCidrBlockResult>({
  service: 'ec2',
  name: 'AssociateSubnetCidrBlock',
  resources: (input, context) => [arn(context, 'subnet', input.SubnetId)],
  run: (input, context) => {
    const { db } = context;
    const row = findById(context, subnets, idKinds.subnet, input.SubnetId ?? '');
    if (input.Ipv6IpamPoolId !== undefined || input.Ipv6NetmaskLength !== undefined)
      throw new ApiError('UnsupportedOperation', 'There are no IPAM pools. Give an Ipv6CidrBlock.');
    if (input.Ipv6CidrBlock === undefined)
      throw new ApiError('MissingParameter', 'The request must contain the parameter ipv6CidrBlock');
    const vpc = findById(context, vpcs, idKinds.vpc, row.vpcId);
    if ((row.ipv6Associations ?? []).length > 0) {
      throw new ApiError(
        'CidrLimitExceeded',
        `This subnet '${row.subnetId}' has met its maximum number of allowed IPv6 CIDRs: 1`,
      );
    }
    const ipv6CidrBlock = subnetIpv6Block(db, vpc, input.Ipv6CidrBlock);
    const association = { associationId: newId('subnet-cidr-assoc'), ipv6CidrBlock };
    db.put(subnets, { ...row, ipv6Associations: [association] });
    return { SubnetId: row.subnetId, Ipv6CidrBlockAssociation: renderIpv6Association(association, 'associated') };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisassociateSubnetCidrBlock.html */
const disassociateSubnetCidrBlock = writeOperation<
  DisassociateSubnetCidrBlockRequest,
  DisassociateSubnetCidrBlockResult
>({
  service: 'ec2',
  name: 'DisassociateSubnetCidrBlock',
  resources: (input, context) => [
    arn(context, 'subnet', associated(context.db, context.owner, input.AssociationId)?.subnetId),
  ],
  run: (input, context) => {
    const { db } = context;
    const row = associated(db, context.owner, input.AssociationId);
    const association = row?.ipv6Associations?.find(one => one.associationId === input.AssociationId);
    if (row === undefined || association === undefined) {
      throw new ApiError(
        'InvalidSubnetCidrBlockAssociationID.NotFound',
        `The subnet CIDR block association ID '${input.AssociationId ?? ''}' does not exist`,
      );
    }
    const user = db
      .by(networkInterfaces, 'subnet', row.subnetId)
      .find(one => (one.ipv6Addresses ?? []).length > 0 || (one.ipv6Prefixes ?? []).length > 0);
    if (user !== undefined) {
      throw new ApiError(
        'DependencyViolation',
        `The subnet CIDR block with association ID ${association.associationId} has dependencies and cannot be disassociated: ${user.networkInterfaceId} has addresses of it.`,
      );
    }
    const { assignIpv6AddressOnCreation: _assign, ipv6Associations: _associations, ...rest } = row;
    db.put(subnets, rest);
    return { SubnetId: row.subnetId, Ipv6CidrBlockAssociation: renderIpv6Association(association, 'disassociating') };
  },
});

function associated(db: Reader, owner: string, associationId: string | undefined): SubnetRow | undefined {
  const row = associationId === undefined ? undefined : db.firstBy(subnets, 'cidrAssociation', associationId);
  return row?.owner === owner ? row : undefined;
}

export const subnetAttributeOperations: readonly AnyOperation[] = [
  modifySubnetAttribute,
  associateSubnetCidrBlock,
  disassociateSubnetCidrBlock,
];
