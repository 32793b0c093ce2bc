import {
  type DescribeInstancesCommandInput,
  EC2Client,
  type Instance,
  paginateDescribeInstances,
} from '@aws-sdk/client-ec2';

/** Settings that any client of the SDK for JavaScript takes, from the environment that `fogbank env` gives. */
export function sdkSettings(env: NodeJS.ProcessEnv) {
  const { AWS_ENDPOINT_URL: endpoint, AWS_REGION: region } = env;
  const { AWS_ACCESS_KEY_ID: accessKeyId = '', AWS_SECRET_ACCESS_KEY: secretAccessKey = '' } = env;
  return { endpoint, region, credentials: { accessKeyId, secretAccessKey } };
}

export function ec2Client(env: NodeJS.ProcessEnv): EC2Client {
  return new EC2Client(sdkSettings(env));
}

/** Every instance of all pages. */
export async function findInstances(client: EC2Client, input: DescribeInstancesCommandInput = {}): Promise<Instance[]> {
  const found: Instance[] = [];
  for await (const page of paginateDescribeInstances({ client }, input))
    found.push(...(page.Reservations ?? []).flatMap(reservation => reservation.Instances ?? []));
  return found;
}

/** The one instance of this id. @throws Error when it is not there. */
export async function findInstance(client: EC2Client, instanceId: string): Promise<Instance> {
  const [instance] = await findInstances(client, { InstanceIds: [instanceId] });
  if (instance === undefined) throw new Error(`${instanceId} is not there`);
  return instance;
}
