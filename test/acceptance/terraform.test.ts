import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RevokeSecurityGroupIngressCommand } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { output, skipped } from '../support/process.ts';
import { ec2Client, findInstances } from '../support/sdk.ts';
import { pools, startServer, type TestServer } from '../support/server.ts';
import { TerraformProject } from '../support/terraform.ts';

/*
 * Terraform with AWS's own provider: apply, an empty second plan, changes, drift, destroy. The configuration in
 * terraform/ is what a user would write: nothing in it knows that this is not AWS.
 * Where the provider cannot be had, the tests are skipped.
 */

const source = fileURLToPath(new URL('./terraform', import.meta.url));
const { project, problem } = await TerraformProject.open(source);
const skip = skipped('tests with Terraform', problem);

describe.skipIf(skip)('Terraform', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer({ engine: 'simulator', publicPool: pools.terraform });
    await output('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'terraform', '-f', join(project.folder, 'key')]);
    const publicKey = (await output('ssh-keygen', ['-y', '-f', join(project.folder, 'key')])).trim();
    project.env = { ...server.env, TF_VAR_public_key: publicKey };
  });
  afterAll(async () => {
    await server?.stop();
    await project.remove();
  });

  test('applies', async () => {
    const result = await project.run('apply', '-auto-approve');
    expect(result.stdout).toContain('11 added, 0 changed, 0 destroyed');
    const outputs = await project.outputs();
    expect(outputs).toMatchObject({ account_id: '000000000000', region: 'us-east-1', vcpus: 2 });
    expect(outputs.subnet_zones).toHaveLength(3);
    expect(outputs.default_route_gateway).toBe(outputs.internet_gateway_id);
    expect(outputs.web_private_ip).toMatch(/^172\.31\./);
    expect(outputs.web_public_ip).toMatch(/^198\.19\.104\./);
    // An imported ED25519 key has the fingerprint that ssh-keygen prints, with base64's padding.
    const [, fingerprint] = (await output('ssh-keygen', ['-lf', join(project.folder, 'key')])).split(' ');
    expect(`SHA256:${String(outputs.key_fingerprint).replace(/=+$/, '')}`).toBe(fingerprint);
  });

  test('plans nothing on the second run', async () => {
    expect(await project.planned()).toBe('no changes');
  });

  test('gets an instance as it was described', async () => {
    const web = await instance('web');
    expect(web).toMatchObject({
      State: { Name: 'running' },
      InstanceType: 't3.micro',
      KeyName: 'login',
      Monitoring: { State: 'enabled' },
      MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 2, InstanceMetadataTags: 'enabled' },
    });
    expect(web.SecurityGroups?.map(group => group.GroupName?.replace(/-.*/, '')).sort()).toEqual(['admin', 'web']);
    expect(web.Tags).toEqual(expect.arrayContaining([{ Key: 'Project', Value: 'acceptance' }]));
  });

  test('changes rule, tags, user data and instance type in place', async () => {
    const before = await instance('web');
    await project.configure({
      stage: 'production',
      instance_type: 't3.large',
      web_port: 8080,
      message: 'bye',
      shutdown_behavior: 'terminate',
      source_dest_check: false,
    });
    const result = await project.run('apply', '-auto-approve');
    expect(result.stdout).toContain('0 added, 4 changed, 0 destroyed');
    expect(await project.planned()).toBe('no changes');

    const after = await instance('web');
    expect(after.InstanceId).toBe(before.InstanceId);
    expect(after.PrivateIpAddress).toBe(before.PrivateIpAddress);
    expect(after).toMatchObject({ State: { Name: 'running' }, InstanceType: 't3.large', SourceDestCheck: false });
    expect(after.Tags).toEqual(expect.arrayContaining([{ Key: 'Stage', Value: 'production' }]));
    // It was stopped for that, and started again.
    expect(after.LaunchTime?.getTime()).toBeGreaterThan(before.LaunchTime?.getTime() ?? Number.NaN);
  });

  test('replaces what cannot be changed: a security group of another name, and its rules', async () => {
    await project.configure({ database_name: 'postgres' });
    const result = await project.run('apply', '-auto-approve');
    expect(result.stdout).toContain('3 added, 0 changed, 3 destroyed');
    expect(await project.planned()).toBe('no changes');
  });

  test('sees what was changed behind its back, and repairs it', async () => {
    const group = String((await project.outputs()).web_group_id);
    await ec2Client(server.env).send(
      new RevokeSecurityGroupIngressCommand({
        GroupId: group,
        IpPermissions: [{ IpProtocol: 'tcp', FromPort: 8080, ToPort: 8080, IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
      }),
    );
    expect(await project.planned()).toMatch(/aws_vpc_security_group_ingress_rule.web will be created/);
    const result = await project.run('apply', '-auto-approve');
    expect(result.stdout).toContain('1 added, 0 changed, 0 destroyed');
    expect(await project.planned()).toBe('no changes');
  });

  test('imports what exists', async () => {
    const { web_id } = await project.outputs();
    await project.run('state', 'rm', 'aws_instance.web');
    await project.run('import', 'aws_instance.web', String(web_id));
    // Of an imported instance Terraform does not know whether a change of user data replaces it; all else must agree.
    const { stdout } = await project.run('plan');
    expect(stdout).toContain('0 to add');
    expect(stdout).toContain('0 to destroy');
  });

  test('destroys', async () => {
    const result = await project.run('destroy', '-auto-approve');
    expect(result.stdout).toContain('11 destroyed');
    expect((await instances()).map(({ State }) => State?.Name)).toEqual(['terminated', 'terminated']);
    expect((await project.run('state', 'list')).stdout).toBe('');
  });

  function instances(...Filters: { Name: string; Values: string[] }[]) {
    return findInstances(ec2Client(server.env), { Filters });
  }

  async function instance(name: string) {
    const [found] = await instances({ Name: 'tag:Name', Values: [name] });
    if (found === undefined) throw new Error(`there is no instance named ${name}`);
    return found;
  }
});
