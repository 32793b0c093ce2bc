import { randomUUID } from 'node:crypto';
import {
  AuthorizeSecurityGroupIngressCommand,
  CreateKeyPairCommand,
  CreateSecurityGroupCommand,
  CreateTagsCommand,
  DeleteKeyPairCommand,
  DeleteSecurityGroupCommand,
  DescribeImagesCommand,
  DescribeInstanceAttributeCommand,
  DescribeInstancesCommand,
  DescribeInstanceTypesCommand,
  DescribeSecurityGroupRulesCommand,
  EC2ServiceException,
  ModifyInstanceAttributeCommand,
  paginateDescribeInstances,
  paginateDescribeInstanceTypes,
  RebootInstancesCommand,
  RunInstancesCommand,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
  waitUntilInstanceRunning,
  waitUntilInstanceStopped,
  waitUntilInstanceTerminated,
} from '@aws-sdk/client-ec2';
import { GetParameterCommand, ParameterNotFound, SSMClient } from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ec2Client, findInstance, findInstances, sdkSettings } from '../support/sdk.ts';
import { pools, startServer, type TestServer } from '../support/server.ts';

/* AWS's SDK for JavaScript, version 3. The tests are one session: each builds on what the ones before it made. */

describe('the SDK for JavaScript', () => {
  let server: TestServer;
  let ec2: ReturnType<typeof ec2Client>;
  let imageId: string | undefined;
  let groupId: string | undefined;
  let instanceId: string;
  const waiting = () => ({ client: ec2, maxWaitTime: 60, minDelay: 0.2, maxDelay: 1 });

  beforeAll(async () => {
    server = await startServer({ engine: 'simulator', publicPool: pools.sdkJs });
    ec2 = ec2Client(server.env);
  });
  afterAll(() => server?.stop());

  test('STS tells whose keys these are', async () => {
    const identity = await new STSClient(sdkSettings(server.env)).send(new GetCallerIdentityCommand({}));
    expect(identity).toMatchObject({ Account: '000000000000', Arn: 'arn:aws:iam::000000000000:root' });
  });

  test('SSM resolves the public parameter of an AMI', async () => {
    const ssm = new SSMClient(sdkSettings(server.env));
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name: '/aws/service/fogbank/micro/latest/amd64' }));
    imageId = Parameter?.Value;
    const { Images } = await ec2.send(new DescribeImagesCommand({ ImageIds: [imageId ?? ''] }));
    expect(Images).toMatchObject([{ ImageId: imageId, State: 'available', ImageOwnerAlias: 'amazon', Public: true }]);
    await expect(ssm.send(new GetParameterCommand({ Name: '/aws/service/none' }))).rejects.toBeInstanceOf(
      ParameterNotFound,
    );
  });

  test('every instance type, page by page', async () => {
    const names = new Set<string | undefined>();
    let pages = 0;
    for await (const page of paginateDescribeInstanceTypes({ client: ec2, pageSize: 100 }, {})) {
      expect(page.InstanceTypes?.length).toBeLessThanOrEqual(100);
      for (const type of page.InstanceTypes ?? []) names.add(type.InstanceType);
      pages++;
    }
    expect(names.size).toBeGreaterThan(1000);
    expect(pages).toBe(Math.ceil(names.size / 100));
    const { InstanceTypes } = await ec2.send(new DescribeInstanceTypesCommand({ InstanceTypes: ['c7gn.16xlarge'] }));
    expect(InstanceTypes).toMatchObject([
      { VCpuInfo: { DefaultVCpus: 64 }, MemoryInfo: { SizeInMiB: 131_072 }, CurrentGeneration: true },
    ]);
  });

  test('a key pair and a security group', async () => {
    const key = await ec2.send(new CreateKeyPairCommand({ KeyName: 'sdk', KeyType: 'ed25519' }));
    expect(key.KeyMaterial).toContain('PRIVATE KEY');
    ({ GroupId: groupId } = await ec2.send(
      new CreateSecurityGroupCommand({
        GroupName: 'sdk',
        Description: 'SSH & web',
        TagSpecifications: [{ ResourceType: 'security-group', Tags: [{ Key: 'made-by', Value: 'sdk' }] }],
      }),
    ));
    await ec2.send(
      new AuthorizeSecurityGroupIngressCommand({
        GroupId: groupId,
        IpPermissions: [
          { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '0.0.0.0/0' }] },
          { IpProtocol: 'icmp', FromPort: 8, ToPort: -1, Ipv6Ranges: [], IpRanges: [{ CidrIp: '192.0.2.0/24' }] },
        ],
      }),
    );
    const { SecurityGroupRules } = await ec2.send(
      new DescribeSecurityGroupRulesCommand({ Filters: [{ Name: 'group-id', Values: [groupId ?? ''] }] }),
    );
    expect(SecurityGroupRules?.map(rule => `${rule.IsEgress} ${rule.IpProtocol} ${rule.FromPort}`).sort()).toEqual([
      'false icmp 8',
      'false tcp 22',
      'true -1 -1',
    ]);
  });

  test('an instance is launched', async () => {
    const launch = new RunInstancesCommand({
      ImageId: imageId,
      InstanceType: 't3.micro',
      MinCount: 1,
      MaxCount: 1,
      KeyName: 'sdk',
      SecurityGroupIds: [groupId ?? ''],
      UserData: Buffer.from('#!/bin/sh\necho hello\n').toString('base64'),
      ClientToken: randomUUID(),
      MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 2 },
      TagSpecifications: [
        { ResourceType: 'instance', Tags: [{ Key: 'Name', Value: 'ünïcode & <markup>' }] },
        { ResourceType: 'volume', Tags: [{ Key: 'Name', Value: 'root' }] },
      ],
    });
    const { Instances, OwnerId } = await ec2.send(launch);
    expect(OwnerId).toBe('000000000000');
    instanceId = Instances?.[0]?.InstanceId ?? '';
    expect((await waitUntilInstanceRunning(waiting(), { InstanceIds: [instanceId] })).state).toBe('SUCCESS');
    expect(await findInstance(ec2, instanceId)).toMatchObject({
      State: { Code: 16, Name: 'running' },
      LaunchTime: expect.any(Date),
      Tags: [{ Key: 'Name', Value: 'ünïcode & <markup>' }],
      PublicIpAddress: expect.stringMatching(/^198\.19\.103\./),
      BlockDeviceMappings: [{ Ebs: { Status: 'attached', DeleteOnTermination: true } }],
      NetworkInterfaces: [{ Status: 'in-use', Groups: [{ GroupId: groupId, GroupName: 'sdk' }] }],
    });
  });

  test('stopped, changed, started, rebooted', async () => {
    const InstanceIds = [instanceId];
    const before = await findInstance(ec2, instanceId);
    await ec2.send(new StopInstancesCommand({ InstanceIds }));
    await waitUntilInstanceStopped(waiting(), { InstanceIds });
    const change = { InstanceId: instanceId, UserData: { Value: Buffer.from('#!/bin/sh\necho again\n') } };
    await ec2.send(new ModifyInstanceAttributeCommand(change));
    await ec2.send(new ModifyInstanceAttributeCommand({ InstanceId: instanceId, InstanceType: { Value: 'm5.large' } }));
    await ec2.send(new StartInstancesCommand({ InstanceIds }));
    await waitUntilInstanceRunning(waiting(), { InstanceIds });
    await ec2.send(new RebootInstancesCommand({ InstanceIds }));
    expect(await findInstance(ec2, instanceId)).toMatchObject({
      State: { Name: 'running' },
      InstanceType: 'm5.large',
      PrivateIpAddress: before.PrivateIpAddress,
    });
    const { UserData } = await ec2.send(
      new DescribeInstanceAttributeCommand({ InstanceId: instanceId, Attribute: 'userData' }),
    );
    expect(Buffer.from(UserData?.Value ?? '', 'base64').toString()).toBe('#!/bin/sh\necho again\n');
  });

  test('a hundred instances at once, found page by page and by tag', async () => {
    const { Instances } = await ec2.send(
      new RunInstancesCommand({ ImageId: imageId, InstanceType: 't3.nano', MinCount: 100, MaxCount: 100 }),
    );
    const ids = Instances?.map(instance => instance.InstanceId ?? '') ?? [];
    expect(new Set(ids).size).toBe(100);
    await ec2.send(new CreateTagsCommand({ Resources: ids, Tags: [{ Key: 'fleet', Value: 'a' }] }));
    const Filters = [{ Name: 'tag:fleet', Values: ['a'] }];
    expect((await findInstances(ec2, { Filters })).map(instance => instance.InstanceId).sort()).toEqual(
      [...ids].sort(),
    );
    let seen = 0;
    for await (const page of paginateDescribeInstances({ client: ec2, pageSize: 30 }, {})) {
      const onPage = (page.Reservations ?? []).flatMap(reservation => reservation.Instances ?? []);
      expect(onPage.length).toBeLessThanOrEqual(30);
      seen += onPage.length;
    }
    expect(seen).toBe(101);
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: ids }));
    await waitUntilInstanceTerminated(waiting(), { InstanceIds: ids });
  });

  test('errors are the exceptions that a program catches by name', async () => {
    const failure = await ec2
      .send(new DescribeInstancesCommand({ InstanceIds: ['i-0123456789abcdef0'] }))
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(EC2ServiceException);
    expect(failure).toMatchObject({
      name: 'InvalidInstanceID.NotFound',
      $fault: 'client',
      $metadata: { httpStatusCode: 400, requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
    });
    await expect(ec2.send(new DescribeInstancesCommand({ DryRun: true }))).rejects.toMatchObject({
      name: 'DryRunOperation',
      $metadata: { httpStatusCode: 412 },
    });
    const forged = ec2Client({ ...server.env, AWS_SECRET_ACCESS_KEY: 'wrong' });
    await expect(forged.send(new DescribeInstancesCommand({}))).rejects.toMatchObject({
      name: 'AuthFailure',
      $metadata: { httpStatusCode: 401 },
    });
  });

  test('everything goes, the group only after the instance', async () => {
    await expect(ec2.send(new DeleteSecurityGroupCommand({ GroupId: groupId }))).rejects.toMatchObject({
      name: 'DependencyViolation',
    });
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: [instanceId] }));
    await waitUntilInstanceTerminated(waiting(), { InstanceIds: [instanceId] });
    await ec2.send(new DeleteSecurityGroupCommand({ GroupId: groupId }));
    await ec2.send(new DeleteKeyPairCommand({ KeyName: 'sdk' }));
    expect((await findInstance(ec2, instanceId)).State).toEqual({ Code: 48, Name: 'terminated' });
  });
});
