import type { InstanceMetadataOptionsRequest } from '@aws-sdk/client-ec2';
import { ApiError } from '../../../api/errors.ts';
import type { ImageRow } from '../../images/model.ts';
import type { MetadataDefaultsRow, MetadataOptions } from '../model.ts';

/**
 * Metadata options of a new instance: what the request says, else the account's defaults, else what the image asks
 * for, else EC2's own defaults.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-options.html
 */
export function launchMetadataOptions(
  request: InstanceMetadataOptionsRequest | undefined,
  defaults: MetadataDefaultsRow | undefined,
  image: Pick<ImageRow, 'imdsSupport'>,
): MetadataOptions {
  checkMetadataOptions(request ?? {});
  const v2Only = image.imdsSupport === 'v2.0';
  return {
    state: 'applied',
    httpTokens:
      (request?.HttpTokens as MetadataOptions['httpTokens'] | undefined) ??
      defaults?.httpTokens ??
      (v2Only ? 'required' : 'optional'),
    httpPutResponseHopLimit: request?.HttpPutResponseHopLimit ?? defaults?.httpPutResponseHopLimit ?? (v2Only ? 2 : 1),
    httpEndpoint:
      (request?.HttpEndpoint as MetadataOptions['httpEndpoint'] | undefined) ?? defaults?.httpEndpoint ?? 'enabled',
    httpProtocolIpv6: request?.HttpProtocolIpv6 ?? 'disabled',
    instanceMetadataTags:
      (request?.InstanceMetadataTags as MetadataOptions['instanceMetadataTags'] | undefined) ??
      defaults?.instanceMetadataTags ??
      'disabled',
  };
}

/** @throws ApiError `InvalidParameterValue` */
export function checkMetadataOptions(request: InstanceMetadataOptionsRequest, none?: 'no-preference'): void {
  const extra = none === undefined ? [] : [none];
  oneOf('HttpTokens', request.HttpTokens, ['optional', 'required', ...extra]);
  oneOf('HttpEndpoint', request.HttpEndpoint, ['enabled', 'disabled', ...extra]);
  oneOf('HttpProtocolIpv6', request.HttpProtocolIpv6, ['enabled', 'disabled']);
  oneOf('InstanceMetadataTags', request.InstanceMetadataTags, ['enabled', 'disabled', ...extra]);
  const hops = request.HttpPutResponseHopLimit;
  const clears = none !== undefined && hops === -1;
  if (hops !== undefined && !clears && (!Number.isInteger(hops) || hops < 1 || hops > 64)) {
    throw new ApiError(
      'InvalidParameterValue',
      `Value ( ${hops} ) for parameter HttpPutResponseHopLimit is invalid. It must be from 1 to 64.`,
    );
  }
}

function oneOf(name: string, value: string | undefined, allowed: readonly string[]): void {
  if (value === undefined || allowed.includes(value)) return;
  throw new ApiError(
    'InvalidParameterValue',
    `Value ( ${value} ) for parameter ${name} is invalid. Use one of ${allowed.join(', ')}.`,
  );
}
