import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientProblem } from '../../src/cli/test-clients.ts';
import { type AwsCli, awsCli } from '../support/aws-cli.ts';
import { skipped } from '../support/process.ts';
import { pools, startServer, type TestServer } from '../support/server.ts';

/*
 * Two accounts and who acts in them: root of each, Ann (a user of the first account who may little), and Ann again as
 * a role of the second account that trusts her. All by the AWS CLI, over every service. The tests are one story.
 */

const skip = skipped('tests of access with the AWS CLI', await clientProblem('awscli'));
const first = '000000000000';
const second = '111122223333';

const statements = (...Statement: object[]) => JSON.stringify({ Version: '2012-10-17', Statement });
const allow = (Action: string | string[], more: object = {}) => ({
  Effect: 'Allow',
  Action,
  Resource: '*',
  ...more,
});

describe.skipIf(skip)('the AWS CLI in two accounts', () => {
  let server: TestServer;
  let root: AwsCli;
  let otherRoot: AwsCli;
  let ann: AwsCli;
  let operator: AwsCli;
  let annEnv: NodeJS.ProcessEnv;

  const cli = (variables: Record<string, string>) => awsCli({ ...server.env, ...variables }, server.folder);
  const credentials = (key: { AccessKeyId: string; SecretAccessKey: string; SessionToken?: string }) => ({
    AWS_ACCESS_KEY_ID: key.AccessKeyId,
    AWS_SECRET_ACCESS_KEY: key.SecretAccessKey,
    ...(key.SessionToken === undefined ? {} : { AWS_SESSION_TOKEN: key.SessionToken }),
  });

  /** The code of an error, as the CLI says it. */
  const code = async (failing: Promise<{ stderr: string }>) =>
    /An error occurred \((\S+)\)/.exec((await failing).stderr)?.[1];

  beforeAll(async () => {
    server = await startServer({ engine: 'simulator', publicPool: pools.access });
    root = cli({});
    const made = JSON.parse(await server.fogbank('account', 'create', 'second', '--id', second, '--json'));
    otherRoot = cli({ AWS_ACCESS_KEY_ID: made.AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY: made.AWS_SECRET_ACCESS_KEY });
  });
  afterAll(() => server?.stop());

  test('each account has a root of its own', async () => {
    const who = (aws: AwsCli) => aws`sts get-caller-identity --query Arn`;
    expect(await who(root)).toBe(`arn:aws:iam::${first}:root`);
    expect(await who(otherRoot)).toBe(`arn:aws:iam::${second}:root`);
  });

  test('a user is made who may nothing', async () => {
    await root`iam create-user --user-name ann`;
    const { AccessKey } = await root.json<{
      AccessKey: { AccessKeyId: string; SecretAccessKey: string };
    }>`iam create-access-key --user-name ann`;
    annEnv = credentials(AccessKey);
    ann = cli(annEnv as Record<string, string>);
    expect(await ann`sts get-caller-identity --query Arn`).toBe(`arn:aws:iam::${first}:user/ann`);
    expect(await code(ann.failure`ec2 describe-instances`)).toBe('UnauthorizedOperation');
    expect(await code(ann.failure`iam get-user`)).toBe('AccessDenied');
    expect(await code(ann.failure`ssm get-parameters-by-path --path /aws/service`)).toBe('AccessDeniedException');
    expect(await code(ann.failure`cloudtrail lookup-events`)).toBe('AccessDeniedException');
  });

  test('in EC2 she may launch small instances, and stop those of her team', async () => {
    const policy = statements(
      allow(['ec2:Describe*', 'ec2:CreateTags', 'ssm:GetParameter', 'ssm:GetParametersByPath']),
      { Effect: 'Allow', Action: 'ec2:RunInstances', NotResource: 'arn:aws:ec2:*:*:instance/*' },
      {
        Effect: 'Allow',
        Action: 'ec2:RunInstances',
        Resource: 'arn:aws:ec2:*:*:instance/*',
        Condition: { StringLike: { 'ec2:InstanceType': 't3.*' } },
      },
      allow('ec2:StopInstances', { Condition: { StringEquals: { 'aws:ResourceTag/team': 'a' } } }),
    );
    await root`iam put-user-policy --user-name ann --policy-name work --policy-document ${policy}`;
    const image =
      await ann`ssm get-parameters-by-path --path /aws/service/fogbank/micro --recursive --query Parameters[0].Value`;
    const launched = await ann.json<{
      Instances: { InstanceId: string }[];
    }>`ec2 run-instances --image-id ${image} --instance-type t3.nano --count 2`;
    const [mine = '', other = ''] = launched.Instances.map(one => one.InstanceId);
    await ann`ec2 create-tags --resources ${mine} --tags Key=team,Value=a`;

    const denied = await ann.failure`ec2 run-instances --image-id ${image} --instance-type m5.large`;
    expect(denied.stderr).toContain('(UnauthorizedOperation)');
    const message = /failure message: (\S+)/.exec(denied.stderr)?.[1] ?? '';
    const decoded = JSON.parse(
      await root`sts decode-authorization-message --encoded-message ${message} --query DecodedMessage`,
    );
    expect(decoded).toMatchObject({ allowed: false, context: { action: 'ec2:RunInstances' } });
    expect(await code(ann.failure`ec2 run-instances --image-id ${image} --instance-type t3.nano --dry-run`)).toBe(
      'DryRunOperation',
    );

    expect(await code(ann.failure`ec2 stop-instances --instance-ids ${other}`)).toBe('UnauthorizedOperation');
    expect(await code(ann.failure`ec2 terminate-instances --instance-ids ${mine}`)).toBe('UnauthorizedOperation');
    await ann`ec2 wait instance-running --instance-ids ${mine}`;
    await ann`ec2 stop-instances --instance-ids ${mine}`;
    await ann`ec2 wait instance-stopped --instance-ids ${mine}`;

    // Nothing of this is to be seen in the other account.
    expect(await otherRoot`ec2 describe-instances --query length(Reservations)`).toBe('0');
    expect(await code(otherRoot.failure`ec2 terminate-instances --instance-ids ${mine}`)).toBe(
      'InvalidInstanceID.NotFound',
    );
  });

  test('in IAM and CloudTrail she may what a group and a managed policy give her', async () => {
    await root`iam create-group --group-name auditors`;
    await root`iam attach-group-policy --group-name auditors --policy-arn arn:aws:iam::aws:policy/AWSCloudTrail_ReadOnlyAccess`;
    await root`iam add-user-to-group --group-name auditors --user-name ann`;
    const own = statements(allow('iam:GetUser', { Resource: `arn:aws:iam::${first}:user/\${aws:username}` }));
    const arn = await root`iam create-policy --policy-name own --policy-document ${own} --query Policy.Arn`;
    await root`iam attach-user-policy --user-name ann --policy-arn ${arn}`;
    expect(await ann`iam get-user --query User.UserName`).toBe('ann');
    await root`iam create-user --user-name bob`;
    expect(await code(ann.failure`iam get-user --user-name bob`)).toBe('AccessDenied');
    expect(await code(ann.failure`iam create-user --user-name eve`)).toBe('AccessDenied');
    expect(await ann`cloudtrail describe-trails --query length(trailList)`).toBe('0');
    expect(await code(ann.failure`cloudtrail create-trail --name t --s3-bucket-name logs`)).toBe(
      'AccessDeniedException',
    );
  });

  test('she takes a role of the other account, which says what she may there', async () => {
    const trust = statements({
      Effect: 'Allow',
      Principal: { AWS: `arn:aws:iam::${first}:user/ann` },
      Action: 'sts:AssumeRole',
      Condition: { StringEquals: { 'sts:ExternalId': 'ticket' } },
    });
    const role = `arn:aws:iam::${second}:role/operator`;
    await otherRoot`iam create-role --role-name operator --assume-role-policy-document ${trust}`;
    const policy = statements(allow(['ec2:*', 'iam:ListUsers']), {
      Effect: 'Deny',
      Action: 'ec2:TerminateInstances',
      Resource: '*',
    });
    await otherRoot`iam put-role-policy --role-name operator --policy-name p --policy-document ${policy}`;
    // Both accounts must allow it.
    const request = ['--role-arn', role, '--role-session-name', 'shift'];
    expect(await code(ann.failure`sts assume-role ${request} --external-id ticket`)).toBe('AccessDenied');
    const assuming = statements(allow('sts:AssumeRole', { Resource: role }));
    await root`iam put-user-policy --user-name ann --policy-name assume --policy-document ${assuming}`;
    expect(await code(ann.failure`sts assume-role ${request}`)).toBe('AccessDenied');
    const { Credentials } = await ann.json<{
      Credentials: { AccessKeyId: string; SecretAccessKey: string; SessionToken: string };
    }>`sts assume-role ${request} --external-id ticket`;
    operator = cli(credentials(Credentials) as Record<string, string>);

    expect(await operator`sts get-caller-identity --query Arn`).toBe(
      `arn:aws:sts::${second}:assumed-role/operator/shift`,
    );
    const vpc = await operator`ec2 create-vpc --cidr-block 10.9.0.0/16 --query Vpc.VpcId`;
    expect(await otherRoot`ec2 describe-vpcs --vpc-ids ${vpc} --query Vpcs[].OwnerId`).toBe(second);
    expect(await code(root.failure`ec2 describe-vpcs --vpc-ids ${vpc}`)).toBe('InvalidVpcID.NotFound');
    expect(await code(operator.failure`ec2 terminate-instances --instance-ids i-0123456789abcdef0`)).toBe(
      'UnauthorizedOperation',
    );
    expect(await operator`iam list-users --query length(Users)`).toBe('0');
    expect(await code(operator.failure`iam create-user --user-name eve`)).toBe('AccessDenied');
    expect(await code(operator.failure`cloudtrail lookup-events`)).toBe('AccessDeniedException');
    expect(await code(operator.failure`ssm get-parameter --name /aws/service/x`)).toBe('AccessDeniedException');
    expect(await code(operator.failure`sts get-session-token`)).toBe('AccessDenied');
  });

  test('each account has its own record of it', async () => {
    const names = async (aws: AwsCli, user: string) =>
      (
        await aws`cloudtrail lookup-events --lookup-attributes AttributeKey=Username,AttributeValue=${user} --query Events[].EventName`
      ).split(/\s+/);
    expect(await names(root, 'ann')).toEqual(expect.arrayContaining(['RunInstances', 'StopInstances', 'GetUser']));
    const others = await names(otherRoot, 'shift');
    expect(others).toEqual(expect.arrayContaining(['CreateVpc', 'TerminateInstances', 'CreateUser']));
    expect(others).not.toContain('RunInstances');
    const refused = JSON.parse(
      await otherRoot`cloudtrail lookup-events --lookup-attributes AttributeKey=EventName,AttributeValue=TerminateInstances --query Events[0].CloudTrailEvent`,
    );
    expect(refused).toMatchObject({
      errorCode: 'Client.UnauthorizedOperation',
      recipientAccountId: second,
      userIdentity: { type: 'AssumedRole', accountId: second },
    });
  });

  test('a policy is explained by fogbank', async () => {
    const check = (action: string) => server.fogbank('policy', 'check', action, '*', '--as', 'user/ann');
    expect(await check('ec2:DescribeInstances')).toContain('work');
    await expect(check('ec2:TerminateInstances')).rejects.toThrow('is denied ec2:TerminateInstances');
  });

  test('a key that is deactivated, and a user that is deleted, are at an end', async () => {
    const key = String(annEnv.AWS_ACCESS_KEY_ID);
    await root`iam update-access-key --user-name ann --access-key-id ${key} --status Inactive`;
    expect(await code(ann.failure`ec2 describe-instances`)).toBe('AuthFailure');
    expect(await code(ann.failure`sts get-caller-identity`)).toBe('InvalidClientTokenId');
    await otherRoot`iam delete-role-policy --role-name operator --policy-name p`;
    await otherRoot`iam delete-role --role-name operator`;
    expect(await code(operator.failure`ec2 describe-vpcs`)).toBe('AuthFailure');
    const nobody = cli({ AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE', AWS_SECRET_ACCESS_KEY: 'x' });
    expect(await code(nobody.failure`ec2 describe-instances`)).toBe('AuthFailure');
  });
});
