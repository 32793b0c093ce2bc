import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientProblem } from '../../src/cli/test-clients.ts';
import { type AwsCli, awsCli } from '../support/aws-cli.ts';
import { guestPython } from '../support/guest-python.ts';
import { type Guests, startGuests, tcp } from '../support/guests.ts';
import type { Login } from '../support/login.ts';
import { skipped } from '../support/process.ts';
import { pools } from '../support/server.ts';

/*
 * A program inside an instance that calls Fogbank with the credentials of the instance's role, by the SDK's default
 * chain: boto3 in a Debian guest. Credentials last 360 seconds: new ones come every 60. The tests are one
 * life.
 */

const problem = (await clientProblem('awscli')) ?? (await clientProblem('boto3'));
const skip = skipped('tests of instance roles', problem);

const trust = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
});
const allowed = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: ['ec2:Describe*', 'iam:GetRole'], Resource: '*' }],
});

describe.skipIf(skip)('an instance with a role', () => {
  let guests: Guests;
  let aws: AwsCli;
  let id: string;
  let login: Login;
  let python: (program: string) => Promise<string>;

  beforeAll(async () => {
    guests = await startGuests({
      publicPool: pools.instanceRole,
      parameter: '/aws/service/debian/release/12/latest/amd64',
      user: 'admin',
      words: ['--instance-credentials', '360'],
    });
    aws = awsCli(guests.server.env, guests.server.folder);
  });
  afterAll(() => guests?.server.stop());

  test('is launched', { timeout: 300_000 }, async () => {
    await aws`iam create-role --role-name worker --assume-role-policy-document ${trust}`;
    await aws`iam put-role-policy --role-name worker --policy-name look --policy-document ${allowed}`;
    await aws`iam create-instance-profile --instance-profile-name workers`;
    await aws`iam add-role-to-instance-profile --instance-profile-name workers --role-name worker`;
    const group = await guests.group('login', tcp(22));
    const { InstanceId = '' } = await guests.launch({
      SecurityGroupIds: [group],
      IamInstanceProfile: { Name: 'workers' },
      MetadataOptions: { HttpTokens: 'required' },
    });
    id = InstanceId;
    login = await guests.login(id);
    await login.until('true', 240);
    python = await guestPython(login, ['ec2', 'sts', 'iam']);
  });

  test('is who its role is', { timeout: 60_000 }, async () => {
    const arn = await python("print(boto3.client('sts').get_caller_identity()['Arn'])");
    expect(arn).toBe(`arn:aws:sts::000000000000:assumed-role/worker/${id}`);
  });

  test('may do what its role may, and nothing else', { timeout: 120_000 }, async () => {
    const seen = await python(
      "r = boto3.client('ec2').describe_instances()['Reservations']; print(r[0]['Instances'][0]['InstanceId'])",
    );
    expect(seen).toBe(id);
    expect(await python("print(boto3.client('iam').get_role(RoleName='worker')['Role']['RoleName'])")).toBe('worker');
    const refusal = (call: string) =>
      python(`try: ${call}\nexcept botocore.exceptions.ClientError as e: print(e.response['Error']['Code'])`);
    expect(await refusal(`boto3.client('ec2').terminate_instances(InstanceIds=['${id}'])`)).toBe(
      'UnauthorizedOperation',
    );
    expect(await refusal("boto3.client('iam').list_users()")).toBe('AccessDenied');
  });

  test('keeps working while its credentials are replaced', { timeout: 400_000 }, async () => {
    // A program that stays uses what it was given first; programs that start later are given what is new by then.
    const keys = await python(
      [
        'first = boto3.Session(); sts = first.client("sts"); keys = []',
        'for n in range(7):',
        '  later = boto3.Session(); keys.append(later.get_credentials().access_key)',
        '  later.client("sts").get_caller_identity(); sts.get_caller_identity(); time.sleep(12)',
        'print(len(set(keys)))',
      ].join('\n'),
    );
    expect(Number(keys)).toBeGreaterThanOrEqual(2);
  });

  test('has its calls on record under its own name', async () => {
    const event = JSON.parse(
      await aws`cloudtrail lookup-events --lookup-attributes AttributeKey=Username,AttributeValue=${id} --max-results 1 --query Events[0].CloudTrailEvent`,
    );
    expect(event.userIdentity).toMatchObject({
      type: 'AssumedRole',
      arn: `arn:aws:sts::000000000000:assumed-role/worker/${id}`,
    });
  });

  test('loses its role and gets another while it runs', { timeout: 120_000 }, async () => {
    const association =
      await aws`ec2 describe-iam-instance-profile-associations --filters Name=instance-id,Values=${id} --query IamInstanceProfileAssociations[0].AssociationId`;
    await aws`ec2 disassociate-iam-instance-profile --association-id ${association}`;
    const anonymous =
      "try: boto3.client('sts').get_caller_identity()\nexcept botocore.exceptions.NoCredentialsError: print('none')";
    expect(await python(anonymous)).toBe('none');
    await aws`iam create-role --role-name idler --assume-role-policy-document ${trust}`;
    await aws`iam create-instance-profile --instance-profile-name idlers`;
    await aws`iam add-role-to-instance-profile --instance-profile-name idlers --role-name idler`;
    await aws`ec2 associate-iam-instance-profile --instance-id ${id} --iam-instance-profile Name=idlers`;
    const arn = await python("print(boto3.client('sts').get_caller_identity()['Arn'])");
    expect(arn).toBe(`arn:aws:sts::000000000000:assumed-role/idler/${id}`);
  });
});
