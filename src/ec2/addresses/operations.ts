import type { DescribeAddressesRequest, DescribeAddressesResult } from '@aws-sdk/client-ec2';
import { ApiError } from '../../api/errors.ts';
import { compileFilters, type FilterTable } from '../../api/filters.ts';
import { type AnyOperation, readOperation } from '../../api/operation.ts';
import { addressToNumber } from '../network-interfaces/ipv4.ts';

const none = () => undefined;

const filters: FilterTable<object> = {
  'allocation-id': none,
  'association-id': none,
  'instance-id': none,
  'network-border-group': none,
  'network-interface-id': none,
  'network-interface-owner-id': none,
  'private-ip-address': none,
  'public-ip': none,
};

/**
 * The caller's Elastic IP addresses. None can be allocated yet, so there are none; auto-assigned public addresses
 * are not among them on EC2 either.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAddresses.html
 */
const describeAddresses = readOperation<DescribeAddressesRequest, DescribeAddressesResult>({
  service: 'ec2',
  name: 'DescribeAddresses',
  resources: () => ['*'],
  run: input => {
    compileFilters(input.Filters, filters, () => ({}));
    for (const id of input.AllocationIds ?? []) {
      throw new ApiError('InvalidAllocationID.NotFound', `The allocation ID '${id}' does not exist`);
    }
    for (const address of input.PublicIps ?? []) {
      if (addressToNumber(address) === undefined) {
        throw new ApiError('InvalidAddress.Malformed', `Address '${address}' is not an IPv4 address.`);
      }
      throw new ApiError('InvalidAddress.NotFound', `Address '${address}' not found.`);
    }
    return { Addresses: [] };
  },
});

export const addressOperations: readonly AnyOperation[] = [describeAddresses];
