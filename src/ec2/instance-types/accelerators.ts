import type { InstanceTypeInfo } from '@aws-sdk/client-ec2';

type AcceleratorInfo = Pick<
  InstanceTypeInfo,
  'GpuInfo' | 'FpgaInfo' | 'InferenceAcceleratorInfo' | 'MediaAcceleratorInfo' | 'NeuronInfo'
>;

interface Device {
  readonly name: string;
  readonly manufacturer: string;
  readonly memoryMib?: number;
  readonly neuronCores?: number;
  readonly neuronVersion?: number;
  /** Devices by size. */
  readonly counts: Readonly<Record<string, number>>;
}

/** The accelerators other than GPUs, by instance family. */
const devices: Readonly<Record<string, Device>> = {
  dl1: { name: 'Gaudi HL-205', manufacturer: 'Habana', memoryMib: 32768, counts: { '24xlarge': 8 } },
  dl2q: { name: 'Qualcomm AI100', manufacturer: 'Qualcomm', counts: { '24xlarge': 8 } },
  f1: {
    name: 'Virtex UltraScale (VU9P)',
    manufacturer: 'Xilinx',
    memoryMib: 65536,
    counts: { '2xlarge': 1, '4xlarge': 2, '16xlarge': 8 },
  },
  f2: {
    name: 'Virtex UltraScale+ (VU47P)',
    manufacturer: 'AMD',
    memoryMib: 81920,
    counts: { '6xlarge': 1, '12xlarge': 2, '48xlarge': 8 },
  },
  inf1: {
    name: 'Inferentia',
    manufacturer: 'AWS',
    memoryMib: 8192,
    neuronCores: 4,
    neuronVersion: 1,
    counts: { xlarge: 1, '2xlarge': 1, '6xlarge': 4, '24xlarge': 16 },
  },
  inf2: {
    name: 'Inferentia2',
    manufacturer: 'AWS',
    memoryMib: 32768,
    neuronCores: 2,
    neuronVersion: 2,
    counts: { xlarge: 1, '8xlarge': 1, '24xlarge': 6, '48xlarge': 12 },
  },
  trn1: {
    name: 'Trainium',
    manufacturer: 'AWS',
    memoryMib: 32768,
    neuronCores: 2,
    neuronVersion: 2,
    counts: { '2xlarge': 1, '32xlarge': 16 },
  },
  trn1n: {
    name: 'Trainium',
    manufacturer: 'AWS',
    memoryMib: 32768,
    neuronCores: 2,
    neuronVersion: 2,
    counts: { '32xlarge': 16 },
  },
  trn2: {
    name: 'Trainium2',
    manufacturer: 'AWS',
    memoryMib: 98304,
    neuronCores: 8,
    neuronVersion: 3,
    counts: { '3xlarge': 1, '48xlarge': 16 },
  },
  vt1: { name: 'U30', manufacturer: 'Xilinx', memoryMib: 24576, counts: { '3xlarge': 1, '6xlarge': 2, '24xlarge': 8 } },
};

/** The accelerator members of a type's description. `cell` is its column in the table. */
export function acceleratorInfo(typeName: string, cell: string | undefined): AcceleratorInfo {
  if (cell === undefined) return {};
  if (cell.startsWith('gpu:')) return gpuInfo(cell);
  const [family = '', size = ''] = typeName.split('.');
  const device = devices[family];
  const count = device?.counts[size];
  const info: AcceleratorInfo = {};
  for (const member of cell.split(';')) Object.assign(info, memberInfo(member, device, count));
  return info;
}

function gpuInfo(cell: string): AcceleratorInfo {
  const match = /^gpu:(\S+) (.+)x(\d+):(\d+)MiB$/.exec(cell);
  if (match === null) return {};
  const [, Manufacturer, Name, count, size] = match;
  const Count = Number(count);
  const SizeInMiB = Number(size);
  const gpu = { Name, Manufacturer, Count, MemoryInfo: { SizeInMiB } };
  // A type with a share of one GPU has no whole one; the size is that of its share.
  const Gpus = [Count === 0 ? { ...gpu, LogicalGpuCount: 1 } : gpu];
  return { GpuInfo: { Gpus, TotalGpuMemoryInMiB: Math.max(Count, 1) * SizeInMiB } };
}

function memberInfo(member: string, device: Device | undefined, Count: number | undefined): AcceleratorInfo {
  const SizeInMiB = device?.memoryMib;
  const total = SizeInMiB === undefined || Count === undefined ? undefined : SizeInMiB * Count;
  const MemoryInfo = SizeInMiB === undefined ? undefined : { SizeInMiB };
  const one = device === undefined ? [] : [{ Name: device.name, Manufacturer: device.manufacturer, Count, MemoryInfo }];
  switch (member) {
    case 'FpgaInfo':
      return { FpgaInfo: { Fpgas: one, TotalFpgaMemoryInMiB: total } };
    case 'MediaAcceleratorInfo':
      return { MediaAcceleratorInfo: { Accelerators: one, TotalMediaMemoryInMiB: total } };
    case 'InferenceAcceleratorInfo':
      return { InferenceAcceleratorInfo: { Accelerators: one, TotalInferenceMemoryInMiB: total } };
    case 'NeuronInfo': {
      const CoreInfo = device && { Count: device.neuronCores, Version: device.neuronVersion };
      const NeuronDevices = device === undefined ? [] : [{ Name: device.name, Count, CoreInfo, MemoryInfo }];
      return { NeuronInfo: { NeuronDevices, TotalNeuronDeviceMemoryInMiB: total } };
    }
    default:
      return {};
  }
}
