import { createHash } from 'node:crypto';
import type {
  DescribeVpcEndpointServicesRequest,
  DescribeVpcEndpointServicesResult,
  ServiceDetail,
} from '@aws-sdk/client-ec2';
import { ApiError } from '../../api/errors.ts';
import { compileFilters, type FilterTable } from '../../api/filters.ts';
import { readOperation } from '../../api/operation.ts';
import { paginateArray } from '../../api/pagination.ts';
import { type GatewayService, gatewayServices, serviceName } from '../prefix-lists/aws.ts';
import { zonesOf } from '../regions/zones.ts';

/** The service with an endpoint service's name. @throws ApiError `InvalidServiceName` */
export function findService(region: string, name: string): GatewayService {
  const found = gatewayServices.find(service => serviceName(region, service) === name);
  if (found !== undefined) return found;
  throw new ApiError(
    'InvalidServiceName',
    `The Vpc Endpoint Service '${name}' does not exist. Those of gateway endpoints here are ${gatewayServices.map(one => serviceName(region, one)).join(' and ')}.`,
  );
}

function detail(region: string, service: GatewayService): ServiceDetail {
  const name = serviceName(region, service);
  return {
    ServiceName: name,
    ServiceId: `vpce-svc-0${createHash('sha256').update(name).digest('hex').slice(0, 16)}`,
    ServiceType: [{ ServiceType: 'Gateway' }],
    ServiceRegion: region,
    AvailabilityZones: zonesOf(region).map(zone => zone.name),
    AvailabilityZoneIds: zonesOf(region).map(zone => zone.id),
    Owner: 'amazon',
    BaseEndpointDnsNames: [`${service}.${region}.amazonaws.com`],
    VpcEndpointPolicySupported: true,
    AcceptanceRequired: false,
    ManagesVpcEndpoints: false,
    Tags: [],
    SupportedIpAddressTypes: ['ipv4'],
  };
}

const filters: FilterTable<ServiceDetail> = {
  owner: one => one.Owner,
  'service-name': one => one.ServiceName,
  'service-region': one => one.ServiceRegion,
  'service-type': one => one.ServiceType?.map(type => type.ServiceType),
  'supported-ip-address-types': one => one.SupportedIpAddressTypes,
};

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcEndpointServices.html */
export const describeVpcEndpointServices = readOperation<
  DescribeVpcEndpointServicesRequest,
  DescribeVpcEndpointServicesResult
>({
  service: 'ec2',
  name: 'DescribeVpcEndpointServices',
  resources: () => ['*'],
  run: (input, context) => {
    const { region } = context;
    const elsewhere = input.ServiceRegions?.find(one => one !== region);
    if (elsewhere !== undefined)
      throw new ApiError('UnsupportedOperation', 'Endpoint services of other Regions are not supported.');
    const named = input.ServiceNames ?? [];
    const services = named.length === 0 ? gatewayServices : named.map(name => findService(region, name));
    const matches = compileFilters(input.Filters, filters, () => ({}));
    const found = services.map(service => detail(region, service)).filter(one => matches?.(one) ?? true);
    const page = paginateArray(context, input, found, { range: [1, 1000] });
    return {
      ServiceNames: page.rows.flatMap(one => one.ServiceName ?? []),
      ServiceDetails: page.rows,
      NextToken: page.nextToken,
    };
  },
});
