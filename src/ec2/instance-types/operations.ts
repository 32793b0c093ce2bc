import type {
  DescribeInstanceTypeOfferingsRequest,
  DescribeInstanceTypeOfferingsResult,
  DescribeInstanceTypesRequest,
  DescribeInstanceTypesResult,
  InstanceTypeOffering,
  LocationType,
} from '@aws-sdk/client-ec2';
import { ApiError } from '../../api/errors.ts';
import { compileFilters, type FilterTable } from '../../api/filters.ts';
import { type AnyOperation, readOperation } from '../../api/operation.ts';
import { paginateArray, refuseMaxResultsWithIds } from '../../api/pagination.ts';
import { zonesOf } from '../regions/zones.ts';
import { allInstanceTypes, type InstanceTypeFacts, instanceType, instanceTypeNames } from './catalogue.ts';
import { instanceTypeFilters } from './filters.ts';
import { instanceTypeInfo } from './info.ts';

const maximumNames = 100;

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypes.html */
const describeInstanceTypes = readOperation<DescribeInstanceTypesRequest, DescribeInstanceTypesResult>({
  service: 'ec2',
  name: 'DescribeInstanceTypes',
  resources: () => ['*'],
  run: (input, context) => {
    refuseMaxResultsWithIds(input, input.InstanceTypes, 'instanceTypes');
    const matches = compileFilters(input.Filters, instanceTypeFilters);
    const types = chosenTypes(input.InstanceTypes);
    const options = { range: [5, 100], defaultSize: 100 } as const;
    if (matches === undefined) {
      const { rows, nextToken } = paginateArray(context, input, types, options);
      return { InstanceTypes: rows.map(instanceTypeInfo), NextToken: nextToken };
    }
    const { rows, nextToken } = paginateArray(context, input, types.map(instanceTypeInfo).filter(matches), options);
    return { InstanceTypes: rows, NextToken: nextToken };
  },
});

/** The types that a request names, in its order and once each; all when it names none. */
function chosenTypes(wanted: readonly string[] | undefined): readonly InstanceTypeFacts[] {
  if (wanted === undefined || wanted.length === 0) return allInstanceTypes();
  if (wanted.length > maximumNames) {
    throw new ApiError(
      'InvalidParameterValue',
      `The request names ${wanted.length} instance types; at most ${maximumNames} are allowed.`,
    );
  }
  const names = [...new Set(wanted)];
  const unknown = names.filter(name => instanceType(name) === undefined);
  if (unknown.length > 0) {
    throw new ApiError(
      'InvalidInstanceType',
      `The following supplied instance types do not exist: [${unknown.join(', ')}]`,
    );
  }
  return names.flatMap(name => instanceType(name) ?? []);
}

const offeringFilters: FilterTable<InstanceTypeOffering> = {
  'instance-type': offering => offering.InstanceType,
  location: offering => offering.Location,
};

/**
 * Every type is offered everywhere.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypeOfferings.html
 */
const describeInstanceTypeOfferings = readOperation<
  DescribeInstanceTypeOfferingsRequest,
  DescribeInstanceTypeOfferingsResult
>({
  service: 'ec2',
  name: 'DescribeInstanceTypeOfferings',
  resources: () => ['*'],
  run: (input, context) => {
    const matches = compileFilters(input.Filters, offeringFilters);
    const LocationType = input.LocationType ?? 'region';
    const locations = locationsOf(LocationType, context.region);
    const offerings = instanceTypeNames().flatMap(name =>
      locations.map(Location => ({
        InstanceType: name as InstanceTypeOffering['InstanceType'],
        LocationType,
        Location,
      })),
    );
    const chosen = matches === undefined ? offerings : offerings.filter(matches);
    const { rows, nextToken } = paginateArray(context, input, chosen, { range: [5, 1000], defaultSize: 1000 });
    return { InstanceTypeOfferings: rows, NextToken: nextToken };
  },
});

/** @throws ApiError `InvalidParameterValue` */
function locationsOf(type: LocationType, region: string): readonly string[] {
  switch (type) {
    case 'region':
      return [region];
    case 'availability-zone':
      return zonesOf(region).map(zone => zone.name);
    case 'availability-zone-id':
      return zonesOf(region).map(zone => zone.id);
    case 'outpost':
      return [];
    default:
      throw new ApiError(
        'InvalidParameterValue',
        `Value ( ${String(type)} ) for parameter locationType is invalid. Use region, availability-zone, availability-zone-id or outpost.`,
      );
  }
}

export const instanceTypeOperations: readonly AnyOperation[] = [describeInstanceTypes, describeInstanceTypeOfferings];
