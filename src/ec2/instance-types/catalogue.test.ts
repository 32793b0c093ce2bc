import { describe, expect, test } from 'vitest';
import { acceleratorInfo } from './accelerators.ts';
import { allInstanceTypes, instanceType, instanceTypeNames } from './catalogue.ts';
import { instanceTypeInfo } from './info.ts';

const all = allInstanceTypes();

describe('the table', () => {
  test('has every type once, in order', () => {
    expect(all).toHaveLength(1373);
    expect(new Set(all.map(type => type.name)).size).toBe(1373);
    expect(instanceTypeNames()).toEqual([...instanceTypeNames()].sort());
  });

  test.each([
    ['architectures', ['arm64', 'arm64_mac', 'i386', 'x86_64', 'x86_64_mac']],
    ['bootModes', ['legacy-bios', 'uefi']],
    ['placementStrategies', ['cluster', 'partition', 'spread']],
    ['usageClasses', ['capacity-block', 'on-demand', 'spot']],
    ['virtualization', ['hvm', 'paravirtual']],
    ['hypervisor', ['nitro', 'xen', undefined]],
    ['ena', ['required', 'supported', 'unsupported']],
    ['ebsOptimized', ['default', 'supported', 'unsupported']],
    ['nvme', ['required', 'supported', 'unsupported']],
    ['nitroTpm', ['supported', 'unsupported']],
  ] as const)('column %s has only known values', (column, values) => {
    const found = new Set(all.flatMap((type): readonly (string | undefined)[] => [type[column]].flat()));
    expect([...found].sort()).toEqual([...values]);
  });

  test('numbers are numbers, and vCPUs are cores times threads', () => {
    for (const type of all) {
      expect(type.vcpus, type.name).toBe(type.cores * type.threadsPerCore);
      for (const value of Object.values(type))
        if (typeof value === 'number') expect(value, type.name).toBeGreaterThanOrEqual(0);
      expect(type.memoryMib, type.name).toBeGreaterThan(0);
      expect(type.bareMetal, type.name).toBe(type.hypervisor === undefined);
    }
  });

  test('looks up one type, and nothing that it does not have', () => {
    expect(instanceType('t3.micro')).toMatchObject({
      vcpus: 2,
      memoryMib: 1024,
      architectures: ['x86_64'],
      burstable: true,
    });
    for (const name of ['', 't3.giant', 'type', 'T3.micro', '__proto__', 'constructor'])
      expect(instanceType(name)).toBeUndefined();
  });
});

describe('the description', () => {
  const info = (name: string) => {
    const type = instanceType(name);
    if (type === undefined) throw new Error(`no ${name}`);
    return instanceTypeInfo(type);
  };

  test('of a general type', () => {
    expect(info('m5.large')).toMatchObject({
      InstanceType: 'm5.large',
      Hypervisor: 'nitro',
      ProcessorInfo: { SupportedArchitectures: ['x86_64'], SustainedClockSpeedInGhz: 3.1, Manufacturer: 'Intel' },
      VCpuInfo: { DefaultVCpus: 2, DefaultCores: 1, DefaultThreadsPerCore: 2 },
      MemoryInfo: { SizeInMiB: 8192 },
      InstanceStorageSupported: false,
      EbsInfo: {
        EbsOptimizedSupport: 'default',
        EbsOptimizedInfo: {
          BaselineBandwidthInMbps: 650,
          BaselineThroughputInMBps: 81.25,
          MaximumThroughputInMBps: 593.75,
        },
      },
      NetworkInfo: {
        MaximumNetworkInterfaces: 3,
        Ipv4AddressesPerInterface: 10,
        EnaSupport: 'required',
        MaximumNetworkCards: 1,
      },
      SupportedBootModes: ['legacy-bios', 'uefi'],
    });
  });

  test('of instance stores, GPUs and several network cards', () => {
    expect(info('d2.xlarge').InstanceStorageInfo).toEqual({
      TotalSizeInGB: 6144,
      Disks: [{ SizeInGB: 2048, Count: 3, Type: 'hdd' }],
      NvmeSupport: 'unsupported',
      EncryptionSupport: 'unsupported',
    });
    const p5 = info('p5.48xlarge');
    expect(p5.GpuInfo).toEqual({
      Gpus: [{ Name: 'H100', Manufacturer: 'NVIDIA', Count: 8, MemoryInfo: { SizeInMiB: 81920 } }],
      TotalGpuMemoryInMiB: 655360,
    });
    expect(p5.NetworkInfo?.NetworkCards).toHaveLength(32);
    expect(p5.NetworkInfo?.NetworkCards?.[31]).toMatchObject({ NetworkCardIndex: 31, MaximumNetworkInterfaces: 2 });
  });

  test('knows the accelerators of every type that has one', () => {
    for (const type of all) {
      const described = acceleratorInfo(type.name, type.accelerators);
      expect(Object.keys(described).length > 0, type.name).toBe(type.accelerators !== undefined);
      const text = JSON.stringify(described);
      expect(text, type.name).not.toContain('[]');
      if (type.accelerators !== undefined) expect(text, type.name).toContain('"Count":');
    }
  });

  test('every disk adds up to its type’s instance store, to a rounding', () => {
    for (const type of all) {
      const storage = instanceTypeInfo(type).InstanceStorageInfo;
      if (storage === undefined) continue;
      const sum = (storage.Disks ?? []).reduce((total, disk) => total + (disk.SizeInGB ?? 0) * (disk.Count ?? 0), 0);
      expect(sum, type.name).toBe(storage.TotalSizeInGB);
    }
  });
});
