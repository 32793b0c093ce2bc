import type {
  ArchitectureType,
  EbsInfo,
  InstanceStorageInfo,
  InstanceTypeInfo,
  NetworkInfo,
} from '@aws-sdk/client-ec2';
import { acceleratorInfo } from './accelerators.ts';
import type { InstanceTypeFacts } from './catalogue.ts';
import { instanceStore } from './instance-store.ts';

/** Families whose AMIs may have their root device on an instance store volume. */
const instanceStoreRoot = new Set(['c1', 'c3', 'd2', 'g2', 'hs1', 'i2', 'm1', 'm2', 'm3', 'r3']);

/**
 * A type as DescribeInstanceTypes answers it; the valid core counts are those that RunInstances takes here. Hardware that the table does not speak of and that Fogbank has not
 * (Dedicated Hosts, enclaves) is described as absent.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceTypeInfo.html
 */
export function instanceTypeInfo(type: InstanceTypeFacts): InstanceTypeInfo {
  const family = familyOf(type);
  return {
    InstanceType: type.name as InstanceTypeInfo['InstanceType'],
    CurrentGeneration: type.currentGeneration,
    FreeTierEligible: type.freeTier,
    SupportedUsageClasses: [...type.usageClasses],
    SupportedRootDeviceTypes: instanceStoreRoot.has(family) ? ['ebs', 'instance-store'] : ['ebs'],
    SupportedVirtualizationTypes: [...type.virtualization],
    BareMetal: type.bareMetal,
    Hypervisor: type.hypervisor,
    ProcessorInfo: {
      SupportedArchitectures: [...type.architectures] as ArchitectureType[],
      SustainedClockSpeedInGhz: type.clockGhz,
      Manufacturer: type.manufacturer,
    },
    VCpuInfo: {
      DefaultVCpus: type.vcpus,
      DefaultCores: type.cores,
      DefaultThreadsPerCore: type.threadsPerCore,
      ValidCores: countTo(type.cores),
      ValidThreadsPerCore: countTo(type.threadsPerCore),
    },
    MemoryInfo: { SizeInMiB: type.memoryMib },
    InstanceStorageSupported: type.instanceStoreGb !== undefined,
    InstanceStorageInfo: instanceStorageInfo(type),
    EbsInfo: ebsInfo(type),
    NetworkInfo: networkInfo(type),
    ...acceleratorInfo(type.name, type.accelerators),
    PlacementGroupInfo: { SupportedStrategies: [...type.placementStrategies] },
    HibernationSupported: type.hibernation,
    BurstablePerformanceSupported: type.burstable,
    DedicatedHostsSupported: false,
    AutoRecoverySupported: type.autoRecovery,
    SupportedBootModes: [...type.bootModes],
    NitroEnclavesSupport: 'unsupported',
    NitroTpmSupport: type.nitroTpm,
    NitroTpmInfo: type.nitroTpm === 'supported' ? { SupportedVersions: ['2.0'] } : undefined,
    PhcSupport: 'unsupported',
    RebootMigrationSupport: 'unsupported',
    SupportedInRegion: true,
  };
}

function countTo(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}

function familyOf(type: InstanceTypeFacts): string {
  return type.name.slice(0, type.name.indexOf('.'));
}

function instanceStorageInfo(type: InstanceTypeFacts): InstanceStorageInfo | undefined {
  const store = instanceStore(type);
  if (store === undefined) return undefined;
  return {
    TotalSizeInGB: type.instanceStoreGb,
    Disks: store.disks.map(({ gb, count, kind }) => ({ SizeInGB: gb, Count: count, Type: kind })),
    NvmeSupport: store.nvme ? 'required' : 'unsupported',
    // Every NVMe instance store volume is encrypted by its hardware.
    EncryptionSupport: store.nvme ? 'required' : 'unsupported',
  };
}

function ebsInfo(type: InstanceTypeFacts): EbsInfo {
  const { ebsBaselineMbps: baseline, ebsMaximumMbps: maximum, ebsMaximumIops: iops } = type;
  const throughput = (mbps: number | undefined) => (mbps === undefined ? undefined : mbps / 8);
  return {
    EbsOptimizedSupport: type.ebsOptimized,
    EncryptionSupport: 'supported',
    EbsOptimizedInfo:
      maximum === undefined
        ? undefined
        : {
            BaselineBandwidthInMbps: baseline,
            BaselineThroughputInMBps: throughput(baseline),
            // Known where the type does not burst.
            BaselineIops: baseline === maximum ? iops : undefined,
            MaximumBandwidthInMbps: maximum,
            MaximumThroughputInMBps: throughput(maximum),
            MaximumIops: iops,
          },
    NvmeSupport: type.nvme,
    MaximumEbsAttachments: type.ebsMaximumAttachments,
  };
}

function networkInfo(type: InstanceTypeFacts): NetworkInfo {
  const { networkCards: cards, peakGbps: peak } = type;
  return {
    NetworkPerformance: type.networkPerformance,
    MaximumNetworkInterfaces: type.maximumInterfaces,
    MaximumNetworkCards: cards,
    DefaultNetworkCardIndex: 0,
    NetworkCards: Array.from({ length: cards }, (_, index) => ({
      NetworkCardIndex: index,
      NetworkPerformance: cards === 1 || peak === undefined ? type.networkPerformance : `${peak} Gigabit`,
      MaximumNetworkInterfaces: type.maximumInterfaces / cards,
      BaselineBandwidthInGbps: type.baselineGbps,
      PeakBandwidthInGbps: peak,
    })),
    Ipv4AddressesPerInterface: type.ipv4AddressesPerInterface,
    Ipv6AddressesPerInterface: type.ipv6AddressesPerInterface,
    Ipv6Supported: type.ipv6AddressesPerInterface > 0,
    EnaSupport: type.ena,
    EfaSupported: type.efa,
    EfaInfo: type.efa ? { MaximumEfaInterfaces: cards } : undefined,
    EncryptionInTransitSupported: false,
    EnaSrdSupported: false,
    FlexibleEnaQueuesSupport: 'unsupported',
  };
}
