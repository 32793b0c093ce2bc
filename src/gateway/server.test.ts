import { AutoScalingClient, DescribeAutoScalingGroupsCommand } from '@aws-sdk/client-auto-scaling';
import { CloudWatchClient, ListMetricsCommand, PutMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import { EBSClient, GetSnapshotBlockCommand, PutSnapshotBlockCommand } from '@aws-sdk/client-ebs';
import { DeleteVolumeCommand, DescribeInstancesCommand, EC2Client, RunInstancesCommand } from '@aws-sdk/client-ec2';
import { GetRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import { GetParameterCommand, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ApiError } from '../api/errors.ts';
import { startTestGateway, type TestGateway } from './testing.ts';

let test: TestGateway;
beforeAll(async () => {
  test = await startTestGateway();
});
beforeEach(() => {
  test.calls.length = 0;
  test.log.length = 0;
  test.handle = () => ({});
});
afterAll(() => test.gateway.close());

describe('EC2 Query', () => {
  it('carries input and output of the SDK', async () => {
    const launchTime = new Date('2026-01-31T12:34:56.789Z');
    test.handle = () => ({
      ReservationId: 'r-1',
      Instances: [{ InstanceId: 'i-1', LaunchTime: launchTime, Tags: [] }],
    });
    const ec2 = new EC2Client(test.client);
    const output = await ec2.send(
      new RunInstancesCommand({
        MinCount: 1,
        MaxCount: 2,
        UserData: 'IyEvYmluL3NoCg==',
        EbsOptimized: true,
        BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 8, DeleteOnTermination: false } }],
        TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'a&b', Value: '<ü> ' }] }],
        NetworkInterfaces: [{ DeviceIndex: 0, Groups: ['sg-1', 'sg-2'], AssociatePublicIpAddress: true }],
      }),
    );
    expect(output.Instances).toEqual([{ InstanceId: 'i-1', LaunchTime: launchTime, Tags: [] }]);
    const [call] = test.calls;
    expect(call).toMatchObject({ service: 'ec2', operation: 'RunInstances', region: 'us-east-1' });
    expect(call?.principal.account).toBe('000000000000');
    expect(output.$metadata.requestId).toBe(call?.requestId);
    const { ClientToken, ...input } = call?.input ?? {};
    expect(ClientToken).toMatch(/^[0-9a-f-]{36}$/);
    expect(input).toEqual({
      MinCount: 1,
      MaxCount: 2,
      UserData: 'IyEvYmluL3NoCg==',
      EbsOptimized: true,
      BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 8, DeleteOnTermination: false } }],
      TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'a&b', Value: '<ü> ' }] }],
      NetworkInterfaces: [{ DeviceIndex: 0, Groups: ['sg-1', 'sg-2'], AssociatePublicIpAddress: true }],
    });
  });

  it('answers operations without output with success', async () => {
    test.handle = () => undefined;
    await new EC2Client(test.client).send(new DeleteVolumeCommand({ VolumeId: 'vol-1', DryRun: false }));
    expect(test.calls[0]?.input).toEqual({ VolumeId: 'vol-1', DryRun: false });
  });

  it("answers an operation's error", async () => {
    test.handle = () => {
      throw new ApiError('InvalidInstanceID.NotFound', "The instance ID 'i-<1>' does not exist");
    };
    const sent = new EC2Client(test.client).send(new DescribeInstancesCommand({ InstanceIds: ['i-<1>'] }));
    await expect(sent).rejects.toMatchObject({
      name: 'InvalidInstanceID.NotFound',
      message: "The instance ID 'i-<1>' does not exist",
      $metadata: { httpStatusCode: 400 },
    });
    expect(test.log[0]).toMatchObject({
      status: 400,
      code: 'InvalidInstanceID.NotFound',
      operation: 'DescribeInstances',
    });
  });

  it('answers a bug with InternalError, and tells its cause to the log alone', async () => {
    const bug = new Error('secret detail');
    test.handle = () => {
      throw bug;
    };
    const sent = new EC2Client(test.client).send(new DescribeInstancesCommand({}));
    await expect(sent).rejects.toMatchObject({ name: 'InternalError', $metadata: { httpStatusCode: 500 } });
    await expect(sent).rejects.not.toMatchObject({ message: expect.stringContaining('secret') });
    expect(test.log[0]?.cause).toBe(bug);
  });

  it('answers an output of the wrong shape with InternalError that names the member', async () => {
    test.handle = () => ({ Reservations: [{ Instances: [{ InstanceId: 7 }] }] });
    const sent = new EC2Client(test.client).send(new DescribeInstancesCommand({}));
    await expect(sent).rejects.toMatchObject({ name: 'InternalError' });
    expect(String(test.log[0]?.cause)).toContain('Instance.InstanceId: expected a string');
  });
});

describe('AWS Query', () => {
  it('carries input and output of the SDK', async () => {
    const created = new Date('2026-01-31T12:34:56Z');
    test.handle = () => ({ AutoScalingGroups: [{ AutoScalingGroupName: 'a', CreatedTime: created, Instances: [] }] });
    const command = new DescribeAutoScalingGroupsCommand({
      AutoScalingGroupNames: [],
      Filters: [{ Name: 'tag:x', Values: ['1', '2'] }],
      MaxRecords: 3,
    });
    const output = await new AutoScalingClient(test.client).send(command);
    expect(output.AutoScalingGroups).toEqual([{ AutoScalingGroupName: 'a', CreatedTime: created, Instances: [] }]);
    expect(test.calls[0]?.input).toEqual({
      AutoScalingGroupNames: [],
      Filters: [{ Name: 'tag:x', Values: ['1', '2'] }],
      MaxRecords: 3,
    });
    const identity = { Account: '000000000000', Arn: 'arn:aws:iam::000000000000:root', UserId: '000000000000' };
    test.handle = () => identity;
    expect(await new STSClient(test.client).send(new GetCallerIdentityCommand({}))).toMatchObject(identity);
  });

  it('answers modelled errors with their status', async () => {
    test.handle = () => {
      throw new ApiError('NoSuchEntity', 'The role with name x cannot be found.');
    };
    const sent = new IAMClient(test.client).send(new GetRoleCommand({ RoleName: 'x' }));
    await expect(sent).rejects.toMatchObject({ name: 'NoSuchEntityException', $metadata: { httpStatusCode: 404 } });
  });
});

describe('AWS JSON', () => {
  it('carries input and output of the SDK', async () => {
    const modified = new Date('2026-01-31T12:34:56.500Z');
    test.handle = () => ({ Parameter: { Name: '/a', Value: 'ü', Version: 3, LastModifiedDate: modified } });
    const ssm = new SSMClient(test.client);
    const output = await ssm.send(new GetParameterCommand({ Name: '/a', WithDecryption: true }));
    expect(output.Parameter).toEqual({ Name: '/a', Value: 'ü', Version: 3, LastModifiedDate: modified });
    expect(test.calls[0]).toMatchObject({ service: 'ssm', input: { Name: '/a', WithDecryption: true } });
    const missing = ssm.send(new PutParameterCommand({ Name: '/a', Value: undefined }));
    await expect(missing).rejects.toMatchObject({
      name: 'ValidationException',
      message:
        "1 validation error detected: Value null at 'value' failed to satisfy constraint: Member must not be null",
    });
  });

  it('serves CloudWatch, also by gzip, with query-compatible errors', async () => {
    const cloudwatch = new CloudWatchClient({ ...test.client, requestMinCompressionSizeBytes: 128 });
    const Timestamp = new Date('2026-01-31T12:34:56.000Z');
    const MetricData = Array.from({ length: 50 }, (_, at) => ({ MetricName: 'm', Value: at + 0.5, Timestamp }));
    await cloudwatch.send(new PutMetricDataCommand({ Namespace: 'n', MetricData }));
    expect(test.calls[0]).toMatchObject({ service: 'cloudwatch', operation: 'PutMetricData' });
    expect(test.calls[0]?.input).toEqual({ Namespace: 'n', MetricData });
    test.handle = () => {
      throw new ApiError('InvalidParameterValue', 'no');
    };
    await expect(cloudwatch.send(new ListMetricsCommand({}))).rejects.toMatchObject({
      name: 'InvalidParameterValueException',
      Error: { Code: 'InvalidParameterValue', Type: 'Sender' },
    });
  });
});

describe('REST JSON', () => {
  it('carries labels, query, headers and payload', async () => {
    const block = new Uint8Array(512 * 1024).fill(7);
    const ebs = new EBSClient(test.client);
    test.handle = () => ({ Checksum: 'c', ChecksumAlgorithm: 'SHA256' });
    const put = await ebs.send(
      new PutSnapshotBlockCommand({
        SnapshotId: 'snap-1',
        BlockIndex: 4,
        BlockData: block,
        DataLength: block.length,
        Checksum: 'c',
        ChecksumAlgorithm: 'SHA256',
      }),
    );
    expect(put).toMatchObject({ Checksum: 'c', ChecksumAlgorithm: 'SHA256', $metadata: { httpStatusCode: 201 } });
    const { BlockData, ...input } = test.calls[0]?.input ?? {};
    expect(Buffer.compare(BlockData as Uint8Array, block)).toBe(0);
    expect(input).toEqual({
      SnapshotId: 'snap-1',
      BlockIndex: 4,
      DataLength: block.length,
      Checksum: 'c',
      ChecksumAlgorithm: 'SHA256',
    });
    test.handle = () => ({ BlockData: block, DataLength: block.length, Checksum: 'c' });
    const command = new GetSnapshotBlockCommand({ SnapshotId: 'snap-1', BlockIndex: 4, BlockToken: 'a/b+c=' });
    const got = await ebs.send(command);
    expect(test.calls[1]?.input).toEqual({ SnapshotId: 'snap-1', BlockIndex: 4, BlockToken: 'a/b+c=' });
    expect(got.DataLength).toBe(block.length);
    expect(Buffer.compare((await got.BlockData?.transformToByteArray()) ?? new Uint8Array(), block)).toBe(0);
    test.handle = () => {
      throw new ApiError('ResourceNotFoundException', 'no such snapshot');
    };
    await expect(ebs.send(command)).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: 'no such snapshot',
      $metadata: { httpStatusCode: 404 },
    });
  });
});
