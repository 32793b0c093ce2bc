/**
 * The engine port: what provides machines, disks and the network ("fabric").
 *
 * Everything here is level-triggered: `ensure…` makes the world match its argument and does nothing when it
 * already does, `remove…` succeeds when there is nothing to remove. A caller that was killed half-way calls again.
 * The engine never reads Fogbank's state; what it must know is in the arguments. Drivers: `qemu`, `simulator`;
 * all of them pass `contract.ts`.
 */
import type { FlowCount, PortIntent, SecurityGroupIntent, VpcIntent } from './network/intents.ts';

export type * from './network/intents.ts';

/** What a driver can do; operations refuse with `UnsupportedOperation` what the engine cannot. */
export interface EngineCapabilities {
  /** Machines run code, so that a guest can be reached and prints a console. */
  readonly realMachines: boolean;
  readonly consoleOutput: boolean;
  readonly screenshot: boolean;
  /** `hibernate` keeps the memory. */
  readonly hibernation: boolean;
  /** CPU architectures whose instances can start here, as EC2 spells them (`x86_64`, `arm64`). */
  readonly architectures: readonly string[];
}

export interface DiskAttachment {
  /** `vol-…`; shown to the guest as the disk's serial without the dash, as EC2 does. */
  readonly volumeId: string;
  /** The name that the user chose, e.g. `/dev/xvda`. */
  readonly device: string;
  /** The disk that the firmware boots from. */
  readonly root: boolean;
  readonly readOnly?: boolean;
  /** Several machines have it at the same time (Multi-Attach). */
  readonly shared?: boolean;
  /** None when left out. */
  readonly limits?: DiskLimits;
}

/**
 * What a disk may do in a second. An operation counts as one for each `operationBytes` of it.
 * https://docs.aws.amazon.com/ebs/latest/userguide/ebs-io-characteristics.html
 */
export interface DiskLimits {
  readonly iops: number;
  readonly bytesPerSecond: number;
  readonly operationBytes: number;
}

/**
 * The secret that a volume's or snapshot's blocks are encrypted with: 32 random bytes, and those of everything that was
 * made from it under the same key. The engine never keeps it where it outlives the machine's process.
 */
export type DiskKey = Uint8Array;

/** Keys of a machine's encrypted disks by volume id. */
export type DiskKeys = ReadonlyMap<string, DiskKey>;

export interface NicAttachment {
  readonly networkInterfaceId: string;
  readonly vpcId: string;
  readonly mac: string;
  readonly deviceIndex: number;
}

export interface MachineSpec {
  /** `i-…` */
  readonly instanceId: string;
  readonly instanceType: string;
  readonly vcpus: number;
  readonly memoryMib: number;
  readonly architecture: string;
  /** SMBIOS system UUID; begins with `ec2`, as guests expect on EC2. */
  readonly uuid: string;
  readonly bootMode: 'legacy-bios' | 'uefi';
  readonly disks: readonly DiskAttachment[];
  readonly nics: readonly NicAttachment[];
  /**
   * The image's guest can be frozen before it takes an identity: where its root disk was never written to, the engine
   * may continue from such a guest instead of booting. Nobody in the guest can tell, except by the clock.
   */
  readonly fastStart?: boolean;
}

/**
 * - `absent`: nothing is known of this machine.
 * - `running`: the guest executes (or is paused by the engine for a moment).
 * - `stopped`: it ran and ended; `cause` says how.
 */
export type MachineStatus =
  | { readonly state: 'absent' }
  | { readonly state: 'running'; readonly since: number }
  | {
      readonly state: 'stopped';
      readonly cause: 'guest-shutdown' | 'host-request' | 'crash';
      readonly message?: string;
      /** Its memory is kept: the next start continues where it was. */
      readonly hibernated?: boolean;
    };

/** An RGB picture, 3 bytes a pixel, rows from the top. */
export interface Screen {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

export interface MachineDriver {
  /**
   * Starts the machine unless it runs. Disks and ports must exist.
   * @returns undefined when it runs; milliseconds after which to call again when its start waits for something.
   * @throws EngineError `InsufficientCapacity` before anything was started when memory or processors do not suffice.
   */
  ensureRunning(spec: MachineSpec, keys?: DiskKeys): Promise<number | undefined>;
  status(instanceId: string): Promise<MachineStatus>;
  /** Presses the ACPI power button; the guest shuts down when it likes. No error when it does not run. */
  pressPowerButton(instanceId: string): Promise<void>;
  /**
   * Keeps the machine's memory in its root disk and ends it; its next start continues there, or boots when that fails.
   * No error when it does not run. @throws EngineError `Failed`: it runs on.
   */
  hibernate(instanceId: string): Promise<void>;
  /** Ends the machine at once, as pulling its plug. */
  powerOff(instanceId: string): Promise<void>;
  /** Ctrl-Alt-Del first would need the guest's help; this is a reset line: RAM is lost, the process stays. */
  reset(instanceId: string): Promise<void>;
  /** Ends the machine if it runs and deletes its run-time files (sockets, console log). Disks stay. */
  remove(instanceId: string): Promise<void>;
  /**
   * Plugs a network interface into a running machine; its port must exist. Nothing happens when it is plugged in, or
   * when the machine does not run: the next start has it in its `spec`.
   * @throws EngineError `Invalid` when there is no room for another, `Failed` otherwise.
   */
  attachNic(instanceId: string, nic: NicAttachment): Promise<void>;
  /**
   * Asks the guest to let go of a network interface, and takes it out. Returns when it is gone from the machine; nothing
   * happens when it never was there or the machine does not run. With `force` the interface is cut off at once, whatever
   * the guest does.
   * @throws EngineError `Failed` when the guest has not let go after some seconds: call again.
   */
  detachNic(instanceId: string, networkInterfaceId: string, options?: { readonly force?: boolean }): Promise<void>;
  /** The network interfaces that are plugged into a running machine; none when it does not run. */
  listNics(instanceId: string): Promise<string[]>;
  /**
   * Plugs a disk into a running machine; its volume must exist. Nothing happens when it is plugged in, or when the machine
   * does not run: the next start has it in its `spec`.
   * @throws EngineError `Invalid` when there is no room for another, `Failed` otherwise.
   */
  attachDisk(instanceId: string, disk: DiskAttachment, key?: DiskKey): Promise<void>;
  /**
   * Asks the guest to let go of a disk, and takes it out once what was written is on the host's disk. Returns when it is
   * gone from the machine; nothing happens when it never was there or the machine does not run. With `force` it is cut off
   * at once, whatever the guest does.
   * @throws EngineError `Failed` when the guest has not let go after some seconds: call again.
   */
  detachDisk(instanceId: string, volumeId: string, options?: { readonly force?: boolean }): Promise<void>;
  /** Volumes that are plugged into a running machine; none when it does not run. */
  listDisks(instanceId: string): Promise<string[]>;
  /** Changes what a plugged disk may do; nothing happens when it is not plugged in. */
  setDiskLimits(instanceId: string, volumeId: string, limits: DiskLimits | undefined): Promise<void>;
  /** All machines this engine knows, running or not: to find what nobody wants any more. */
  list(): Promise<string[]>;
  /** The last 64 KiB of the serial console since the last start. Empty when there was none. */
  consoleOutput(instanceId: string): Promise<Uint8Array>;
  screenshot(instanceId: string): Promise<Screen>;
}

/** What a volume is made of. */
export interface VolumeOptions {
  /** 1 to 65,536. */
  readonly sizeGib: number;
  /** Its content at first; zeros when left out, and beyond the snapshot's size. */
  readonly snapshotId?: string;
  /** Encrypts the volume. */
  readonly key?: DiskKey;
  /**
   * The snapshot's key. A volume under the same key, or one without key of a snapshot without key, stands on the snapshot
   * and is there at once; otherwise everything is copied.
   */
  readonly snapshotKey?: DiskKey;
  readonly progress?: Progress;
}

/** Told now and then how far something is, from 0 to 1. */
export type Progress = (done: number) => void;

/** One snapshot of several that are taken at the same instant. */
export interface SnapshotCut {
  readonly snapshotId: string;
  readonly volumeId: string;
  /** The volume's key, which becomes the snapshot's. */
  readonly key?: DiskKey;
}

/** File formats that virtual machines' disks come in. `vhd` is Virtual PC's, as Azure and Hyper-V write it. */
export type DiskFileFormat = 'raw' | 'qcow2' | 'vmdk' | 'vhd' | 'vhdx';

/** Blocks of a snapshot, 512 KiB each, counted from 0, as the EBS direct API has them. */
export interface SnapshotBlocks {
  /** Indexes of the blocks that may hold something else than zeros, ascending. */
  allocated(): Promise<number[]>;
  /** 524,288 bytes; zeros beyond the end. */
  read(index: number): Promise<Buffer>;
  /** Writes a whole block; only for a snapshot that is being made. @throws EngineError `InsufficientCapacity` (disk full). */
  write(index: number, data: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

export interface DiskDriver {
  /**
   * Makes `file` (qcow2 or raw, read-only from now on) the content of snapshot `snapshotId`, without copying when the file system allows.
   */
  ensureSnapshotFromFile(snapshotId: string, file: string): Promise<void>;
  /** Makes a volume, from a snapshot or empty. @throws EngineError `InsufficientCapacity` (disk full). */
  ensureVolume(volumeId: string, options: VolumeOptions): Promise<void>;
  /** Grows a volume; a machine that has it sees the new size at once. Nothing happens when it has that size or more. */
  ensureVolumeSize(volumeId: string, sizeGib: number, key?: DiskKey): Promise<void>;
  /**
   * Takes snapshots of volumes, all at one instant as after a power failure, also while one machine that has them runs and
   * writes. Nothing is copied. Snapshots that exist stay as they are.
   */
  ensureSnapshots(cuts: readonly SnapshotCut[]): Promise<void>;
  /** Makes a snapshot with another's content, encrypted anew unless both keys are equal or absent. */
  ensureSnapshotCopy(
    snapshotId: string,
    source: { readonly snapshotId: string; readonly key?: DiskKey },
    options?: { readonly key?: DiskKey; readonly progress?: Progress },
  ): Promise<void>;
  /** Format and size of a disk file. @throws EngineError `Invalid` when it is none that can be read, or leans on another. */
  inspectFile(file: string): Promise<{ readonly format: DiskFileFormat; readonly virtualBytes: number }>;
  /** Makes a snapshot of `sizeGib` GiB with the content of a disk file, which stays. @throws as `inspectFile` */
  ensureSnapshotImport(
    snapshotId: string,
    source: { readonly file: string; readonly format: DiskFileFormat; readonly sizeGib: number },
    options?: { readonly key?: DiskKey; readonly progress?: Progress },
  ): Promise<void>;
  /** Writes a snapshot's content into a file, which appears when it is whole. */
  exportSnapshot(
    source: { readonly snapshotId: string; readonly key?: DiskKey },
    target: { readonly file: string; readonly format: DiskFileFormat; readonly progress?: Progress },
  ): Promise<void>;
  /**
   * Begins a snapshot that is written block by block, with another's content at first if there is a parent (under the
   * same key). It can be written until `completeSnapshot`.
   */
  ensureSnapshotDraft(
    snapshotId: string,
    options: { readonly sizeGib: number; readonly parentId?: string; readonly key?: DiskKey },
  ): Promise<void>;
  completeSnapshot(snapshotId: string): Promise<void>;
  /** @throws EngineError `NotFound` */
  openSnapshot(snapshotId: string, options?: { readonly key?: DiskKey }): Promise<SnapshotBlocks>;
  /**
   * Blocks in which two snapshots may differ, ascending; those that are alike may be among them only where both have
   * been written to. @throws EngineError `NotFound`
   */
  changedBlocks(
    first: { readonly snapshotId: string; readonly key?: DiskKey },
    second: { readonly snapshotId: string; readonly key?: DiskKey },
  ): Promise<number[]>;
  /** Bytes that a snapshot's content takes, and those that only it takes (what the snapshot before it does not have). */
  snapshotBytes(snapshotId: string): Promise<{ readonly full: number; readonly own: number }>;
  removeVolume(volumeId: string): Promise<void>;
  removeSnapshot(snapshotId: string): Promise<void>;
  listVolumes(): Promise<string[]>;
  listSnapshots(): Promise<string[]>;
}

/**
 * The network. A VPC exists in the fabric only while a port needs it; `ensurePort` may assume that its VPC and groups were
 * ensured. `ensureVpc` takes all of a VPC at once and changes only what differs; parts that are no longer in the intent
 * (NAT gateways, peering connections, network ACLs) go. What a route names and is not there is a blackhole until it is.
 * All of them throw EngineError: `Invalid` for what cannot be (nothing has changed then), `Unsupported` for what this
 * engine cannot do, `Failed` otherwise.
 */
export interface FabricDriver {
  ensureVpc(intent: VpcIntent): Promise<void>;
  removeVpc(vpcId: string): Promise<void>;
  ensureGroup(intent: SecurityGroupIntent): Promise<void>;
  removeGroup(vpcId: string, groupId: string): Promise<void>;
  ensurePort(intent: PortIntent): Promise<void>;
  removePort(vpcId: string, networkInterfaceId: string): Promise<void>;
  listVpcs(): Promise<string[]>;
  listPorts(vpcId: string): Promise<string[]>;
  /**
   * What was counted since the VPC's intent asked for it, except flows that have been idle for minutes. Nothing when it is
   * not there or does not ask.
   */
  flowCounts(vpcId: string): Promise<FlowCount[]>;
}

/**
 * Receives the listening sockets of 169.254.169.254:80, made inside each VPC's network, and of [fd00:ec2::254]:80 where
 * the VPC has IPv6. A caller is known by its VPC and address, since nobody can send under another's.
 */
export interface MetadataListener {
  /** Called once for each VPC and IP version with a listening TCP server handle inside that VPC's network. */
  onListening(vpcId: string, server: import('node:net').Server): void;
  onClosed(vpcId: string): void;
}

export interface EngineEvents {
  /** The machine's status may have changed: look again. */
  machineChanged(instanceId: string): void;
}

export interface EngineCapacity {
  readonly memoryMibFree: number;
  readonly diskGibFree: number;
  readonly vcpus: number;
}

export interface Engine {
  readonly name: string;
  readonly capabilities: EngineCapabilities;
  readonly machines: MachineDriver;
  readonly disks: DiskDriver;
  readonly fabric: FabricDriver;
  /** Finds machines and networks of an earlier process again; calls `events` from now on. */
  open(events: EngineEvents, metadata: MetadataListener): Promise<void>;
  /** Lets go of everything; machines keep running. */
  close(): Promise<void>;
  /** Ends every machine and removes every namespace, TAP, route and rule of this engine (`fogbank down`). Disks stay. */
  destroy(): Promise<void>;
  capacity(): Promise<EngineCapacity>;
  /**
   * Is there room for these machines and volumes besides what was promised before?
   * A synchronous look at cached figures, since operations ask inside a transaction.
   */
  admit(request: {
    /** Of all the machines of the request together. */
    readonly memoryMib: number;
    /** How many they are, of equal size; 1 when left out. */
    readonly machines?: number;
    readonly diskGib: number;
    /** Of all machines that run or are to run without these. */
    readonly promisedMemoryMib: number;
    /** How many those are: each takes some memory besides its guest's. */
    readonly promisedMachines?: number;
  }): true | string;
}

/** What the engine could not do, in words that may become a resource's `StateReason`. */
export class EngineError extends Error {
  readonly code: 'InsufficientCapacity' | 'NotFound' | 'Invalid' | 'Unsupported' | 'Failed';
  constructor(code: EngineError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EngineError';
    this.code = code;
  }
}
