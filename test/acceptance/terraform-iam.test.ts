import { fileURLToPath } from 'node:url';
import { DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { IAMClient, ListUsersCommand, SimulatePrincipalPolicyCommand } from '@aws-sdk/client-iam';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { skipped } from '../support/process.ts';
import { ec2Client, findInstance, sdkSettings } from '../support/sdk.ts';
import { pools, startServer, type TestServer } from '../support/server.ts';
import { TerraformProject } from '../support/terraform.ts';

/* Users, groups, roles, policies and instance profiles in Terraform. It is in terraform-iam/. */

const source = fileURLToPath(new URL('./terraform-iam', import.meta.url));
const { project, problem } = await TerraformProject.open(source);
const skip = skipped('tests of IAM with Terraform', problem);

interface Names {
  readonly instance: string;
  readonly profile: string;
  readonly key: string;
  readonly secret: string;
}

describe.skipIf(skip)('access in Terraform', () => {
  let server: TestServer;
  let iam: IAMClient;
  const names = async () => (await project.outputs()).names as Names;
  const mayStop = async () => {
    const { EvaluationResults } = await iam.send(
      new SimulatePrincipalPolicyCommand({
        PolicySourceArn: 'arn:aws:iam::000000000000:user/people/ann',
        ActionNames: ['ec2:StopInstances'],
        ResourceArns: [`arn:aws:ec2:us-east-1:000000000000:instance/${(await names()).instance}`],
        ContextEntries: [
          { ContextKeyName: 'aws:ResourceTag/Project', ContextKeyType: 'string', ContextKeyValues: ['access'] },
        ],
      }),
    );
    return EvaluationResults?.[0]?.EvalDecision;
  };

  beforeAll(async () => {
    server = await startServer({ engine: 'simulator', publicPool: pools.terraformIam });
    project.env = server.env;
    iam = new IAMClient(sdkSettings(server.env));
  });
  afterAll(async () => {
    await server?.stop();
    await project.remove();
  });

  test('applies, and plans nothing on the second run', async () => {
    const result = await project.run('apply', '-auto-approve');
    expect(result.stdout).toMatch(/Apply complete! Resources: 24 added, 0 changed, 0 destroyed/);
    expect(await project.planned()).toBe('no changes');
  });

  test('gives the instance its profile, and the robot a key that works within its boundary', async () => {
    const { instance, profile, key, secret } = await names();
    expect((await findInstance(ec2Client(server.env), instance)).IamInstanceProfile?.Arn).toBe(profile);
    const credentials = { accessKeyId: key, secretAccessKey: secret };
    const robot = new EC2Client({ ...sdkSettings(server.env), credentials });
    expect((await robot.send(new DescribeInstancesCommand({}))).Reservations).toHaveLength(1);
    const boundless = new IAMClient({ ...sdkSettings(server.env), credentials });
    await expect(boundless.send(new ListUsersCommand({}))).rejects.toThrow(/not authorized to perform: iam:ListUsers/);
  });

  test('changes what a policy allows, and nothing else', async () => {
    expect(await mayStop()).toBe('implicitDeny');
    await project.configure({ may_stop: true });
    const result = await project.run('apply', '-auto-approve');
    expect(result.stdout).toContain('0 added, 2 changed, 0 destroyed');
    expect(await project.planned()).toBe('no changes');
    expect(await mayStop()).toBe('allowed');
  });

  test('destroys', async () => {
    await project.run('destroy', '-auto-approve');
    expect((await project.run('state', 'list')).stdout).toBe('');
    expect((await iam.send(new ListUsersCommand({}))).Users).toEqual([]);
  });
});
