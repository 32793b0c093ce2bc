import type {
  DescribeInstanceStatusResult,
  DescribeInstancesResult,
  GetConsoleOutputResult,
  Instance,
  InstanceAttribute,
} from '@aws-sdk/client-ec2';
import { beforeEach, describe, expect, it } from 'vitest';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import { launch } from '../testing.ts';
import { type InstanceRow, instances } from './model.ts';

let api: TestApi;
let instance: Instance;
let InstanceId: string;

beforeEach(async () => {
  api = createTestApi();
  [instance = {}] = await launch(api, { UserData: Buffer.from('#!/bin/sh\n').toString('base64') });
  InstanceId = instance.InstanceId ?? '';
});

const set = (change: Partial<InstanceRow>) =>
  api.state.write(tx => {
    const row = tx.get(instances, InstanceId);
    if (row !== undefined) tx.put(instances, { ...row, ...change });
  });
const read = async (Attribute: string) => {
  const { InstanceId: _id, ...rest } = await api.call<InstanceAttribute>('DescribeInstanceAttribute', {
    InstanceId,
    Attribute,
  });
  return rest;
};
const modify = (input: object) => api.call('ModifyInstanceAttribute', { InstanceId, ...input });
const see = async () =>
  (await api.call<DescribeInstancesResult>('DescribeInstances', { InstanceIds: [InstanceId] })).Reservations?.[0]
    ?.Instances?.[0];

describe('DescribeInstanceAttribute', () => {
  it.each([
    ['instanceType', { InstanceType: { Value: 't3.micro' } }],
    ['userData', { UserData: { Value: 'IyEvYmluL3NoCg==' } }],
    ['disableApiTermination', { DisableApiTermination: { Value: false } }],
    ['disableApiStop', { DisableApiStop: { Value: false } }],
    ['instanceInitiatedShutdownBehavior', { InstanceInitiatedShutdownBehavior: { Value: 'stop' } }],
    ['rootDeviceName', { RootDeviceName: { Value: '/dev/xvda' } }],
    ['sourceDestCheck', { SourceDestCheck: { Value: true } }],
    ['ebsOptimized', { EbsOptimized: { Value: false } }],
    ['enaSupport', { EnaSupport: { Value: true } }],
    ['productCodes', { ProductCodes: [] }],
  ])('%s', async (attribute, expected) => {
    expect(await read(attribute)).toEqual(expected);
  });

  it('lists groups and block devices, and refuses what it does not know', async () => {
    expect(await read('groupSet')).toEqual({ Groups: instance.SecurityGroups });
    expect((await read('blockDeviceMapping')).BlockDeviceMappings?.[0]?.DeviceName).toBe('/dev/xvda');
    expect((await api.fail('DescribeInstanceAttribute', { InstanceId, Attribute: 'color' })).code).toBe(
      'InvalidParameterValue',
    );
    expect((await api.fail('DescribeInstanceAttribute', { InstanceId, Attribute: 'constructor' })).code).toBe(
      'InvalidParameterValue',
    );
  });
});

describe('ModifyInstanceAttribute', () => {
  it('changes type and user data of a stopped instance only', async () => {
    const changes = [{ InstanceType: { Value: 't3.large' } }, { UserData: { Value: new TextEncoder().encode('new') } }];
    for (const change of changes)
      expect((await api.fail('ModifyInstanceAttribute', { InstanceId, ...change })).code).toBe(
        'IncorrectInstanceState',
      );
    set({ state: 'stopped' });
    for (const change of changes) await modify(change);
    expect(await see()).toMatchObject({ InstanceType: 't3.large', CpuOptions: { CoreCount: 1, ThreadsPerCore: 2 } });
    expect(await read('userData')).toEqual({ UserData: { Value: 'bmV3' } });
  });

  it('takes an attribute by name and value too', async () => {
    await modify({ Attribute: 'instanceInitiatedShutdownBehavior', Value: 'terminate' });
    await modify({ Attribute: 'disableApiStop', Value: 'true' });
    expect(await read('instanceInitiatedShutdownBehavior')).toEqual({
      InstanceInitiatedShutdownBehavior: { Value: 'terminate' },
    });
    expect(await read('disableApiStop')).toEqual({ DisableApiStop: { Value: true } });
  });

  it('sets and resets the source/destination check', async () => {
    await modify({ SourceDestCheck: { Value: false } });
    expect((await see())?.NetworkInterfaces?.[0]?.SourceDestCheck).toBe(false);
    await api.call('ResetInstanceAttribute', { InstanceId, Attribute: 'sourceDestCheck' });
    expect((await see())?.SourceDestCheck).toBe(true);
  });

  it('changes groups of the instance and its interface', async () => {
    const { GroupId } = await api.call<{ GroupId: string }>('CreateSecurityGroup', {
      GroupName: 'web',
      Description: 'web',
    });
    await modify({ Groups: [GroupId] });
    const after = await see();
    expect(after?.SecurityGroups).toEqual([{ GroupId, GroupName: 'web' }]);
    expect(after?.NetworkInterfaces?.[0]?.Groups).toEqual([{ GroupId, GroupName: 'web' }]);
  });

  it('changes what becomes of volumes', async () => {
    await modify({ BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { DeleteOnTermination: false } }] });
    expect((await see())?.BlockDeviceMappings?.[0]?.Ebs?.DeleteOnTermination).toBe(false);
  });

  it.each([
    ['nothing', {}, 'MissingParameter'],
    [
      'two things',
      { DisableApiStop: { Value: true }, SourceDestCheck: { Value: true } },
      'InvalidParameterCombination',
    ],
    ['an unknown attribute', { Attribute: 'color', Value: 'red' }, 'InvalidParameterValue'],
    ['an attribute without value', { Attribute: 'userData' }, 'MissingParameter'],
    ['a flag that is none', { Attribute: 'disableApiStop', Value: 'maybe' }, 'InvalidParameterValue'],
    ['an unknown behavior', { InstanceInitiatedShutdownBehavior: { Value: 'explode' } }, 'InvalidParameterValue'],
    ['an unknown group', { Groups: ['sg-00000000'] }, 'InvalidGroup.NotFound'],
    [
      'an unmapped device',
      { BlockDeviceMappings: [{ DeviceName: '/dev/sdz', Ebs: { DeleteOnTermination: true } }] },
      'InvalidInstanceAttributeValue',
    ],
    ['a kernel', { Kernel: { Value: 'aki-00000000' } }, 'UnsupportedOperation'],
  ])('refuses %s', async (_what, change, code) => {
    expect((await api.fail('ModifyInstanceAttribute', { InstanceId, ...change })).code).toBe(code);
  });

  it.each([
    ['an unknown type', { InstanceType: { Value: 't3.gigantic' } }],
    ['a type of another architecture', { InstanceType: { Value: 't4g.micro' } }],
  ])('refuses %s', async (_what, change) => {
    set({ state: 'stopped' });
    expect((await api.fail('ModifyInstanceAttribute', { InstanceId, ...change })).code).toBe(
      'InvalidInstanceAttributeValue',
    );
  });

  it('refuses more than 16 KB of user data', async () => {
    set({ state: 'stopped' });
    expect(
      (await api.fail('ModifyInstanceAttribute', { InstanceId, UserData: { Value: new Uint8Array(16_385) } })).code,
    ).toBe('InvalidParameterValue');
  });

  it('leaves terminated instances alone', async () => {
    set({ state: 'terminated' });
    expect((await api.fail('ModifyInstanceAttribute', { InstanceId, DisableApiStop: { Value: true } })).code).toBe(
      'IncorrectInstanceState',
    );
  });
});

describe('metadata options', () => {
  it('change what is given and keep the rest', async () => {
    const result = await api.call('ModifyInstanceMetadataOptions', {
      InstanceId,
      HttpTokens: 'required',
      HttpPutResponseHopLimit: 5,
    });
    const expected = {
      HttpTokens: 'required',
      HttpPutResponseHopLimit: 5,
      HttpEndpoint: 'enabled',
      InstanceMetadataTags: 'disabled',
    };
    expect(result).toMatchObject({ InstanceId, InstanceMetadataOptions: expected });
    expect((await see())?.MetadataOptions).toMatchObject(expected);
  });

  it('let the metadata service answer by IPv6', async () => {
    expect((await see())?.MetadataOptions).toMatchObject({ HttpProtocolIpv6: 'disabled' });
    await api.call('ModifyInstanceMetadataOptions', { InstanceId, HttpProtocolIpv6: 'enabled' });
    await api.call('ModifyInstanceMetadataOptions', { InstanceId, HttpPutResponseHopLimit: 2 });
    expect((await see())?.MetadataOptions).toMatchObject({ HttpProtocolIpv6: 'enabled' });
  });

  it.each([
    [{ HttpPutResponseHopLimit: 0 }, 'InvalidParameterValue'],
    [{ HttpEndpoint: 'off' }, 'InvalidParameterValue'],
    [{ HttpProtocolIpv6: 'on' }, 'InvalidParameterValue'],
  ])('refuse %j', async (change, code) => {
    expect((await api.fail('ModifyInstanceMetadataOptions', { InstanceId, ...change })).code).toBe(code);
  });

  it('have defaults of the account', async () => {
    await api.call('ModifyInstanceMetadataDefaults', { HttpEndpoint: 'disabled', InstanceMetadataTags: 'enabled' });
    expect(await api.call('GetInstanceMetadataDefaults')).toMatchObject({
      AccountLevel: { HttpEndpoint: 'disabled', InstanceMetadataTags: 'enabled' },
    });
    await api.call('ModifyInstanceMetadataDefaults', { HttpEndpoint: 'no-preference' });
    const { AccountLevel } = await api.call<{ AccountLevel: object }>('GetInstanceMetadataDefaults');
    expect(AccountLevel).toMatchObject({ HttpEndpoint: undefined, InstanceMetadataTags: 'enabled' });
  });
});

describe('credits', () => {
  it('belong to burstable types', async () => {
    const list = (input: object) => api.call('DescribeInstanceCreditSpecifications', input);
    expect(await list({ InstanceIds: [InstanceId] })).toEqual({
      InstanceCreditSpecifications: [{ InstanceId, CpuCredits: 'unlimited' }],
    });
    const change = {
      InstanceCreditSpecifications: [
        { InstanceId, CpuCredits: 'standard' },
        { InstanceId: 'i-00000000', CpuCredits: 'standard' },
      ],
    };
    expect(await api.call('ModifyInstanceCreditSpecification', change)).toMatchObject({
      SuccessfulInstanceCreditSpecifications: [{ InstanceId }],
      UnsuccessfulInstanceCreditSpecifications: [{ Error: { Code: 'InvalidInstanceID.NotFound' } }],
    });
    expect(await list({ InstanceIds: [InstanceId] })).toEqual({
      InstanceCreditSpecifications: [{ InstanceId, CpuCredits: 'standard' }],
    });
    expect(await list({})).toMatchObject({ InstanceCreditSpecifications: [] });
  });
});

describe('status, monitoring, console', () => {
  const status = async (input: object) =>
    (await api.call<DescribeInstanceStatusResult>('DescribeInstanceStatus', input)).InstanceStatuses ?? [];

  it('shows running instances, or all when asked', async () => {
    expect(await status({})).toEqual([]);
    expect(await status({ IncludeAllInstances: true })).toMatchObject([
      { InstanceId, InstanceState: { Name: 'pending' }, InstanceStatus: { Status: 'not-applicable' } },
    ]);
    set({ state: 'running' });
    expect(await status({})).toMatchObject([
      { InstanceStatus: { Status: 'initializing' }, SystemStatus: { Status: 'ok' } },
    ]);
    set({ reachableSince: 1 });
    expect(await status({ InstanceIds: [InstanceId] })).toMatchObject([
      {
        InstanceStatus: { Status: 'ok', Details: [{ Name: 'reachability', Status: 'passed' }] },
        AvailabilityZoneId: 'use1-az1',
      },
    ]);
    expect(await status({ Filters: [{ Name: 'instance-status.status', Values: ['impaired'] }] })).toEqual([]);
  });

  it('turns detailed monitoring on and off', async () => {
    expect(await api.call('MonitorInstances', { InstanceIds: [InstanceId] })).toEqual({
      InstanceMonitorings: [{ InstanceId, Monitoring: { State: 'enabled' } }],
    });
    expect((await see())?.Monitoring?.State).toBe('enabled');
    await api.call('UnmonitorInstances', { InstanceIds: [InstanceId] });
    expect((await see())?.Monitoring?.State).toBe('disabled');
  });

  it('has the console of the machine, where there is one', async () => {
    expect((await api.call<GetConsoleOutputResult>('GetConsoleOutput', { InstanceId })).Output).toBeUndefined();
    expect((await api.fail('GetConsoleScreenshot', { InstanceId })).code).toBe('UnsupportedOperation');
    const real = createTestApi({
      ...api.engine,
      capabilities: { ...api.engine.capabilities, consoleOutput: true, screenshot: true },
      machines: { ...api.engine.machines, consoleOutput: async () => new TextEncoder().encode('login: ') },
    });
    const [one] = await launch(real);
    const output = await real.call<GetConsoleOutputResult>('GetConsoleOutput', { InstanceId: one?.InstanceId });
    expect(Buffer.from(output.Output ?? '', 'base64').toString()).toBe('login: ');
    expect((await real.fail('GetConsoleScreenshot', { InstanceId: one?.InstanceId })).code).toBe(
      'IncorrectInstanceState',
    );
  });
});
