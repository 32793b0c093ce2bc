import { fileURLToPath } from 'node:url';
import { DescribeRouteTablesCommand, DescribeVpcsCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { skipped } from '../support/process.ts';
import { ec2Client, findInstances } from '../support/sdk.ts';
import { pools, startServer, type TestServer } from '../support/server.ts';
import { TerraformProject } from '../support/terraform.ts';

/* A whole network in Terraform, joined with one of another account: apply, an empty second plan, a change, destroy. It is in terraform-network/. */

const source = fileURLToPath(new URL('./terraform-network', import.meta.url));
const { project, problem } = await TerraformProject.open(source);
const skip = skipped('tests of networks with Terraform', problem);

interface Web {
  readonly instance: string;
  readonly address: string;
  readonly main_table: string;
}

describe.skipIf(skip)('a network in Terraform', () => {
  let server: TestServer;
  let ec2: EC2Client;
  const web = async () => (await project.outputs()).web as Web;

  beforeAll(async () => {
    server = await startServer({ engine: 'simulator', publicPool: pools.terraformNetwork });
    const partner = JSON.parse(await server.fogbank('account', 'create', 'partner', '--json'));
    project.env = {
      ...server.env,
      TF_VAR_partner_access_key: partner.AWS_ACCESS_KEY_ID,
      TF_VAR_partner_secret_key: partner.AWS_SECRET_ACCESS_KEY,
    };
    ec2 = ec2Client(server.env);
  });
  afterAll(async () => {
    await server?.stop();
    await project.remove();
  });

  test('applies, and plans nothing on the second run', async () => {
    const result = await project.run('apply', '-auto-approve');
    expect(result.stdout).toContain('57 added, 0 changed, 0 destroyed');
    expect(await project.planned()).toBe('no changes');
  });

  test('is as it was described', async () => {
    const { instance, address, main_table } = await web();
    const [found] = await findInstances(ec2, { InstanceIds: [instance] });
    expect(found).toMatchObject({ PublicIpAddress: address, PrivateIpAddress: expect.stringMatching(/^10\.0\.1\./) });
    const tables = await ec2.send(new DescribeRouteTablesCommand({ RouteTableIds: [main_table] }));
    expect(tables.RouteTables?.[0]?.Associations?.some(one => one.Main)).toBe(true);
    expect((await project.outputs()).reachable, 'the offices reach the web server').toBe(true);
  });

  test('changes a rule, an entry of a prefix list and nothing else', async () => {
    await project.configure({ ssh_allowed: false, office: '198.51.100.0/24' });
    const result = await project.run('apply', '-auto-approve');
    expect(result.stdout).toContain('1 added, 1 changed, 1 destroyed');
    expect(await project.planned()).toBe('no changes');
  });

  test('destroys', async () => {
    await project.run('destroy', '-auto-approve');
    expect((await project.run('state', 'list')).stdout).toBe('');
    const { Vpcs } = await ec2.send(new DescribeVpcsCommand({}));
    expect(Vpcs?.map(one => one.IsDefault)).toEqual([true]);
  });
});
