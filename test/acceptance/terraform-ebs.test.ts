import { fileURLToPath } from 'node:url';
import { DescribeSnapshotsCommand, DescribeVolumesCommand, type EC2Client, type Volume } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { skipped } from '../support/process.ts';
import { ec2Client, findInstance } from '../support/sdk.ts';
import { pools, startServer, type TestServer } from '../support/server.ts';
import { TerraformProject } from '../support/terraform.ts';

/* Volumes and what is made of them in Terraform. It is in terraform-ebs/. */

const source = fileURLToPath(new URL('./terraform-ebs', import.meta.url));
const { project, problem } = await TerraformProject.open(source);
const skip = skipped('tests of volumes with Terraform', problem);

interface Names {
  readonly instance: string;
  readonly disks: string;
  readonly data: string;
  readonly found: string;
  readonly fast: string;
  readonly shared: string;
  readonly copy: string;
  readonly size: number;
}

describe.skipIf(skip)('volumes in Terraform', () => {
  let server: TestServer;
  let ec2: EC2Client;
  const names = async () => (await project.outputs()).names as Names;
  const volume = async (id: string): Promise<Volume> =>
    (await ec2.send(new DescribeVolumesCommand({ VolumeIds: [id] }))).Volumes?.[0] ?? {};

  const devices = async (id: string) =>
    (await findInstance(ec2, id)).BlockDeviceMappings?.map(one => one.DeviceName).sort();

  beforeAll(async () => {
    server = await startServer({ engine: 'simulator', publicPool: pools.terraformEbs });
    project.env = server.env;
    ec2 = ec2Client(server.env);
  });
  afterAll(async () => {
    await server?.stop();
    await project.remove();
  });

  test('applies, and plans nothing on the second run', async () => {
    await project.run('apply', '-auto-approve');
    expect(await project.planned()).toBe('no changes');
  });

  test('makes the volumes as they are written, and attaches them', async () => {
    const { instance, disks, data, found, fast, shared, copy, size } = await names();
    expect(found).toBe(data);
    expect(await volume(data)).toMatchObject({ Size: 10, VolumeType: 'gp3', Throughput: 200, State: 'in-use' });
    expect(await volume(fast)).toMatchObject({ VolumeType: 'io2', Iops: 400, State: 'available' });
    expect(await volume(shared)).toMatchObject({ MultiAttachEnabled: true, Attachments: [{ State: 'attached' }] });
    expect(size).toBe(125);
    expect(await volume(copy)).toMatchObject({
      Size: 125,
      VolumeType: 'gp2',
      SnapshotId: expect.stringMatching(/^snap-/),
    });
    expect(await devices(instance)).toEqual(['/dev/sdf', '/dev/sdg', '/dev/xvda']);
    expect(await devices(disks)).toEqual(['/dev/sdb', '/dev/sdc', '/dev/xvda']);
  });

  test('grows one, changes the type of another, and detaches', async () => {
    const { data, fast, instance } = await names();
    await project.configure({ data_gib: 20, fast_type: 'gp3', attached: false });
    await project.run('apply', '-auto-approve');
    expect(await project.planned()).toBe('no changes');
    expect(await volume(data)).toMatchObject({ Size: 20, State: 'available', Attachments: [] });
    expect(await volume(fast)).toMatchObject({ VolumeType: 'gp3', Iops: 3500, Throughput: 125 });
    // The same ones: nothing was made anew.
    expect(await names()).toMatchObject({ data, fast, instance });
  });

  test('destroys', async () => {
    await project.run('destroy', '-auto-approve');
    expect((await project.run('state', 'list')).stdout).toBe('');
    // Terraform leaves what is not to be deleted on termination.
    const { Volumes = [] } = await ec2.send(new DescribeVolumesCommand({}));
    expect(Volumes.map(one => [one.VolumeType, one.State])).toEqual([['io1', 'available']]);
    expect((await ec2.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }))).Snapshots).toEqual([]);
  });
});
