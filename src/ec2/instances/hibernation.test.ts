import type { DescribeInstancesResult, Instance } from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestApi, type TestApi } from '../../api/testing.ts';
import type { Controllers } from '../../controllers/controllers.ts';
import { type Engine, EngineError } from '../../engine/engine.ts';
import { createSimulator } from '../../engine/simulator/simulator.ts';
import { ec2Controllers } from '../service.ts';
import { launch } from '../testing.ts';

let engine: Engine;
let api: TestApi;
let controllers: Controllers;
const logged: string[] = [];

beforeEach(async () => {
  engine = createSimulator();
  api = createTestApi(engine);
  controllers = ec2Controllers({
    state: api.state,
    engine,
    clock: api.clock,
    log: line => logged.push(line),
  }).controllers;
  await engine.open(
    { machineChanged: id => controllers.wake('instances', id) },
    { onListening: () => {}, onClosed: () => {} },
  );
  controllers.start();
});
afterEach(() => controllers.close());

async function settle(): Promise<void> {
  for (let round = 0; round < 20; round++) {
    await api.state.settled();
    await controllers.idle();
    await new Promise(resolve => setImmediate(resolve));
  }
}

async function see(id: string | undefined): Promise<Instance | undefined> {
  const result = await api.call<DescribeInstancesResult>('DescribeInstances', { InstanceIds: [id] });
  return result.Reservations?.[0]?.Instances?.[0];
}

async function running(input: object = {}): Promise<string> {
  const [instance] = await launch(api, { HibernationOptions: { Configured: true }, ...input });
  await settle();
  return instance?.InstanceId ?? '';
}

describe('hibernation', () => {
  it('stops an instance with its memory kept, and its start ends that', async () => {
    const id = await running();
    expect((await see(id))?.HibernationOptions).toEqual({ Configured: true });
    const stopping = await api.call('StopInstances', { InstanceIds: [id], Hibernate: true });
    expect(stopping).toMatchObject({ StoppingInstances: [{ CurrentState: { Name: 'stopping' } }] });
    await settle();
    expect(await see(id)).toMatchObject({
      State: { Name: 'stopped' },
      StateReason: { Code: 'Client.UserInitiatedHibernate' },
      StateTransitionReason: 'User initiated (2026-01-31 10:00:00 GMT)',
    });
    expect(await engine.machines.status(id)).toMatchObject({ state: 'stopped', hibernated: true });

    const change = { InstanceId: id, InstanceType: { Value: 't3.small' } };
    expect(await api.fail('ModifyInstanceAttribute', change)).toMatchObject({ code: 'UnsupportedOperation' });
    await api.call('StartInstances', { InstanceIds: [id] });
    await settle();
    expect((await see(id))?.State?.Name).toBe('running');
    await api.call('StopInstances', { InstanceIds: [id] });
    await settle();
    expect((await see(id))?.StateReason?.Code).toBe('Client.UserInitiatedShutdown');
    await api.call('ModifyInstanceAttribute', change);
    expect((await see(id))?.InstanceType).toBe('t3.small');
  });

  it('shuts the guest down where its memory cannot be kept', async () => {
    const id = await running();
    engine.machines.hibernate = () => Promise.reject(new EngineError('Failed', 'the disk is full'));
    await api.call('StopInstances', { InstanceIds: [id], Hibernate: true });
    await settle();
    expect(await see(id)).toMatchObject({
      State: { Name: 'stopped' },
      StateReason: { Code: 'Client.UserInitiatedShutdown' },
    });
    expect(logged.join()).toContain('the disk is full');
  });

  it('is for instances that were launched for it only', async () => {
    const id = await running({ HibernationOptions: { Configured: false } });
    expect(await api.fail('StopInstances', { InstanceIds: [id], Hibernate: true })).toMatchObject({
      code: 'UnsupportedHibernationConfiguration',
    });
    expect((await see(id))?.State?.Name).toBe('running');
  });

  it('is no stop by force', async () => {
    const id = await running();
    const input = { InstanceIds: [id], Hibernate: true, Force: true };
    expect(await api.fail('StopInstances', input)).toMatchObject({ code: 'InvalidParameterCombination' });
  });

  it('waits until the guest is up', async () => {
    const id = await running();
    const { instances } = await import('./model.ts');
    api.state.write(tx => {
      const row = tx.get(instances, id);
      if (row) tx.put(instances, { ...row, reachableSince: undefined });
    });
    const input = { InstanceIds: [id], Hibernate: true };
    expect((await api.fail('StopInstances', input)).message).toMatch(/not ready to hibernate yet/);
    api.clock.advance(121_000);
    await api.call('StopInstances', input);
  });

  it.each([
    ['a type that cannot', { InstanceType: 'c5a.large' }, /cannot be hibernated/],
    ['a root volume without room for the memory', { InstanceType: 'm5.xlarge' }, /too small to hold 16 GiB/],
  ])('is refused at the launch for %s', async (_, input, message) => {
    const error = await api.fail('RunInstances', {
      ImageId: (await launch(api))[0]?.ImageId,
      MinCount: 1,
      MaxCount: 1,
      HibernationOptions: { Configured: true },
      ...input,
    });
    expect(error).toMatchObject({ code: 'UnsupportedHibernationConfiguration' });
    expect(error.message).toMatch(message);
  });

  it('is had with an encrypted root volume, as EC2 demands it', async () => {
    const [instance] = await launch(api, {
      InstanceType: 't3.micro',
      HibernationOptions: { Configured: true },
      BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { Encrypted: true } }],
    });
    expect(instance?.HibernationOptions?.Configured).toBe(true);
  });
});
