import { readFileSync } from 'node:fs';
import type {
  BootModeType,
  EbsNvmeSupport,
  EbsOptimizedSupport,
  EnaSupport,
  InstanceTypeHypervisor,
  NitroTpmSupport,
  PlacementGroupStrategy,
  UsageClassType,
  VirtualizationType,
} from '@aws-sdk/client-ec2';

/** What the table says of an instance type; a member is undefined where EC2 publishes nothing. */
export interface InstanceTypeFacts {
  readonly name: string;
  readonly vcpus: number;
  readonly cores: number;
  readonly threadsPerCore: number;
  readonly memoryMib: number;
  /** `x86_64`, `arm64` …, as ArchitectureType has them. */
  readonly architectures: readonly string[];
  readonly manufacturer: string;
  readonly clockGhz: number | undefined;
  /** None on bare metal. */
  readonly hypervisor: InstanceTypeHypervisor | undefined;
  readonly bareMetal: boolean;
  readonly burstable: boolean;
  readonly currentGeneration: boolean;
  readonly freeTier: boolean;
  readonly maximumInterfaces: number;
  readonly ipv4AddressesPerInterface: number;
  readonly ipv6AddressesPerInterface: number;
  readonly networkCards: number;
  readonly networkPerformance: string;
  /** Of each network card. */
  readonly baselineGbps: number | undefined;
  readonly peakGbps: number | undefined;
  readonly ena: EnaSupport;
  readonly efa: boolean;
  readonly ebsOptimized: EbsOptimizedSupport;
  readonly ebsBaselineMbps: number | undefined;
  readonly ebsMaximumMbps: number | undefined;
  readonly ebsMaximumIops: number | undefined;
  readonly ebsMaximumAttachments: number | undefined;
  readonly nvme: EbsNvmeSupport;
  readonly instanceStoreGb: number | undefined;
  /** `2x1900ssd,…` */
  readonly instanceStoreDisks: string | undefined;
  /** `gpu:NAMExCOUNT:SIZEMiB`, or members of InstanceTypeInfo divided by `;`. */
  readonly accelerators: string | undefined;
  readonly bootModes: readonly BootModeType[];
  readonly placementStrategies: readonly PlacementGroupStrategy[];
  readonly usageClasses: readonly UsageClassType[];
  readonly virtualization: readonly VirtualizationType[];
  readonly autoRecovery: boolean;
  readonly hibernation: boolean;
  readonly nitroTpm: NitroTpmSupport;
  /** On-demand Linux in us-east-1. */
  readonly usdPerHour: number | undefined;
}

let lines: Map<string, string> | undefined;
const parsed = new Map<string, InstanceTypeFacts>();

/** Type name to its line of the table; read at first use (some 2 ms). */
function table(): Map<string, string> {
  if (lines !== undefined) return lines;
  const text = readFileSync(new URL('instance-types.tsv', import.meta.url), 'utf8');
  lines = new Map();
  for (const line of text.split('\n').slice(1)) {
    if (line !== '') lines.set(line.slice(0, line.indexOf('\t')), line);
  }
  return lines;
}

/** An instance type by its name, such as `t3.micro`; undefined when EC2 has none of that name. */
export function instanceType(name: string): InstanceTypeFacts | undefined {
  const known = parsed.get(name);
  if (known !== undefined) return known;
  const line = table().get(name);
  if (line === undefined) return undefined;
  const type = parse(line);
  parsed.set(name, type);
  return type;
}

/** The names of all instance types, in alphabetical order. */
export function instanceTypeNames(): readonly string[] {
  return [...table().keys()];
}

/** All instance types, in the order of their names. */
export function allInstanceTypes(): InstanceTypeFacts[] {
  return instanceTypeNames().flatMap(name => instanceType(name) ?? []);
}

/** The columns in the table's order. */
function parse(line: string): InstanceTypeFacts {
  const cells = line.split('\t');
  let column = 0;
  const text = () => cells[column++] ?? '';
  const optionalText = () => {
    const cell = text();
    return cell === '-' || cell === '' ? undefined : cell;
  };
  const number = () => Number(text());
  const optionalNumber = () => {
    const cell = optionalText();
    return cell === undefined ? undefined : Number(cell);
  };
  const flag = () => text() === '1';
  const list = () => text().split(',');
  // The table is part of the program: its tests check that every cell fits its type.
  return {
    name: text(),
    vcpus: number(),
    cores: number(),
    threadsPerCore: number(),
    memoryMib: number(),
    architectures: list(),
    manufacturer: text(),
    clockGhz: optionalNumber(),
    hypervisor: optionalText() as InstanceTypeHypervisor | undefined,
    bareMetal: flag(),
    burstable: flag(),
    currentGeneration: flag(),
    freeTier: flag(),
    maximumInterfaces: number(),
    ipv4AddressesPerInterface: number(),
    ipv6AddressesPerInterface: number(),
    networkCards: number(),
    networkPerformance: text(),
    baselineGbps: optionalNumber(),
    peakGbps: optionalNumber(),
    ena: text() as EnaSupport,
    efa: flag(),
    ebsOptimized: text() as EbsOptimizedSupport,
    ebsBaselineMbps: optionalNumber(),
    ebsMaximumMbps: optionalNumber(),
    ebsMaximumIops: optionalNumber(),
    ebsMaximumAttachments: optionalNumber(),
    nvme: text() as EbsNvmeSupport,
    instanceStoreGb: optionalNumber(),
    instanceStoreDisks: optionalText(),
    accelerators: optionalText(),
    bootModes: list() as BootModeType[],
    placementStrategies: list() as PlacementGroupStrategy[],
    usageClasses: list() as UsageClassType[],
    virtualization: list() as VirtualizationType[],
    autoRecovery: flag(),
    hibernation: flag(),
    nitroTpm: text() as NitroTpmSupport,
    usdPerHour: optionalNumber(),
  };
}
