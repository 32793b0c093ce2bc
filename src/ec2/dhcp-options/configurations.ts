import type { NewDhcpConfiguration } from '@aws-sdk/client-ec2';
import { ApiError } from '../../api/errors.ts';
import { addressToNumber } from '../network-interfaces/ipv4.ts';
import { parseIpv6 } from '../network-interfaces/ipv6.ts';
import type { DhcpOptionsRow } from './model.ts';

const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;
const isAddress = (text: string) => addressToNumber(text) !== undefined || parseIpv6(text) !== undefined;
const isIpv4 = (text: string) => addressToNumber(text) !== undefined;

/** What each option may hold. */
const options: Readonly<Record<string, { readonly most: number; readonly valid: (text: string) => boolean }>> = {
  'domain-name': { most: 1, valid: text => text.length <= 253 && text.split('.').every(part => label.test(part)) },
  'domain-name-servers': { most: 4, valid: text => text === 'AmazonProvidedDNS' || isAddress(text) },
  'ntp-servers': { most: 8, valid: isAddress },
  'netbios-name-servers': { most: 4, valid: isIpv4 },
  'netbios-node-type': { most: 1, valid: text => ['1', '2', '4', '8'].includes(text) },
  'ipv6-address-preferred-lease-time': {
    most: 1,
    valid: text => /^\d{3,10}$/.test(text) && Number(text) >= 140 && Number(text) <= 2_147_483_647,
  },
};

/**
 * Reads the options of a set.
 * @throws ApiError `MissingParameter`, `InvalidParameterValue`.
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/DHCPOptionSet.html
 */
export function parseConfigurations(
  input: readonly NewDhcpConfiguration[] | undefined,
): DhcpOptionsRow['configurations'] {
  if (input === undefined || input.length === 0)
    throw new ApiError('MissingParameter', 'The request must contain the parameter dhcpConfigurations');
  const result: Record<string, readonly string[]> = {};
  for (const { Key: key = '', Values: given = [] } of input) {
    const option = Object.hasOwn(options, key) ? options[key] : undefined;
    if (option === undefined) {
      throw new ApiError(
        'InvalidParameterValue',
        `Value (${key}) for parameter key is invalid. Use one of: ${Object.keys(options).join(', ')}.`,
      );
    }
    if (result[key] !== undefined)
      throw new ApiError('InvalidParameterValue', `The option ${key} is given more than once.`);
    // A client may write a list as one text.
    const values = given.flatMap(value => value.split(',').map(part => part.trim()));
    const wrong = values.find(value => !option.valid(value));
    if (wrong !== undefined || values.length === 0) {
      throw new ApiError('InvalidParameterValue', `Value (${wrong ?? ''}) for parameter value is invalid for ${key}.`);
    }
    if (values.length > option.most)
      throw new ApiError('InvalidParameterValue', `The option ${key} can have ${option.most} values.`);
    result[key] = values;
  }
  return result;
}
