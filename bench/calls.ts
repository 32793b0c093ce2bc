import { randomUUID } from 'node:crypto';
import type { XmlElement } from '../src/cli/xml.ts';
import type { LoadJob, LoadResult } from './load.ts';
import { load } from './process.ts';
import type { Subject } from './servers.ts';

/** Regions that instances are spread over: a default VPC has room for 12,273. */
export const regions = [
  ...['us-east-1', 'us-east-2', 'us-west-1', 'us-west-2', 'eu-central-1'],
  ...['eu-west-1', 'eu-west-2', 'eu-west-3', 'ap-south-1', 'ca-central-1'],
];
const perRegion = 10_000;
const perFill = 500;
/** Different ones, so that no answer can be remembered. */
const ids = 500;

export interface Rates {
  readonly byId: LoadResult;
  readonly page: LoadResult;
  readonly launches: LoadResult;
}

export interface Effort {
  /** Milliseconds a measurement of reads lasts. */
  readonly duration: number;
  /** Launches that are measured. */
  readonly launches: number;
}

/** Launches instances until there are so many. */
export async function fill(subject: Subject, count: number): Promise<void> {
  const calls: { region: string; body: string }[] = [];
  for (const [at, region] of regions.entries()) {
    const here = Math.min(perRegion, count - at * perRegion);
    if (here <= 0) break;
    const imageId = await imageOf(subject, region);
    for (let done = 0; done < here; done += perFill) {
      const batch = Math.min(perFill, here - done);
      calls.push({ region, body: launchBody(imageId, batch) });
    }
  }
  await load({ ...target(subject), calls, concurrency: 2, once: true });
}

/** Rates of the three calls, with what there is. */
export async function measure(subject: Subject, effort: Effort): Promise<Rates> {
  const [region = ''] = regions;
  const client = subject.client(region);
  const page = await client.ok('DescribeInstances', { MaxResults: 500 });
  const found = page.items('reservationSet').flatMap(one => one.items('instancesSet'));
  const imageId = await imageOf(subject, region);
  client.close();
  const byIdCalls = found.slice(0, ids).map(one => ({
    region,
    body: `Action=DescribeInstances&Version=2016-11-15&InstanceId.1=${instanceId(one)}`,
  }));
  const pageCalls = [{ region, body: 'Action=DescribeInstances&Version=2016-11-15&MaxResults=100' }];
  const launchCalls = Array.from({ length: effort.launches }, () => ({ region, body: launchBody(imageId, 1) }));
  const { duration } = effort;
  const byId = await load({ ...target(subject), calls: byIdCalls, concurrency: 16, duration });
  const pages = await load({ ...target(subject), calls: pageCalls, concurrency: 4, duration });
  const launches = await load({ ...target(subject), calls: launchCalls, concurrency: 64, once: true });
  return { byId, page: pages, launches };
}

function target({ endpoint, key }: Subject): Pick<LoadJob, 'endpoint' | 'accessKeyId' | 'secretAccessKey'> {
  const { accessKeyId, secretAccessKey } = key;
  return { endpoint, accessKeyId, secretAccessKey };
}

function launchBody(imageId: string, count: number): string {
  const call = 'Action=RunInstances&Version=2016-11-15&InstanceType=t3.micro';
  return `${call}&ImageId=${imageId}&MinCount=${count}&MaxCount=${count}&ClientToken=${randomUUID()}`;
}

async function imageOf(subject: Subject, region: string): Promise<string> {
  const client = subject.client(region);
  try {
    const image = (await client.ok('DescribeImages')).items('imagesSet')[0]?.get('imageId');
    if (image === undefined) throw new Error(`${subject.name} has no image in ${region}`);
    return image;
  } finally {
    client.close();
  }
}

function instanceId(element: XmlElement): string {
  return element.get('instanceId') ?? '';
}
