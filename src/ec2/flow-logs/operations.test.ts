import type { CreateFlowLogsResult, DeleteFlowLogsResult, DescribeFlowLogsResult, Instance } from '@aws-sdk/client-ec2';
import { describe, expect, it } from 'vitest';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import { vpcIntent } from '../intents.ts';
import { launch } from '../testing.ts';
import { defaultFormat, formatOf } from './format.ts';

const s3 = { LogDestinationType: 's3', LogDestination: 'arn:aws:s3:::logs/net/', TrafficType: 'ALL' };

async function world() {
  const api = createTestApi();
  const [instance] = await launch(api);
  const { VpcId = '', SubnetId = '', NetworkInterfaces } = instance as Instance;
  const eni = NetworkInterfaces?.[0]?.NetworkInterfaceId ?? '';
  return { api, VpcId, SubnetId, eni };
}

const create = (api: TestApi, input: object) => api.call<CreateFlowLogsResult>('CreateFlowLogs', { ...s3, ...input });
const describeAll = async (api: TestApi, input: object = {}) =>
  (await api.call<DescribeFlowLogsResult>('DescribeFlowLogs', input)).FlowLogs;

describe('flow logs', () => {
  it('are made of VPCs, subnets and interfaces, described, filtered and deleted', async () => {
    const { api, VpcId, SubnetId, eni } = await world();
    const made = await create(api, {
      ResourceType: 'VPC',
      ResourceIds: [VpcId],
      MaxAggregationInterval: 60,
      ClientToken: 'one',
      TagSpecifications: [{ ResourceType: 'vpc-flow-log', Tags: [{ Key: 'Name', Value: 'all' }] }],
    });
    const [id = ''] = made.FlowLogIds ?? [];
    expect(made).toEqual({
      ClientToken: 'one',
      FlowLogIds: [expect.stringMatching(/^fl-0[0-9a-f]{16}$/)],
      Unsuccessful: [],
    });
    await create(api, { ResourceType: 'Subnet', ResourceIds: [SubnetId], TrafficType: 'REJECT' });
    await create(api, { ResourceType: 'NetworkInterface', ResourceIds: [eni], TrafficType: 'ACCEPT' });
    expect(await describeAll(api, { FlowLogIds: [id] })).toEqual([
      {
        FlowLogId: id,
        CreationTime: new Date(api.clock.now()),
        DeliverLogsStatus: 'SUCCESS',
        DestinationOptions: { FileFormat: 'plain-text', HiveCompatiblePartitions: false, PerHourPartition: false },
        FlowLogStatus: 'ACTIVE',
        LogDestination: 'arn:aws:s3:::logs/net/',
        LogDestinationType: 's3',
        LogFormat: defaultFormat,
        MaxAggregationInterval: 60,
        ResourceId: VpcId,
        TrafficType: 'ALL',
        Tags: [{ Key: 'Name', Value: 'all' }],
      },
    ]);
    const filter = async (Name: string, Value: string) =>
      (await describeAll(api, { Filter: [{ Name, Values: [Value] }] }))?.map(one => one.ResourceId);
    expect(await filter('resource-id', SubnetId)).toEqual([SubnetId]);
    expect(await filter('traffic-type', 'ACCEPT')).toEqual([eni]);
    expect(await filter('tag:Name', 'all')).toEqual([VpcId]);
    expect(await filter('log-destination-type', 'cloud-watch-logs')).toEqual([]);
    expect(vpcIntent(api.state, VpcId).countFlows).toBe(true);
    const ids = (await describeAll(api))?.map(one => one.FlowLogId);
    const gone = await api.call<DeleteFlowLogsResult>('DeleteFlowLogs', { FlowLogIds: ids });
    expect(gone.Unsuccessful).toEqual([]);
    expect(await describeAll(api)).toEqual([]);
    expect(vpcIntent(api.state, VpcId).countFlows).toBeUndefined();
    const again = await api.call<DeleteFlowLogsResult>('DeleteFlowLogs', { FlowLogIds: [id] });
    expect(again.Unsuccessful).toMatchObject([{ ResourceId: id, Error: { Code: 'InvalidFlowLogId.NotFound' } }]);
  });

  it('tell what could not be made: the same again, and what is not there', async () => {
    const { api, VpcId } = await world();
    await create(api, { ResourceType: 'VPC', ResourceIds: [VpcId] });
    const missing = 'vpc-0123456789abcdef0';
    const made = await create(api, { ResourceType: 'VPC', ResourceIds: [VpcId, missing] });
    expect(made).toMatchObject({
      FlowLogIds: [],
      Unsuccessful: [
        { ResourceId: VpcId, Error: { Code: 'FlowLogAlreadyExists' } },
        { ResourceId: missing, Error: { Code: 'InvalidVpcID.NotFound' } },
      ],
    });
  });

  it.each([
    [{ LogDestinationType: 'cloud-watch-logs' }, 'UnsupportedOperation'],
    [{ LogDestinationType: undefined }, 'UnsupportedOperation'],
    [{ LogGroupName: 'x' }, 'UnsupportedOperation'],
    [{ DestinationOptions: { FileFormat: 'parquet' } }, 'UnsupportedOperation'],
    [{ LogFormat: formatOf('tcp-flags') }, 'UnsupportedOperation'],
    [{ ResourceType: 'TransitGateway' }, 'UnsupportedOperation'],
    [{ LogFormat: 'version' }, 'InvalidParameterValue'],
    [{ LogDestination: 'arn:aws:s3:::logs/../x' }, 'InvalidParameterValue'],
    [{ LogDestination: 'arn:aws:s3:::logs/AWSLogs/' }, 'InvalidParameterValue'],
    [{ LogDestination: 'arn:aws:s3:::..' }, 'InvalidParameterValue'],
    [{ LogDestination: undefined }, 'MissingParameter'],
    [{ TrafficType: undefined }, 'MissingParameter'],
    [{ TrafficType: 'SOME' }, 'InvalidParameterValue'],
    [{ MaxAggregationInterval: 61 }, 'InvalidParameterValue'],
  ])('refuse %j with %s', async (input, code) => {
    const { api, VpcId } = await world();
    const error = await api.fail('CreateFlowLogs', { ...s3, ResourceType: 'VPC', ResourceIds: [VpcId], ...input });
    expect(error.code).toBe(code);
    expect(await describeAll(api)).toEqual([]);
  });
});
