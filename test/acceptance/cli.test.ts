import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientProblem } from '../../src/cli/test-clients.ts';
import { type AwsCli, awsCli } from '../support/aws-cli.ts';
import { output, skipped } from '../support/process.ts';
import { pools, startServer, type TestServer } from '../support/server.ts';

/*
 * The AWS CLI, as one would type it after `eval "$(fogbank env)"`. The tests are one session: each builds on what the
 * ones before it made.
 */

const skip = skipped('tests with the AWS CLI', await clientProblem('awscli'));

describe.skipIf(skip)('the AWS CLI', () => {
  let server: TestServer;
  let aws: AwsCli;

  beforeAll(async () => {
    server = await startServer({ engine: 'simulator', publicPool: pools.cli });
    aws = awsCli(server.env, server.folder);
  });
  afterAll(() => server?.stop());

  test('knows who calls, and where', async () => {
    expect(await aws`sts get-caller-identity --query [Account,Arn]`).toBe(
      '000000000000\tarn:aws:iam::000000000000:root',
    );
    expect((await aws`ec2 describe-regions --query Regions[].RegionName`).split('\t')).toContain('eu-central-1');
    expect(await aws`ec2 describe-availability-zones --region eu-west-1 --query AvailabilityZones[].ZoneName`).toBe(
      'eu-west-1a\teu-west-1b\teu-west-1c',
    );
    expect(
      await aws`ec2 describe-account-attributes --attribute-names supported-platforms --query AccountAttributes[].AttributeValues[].AttributeValue`,
    ).toBe('VPC');
  });

  describe('finds what every account has', () => {
    test('the default VPC with a subnet in each zone, its internet gateway and its security group', async () => {
      const vpc = await aws`ec2 describe-vpcs --filters Name=is-default,Values=true --query Vpcs[0].VpcId`;
      expect(vpc).toMatch(/^vpc-[0-9a-f]{17}$/);
      const zones =
        await aws`ec2 describe-subnets --filters Name=vpc-id,Values=${vpc} --query Subnets[].AvailabilityZone`;
      expect(zones.split('\t').sort()).toEqual(['us-east-1a', 'us-east-1b', 'us-east-1c']);
      expect(
        await aws`ec2 describe-internet-gateways --filters Name=attachment.vpc-id,Values=${vpc} --query InternetGateways[].InternetGatewayId`,
      ).toMatch(/^igw-[0-9a-f]{17}$/);
      expect(
        await aws`ec2 describe-route-tables --filters Name=vpc-id,Values=${vpc} --query RouteTables[].Routes[].[DestinationCidrBlock,State]`,
      ).toContain('0.0.0.0/0\tactive');
      expect(
        await aws`ec2 describe-security-groups --filters Name=vpc-id,Values=${vpc} --query SecurityGroups[].GroupName`,
      ).toBe('default');
    });

    test('instance types', async () => {
      expect(
        await aws`ec2 describe-instance-types --instance-types t3.micro m7g.large --query InstanceTypes[].[InstanceType,VCpuInfo.DefaultVCpus,MemoryInfo.SizeInMiB]`,
      ).toEqual(
        expect.stringMatching(/^(t3\.micro\t2\t1024\nm7g\.large\t2\t8192|m7g\.large\t2\t8192\nt3\.micro\t2\t1024)$/),
      );
      // The CLI follows NextToken by itself: eleven pages here.
      const names = (await aws`ec2 describe-instance-types --page-size 100 --query InstanceTypes[].InstanceType`).split(
        /\s+/,
      );
      expect(names.length).toBeGreaterThan(1000);
      expect(new Set(names).size).toBe(names.length);
      expect(
        await aws`ec2 describe-instance-type-offerings --location-type availability-zone --filters Name=instance-type,Values=t3.nano --query length(InstanceTypeOfferings)`,
      ).toBe('3');
    });

    test('AMIs, by name and by public parameter', async () => {
      const byName =
        await aws`ec2 describe-images --owners amazon --filters Name=name,Values=fogbank-micro-* Name=state,Values=available --query sort_by(Images,&CreationDate)[-1].ImageId`;
      expect(byName).toMatch(/^ami-[0-9a-f]{17}$/);
      const parameters = (
        await aws`ssm get-parameters-by-path --path /aws/service --recursive --query Parameters[].[Name,Value]`
      ).split('\n');
      const parameter = parameters.find(line => line.endsWith(byName))?.split('\t')[0] ?? '';
      expect(await aws`ssm get-parameter --name ${parameter} --query Parameter.Value`).toBe(byName);
    });
  });

  describe('key pairs', () => {
    test('a made RSA key has the fingerprint that AWS computes', async () => {
      const file = join(server.folder, 'rsa.pem');
      await writeFile(file, `${await aws`ec2 create-key-pair --key-name rsa --query KeyMaterial`}\n`, { mode: 0o600 });
      // Of a key that EC2 made: SHA-1 of the private key in DER.
      const der = join(server.folder, 'rsa.der');
      await output('openssl', ['pkcs8', '-in', file, '-topk8', '-nocrypt', '-outform', 'DER', '-out', der]);
      const digest = await output('openssl', ['dgst', '-sha1', '-c', der]);
      expect(digest.trim().split(' ').at(-1)).toBe(
        await aws`ec2 describe-key-pairs --key-names rsa --query KeyPairs[].KeyFingerprint`,
      );
      await output('ssh-keygen', ['-y', '-f', file]);
    });

    test('a made ED25519 key is one of OpenSSH, or of PuTTY', async () => {
      const file = join(server.folder, 'ed25519.pem');
      const made = await aws.json<{
        KeyMaterial: string;
        KeyFingerprint: string;
        KeyPairId: string;
      }>`ec2 create-key-pair --key-name ed25519 --key-type ed25519 --tag-specifications ResourceType=key-pair,Tags=[{Key=team,Value=a}]`;
      await writeFile(file, made.KeyMaterial, { mode: 0o600 });
      const [, fingerprint] = (await output('ssh-keygen', ['-lf', file])).split(' ');
      expect(`SHA256:${made.KeyFingerprint.replace(/=+$/, '')}`).toBe(fingerprint);
      expect(await aws`ec2 describe-key-pairs --filters Name=tag:team,Values=a --query KeyPairs[].KeyPairId`).toBe(
        made.KeyPairId,
      );
      expect(
        await aws`ec2 create-key-pair --key-name putty --key-type ed25519 --key-format ppk --query KeyMaterial`,
      ).toMatch(/^PuTTY-User-Key-File-\d: ssh-ed25519/);
    });

    test('an imported key', async () => {
      const file = join(server.folder, 'mine');
      await output('ssh-keygen', ['-q', '-t', 'rsa', '-b', '2048', '-N', '', '-f', file]);
      const fingerprint =
        await aws`ec2 import-key-pair --key-name mine --public-key-material fileb://${file}.pub --query KeyFingerprint`;
      // Of an imported key: MD5 of the public key in DER.
      await output('ssh-keygen', ['-p', '-q', '-N', '', '-m', 'PEM', '-f', file]);
      await output('openssl', ['rsa', '-in', file, '-pubout', '-outform', 'DER', '-out', `${file}.der`]);
      expect((await output('openssl', ['dgst', '-md5', '-c', `${file}.der`])).trim().split(' ').at(-1)).toBe(
        fingerprint,
      );
      expect(
        await aws`ec2 describe-key-pairs --key-names mine --include-public-key --query KeyPairs[].PublicKey`,
      ).toContain((await readFile(`${file}.pub`, 'utf8')).split(' ')[1]);
    });

    test('deleted, and no error when there is none', async () => {
      await aws`ec2 delete-key-pair --key-name putty`;
      await aws`ec2 delete-key-pair --key-name putty`;
      expect(await aws.failure`ec2 describe-key-pairs --key-names putty`).toMatchObject({
        stderr: expect.stringContaining('(InvalidKeyPair.NotFound) when calling the DescribeKeyPairs operation'),
      });
    });
  });

  test('security groups and their rules', async () => {
    const group = await aws`ec2 create-security-group --group-name web --description ${'Web servers'} --query GroupId`;
    await aws`ec2 authorize-security-group-ingress --group-id ${group} --protocol tcp --port 80 --cidr 0.0.0.0/0`;
    await aws`ec2 authorize-security-group-ingress --group-name web --protocol tcp --port 8000-8100 --source-group ${group}`;
    await aws`ec2 authorize-security-group-ingress --group-id ${group} --ip-permissions ${'IpProtocol=tcp,FromPort=22,ToPort=22,IpRanges=[{CidrIp=192.0.2.0/24,Description="The office"}]'}`;
    expect(
      (
        await aws`ec2 describe-security-group-rules --filters Name=group-id,Values=${group} --query SecurityGroupRules[?!IsEgress].[IpProtocol,FromPort,ToPort,CidrIpv4,Description]`
      )
        .split('\n')
        .sort(),
    ).toEqual(['tcp\t22\t22\t192.0.2.0/24\tThe office', 'tcp\t80\t80\t0.0.0.0/0\tNone', 'tcp\t8000\t8100\tNone\tNone']);
    expect(
      (
        await aws.failure`ec2 authorize-security-group-ingress --group-id ${group} --protocol tcp --port 80 --cidr 0.0.0.0/0`
      ).stderr,
    ).toContain('(InvalidPermission.Duplicate)');
    await aws`ec2 revoke-security-group-ingress --group-id ${group} --protocol tcp --port 80 --cidr 0.0.0.0/0`;
    expect(
      await aws`ec2 describe-security-groups --group-ids ${group} --query sort(SecurityGroups[].IpPermissions[].FromPort)`,
    ).toBe('22\t8000');
    expect((await aws.failure`ec2 create-security-group --group-name web --description again`).stderr).toContain(
      '(InvalidGroup.Duplicate)',
    );
  });

  describe('an instance', () => {
    let image: string;
    let id: string;

    test('is launched with key, group, user data and tags, once for one token', async () => {
      image = await aws`ec2 describe-images --filters Name=name,Values=fogbank-micro-* --query Images[0].ImageId`;
      await writeFile(join(server.folder, 'hello.sh'), '#!/bin/sh\necho hello\n');
      const launch = ['--instance-type', 't3.micro', '--key-name', 'ed25519', '--security-groups', 'web'];
      expect((await aws.failure`ec2 run-instances --dry-run --image-id ${image} ${launch}`).stderr).toContain(
        '(DryRunOperation)',
      );
      id =
        await aws`ec2 run-instances --image-id ${image} ${launch} --user-data file://hello.sh --client-token once --tag-specifications ${'ResourceType=instance,Tags=[{Key=Name,Value=first},{Key=team,Value=a}]'} --query Instances[0].InstanceId`;
      expect(id).toMatch(/^i-[0-9a-f]{17}$/);
      // The same token and parameters are the same launch.
      expect(
        await aws`ec2 run-instances --image-id ${image} ${launch} --user-data file://hello.sh --client-token once --tag-specifications ${'ResourceType=instance,Tags=[{Key=Name,Value=first},{Key=team,Value=a}]'} --query Instances[0].InstanceId`,
      ).toBe(id);
      expect(
        (await aws.failure`ec2 run-instances --image-id ${image} --instance-type t3.small --client-token once`).stderr,
      ).toContain('(IdempotentParameterMismatch)');
      await aws`ec2 wait instance-running --instance-ids ${id}`;
    });

    test('is described', async () => {
      const { Reservations } = await aws.json<{
        Reservations: { Instances: Record<string, unknown>[] }[];
      }>`ec2 describe-instances --instance-ids ${id}`;
      expect(Reservations).toHaveLength(1);
      const instance = Reservations[0]?.Instances[0];
      expect(instance).toMatchObject({
        InstanceId: id,
        ImageId: image,
        State: { Code: 16, Name: 'running' },
        InstanceType: 't3.micro',
        KeyName: 'ed25519',
        Architecture: 'x86_64',
        RootDeviceType: 'ebs',
        SecurityGroups: [{ GroupName: 'web' }],
        PublicIpAddress: expect.stringMatching(/^198\.19\.101\.\d+$/),
        PrivateIpAddress: expect.stringMatching(/^172\.31\.\d+\.\d+$/),
        PrivateDnsName: expect.stringMatching(/^ip-172-31-\d+-\d+\.ec2\.internal$/),
      });
      for (const filter of [
        'Name=tag:team,Values=a',
        'Name=tag-key,Values=te?m',
        'Name=instance-state-name,Values=pending,running',
        `Name=private-ip-address,Values=${instance?.PrivateIpAddress}`,
        'Name=instance.group-name,Values=w*',
      ]) {
        expect(
          await aws`ec2 describe-instances --filters ${filter} --query Reservations[].Instances[].InstanceId`,
        ).toBe(id);
      }
      expect(await aws`ec2 describe-instances --filters Name=tag:team,Values=b --query Reservations[]`).toBe('');
      expect(
        await aws`ec2 describe-instance-status --instance-ids ${id} --query InstanceStatuses[].InstanceState.Name`,
      ).toBe('running');
      expect(
        await aws`ec2 describe-volumes --filters Name=attachment.instance-id,Values=${id} --query Volumes[].[State,Attachments[0].State]`,
      ).toBe('in-use\tattached');
    });

    test('is tagged', async () => {
      await aws`ec2 create-tags --resources ${id} --tags ${'Key=note,Value=with spaces & <signs> é'}`;
      expect(
        await aws`ec2 describe-tags --filters Name=resource-id,Values=${id} Name=key,Values=note --query Tags[].Value`,
      ).toBe('with spaces & <signs> é');
      await aws`ec2 delete-tags --resources ${id} --tags Key=note`;
      expect(await aws`ec2 describe-tags --filters Name=resource-id,Values=${id} --query sort(Tags[].Key)`).toBe(
        'Name\tteam',
      );
    });

    test('is stopped, changed and started, and keeps its private address', async () => {
      const address = async () =>
        aws`ec2 describe-instances --instance-ids ${id} --query Reservations[].Instances[].PrivateIpAddress`;
      const before = await address();
      expect(
        (await aws.failure`ec2 modify-instance-attribute --instance-id ${id} --instance-type t3.small`).stderr,
      ).toContain('(IncorrectInstanceState)');
      await aws`ec2 reboot-instances --instance-ids ${id}`;
      expect(
        await aws`ec2 stop-instances --instance-ids ${id} --query StoppingInstances[].[PreviousState.Name,CurrentState.Name]`,
      ).toBe('running\tstopping');
      await aws`ec2 wait instance-stopped --instance-ids ${id}`;
      expect(
        await aws`ec2 describe-instances --instance-ids ${id} --query Reservations[].Instances[].[StateReason.Code,PublicIpAddress]`,
      ).toBe('Client.UserInitiatedShutdown\tNone');
      await aws`ec2 modify-instance-attribute --instance-id ${id} --instance-type t3.small`;
      expect(
        await aws`ec2 describe-instance-attribute --instance-id ${id} --attribute instanceType --query InstanceType.Value`,
      ).toBe('t3.small');
      expect(
        Buffer.from(
          await aws`ec2 describe-instance-attribute --instance-id ${id} --attribute userData --query UserData.Value`,
          'base64',
        ).toString(),
      ).toBe('#!/bin/sh\necho hello\n');
      await aws`ec2 start-instances --instance-ids ${id}`;
      await aws`ec2 wait instance-running --instance-ids ${id}`;
      expect(await address()).toBe(before);
    });

    test('takes only metadata requests with a token, or none at all', async () => {
      await aws`ec2 modify-instance-metadata-options --instance-id ${id} --http-tokens required --http-put-response-hop-limit 3 --http-endpoint disabled`;
      expect(
        await aws`ec2 describe-instances --instance-ids ${id} --query Reservations[].Instances[].MetadataOptions.[HttpTokens,HttpPutResponseHopLimit,HttpEndpoint]`,
      ).toBe('required\t3\tdisabled');
    });

    test('is protected against termination, until it is not', async () => {
      await aws`ec2 modify-instance-attribute --instance-id ${id} --disable-api-termination`;
      expect((await aws.failure`ec2 terminate-instances --instance-ids ${id}`).stderr).toContain(
        '(OperationNotPermitted)',
      );
      await aws`ec2 modify-instance-attribute --instance-id ${id} --no-disable-api-termination`;
    });

    test('is terminated, stays visible, and its security group can go', async () => {
      const group = await aws`ec2 describe-security-groups --group-names web --query SecurityGroups[0].GroupId`;
      expect((await aws.failure`ec2 delete-security-group --group-id ${group}`).stderr).toContain(
        '(DependencyViolation)',
      );
      expect(
        await aws`ec2 terminate-instances --instance-ids ${id} --query TerminatingInstances[].CurrentState.Name`,
      ).toBe('shutting-down');
      await aws`ec2 wait instance-terminated --instance-ids ${id}`;
      expect(
        await aws`ec2 describe-instances --instance-ids ${id} --query Reservations[].Instances[].[State.Name,StateReason.Code]`,
      ).toBe('terminated\tClient.UserInitiatedShutdown');
      expect(await aws`ec2 describe-volumes --query Volumes[]`).toBe('');
      await aws`ec2 delete-security-group --group-id ${group}`;
    });
  });

  test('fifty instances in one call, page by page', async () => {
    const image = 'resolve:ssm:/aws/service/fogbank/micro/latest/amd64';
    const ids =
      await aws`ec2 run-instances --image-id ${image} --instance-type t3.nano --count 50 --query Instances[].[AmiLaunchIndex,InstanceId]`;
    expect(ids.split('\n').map(line => Number(line.split('\t')[0]))).toEqual([...Array(50).keys()]);
    const all = (
      await aws`ec2 describe-instances --filters Name=instance-type,Values=t3.nano --page-size 20 --query Reservations[].Instances[].[InstanceId]`
    ).split('\n');
    expect(new Set(all).size).toBe(50);
    await aws`ec2 terminate-instances --instance-ids ${all}`;
  });

  describe('says what is wrong with a call, as against AWS', () => {
    test.each([
      ['InvalidInstanceID.NotFound', 'ec2 describe-instances --instance-ids i-00000000000000000'],
      ['InvalidInstanceID.Malformed', 'ec2 describe-instances --instance-ids i-nonsense'],
      ['InvalidAMIID.NotFound', 'ec2 run-instances --image-id ami-00000000000000000 --instance-type t3.micro'],
      ['InvalidParameterValue', 'ec2 describe-instances --filters Name=no-such-filter,Values=1'],
      ['InvalidGroup.NotFound', 'ec2 describe-security-groups --group-ids sg-00000000000000000'],
      ['ParameterNotFound', 'ssm get-parameter --name /aws/service/no/such/thing'],
      ['UnsupportedOperation', 'ec2 describe-carrier-gateways'],
    ])('%s', async (code, words) => {
      const failure = await aws.failure`${words.split(' ')}`;
      expect(failure.stderr).toMatch(
        new RegExp(`An error occurred \\(${code}\\) when calling the \\w+ operation: \\S`),
      );
    });

    test('a wrong key', async () => {
      const other = (variables: NodeJS.ProcessEnv) => awsCli({ ...server.env, ...variables }, server.folder);
      expect((await other({ AWS_SECRET_ACCESS_KEY: 'wrong' }).failure`ec2 describe-instances`).stderr).toContain(
        '(AuthFailure)',
      );
      expect((await other({ AWS_SECRET_ACCESS_KEY: 'wrong' }).failure`sts get-caller-identity`).stderr).toContain(
        '(SignatureDoesNotMatch)',
      );
      expect(
        (await other({ AWS_ACCESS_KEY_ID: 'AKIAWRONGWRONGWRONG1' }).failure`sts get-caller-identity`).stderr,
      ).toContain('(InvalidClientTokenId)');
    });
  });
});
