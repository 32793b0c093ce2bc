import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RevokeSecurityGroupIngressCommand } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { output, problemWith, type RunResult, run, skipped } from '../support/process.ts';
import { ec2Client, findInstances } from '../support/sdk.ts';
import { pools, startServer, type TestServer } from '../support/server.ts';
import { writeMirrorConfiguration } from '../support/terraform-provider.ts';

/*
 * Terraform with AWS's own provider: apply, an empty second plan, changes, drift, destroy. The configuration in
 * terraform/ is what a user would write: nothing in it knows that this is not AWS.
 *
 * The provider comes from where the user's Terraform takes it: a mirror or cache named in the CLI configuration
 * (TF_CLI_CONFIG_FILE), a plugin folder, HashiCorp's registry, else a mirror in a usual place. Without one the tests are
 * skipped.
 */

/** Terraform's own calls home are no part of this. */
const terraformSettings: Record<string, string> = { CHECKPOINT_DISABLE: '1', TF_IN_AUTOMATION: '1' };

const folder = await mkdtemp(join(tmpdir(), 'fogbank-terraform-'));
const skip = skipped('tests with Terraform', (await problemWith('terraform', 'version')) ?? (await initialize()));
if (skip) await rm(folder, { recursive: true });

describe.skipIf(skip)('Terraform', () => {
  let server: TestServer;
  let publicKey: string;
  let configured: Record<string, string | number | boolean> = {};

  beforeAll(async () => {
    server = await startServer({ engine: 'simulator', publicPool: pools.terraform });
    await output('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'terraform', '-f', join(folder, 'key')]);
    publicKey = (await output('ssh-keygen', ['-y', '-f', join(folder, 'key')])).trim();
  });
  afterAll(async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('applies', async () => {
    const result = await terraform('apply', '-auto-approve');
    expect(result.stdout).toContain('11 added, 0 changed, 0 destroyed');
    const outputs = await readOutputs();
    expect(outputs).toMatchObject({ account_id: '000000000000', region: 'us-east-1', vcpus: 2 });
    expect(outputs.subnet_zones).toHaveLength(3);
    expect(outputs.default_route_gateway).toBe(outputs.internet_gateway_id);
    expect(outputs.web_private_ip).toMatch(/^172\.31\./);
    expect(outputs.web_public_ip).toMatch(/^198\.19\.104\./);
    // An imported ED25519 key has the fingerprint that ssh-keygen prints, with base64's padding.
    const [, fingerprint] = (await output('ssh-keygen', ['-lf', join(folder, 'key')])).split(' ');
    expect(`SHA256:${String(outputs.key_fingerprint).replace(/=+$/, '')}`).toBe(fingerprint);
  });

  test('plans nothing on the second run', async () => {
    expect(await planned()).toBe('no changes');
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
    await configure({
      stage: 'production',
      instance_type: 't3.large',
      web_port: 8080,
      message: 'bye',
      shutdown_behavior: 'terminate',
      source_dest_check: false,
    });
    const result = await terraform('apply', '-auto-approve');
    expect(result.stdout).toContain('0 added, 4 changed, 0 destroyed');
    expect(await planned()).toBe('no changes');

    const after = await instance('web');
    expect(after.InstanceId).toBe(before.InstanceId);
    expect(after.PrivateIpAddress).toBe(before.PrivateIpAddress);
    expect(after).toMatchObject({ State: { Name: 'running' }, InstanceType: 't3.large', SourceDestCheck: false });
    expect(after.Tags).toEqual(expect.arrayContaining([{ Key: 'Stage', Value: 'production' }]));
    // It was stopped for that, and started again.
    expect(after.LaunchTime?.getTime()).toBeGreaterThan(before.LaunchTime?.getTime() ?? Number.NaN);
  });

  test('replaces what cannot be changed: a security group of another name, and its rules', async () => {
    await configure({ ...configured, database_name: 'postgres' });
    const result = await terraform('apply', '-auto-approve');
    expect(result.stdout).toContain('3 added, 0 changed, 3 destroyed');
    expect(await planned()).toBe('no changes');
  });

  test('sees what was changed behind its back, and repairs it', async () => {
    const group = String((await readOutputs()).web_group_id);
    await ec2Client(server.env).send(
      new RevokeSecurityGroupIngressCommand({
        GroupId: group,
        IpPermissions: [{ IpProtocol: 'tcp', FromPort: 8080, ToPort: 8080, IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
      }),
    );
    expect(await planned()).toMatch(/aws_vpc_security_group_ingress_rule.web will be created/);
    const result = await terraform('apply', '-auto-approve');
    expect(result.stdout).toContain('1 added, 0 changed, 0 destroyed');
    expect(await planned()).toBe('no changes');
  });

  test('imports what exists', async () => {
    const { web_id } = await readOutputs();
    await terraform('state', 'rm', 'aws_instance.web');
    await terraform('import', 'aws_instance.web', String(web_id));
    // Of an imported instance Terraform does not know whether a change of user data replaces it; all else must agree.
    const { stdout } = await terraform('plan');
    expect(stdout).toContain('0 to add');
    expect(stdout).toContain('0 to destroy');
  });

  test('destroys', async () => {
    const result = await terraform('destroy', '-auto-approve');
    expect(result.stdout).toContain('11 destroyed');
    expect((await instances()).map(({ State }) => State?.Name)).toEqual(['terminated', 'terminated']);
    expect((await terraform('state', 'list')).stdout).toBe('');
  });

  /** Sets variables for this and later runs. */
  async function configure(variables: Record<string, string | number | boolean>): Promise<void> {
    configured = variables;
    await writeFile(join(folder, 'changes.auto.tfvars.json'), JSON.stringify(variables));
  }

  /** Runs Terraform; what fails throws all that it said. */
  async function terraform(command: string, ...words: string[]): Promise<RunResult> {
    const result = await attempt(command, ...words);
    if (result.code !== 0)
      throw new Error(`terraform ${command} ended with code ${result.code}\n${result.stdout}\n${result.stderr}`);
    return result;
  }

  function attempt(command: string, ...words: string[]): Promise<RunResult> {
    const asks = ['apply', 'destroy', 'plan', 'import'].includes(command);
    return run('terraform', [command, ...(asks ? ['-no-color', '-input=false'] : []), ...words], {
      cwd: folder,
      env: { ...server.env, ...terraformSettings, TF_VAR_public_key: publicKey },
    });
  }

  /** `no changes`, or the plan. (`-detailed-exitcode`: 0 is an empty plan, 2 a plan with changes.) */
  async function planned(): Promise<string> {
    const result = await attempt('plan', '-detailed-exitcode');
    if (result.code === 0) return 'no changes';
    if (result.code === 2) return result.stdout;
    throw new Error(result.stderr);
  }

  async function readOutputs(): Promise<Record<string, unknown>> {
    const outputs = JSON.parse((await terraform('output', '-json')).stdout) as Record<string, { value: unknown }>;
    return Object.fromEntries(Object.entries(outputs).map(([name, { value }]) => [name, value]));
  }

  function instances(...Filters: { Name: string; Values: string[] }[]) {
    return findInstances(ec2Client(server.env), { Filters });
  }

  async function instance(name: string) {
    const [found] = await instances({ Name: 'tag:Name', Values: [name] });
    if (found === undefined) throw new Error(`there is no instance named ${name}`);
    return found;
  }
});

/** `terraform init` on a copy of the configuration. Returns why not, where the provider cannot be had. */
async function initialize(): Promise<string | undefined> {
  await cp(fileURLToPath(new URL('./terraform', import.meta.url)), folder, { recursive: true });
  const problem = await tryToInitialize();
  if (problem === undefined) return undefined;
  const mirror = await writeMirrorConfiguration(folder);
  if (mirror === undefined) return problem;
  terraformSettings.TF_CLI_CONFIG_FILE = mirror;
  return tryToInitialize();
}

async function tryToInitialize(): Promise<string | undefined> {
  const env = { ...process.env, ...terraformSettings };
  const result = await run('terraform', ['init', '-no-color', '-input=false'], { cwd: folder, env });
  if (result.code === 0) return undefined;
  const said = result.stderr.replace(/[│╷╵\s]+/g, ' ');
  // A mistake in the configuration is a failure of the test; a provider out of reach is not.
  if (/Failed to (query available provider packages|install provider)/.test(said))
    return `its AWS provider is not at hand: ${said
      .replace(/^.*?Error: /, '')
      .trim()
      .slice(0, 300)}`;
  throw new Error(`terraform init: ${said}`);
}
