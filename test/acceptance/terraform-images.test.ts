import { fileURLToPath } from 'node:url';
import {
  DescribeImageAttributeCommand,
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  EC2Client,
  type Image,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { skipped } from '../support/process.ts';
import { ec2Client, sdkSettings } from '../support/sdk.ts';
import { pools, startServer, type TestServer } from '../support/server.ts';
import { TerraformProject } from '../support/terraform.ts';

/* AMIs in Terraform. They are in terraform-images/. */

const source = fileURLToPath(new URL('./terraform-images', import.meta.url));
const { project, problem } = await TerraformProject.open(source);
const skip = skipped('tests of AMIs with Terraform', problem);

interface Names {
  readonly instance: string;
  readonly server: string;
  readonly snapshot: string;
  readonly found: string;
  readonly copy: string;
}

describe.skipIf(skip)('AMIs in Terraform', () => {
  let server: TestServer;
  let here: EC2Client;
  let there: EC2Client;
  const names = async () => (await project.outputs()).names as Names;
  const image = async (client: EC2Client, id: string): Promise<Image> =>
    (await client.send(new DescribeImagesCommand({ ImageIds: [id] }))).Images?.[0] ?? {};
  /** Terraform gives them in any order. */
  const permissions = async (ImageId: string) => {
    const command = new DescribeImageAttributeCommand({ ImageId, Attribute: 'launchPermission' });
    return ((await here.send(command)).LaunchPermissions ?? []).map(one => one.UserId ?? one.Group).sort();
  };

  beforeAll(async () => {
    server = await startServer({ engine: 'simulator', publicPool: pools.terraformImages });
    project.env = server.env;
    here = ec2Client(server.env);
    there = new EC2Client({ ...sdkSettings(server.env), region: 'eu-west-1' });
  });
  afterAll(async () => {
    await server?.stop();
    await project.remove();
  });

  test('applies, and plans nothing on the second run', async () => {
    await project.run('apply', '-auto-approve');
    expect(await project.planned()).toBe('no changes');
  });

  test('makes the AMIs as they are written', async () => {
    const { instance, server: made, snapshot, found, copy } = await names();
    expect(found).toBe(snapshot);
    expect(await image(here, made)).toMatchObject({ SourceInstanceId: instance, State: 'available', Public: true });
    expect(await image(here, snapshot)).toMatchObject({
      Description: 'of a snapshot',
      ImdsSupport: 'v2.0',
    });
    // Terraform sends them in any order.
    const devices = new Map((await image(here, snapshot)).BlockDeviceMappings?.map(one => [one.DeviceName, one.Ebs]));
    expect([...devices.keys()].sort()).toEqual(['/dev/sdf', '/dev/xvda']);
    expect(devices.get('/dev/xvda')).toMatchObject({ VolumeType: 'gp3' });
    expect(devices.get('/dev/sdf')).toMatchObject({ VolumeSize: 3, DeleteOnTermination: false });
    expect(await image(there, copy)).toMatchObject({
      SourceImageId: made,
      SourceImageRegion: 'us-east-1',
      Description: 'from over there',
      State: 'available',
    });
    expect(await permissions(snapshot)).toEqual(['222222222222', '333333333333']);
  });

  test('changes descriptions and permissions in place', async () => {
    const before = await names();
    await project.configure({ description: 'of a disk', friends: '333333333333', block: 'block-new-sharing' });
    await project.run('apply', '-auto-approve');
    expect(await project.planned()).toBe('no changes');
    expect(await names()).toEqual(before);
    expect((await image(here, before.snapshot)).Description).toBe('of a disk');
    expect(await permissions(before.snapshot)).toEqual(['333333333333']);
    expect(await permissions(before.server)).toEqual([]);
  });

  test('destroys', async () => {
    await project.run('destroy', '-auto-approve');
    expect((await project.run('state', 'list')).stdout).toBe('');
    for (const client of [here, there]) {
      expect((await client.send(new DescribeImagesCommand({ Owners: ['self'] }))).Images).toEqual([]);
      expect((await client.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }))).Snapshots).toEqual([]);
    }
  });
});
