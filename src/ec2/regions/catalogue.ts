/** A Region as DescribeRegions shows it. */
export interface RegionFacts {
  readonly name: string;
  /** `Europe (Ireland)`, as the console and `GroupLongName` have it. */
  readonly longName: string;
  readonly geography: string;
  /** Whether an account must enable it first. */
  readonly optIn: boolean;
}

/**
 * Name, long name, geography, and `+` for those that AWS lets an account opt in to.
 * @see https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html
 */
const table = `
us-east-1|US East (N. Virginia)|United States of America|
us-east-2|US East (Ohio)|United States of America|
us-west-1|US West (N. California)|United States of America|
us-west-2|US West (Oregon)|United States of America|
af-south-1|Africa (Cape Town)|South Africa|+
ap-east-1|Asia Pacific (Hong Kong)|Hong Kong|+
ap-east-2|Asia Pacific (Taipei)|Taiwan|+
ap-northeast-1|Asia Pacific (Tokyo)|Japan|
ap-northeast-2|Asia Pacific (Seoul)|South Korea|
ap-northeast-3|Asia Pacific (Osaka)|Japan|
ap-south-1|Asia Pacific (Mumbai)|India|
ap-south-2|Asia Pacific (Hyderabad)|India|+
ap-southeast-1|Asia Pacific (Singapore)|Singapore|
ap-southeast-2|Asia Pacific (Sydney)|Australia|
ap-southeast-3|Asia Pacific (Jakarta)|Indonesia|+
ap-southeast-4|Asia Pacific (Melbourne)|Australia|+
ap-southeast-5|Asia Pacific (Malaysia)|Malaysia|+
ap-southeast-6|Asia Pacific (New Zealand)|New Zealand|+
ap-southeast-7|Asia Pacific (Thailand)|Thailand|+
ca-central-1|Canada (Central)|Canada|
ca-west-1|Canada West (Calgary)|Canada|+
eu-central-1|Europe (Frankfurt)|Germany|
eu-central-2|Europe (Zurich)|Switzerland|+
eu-north-1|Europe (Stockholm)|Sweden|
eu-south-1|Europe (Milan)|Italy|+
eu-south-2|Europe (Spain)|Spain|+
eu-west-1|Europe (Ireland)|Ireland|
eu-west-2|Europe (London)|United Kingdom|
eu-west-3|Europe (Paris)|France|
il-central-1|Israel (Tel Aviv)|Israel|+
me-central-1|Middle East (UAE)|United Arab Emirates|+
me-south-1|Middle East (Bahrain)|Bahrain|+
mx-central-1|Mexico (Central)|Mexico|+
sa-east-1|South America (Sao Paulo)|Brazil|
`;

/** All Regions of the `aws` partition, in order of their names. */
export const regions: readonly RegionFacts[] = table
  .trim()
  .split('\n')
  .map(line => {
    const [name = '', longName = '', geography = '', optIn = ''] = line.split('|');
    return { name, longName, geography, optIn: optIn === '+' };
  })
  .sort((a, b) => (a.name < b.name ? -1 : 1));

const byName = new Map(regions.map(region => [region.name, region]));

/** A Region by its name; undefined when AWS has none of that name. */
export function regionFacts(name: string): RegionFacts | undefined {
  return byName.get(name);
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Region.html */
export function optInStatus(
  region: RegionFacts,
  optedIn: boolean,
): 'opt-in-not-required' | 'opted-in' | 'not-opted-in' {
  if (!region.optIn) return 'opt-in-not-required';
  return optedIn ? 'opted-in' : 'not-opted-in';
}

/** Host name of a Region's EC2 endpoint on AWS. */
export function ec2Endpoint(region: string): string {
  return `ec2.${region}.amazonaws.com`;
}
