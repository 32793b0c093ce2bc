import type { DescribeInstancesResult, DescribeVolumesResult, Instance } from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import type { Controllers } from '../../controllers/controllers.ts';
import { type Engine, EngineError, type MachineStatus } from '../../engine/engine.ts';
import { createSimulator } from '../../engine/simulator/simulator.ts';
import { ec2Controllers } from '../service.ts';
import { launch } from '../testing.ts';

let engine: Engine;
let api: TestApi;
let controllers: Controllers;

beforeEach(async () => {
  engine = createSimulator();
  api = createTestApi(engine);
  controllers = ec2Controllers({ state: api.state, engine, clock: api.clock, log: () => {} }).controllers;
  await engine.open(
    { machineChanged: id => controllers.wake('instances', id) },
    { onListening: () => {}, onClosed: () => {} },
  );
  controllers.start();
});
afterEach(() => controllers.close());

/** Lets the controllers do what there is to do. */
async function settle(): Promise<void> {
  for (let round = 0; round < 20; round++) {
    await api.state.settled();
    await controllers.idle();
    await new Promise(resolve => setImmediate(resolve));
  }
}

async function see(id: string | undefined): Promise<Instance> {
  const result = await api.call<DescribeInstancesResult>('DescribeInstances', { InstanceIds: [id] });
  const instance = result.Reservations?.[0]?.Instances?.[0];
  if (instance === undefined) throw new Error(`${id} is not there`);
  return instance;
}

async function running(input: object = {}): Promise<Instance> {
  const [instance] = await launch(api, input);
  await settle();
  return see(instance?.InstanceId);
}

describe('the life of an instance', () => {
  it('runs after its launch, keeps address and disk over stop and start, and ends', async () => {
    const instance = await running();
    const { InstanceId } = instance;
    expect(instance.State?.Name).toBe('running');
    expect(instance.StateReason).toBeUndefined();
    expect((await engine.machines.status(InstanceId ?? '')).state).toBe('running');

    api.clock.advance(60_000);
    await api.call('StopInstances', { InstanceIds: [InstanceId] });
    await settle();
    const stopped = await see(InstanceId);
    expect(stopped).toMatchObject({
      State: { Name: 'stopped', Code: 80 },
      PrivateIpAddress: instance.PrivateIpAddress,
      StateReason: { Code: 'Client.UserInitiatedShutdown' },
      StateTransitionReason: 'User initiated (2026-01-31 10:01:00 GMT)',
    });
    expect(stopped.PublicIpAddress).toBeUndefined();
    expect((await engine.machines.status(InstanceId ?? '')).state).not.toBe('running');

    api.clock.advance(60_000);
    await api.call('StartInstances', { InstanceIds: [InstanceId] });
    await settle();
    const again = await see(InstanceId);
    expect(again.State?.Name).toBe('running');
    expect(again.PublicIpAddress).toMatch(/^198\.18\./);
    expect(again.BlockDeviceMappings).toEqual(instance.BlockDeviceMappings);
    expect(again.LaunchTime?.getTime()).toBe((instance.LaunchTime?.getTime() ?? 0) + 120_000);

    await api.call('TerminateInstances', { InstanceIds: [InstanceId] });
    await settle();
    const gone = await see(InstanceId);
    expect(gone).toMatchObject({
      State: { Name: 'terminated', Code: 48 },
      NetworkInterfaces: [],
      BlockDeviceMappings: [],
    });
    expect(gone.PrivateIpAddress).toBeUndefined();
    expect((await api.call<DescribeVolumesResult>('DescribeVolumes')).Volumes).toEqual([]);
    expect(await engine.machines.list()).toEqual([]);
    expect(await engine.disks.listVolumes()).toEqual([]);
  });

  it('keeps volumes that are not to be deleted', async () => {
    const instance = await running({
      BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { DeleteOnTermination: false } }],
    });
    await api.call('TerminateInstances', { InstanceIds: [instance.InstanceId] });
    await settle();
    const { Volumes } = await api.call<DescribeVolumesResult>('DescribeVolumes');
    expect(Volumes?.map(one => [one.State, one.Attachments])).toEqual([['available', []]]);
  });

  it('shows a terminated instance for an hour', async () => {
    const instance = await running();
    await api.call('TerminateInstances', { InstanceIds: [instance.InstanceId] });
    await settle();
    api.clock.advance(3_599_000);
    controllers.wake('instances', instance.InstanceId ?? '');
    await settle();
    expect((await see(instance.InstanceId)).State?.Name).toBe('terminated');
    api.clock.advance(2_000);
    controllers.wake('instances', instance.InstanceId ?? '');
    await settle();
    expect((await api.fail('DescribeInstances', { InstanceIds: [instance.InstanceId] })).code).toBe(
      'InvalidInstanceID.NotFound',
    );
  });

  it.each([
    ['stop', 'stopped'],
    ['terminate', 'terminated'],
  ])('does what its shutdown behavior says when the guest powers off: %s', async (behavior, state) => {
    const instance = await running({ InstanceInitiatedShutdownBehavior: behavior });
    const status = engine.machines.status;
    engine.machines.status = async id =>
      id === instance.InstanceId ? ({ state: 'stopped', cause: 'guest-shutdown' } satisfies MachineStatus) : status(id);
    controllers.wake('instances', instance.InstanceId ?? '');
    await settle();
    const after = await see(instance.InstanceId);
    expect(after.State?.Name).toBe(state);
    expect(after.StateReason?.Code).toBe('Client.InstanceInitiatedShutdown');
  });

  it('ends a launch that finds no room with the reason, and a start as stopped', async () => {
    const instance = await running();
    await api.call('StopInstances', { InstanceIds: [instance.InstanceId] });
    await settle();
    engine.machines.ensureRunning = () => Promise.reject(new EngineError('InsufficientCapacity', 'no memory left'));
    const [failed] = await launch(api);
    await api.call('StartInstances', { InstanceIds: [instance.InstanceId] });
    await settle();
    for (const [id, state] of [
      [failed?.InstanceId, 'terminated'],
      [instance.InstanceId, 'stopped'],
    ]) {
      expect(await see(id)).toMatchObject({
        State: { Name: state },
        StateReason: {
          Code: 'Server.InsufficientInstanceCapacity',
          Message: 'Server.InsufficientInstanceCapacity: no memory left',
        },
      });
    }
    expect((await api.call<DescribeVolumesResult>('DescribeVolumes')).Volumes).toHaveLength(1);
  });

  it('tries a start that fails three times, then says why', async () => {
    let attempts = 0;
    engine.disks.ensureVolume = () => {
      attempts++;
      return Promise.reject(new Error('the disk is on fire'));
    };
    const [instance] = await launch(api);
    await settle();
    expect((await see(instance?.InstanceId)).State?.Name).toBe('pending');
    for (let round = 0; round < 3; round++) {
      controllers.wake('instances', instance?.InstanceId ?? '');
      await settle();
    }
    expect(attempts).toBe(3);
    expect(await see(instance?.InstanceId)).toMatchObject({
      State: { Name: 'terminated' },
      StateReason: { Code: 'Server.InternalError' },
    });
  });

  it('shows machines that ended with Fogbank itself as stopped', async () => {
    const instance = await running();
    const status = engine.machines.status;
    engine.machines.status = async id =>
      id === instance.InstanceId ? ({ state: 'stopped', cause: 'host-request' } satisfies MachineStatus) : status(id);
    controllers.wake('instances', instance.InstanceId ?? '');
    await settle();
    expect(await see(instance.InstanceId)).toMatchObject({
      State: { Name: 'stopped' },
      StateReason: { Code: 'Server.ScheduledStop' },
    });
  });

  it('brings a machine back that the host lost', async () => {
    const instance = await running();
    await engine.machines.remove(instance.InstanceId ?? '');
    controllers.wake('instances', instance.InstanceId ?? '');
    await settle();
    expect((await engine.machines.status(instance.InstanceId ?? '')).state).toBe('running');
    expect((await see(instance.InstanceId)).State?.Name).toBe('running');
  });
});

describe('what a user may ask in which state', () => {
  it('refuses and changes nothing', async () => {
    const instance = await running();
    const { InstanceId } = instance;
    await api.call('StopInstances', { InstanceIds: [InstanceId] });
    await settle();
    expect((await api.fail('RebootInstances', { InstanceIds: [InstanceId] })).code).toBe('IncorrectInstanceState');
    await api.call('TerminateInstances', { InstanceIds: [InstanceId] });
    await settle();
    expect((await api.fail('StartInstances', { InstanceIds: [InstanceId] })).code).toBe('IncorrectInstanceState');
    expect((await api.fail('StopInstances', { InstanceIds: [InstanceId] })).code).toBe('IncorrectInstanceState');
    await api.call('TerminateInstances', { InstanceIds: [InstanceId] });
  });

  it('ends the instances of a request whose zone has no protected one', async () => {
    const guarded = await running({ DisableApiTermination: true, Placement: { AvailabilityZone: 'us-east-1a' } });
    const beside = await running({ Placement: { AvailabilityZone: 'us-east-1a' } });
    const elsewhere = await running({ Placement: { AvailabilityZone: 'us-east-1b' } });
    const all = { InstanceIds: [elsewhere, beside, guarded].map(one => one.InstanceId) };
    expect((await api.fail('TerminateInstances', { ...all, DryRun: true })).code).toBe('OperationNotPermitted');
    expect((await see(elsewhere.InstanceId)).State?.Name).toBe('running');
    expect((await api.fail('TerminateInstances', all)).code).toBe('OperationNotPermitted');
    await settle();
    expect((await see(elsewhere.InstanceId)).State?.Name).toBe('terminated');
    expect((await see(beside.InstanceId)).State?.Name).toBe('running');
    expect((await see(guarded.InstanceId)).State?.Name).toBe('running');
  });

  it('keeps a stopped instance whose start fails, also when a reboot was asked for meanwhile', async () => {
    const { InstanceId } = await running();
    await api.call('StopInstances', { InstanceIds: [InstanceId] });
    await settle();
    engine.machines.ensureRunning = async () => {
      throw new EngineError('InsufficientCapacity', 'full');
    };
    await Promise.all(['StartInstances', 'RebootInstances'].map(name => api.call(name, { InstanceIds: [InstanceId] })));
    await settle();
    expect((await see(InstanceId)).State?.Name).toBe('stopped');
  });

  it('does not stop what never ran', async () => {
    await controllers.close();
    const [instance] = await launch(api);
    expect((await api.fail('StopInstances', { InstanceIds: [instance?.InstanceId] })).code).toBe(
      'IncorrectInstanceState',
    );
  });

  it('protects from termination and stop, for all of a request or none', async () => {
    const guarded = await running({ DisableApiTermination: true, DisableApiStop: true });
    const other = await running();
    const both = { InstanceIds: [other.InstanceId, guarded.InstanceId] };
    expect((await api.fail('TerminateInstances', both)).code).toBe('OperationNotPermitted');
    expect((await api.fail('StopInstances', both)).code).toBe('OperationNotPermitted');
    expect((await see(other.InstanceId)).State?.Name).toBe('running');
    await api.call('ModifyInstanceAttribute', {
      InstanceId: guarded.InstanceId,
      DisableApiTermination: { Value: false },
    });
    await api.call('TerminateInstances', both);
    await settle();
    expect((await see(guarded.InstanceId)).State?.Name).toBe('terminated');
  });

  it.each(['StartInstances', 'StopInstances', 'RebootInstances', 'TerminateInstances', 'MonitorInstances'])(
    '%s names unknown and malformed ids',
    async operation => {
      expect((await api.fail(operation, { InstanceIds: ['i-00000000'] })).code).toBe('InvalidInstanceID.NotFound');
      expect((await api.fail(operation, { InstanceIds: ['i-xyz'] })).code).toBe('InvalidInstanceID.Malformed');
    },
  );

  it('does not show instances of other accounts or Regions', async () => {
    const instance = await running();
    for (const options of [{ account: '111111111111' }, { region: 'eu-west-1' }]) {
      expect((await api.fail('DescribeInstances', { InstanceIds: [instance.InstanceId] }, options)).code).toBe(
        'InvalidInstanceID.NotFound',
      );
      expect((await api.fail('TerminateInstances', { InstanceIds: [instance.InstanceId] }, options)).code).toBe(
        'InvalidInstanceID.NotFound',
      );
      const byVpc = { Filters: [{ Name: 'vpc-id', Values: [instance.VpcId] }] };
      expect((await api.call<DescribeInstancesResult>('DescribeInstances', byVpc, options)).Reservations).toEqual([]);
    }
  });
});
