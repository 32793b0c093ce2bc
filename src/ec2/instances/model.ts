import { defineTable } from '../../state/table.ts';
import type { InstanceStoreVolume } from './instance-store.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceState.html */
export const stateCodes = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
} as const;
export type InstanceStateName = keyof typeof stateCodes;

export interface MetadataOptions {
  readonly state: 'pending' | 'applied';
  readonly httpTokens: 'optional' | 'required';
  /** 1 to 64. */
  readonly httpPutResponseHopLimit: number;
  readonly httpEndpoint: 'enabled' | 'disabled';
  readonly httpProtocolIpv6: 'enabled' | 'disabled';
  readonly instanceMetadataTags: 'enabled' | 'disabled';
}

export interface InstanceBlockDevice {
  readonly deviceName: string;
  readonly volumeId: string;
  /** Milliseconds since the epoch. */
  readonly attachTime: number;
  readonly deleteOnTermination: boolean;
}

export interface InstanceProfileAssociation {
  /** `iip-assoc-…` */
  readonly associationId: string;
  /** `AIPA…`: a profile that is made again under its name is another one. */
  readonly instanceProfileId: string;
  readonly arn: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

/** An instance. Times are milliseconds since the epoch. */
export interface InstanceRow {
  readonly instanceId: string;
  /** `ACCOUNT/REGION` */
  readonly owner: string;
  readonly reservationId: string;
  /** Who asked for it: the account, or a service's. */
  readonly requesterId?: string;
  readonly amiLaunchIndex: number;
  readonly imageId: string;
  readonly instanceType: string;
  readonly architecture: 'x86_64' | 'arm64' | 'i386' | 'x86_64_mac' | 'arm64_mac';
  readonly keyName?: string;
  /** That pair's public key as it was at the launch: what happens to the pair later does not reach the instance. */
  readonly publicKey?: string;
  readonly vpcId: string;
  readonly subnetId: string;
  readonly availabilityZone: string;
  readonly state: InstanceStateName;
  /**
   * What the controller is to do once per change: a start, a stop (graceful or by force), a reboot, an end.
   * Cleared when done.
   */
  readonly wanted?: 'start' | 'stop' | 'hibernate' | 'force-stop' | 'reboot' | 'terminate';
  /** When the current state began. */
  readonly stateSince: number;
  readonly stateReason?: { readonly code: string; readonly message: string };
  /** EC2's `reason`: e.g. `User initiated (2026-01-31 10:00:00 GMT)`. */
  readonly stateTransitionReason: string;
  readonly launchTime: number;
  /** First launch; the usage operation's clock, not shown as LaunchTime after a restart. */
  readonly createTime: number;
  readonly terminatedTime?: number;
  readonly rootDeviceName: string;
  readonly blockDevices: readonly InstanceBlockDevice[];
  /** Disks of the host that it has while it runs; absent when its type has none. */
  readonly instanceStore?: readonly InstanceStoreVolume[];
  /** In order of device index. Empty after termination. */
  readonly networkInterfaceIds: readonly string[];
  /** The primary interface's addresses, kept here for lookups; absent after termination. */
  readonly privateIpAddress?: string;
  readonly publicIpAddress?: string;
  readonly securityGroupIds: readonly string[];
  readonly monitoring: 'disabled' | 'enabled';
  readonly ebsOptimized: boolean;
  readonly disableApiTermination: boolean;
  readonly disableApiStop: boolean;
  readonly instanceInitiatedShutdownBehavior: 'stop' | 'terminate';
  /** Sealed: see `userDataOf`. */
  readonly userData?: string;
  readonly metadataOptions: MetadataOptions;
  readonly cpuOptions: { readonly coreCount: number; readonly threadsPerCore: number };
  readonly creditSpecification?: 'standard' | 'unlimited';
  /** In which it starts. */
  readonly bootMode: 'legacy-bios' | 'uefi';
  /** Its AMI's, where that leaves the choice. */
  readonly imageBootMode?: 'uefi-preferred';
  readonly privateDnsNameOptions: {
    readonly hostnameType: 'ip-name' | 'resource-name';
    readonly enableResourceNameDnsARecord: boolean;
    /** Absent in rows of before IPv6. */
    readonly enableResourceNameDnsAaaaRecord?: boolean;
  };
  readonly autoRecovery: 'default' | 'disabled';
  readonly clientToken?: string;
  /** Whose role's credentials its metadata service gives out. */
  readonly instanceProfile?: InstanceProfileAssociation;
  /** SMBIOS UUID, beginning with `ec2`. */
  readonly uuid: string;
  /** `HibernationOptions.Configured` at the launch. */
  readonly hibernationConfigured?: boolean;
  /** It is stopped, and its memory is kept. */
  readonly hibernated?: boolean;
  /** Who started it may not use the keys of its volumes. */
  readonly keyRefused?: boolean;
  /** Its first start may continue from a frozen guest of its AMI. */
  readonly fastStart?: boolean;
  /** When the guest was first heard on the network since its last start. */
  readonly reachableSince?: number;
}

export const instances = defineTable<InstanceRow>()({
  name: 'instances',
  key: row => row.instanceId,
  indexes: {
    owner: row => row.owner,
    reservation: row => row.reservationId,
    vpc: row => (row.state === 'terminated' ? undefined : row.vpcId),
    image: row => (row.state === 'terminated' ? undefined : row.imageId),
    profileAssociation: row => row.instanceProfile?.associationId,
    /** Engine's ids of the disks of their hosts. */
    storeVolume: row => row.instanceStore?.map(one => one.volumeId),
    /** Machines that have, or will have, memory. */
    active: row => (row.state === 'terminated' || row.state === 'stopped' ? undefined : 'yes'),
    /** Rows that a sweep must look at: terminated ones are forgotten after an hour. */
    terminated: row => (row.state === 'terminated' ? 'yes' : undefined),
  },
});

/** Account defaults for metadata options of one Region; absent members mean no preference. */
export interface MetadataDefaultsRow {
  readonly owner: string;
  readonly httpTokens?: 'optional' | 'required';
  readonly httpPutResponseHopLimit?: number;
  readonly httpEndpoint?: 'enabled' | 'disabled';
  readonly instanceMetadataTags?: 'enabled' | 'disabled';
  readonly httpTokensEnforced?: 'enabled' | 'disabled';
}

export const metadataDefaults = defineTable<MetadataDefaultsRow>()({
  name: 'instance_metadata_defaults',
  key: row => row.owner,
  indexes: {},
});
