import { fileURLToPath } from 'node:url';
import {
  DescribeSnapshotAttributeCommand,
  DescribeSnapshotsCommand,
  type EC2Client,
  type Snapshot,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { skipped } from '../support/process.ts';
import { ec2Client } from '../support/sdk.ts';
import { pools, startServer, type TestServer } from '../support/server.ts';
import { TerraformProject } from '../support/terraform.ts';

/* Snapshots in Terraform. They are in terraform-snapshots/. */

const source = fileURLToPath(new URL('./terraform-snapshots', import.meta.url));
const { project, problem } = await TerraformProject.open(source);
const skip = skipped('tests of snapshots with Terraform', problem);

interface Names {
  readonly data: string;
  readonly old: string;
  readonly west: string;
  readonly found: string;
  readonly fast: string;
  readonly rule: string;
}

describe.skipIf(skip)('snapshots in Terraform', () => {
  let server: TestServer;
  let ec2: EC2Client;
  const names = async () => (await project.outputs()).names as Names;
  const snapshot = async (id: string): Promise<Snapshot> =>
    (await ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: [id] }))).Snapshots?.[0] ?? {};

  beforeAll(async () => {
    server = await startServer({ engine: 'simulator', publicPool: pools.terraformSnapshots });
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

  test('makes the snapshots as they are written', async () => {
    const { data, old, west, found, fast } = await names();
    expect(found).toBe(data);
    expect(fast).toBe('enabled');
    expect(await snapshot(data)).toMatchObject({ State: 'completed', Description: 'nightly', StorageTier: 'standard' });
    expect(await snapshot(old)).toMatchObject({ StorageTier: 'standard' });
    await expect(snapshot(west)).rejects.toMatchObject({ name: 'InvalidSnapshot.NotFound' });
    const Attribute = 'createVolumePermission';
    const shared = await ec2.send(new DescribeSnapshotAttributeCommand({ SnapshotId: data, Attribute }));
    expect(shared.CreateVolumePermissions).toEqual([{ UserId: '222222222222' }]);
  });

  test('archives one, and changes a rule', async () => {
    const before = await names();
    await project.configure({ archived: true, keep_days: 5 });
    await project.run('apply', '-auto-approve');
    expect(await project.planned()).toBe('no changes');
    expect(await snapshot(before.old)).toMatchObject({ StorageTier: 'archive' });
    // The same ones: nothing was made anew.
    expect(await names()).toEqual(before);
  });

  test('destroys', async () => {
    await project.run('destroy', '-auto-approve');
    expect((await project.run('state', 'list')).stdout).toBe('');
    expect((await ec2.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }))).Snapshots).toEqual([]);
  });
});
