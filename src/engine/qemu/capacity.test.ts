import { describe, expect, test } from 'vitest';
import type { MachineSpec } from '../engine.ts';
import { Capacity, MEMORY_RESERVE_MIB, type Occupant, VCPUS_PER_PROCESSOR } from './capacity.ts';

const GIB = 1024 ** 3;

async function capacityOf(occupants: Occupant[] = []): Promise<Capacity> {
  const capacity = new Capacity({
    freeDiskBytes: async () => 50.5 * GIB,
    occupants: () => occupants,
    processors: 2,
    availableMib: async () => 8192 + MEMORY_RESERVE_MIB,
  });
  await capacity.refresh();
  return capacity;
}

const spec: MachineSpec = {
  instanceId: 'i-00000001',
  instanceType: 'm5.large',
  vcpus: 2,
  memoryMib: 8192,
  architecture: 'x86_64',
  uuid: 'ec2f0000-0000-4000-8000-000000000001',
  bootMode: 'legacy-bios',
  disks: [],
  nics: [],
};

describe('capacity', () => {
  test('is what is available without what stays for the host', async () => {
    const capacity = await capacityOf();
    expect(capacity.figures()).toEqual({ memoryMibFree: 8192, diskGibFree: 50, vcpus: 2 });
    expect(capacity.admit({ memoryMib: 8192, diskGib: 50, promisedMemoryMib: 0 })).toBe(true);
    expect(capacity.admit({ memoryMib: 8193, diskGib: 0, promisedMemoryMib: 0 })).toMatch(
      /8193 MiB wanted, 8192 MiB free/,
    );
    expect(capacity.admit({ memoryMib: 1, diskGib: 51, promisedMemoryMib: 0 })).toMatch(/51 GiB wanted, 50 GiB free/);
  });

  test('leaves to others what they were promised and have not touched', async () => {
    const capacity = await capacityOf([{ memoryMib: 4096, process: undefined }]);
    expect(capacity.figures().memoryMibFree).toBe(4096);
    expect(capacity.admit({ memoryMib: 4097, diskGib: 0, promisedMemoryMib: 4096 })).not.toBe(true);
    expect(() => capacity.admitMachine(spec)).toThrow(/Not enough memory/);
    expect(() => capacity.admitMachine({ ...spec, memoryMib: 4096 })).not.toThrow();
  });

  test('does not count twice what a machine has touched', async () => {
    const self = { pid: process.pid, startTicks: 0 };
    const touched = process.memoryUsage().rss / 1024 ** 2;
    const { memoryMibFree } = (await capacityOf([{ memoryMib: 4096, process: self }])).figures();
    expect(memoryMibFree).toBeGreaterThan(4096 + touched / 2);
    expect(memoryMibFree).toBeLessThan(4096 + touched * 2);
  });

  test('of processors is shared, but not by one machine without end', async () => {
    const capacity = await capacityOf();
    expect(() => capacity.admitMachine({ ...spec, vcpus: 2 * VCPUS_PER_PROCESSOR })).not.toThrow();
    expect(() => capacity.admitMachine({ ...spec, vcpus: 2 * VCPUS_PER_PROCESSOR + 1 })).toThrow(
      /17 vCPUs; this machine has 2/,
    );
  });
});
