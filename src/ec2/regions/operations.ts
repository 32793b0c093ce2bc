import type {
  AvailabilityZone,
  DescribeAvailabilityZonesRequest,
  DescribeAvailabilityZonesResult,
  DescribeRegionsRequest,
  DescribeRegionsResult,
  Region,
} from '@aws-sdk/client-ec2';
import { isOptedIn } from '../../accounts/regions.ts';
import { ApiError } from '../../api/errors.ts';
import { compileFilters, type FilterTable } from '../../api/filters.ts';
import { type AnyOperation, readOperation } from '../../api/operation.ts';
import { ec2Endpoint, optInStatus, type RegionFacts, regionFacts, regions } from './catalogue.ts';
import { type Zone, zonesOf } from './zones.ts';

const regionFilters: FilterTable<Region> = {
  endpoint: region => region.Endpoint,
  'opt-in-status': region => region.OptInStatus,
  'region-name': region => region.RegionName,
};

/**
 * The Regions that the account may use; with `AllRegions` or by name also those that it has not opted in to.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRegions.html
 */
const describeRegions = readOperation<DescribeRegionsRequest, DescribeRegionsResult>({
  service: 'ec2',
  name: 'DescribeRegions',
  resources: () => ['*'],
  run: (input, { db, account }) => {
    const matches = compileFilters(input.Filters, regionFilters);
    const all = chosen(input.RegionNames, regions, region => region.name, 'Invalid region provided');
    const unnamed = (input.RegionNames ?? []).length === 0 && input.AllRegions !== true;
    const rendered = all
      .map(region => renderRegion(region, isOptedIn(db, account, region.name)))
      .filter(region => !unnamed || region.OptInStatus !== 'not-opted-in');
    return { Regions: matches === undefined ? rendered : rendered.filter(matches) };
  },
});

function renderRegion(region: RegionFacts, optedIn: boolean): Region {
  return {
    RegionName: region.name,
    Endpoint: ec2Endpoint(region.name),
    OptInStatus: optInStatus(region, optedIn),
    Geography: [{ Name: region.geography }],
  };
}

const zoneFilters: FilterTable<AvailabilityZone> = {
  'group-long-name': zone => zone.GroupLongName,
  'group-name': zone => zone.GroupName,
  message: zone => zone.Messages?.map(message => message.Message),
  'opt-in-status': zone => zone.OptInStatus,
  'parent-zone-id': zone => zone.ParentZoneId,
  'parent-zone-name': zone => zone.ParentZoneName,
  'region-name': zone => zone.RegionName,
  state: zone => zone.State,
  'zone-id': zone => zone.ZoneId,
  'zone-name': zone => zone.ZoneName,
  'zone-type': zone => zone.ZoneType,
};

/**
 * Local and Wavelength Zones do not exist here: `AllAvailabilityZones` shows none besides.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAvailabilityZones.html
 */
const describeAvailabilityZones = readOperation<DescribeAvailabilityZonesRequest, DescribeAvailabilityZonesResult>({
  service: 'ec2',
  name: 'DescribeAvailabilityZones',
  resources: () => ['*'],
  run: (input, context) => {
    const matches = compileFilters(input.Filters, zoneFilters);
    const all = zonesOf(context.region);
    const named = chosen(input.ZoneNames, all, zone => zone.name, 'Invalid availability zone');
    const zones = chosen(input.ZoneIds, all, zone => zone.id, 'Invalid availability zone-id').filter(zone =>
      named.includes(zone),
    );
    const rendered = zones.map(renderZone);
    return { AvailabilityZones: matches === undefined ? rendered : rendered.filter(matches) };
  },
});

function renderZone(zone: Zone): AvailabilityZone {
  const facts = regionFacts(zone.region);
  return {
    ZoneName: zone.name,
    ZoneId: zone.id,
    RegionName: zone.region,
    State: 'available',
    ZoneType: 'availability-zone',
    OptInStatus: 'opt-in-not-required',
    GroupName: `${zone.region}-zg-1`,
    GroupLongName: `${facts?.longName ?? zone.region} 1`,
    NetworkBorderGroup: zone.region,
    Geography: facts && [{ Name: facts.geography }],
    Messages: [],
  };
}

/** The items that a request names, in their own order; all when it names none. @throws ApiError `InvalidParameterValue` */
function chosen<Item>(
  names: readonly string[] | undefined,
  items: readonly Item[],
  nameOf: (item: Item) => string,
  message: string,
): readonly Item[] {
  if (names === undefined || names.length === 0) return items;
  const wanted = new Set(names);
  const found = items.filter(item => wanted.delete(nameOf(item)));
  if (wanted.size > 0) throw new ApiError('InvalidParameterValue', `${message}: [${[...wanted].join(', ')}]`);
  return found;
}

export const regionOperations: readonly AnyOperation[] = [describeRegions, describeAvailabilityZones];
