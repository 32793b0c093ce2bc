/** An Availability Zone: `us-east-1a` and its id `use1-az1`. */
export interface Zone {
  readonly name: string;
  readonly id: string;
  readonly region: string;
}

const directions: Readonly<Record<string, string>> = {
  north: 'n',
  south: 's',
  east: 'e',
  west: 'w',
  central: 'c',
  northeast: 'ne',
  northwest: 'nw',
  southeast: 'se',
  southwest: 'sw',
};

/** The three zones that every Region has here, in order of their names. */
export function zonesOf(region: string): readonly Zone[] {
  return ['a', 'b', 'c'].map((letter, index) => ({
    name: `${region}${letter}`,
    id: `${zoneIdPrefix(region)}-az${index + 1}`,
    region,
  }));
}

/** `us-east-1a` → `use1-az1` */
export function zoneId(zone: string): string {
  return `${zoneIdPrefix(zone.slice(0, -1))}-az${zone.charCodeAt(zone.length - 1) - 96}`;
}

/** `us-east-1` → `use1`, `ap-southeast-2` → `apse2`, `us-gov-west-1` → `usgw1`. */
export function zoneIdPrefix(region: string): string {
  let prefix = prefixes.get(region);
  if (prefix === undefined) {
    prefix = makePrefix(region);
    // Names come from requests, too.
    if (prefixes.size < 100) prefixes.set(region, prefix);
  }
  return prefix;
}

const prefixes = new Map<string, string>();

function makePrefix(region: string): string {
  const parts = region.split('-');
  return parts
    .map((part, index) => (index === 0 ? part : (directions[part] ?? (/^\d+$/.test(part) ? part : part.slice(0, 1)))))
    .join('');
}

/** The domain of private host names: `ec2.internal` in us-east-1, `REGION.compute.internal` elsewhere. */
export function internalDomain(region: string): string {
  return region === 'us-east-1' ? 'ec2.internal' : `${region}.compute.internal`;
}

/** The domain of public host names: `compute-1.amazonaws.com` in us-east-1, `REGION.compute.amazonaws.com` elsewhere. */
export function publicDomain(region: string): string {
  return region === 'us-east-1' ? 'compute-1.amazonaws.com' : `${region}.compute.amazonaws.com`;
}
