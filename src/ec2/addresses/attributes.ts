import type {
  AddressAttribute,
  DescribeAddressesAttributeRequest,
  DescribeAddressesAttributeResult,
  ModifyAddressAttributeRequest,
  ModifyAddressAttributeResult,
  ResetAddressAttributeRequest,
  ResetAddressAttributeResult,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { idKinds } from '../../api/ids.ts';
import { type AnyOperation, readOperation, writeOperation } from '../../api/operation.ts';
import { attributeKeys } from '../access/attribute-keys.ts';
import { describeOwn } from '../describe.ts';
import { findAllocation } from './find.ts';
import { type AddressRow, addresses } from './model.ts';

function render(row: AddressRow): AddressAttribute {
  return { PublicIp: row.publicIp, AllocationId: row.allocationId, PtrRecord: row.ptrRecord };
}

const domain = /^(?=.{1,253}\.?$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.?$/i;

/**
 * The name that reverse DNS answers for an address. No public DNS stands behind the pool here: it is shown, and keeps the
 * address from being transferred, as on EC2.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyAddressAttribute.html
 */
const modifyAddressAttribute = writeOperation<ModifyAddressAttributeRequest, ModifyAddressAttributeResult>({
  service: 'ec2',
  name: 'ModifyAddressAttribute',
  resources: (input, context) => [{ arn: arn(context, 'elastic-ip', input.AllocationId), keys: attributeKeys(input) }],
  run: (input, context) => {
    const row = findAllocation(context, input.AllocationId);
    const { DomainName: name } = input;
    if (name === undefined) throw new ApiError('MissingParameter', 'The request must contain the parameter domainName');
    if (!domain.test(name))
      throw new ApiError('InvalidParameterValue', `Value (${name}) for parameter domainName is invalid.`);
    const changed = { ...row, ptrRecord: name.endsWith('.') ? name : `${name}.` };
    context.db.put(addresses, changed);
    return { Address: render(changed) };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ResetAddressAttribute.html */
const resetAddressAttribute = writeOperation<ResetAddressAttributeRequest, ResetAddressAttributeResult>({
  service: 'ec2',
  name: 'ResetAddressAttribute',
  resources: (input, context) => [{ arn: arn(context, 'elastic-ip', input.AllocationId), keys: attributeKeys(input) }],
  run: (input, context) => {
    checkAttribute(input.Attribute);
    const { ptrRecord: _record, ...rest } = findAllocation(context, input.AllocationId);
    context.db.put(addresses, rest);
    return { Address: render(rest) };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAddressesAttribute.html */
const describeAddressesAttribute = readOperation<DescribeAddressesAttributeRequest, DescribeAddressesAttributeResult>({
  service: 'ec2',
  name: 'DescribeAddressesAttribute',
  resources: () => ['*'],
  run: (input, context) => {
    if (input.Attribute !== undefined) checkAttribute(input.Attribute);
    const page = describeOwn(context, input, {
      table: addresses,
      kind: idKinds.elasticIp,
      ids: input.AllocationIds,
      filters: {},
      keyFilter: '',
      range: [1, 1000],
    });
    return { Addresses: page.rows.map(render), NextToken: page.nextToken };
  },
});

function checkAttribute(attribute: string | undefined): void {
  if (attribute === 'domain-name') return;
  throw new ApiError(
    'InvalidParameterValue',
    `Value (${attribute ?? ''}) for parameter attribute is invalid. Use domain-name.`,
  );
}

export const addressAttributeOperations: readonly AnyOperation[] = [
  modifyAddressAttribute,
  resetAddressAttribute,
  describeAddressesAttribute,
];
