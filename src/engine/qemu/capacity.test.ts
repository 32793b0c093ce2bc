import { spawn } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import type { MachineSpec } from '../engine.ts';
import {
  Capacity,
  type CapacityOptions,
  MACHINE_FLOOR_MIB,
  MEMORY_RESERVE_MIB,
  type Occupant,
  VCPUS_PER_PROCESSOR,
} from './capacity.ts';
import { type MemoryUse, memoryUse, QEMU_MIB } from './memory-use.ts';
import type { ProcessId } from './process.ts';

const GIB = 1024 ** 3;

/** A host with 8 GiB of memory for machines, less what the given ones use. Without overhead, to count easily. */
class Host {
  readonly occupants: Occupant[] = [];
  readonly #uses = new Map<ProcessId, MemoryUse>();
  looks = 0;
  now = 0;
  readonly capacity: Capacity;

  constructor(options: Partial<CapacityOptions> = {}) {
    this.capacity = new Capacity({
      freeDiskBytes: async () => 50.5 * GIB,
      occupants: () => this.occupants,
      overheadMib: () => 0,
      overcommit: 1,
      processors: 2,
      availableMib: async () => {
        this.looks++;
        const used = [...this.#uses.values()].reduce((sum, use) => sum + use.ownMib, 0);
        return 8192 + MEMORY_RESERVE_MIB - used;
      },
      memoryUse: async process => this.#uses.get(process) ?? { ownMib: 0, fileMib: 0, sharedFile: undefined },
      now: () => this.now,
      ...options,
    });
  }

  /** A machine that runs and uses so much. */
  add(memoryMib: number, ownMib: number, fileMib = 0, sharedFile?: string): ProcessId {
    const process = { pid: this.occupants.length + 1, startTicks: 0 };
    this.#uses.set(process, { ownMib, fileMib, sharedFile });
    this.occupants.push({ memoryMib, process });
    return process;
  }

  /** A machine that is being started. */
  start(memoryMib: number): void {
    this.occupants.push({ memoryMib, process: undefined });
  }

  async free(): Promise<number> {
    this.now += 1000;
    await this.capacity.refresh();
    return this.capacity.figures().memoryMibFree;
  }
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
    const host = new Host();
    await host.free();
    expect(host.capacity.figures()).toEqual({ memoryMibFree: 8192, diskGibFree: 50, vcpus: 2 });
    expect(host.capacity.admit({ memoryMib: 8192, diskGib: 50, promisedMemoryMib: 0 })).toBe(true);
    expect(host.capacity.admit({ memoryMib: 8193, diskGib: 0, promisedMemoryMib: 0 })).toMatch(
      /8193 MiB wanted, 8192 MiB free/,
    );
    expect(host.capacity.admit({ memoryMib: 1, diskGib: 51, promisedMemoryMib: 0 })).toMatch(
      /51 GiB wanted, 50 GiB free/,
    );
  });

  test('leaves to others what they were promised and have not touched', async () => {
    const host = new Host();
    host.start(4096);
    expect(await host.free()).toBe(4096);
    expect(host.capacity.admit({ memoryMib: 4097, diskGib: 0, promisedMemoryMib: 4096 })).not.toBe(true);
    expect(() => host.capacity.admitMachine(spec)).toThrow(/Not enough memory/);
    expect(() => host.capacity.admitMachine({ ...spec, memoryMib: 4096 })).not.toThrow();
    // One more was promised that is not there yet.
    const request = { diskGib: 0, promisedMemoryMib: 6144, promisedMachines: 2 };
    expect(host.capacity.admit({ memoryMib: 2048, ...request })).toBe(true);
    expect(host.capacity.admit({ memoryMib: 2049, ...request })).toMatch(/2049 MiB wanted, 2048 MiB free/);
  });

  test('does not count twice what a machine has touched', async () => {
    for (const touched of [0, 1000, 4096]) {
      const host = new Host();
      host.add(4096, touched);
      expect(await host.free()).toBe(4096);
    }
  });

  test('sees what real processes use', async () => {
    const use = await memoryUse({ pid: process.pid, startTicks: 0 });
    const rss = process.memoryUsage.rss() / 1024 ** 2;
    expect(use.ownMib + use.fileMib).toBeGreaterThan(rss / 2);
    expect(use.ownMib + use.fileMib).toBeLessThan(rss * 2);
    expect(await memoryUse({ pid: 2 ** 30, startTicks: 0 })).toEqual({ ownMib: 0, fileMib: 0, sharedFile: undefined });
  });

  test('sees from which file a machine continues', async () => {
    const memory = 'memory-backend-file,id=ram,size=512M,mem-path=warm/a/ram,share=';
    const seen = async (...words: string[]) => {
      // Without the two dashes Node takes the words for options of its own, does not know them, and ends.
      const program = ['-e', 'setInterval(() => {}, 1000)', '--', ...words];
      const child = spawn(process.execPath, program, { stdio: 'ignore' });
      const use = await memoryUse({ pid: child.pid ?? 0, startTicks: 0 });
      child.kill('SIGKILL');
      return use.sharedFile;
    };
    expect(await seen('-object', `${memory}off`, '-S')).toBe('warm/a/ram');
    expect(await seen('-object', `${memory}on`, '-S')).toBeUndefined();
    expect(await seen('-object', 'memory-backend-memfd,id=ram,size=512M,share=on')).toBeUndefined();
  });

  test('of processors is shared, but not by one machine without end', async () => {
    const host = new Host();
    await host.free();
    expect(() => host.capacity.admitMachine({ ...spec, vcpus: 2 * VCPUS_PER_PROCESSOR })).not.toThrow();
    expect(() => host.capacity.admitMachine({ ...spec, vcpus: 2 * VCPUS_PER_PROCESSOR + 1 })).toThrow(
      /17 vCPUs; this machine has 2/,
    );
  });
});

describe('memory beyond what there is', () => {
  test('a hundred machines of 512 MiB that use 60 MiB each find room in 8 GiB at a ratio of 8, and no more than that', async () => {
    const host = new Host({ overcommit: 8, overheadMib: () => QEMU_MIB });
    for (let count = 0; count < 100; count++) {
      await host.free();
      expect(() => host.capacity.admitMachine({ ...spec, memoryMib: 512 })).not.toThrow();
      host.add(512, 60);
    }
    // 71.5 MiB is the share of each: 114 of them have room.
    expect(await host.free()).toBe(8192 - 100 * ((512 + QEMU_MIB) / 8));
    const more = (machines: number) => ({ memoryMib: machines * 512, machines, diskGib: 0, promisedMemoryMib: 51_200 });
    expect(host.capacity.admit({ ...more(14), promisedMachines: 100 })).toBe(true);
    expect(host.capacity.admit({ ...more(15), promisedMachines: 100 })).not.toBe(true);
  });

  test('is promised all at once as one by one', async () => {
    const options = { overcommit: 8, overheadMib: () => QEMU_MIB };
    const host = new Host(options);
    await host.free();
    const request = (machines: number) => ({ memoryMib: machines * 512, machines, diskGib: 0, promisedMemoryMib: 0 });
    expect(host.capacity.admit(request(114))).toBe(true);
    expect(host.capacity.admit(request(115))).not.toBe(true);
    // Promised to instances whose machines have not begun to start.
    const promised = { promisedMemoryMib: 100 * 512, promisedMachines: 100 };
    expect(host.capacity.admit({ ...request(14), ...promised })).toBe(true);
    expect(host.capacity.admit({ ...request(15), ...promised })).not.toBe(true);
  });

  test('at a ratio of 1 is not promised, and QEMU’s own part is set aside', async () => {
    const host = new Host({ overheadMib: () => 232 });
    await host.free();
    expect(() => host.capacity.admitMachine({ ...spec, memoryMib: 8192 - 232 })).not.toThrow();
    expect(() => host.capacity.admitMachine({ ...spec, memoryMib: 8192 - 231 })).toThrow(
      '7961 MiB wanted (which count as 8193 MiB), 8192 MiB free',
    );
  });

  test('leaves what a machine uses beyond its share to it, and nothing more', async () => {
    const host = new Host({ overcommit: 4 });
    host.add(2048, 512);
    expect(await host.free()).toBe(8192 - 512);
    host.add(2048, 1800);
    expect(await host.free()).toBe(8192 - 512 - 1800);
    host.add(2048, 10);
    expect(await host.free()).toBe(8192 - 512 - 1800 - 512);
  });

  test.each([1, 2, 8, 32])('whatever machines use, at a ratio of %d: none is left less than its share', async ratio => {
    let seed = ratio;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed % below;
    };
    for (let round = 0; round < 50; round++) {
      const host = new Host({ overcommit: ratio, overheadMib: () => 40 });
      let expected = 8192;
      for (let count = random(20); count > 0; count--) {
        const memoryMib = 128 + random(2048);
        const used = random(memoryMib + 40);
        const share = Math.max(MACHINE_FLOOR_MIB, (memoryMib + 40) / ratio);
        expected -= Math.max(share, used);
        host.add(memoryMib, used);
      }
      expect(await host.free()).toBe(Math.max(0, Math.floor(expected)));
    }
  });

  test('has a floor: no machine lives in a few MiB', async () => {
    const host = new Host({ overcommit: 32 });
    host.start(128);
    expect(await host.free()).toBe(8192 - MACHINE_FLOOR_MIB);
    const request = { diskGib: 0, promisedMemoryMib: 128, promisedMachines: 1 };
    expect(host.capacity.admit({ memoryMib: 127 * 128, machines: 127, ...request })).toBe(true);
    expect(host.capacity.admit({ memoryMib: 128 * 128, machines: 128, ...request })).not.toBe(true);
  });

  test('counts the pages that copies share once, whatever the kernel says of them', async () => {
    const host = new Host();
    host.add(100, 100, 300, 'warm/a/ram');
    host.add(100, 100, 200, 'warm/a/ram');
    host.add(100, 100, 50, 'warm/b/ram');
    expect(await host.free()).toBe(8192 - 300 - 350);
  });
});

describe('a look at the host', () => {
  test('is shared by those who ask together, and serves for a second', async () => {
    const host = new Host();
    host.now = 1_000;
    await Promise.all(Array.from({ length: 100 }, () => host.capacity.refresh()));
    expect(host.looks).toBe(1);
    host.now = 1_999;
    await host.capacity.refresh();
    expect(host.looks).toBe(1);
    host.now = 2_000;
    await host.capacity.refresh();
    expect(host.looks).toBe(2);
  });

  test('leaves machines that started since their whole share', async () => {
    const host = new Host();
    expect(await host.free()).toBe(8192);
    host.add(1024, 1000);
    expect(host.capacity.figures().memoryMibFree).toBe(7168);
    expect(await host.free()).toBe(7168);
  });

  test('that failed is taken again', async () => {
    let broken = true;
    const host = new Host({
      availableMib: async () => {
        if (broken) throw new Error('no /proc');
        return 1000;
      },
    });
    await expect(host.free()).rejects.toThrow('no /proc');
    broken = false;
    expect(await host.free()).toBe(1000 - MEMORY_RESERVE_MIB);
  });
});
