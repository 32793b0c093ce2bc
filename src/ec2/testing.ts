import type { Instance, Reservation } from '@aws-sdk/client-ec2';
import type { TestApi } from '../api/testing.ts';
import { images } from './images/model.ts';
import { publishImages } from './images/publish.ts';

/** Publishes an AMI of 2 GiB, as if it lay in the image cache, and returns its id. */
export async function publishTestImage(
  api: TestApi,
  region = 'us-east-1',
  name = 'fogbank-micro-20260131',
): Promise<string> {
  // The first call to a Region makes its default VPC.
  await api.call('DescribeVpcs', {}, { region });
  const manifest = {
    name,
    family: 'micro',
    description: 'test image',
    architecture: 'x86_64' as const,
    loginUser: 'ec2-user',
    rootDeviceName: '/dev/xvda',
    bootMode: 'legacy-bios' as const,
    sizeGib: 2,
    file: 'micro.qcow2',
    sha256: '00',
    recipe: '00',
    ssmAliases: ['/aws/service/fogbank/micro/latest/amd64'],
  };
  api.state.write(tx => publishImages(tx, region, [{ manifest, file: '/nonexistent/micro.qcow2' }], api.clock.now()));
  for (const { row } of api.state.entries(images))
    if (row.name === name && row.owner.endsWith(`/${region}`)) return row.imageId;
  throw new Error('the test image was not published');
}

/** Launches instances of `t3.micro` and returns them. */
export async function launch(
  api: TestApi,
  input: object = {},
  options: { account?: string; region?: string } = {},
): Promise<Instance[]> {
  const ImageId = await publishTestImage(api, options.region);
  const reservation = await api.call<Reservation>(
    'RunInstances',
    { ImageId, InstanceType: 't3.micro', MinCount: 1, MaxCount: 1, ...input },
    options,
  );
  return reservation.Instances ?? [];
}
