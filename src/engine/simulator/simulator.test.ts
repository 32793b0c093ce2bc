import { expect, test } from 'vitest';
import { describeEngineContract } from '../contract.ts';
import type { MachineSpec } from '../engine.ts';
import { createSimulator } from './simulator.ts';

describeEngineContract('the simulator', () => ({
  make: async () => createSimulator(),
  publicIpAddress: '198.18.0.10',
}));

test('100,000 machines cost little', async () => {
  const { machines } = createSimulator();
  const spec: Omit<MachineSpec, 'instanceId'> = {
    instanceType: 't3.nano',
    vcpus: 2,
    memoryMib: 512,
    architecture: 'x86_64',
    uuid: 'ec2f0000-0000-4000-8000-000000000001',
    bootMode: 'legacy-bios',
    disks: [],
    nics: [],
  };
  const before = process.memoryUsage().heapUsed;
  for (let number = 0; number < 100_000; number++) {
    await machines.ensureRunning({ ...spec, instanceId: `i-${number.toString(16).padStart(17, '0')}` });
  }
  expect(await machines.list()).toHaveLength(100_000);
  expect((process.memoryUsage().heapUsed - before) / 1024 ** 2).toBeLessThan(100);
});
