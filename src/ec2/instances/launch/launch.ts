import type { RunInstancesRequest } from '@aws-sdk/client-ec2';
import { ApiError } from '../../../api/errors.ts';
import { newId } from '../../../api/ids.ts';
import type { WriteContext } from '../../../api/operation.ts';
import { randomHex } from '../../../api/random.ts';
import type { InstanceProfileRow } from '../../../iam/instance-profiles/model.ts';
import { launchesFast } from '../../images/fast-launch.ts';
import { recordLaunch } from '../../images/last-launched.ts';
import { newAssociation, profileOf } from '../../instance-profiles/resolve.ts';
import { type InstanceTypeFacts, instanceType } from '../../instance-types/catalogue.ts';
import { type KeyPairRow, keyPairs } from '../../key-pairs/model.ts';
import { assignPublicIp, attachNetworkInterface, createNetworkInterface } from '../../network-interfaces/lifecycle.ts';
import type { NetworkInterfaceRow } from '../../network-interfaces/model.ts';
import { checkTypes } from '../../network-interfaces/types.ts';
import { checkMetadataTagKeys } from '../../tags/metadata-keys.ts';
import { addTags, parseTagSpecifications, type Tags } from '../../tags/model.ts';
import { attachmentLimit } from '../../volumes/attachment-limit.ts';
import { createVolumeRow } from '../../volumes/lifecycle.ts';
import { type EphemeralDevice, launchInstanceStore } from '../instance-store.ts';
import { type InstanceRow, instances, metadataDefaults } from '../model.ts';
import { stateReasons } from '../state-reasons.ts';
import { sealUserData } from '../user-data.ts';
import { type LaunchVolume, launchEphemerals, launchVolumes } from './block-devices.ts';
import { launchCpuOptions, launchCredits } from './cpu.ts';
import { checkHibernation } from './hibernation.ts';
import { launchableImage, launchBootMode } from './image.ts';
import { type InterfacePlan, placementOf, planInterfaces } from './interfaces.ts';
import { launchMetadataOptions } from './metadata-options.ts';
import { refuseUnsupported } from './unsupported.ts';
import { checkUserData } from './user-data.ts';

/** Instances that one request may launch. */
export const maximumPerRequest = 1_000;

const taggable = ['instance', 'volume', 'network-interface'] as const;

/**
 * Checks a launch completely and records its instances as `pending`; the controller starts them.
 * @returns the new rows in order of their launch index.
 * @throws ApiError with EC2's codes; nothing is recorded then.
 */
export function launchInstances(context: WriteContext, input: RunInstancesRequest): InstanceRow[] {
  refuseUnsupported(input);
  const minimum = input.MinCount ?? 1;
  const maximum = input.MaxCount ?? 1;
  checkCounts(minimum, maximum);
  const image = launchableImage(context, input.ImageId);
  const type = launchableType(context, input.InstanceType ?? 'm1.small', image.architecture);
  const tags = parseTagSpecifications(input.TagSpecifications, taggable);
  const devices = launchVolumes(context, image, input.BlockDeviceMappings);
  const ephemerals = launchEphemerals(image, input.BlockDeviceMappings);
  const plans = planInterfaces(context, input, {
    instanceType: type.name,
    maximumInterfaces: type.maximumInterfaces,
    addressesPerInterface: type.ipv4AddressesPerInterface,
    ipv6AddressesPerInterface: type.ipv6AddressesPerInterface,
  });
  checkTypes(
    type,
    plans.map(plan => (plan.kind === 'existing' ? plan.row : plan)),
  );
  checkVolumeCount(type, devices.length, plans.length);
  if ((input.PrivateIpAddress !== undefined || (input.Ipv6Addresses?.length ?? 0) > 0) && maximum > 1) {
    throw new ApiError(
      'InvalidParameterCombination',
      'A private address can be given to one instance only. Set MinCount and MaxCount to 1.',
    );
  }
  const shared = {
    image,
    type,
    plans,
    devices,
    ephemerals,
    tags,
    input,
    reservationId: newId('r'),
    key: existingKey(context, input.KeyName),
    profile: input.IamInstanceProfile && profileOf(context, input.IamInstanceProfile),
    userData: checkUserData(input.UserData),
    metadataOptions: launchMetadataOptions(
      input.MetadataOptions,
      context.db.get(metadataDefaults, context.owner),
      image,
    ),
    cpuOptions: launchCpuOptions(input.CpuOptions, type),
    credits: launchCredits(input.CreditSpecification, type),
  };
  const shutdown = input.InstanceInitiatedShutdownBehavior;
  if (shutdown !== undefined && shutdown !== 'stop' && shutdown !== 'terminate') {
    throw new ApiError(
      'InvalidParameterValue',
      `Value ( ${String(shutdown)} ) for parameter InstanceInitiatedShutdownBehavior is invalid. Use stop or terminate.`,
    );
  }
  if (input.HibernationOptions?.Configured === true) checkHibernation(context, shared);
  const count = affordable(context, minimum, maximum, type, devices);
  recordLaunch(context.db, image, context.now);
  return Array.from({ length: count }, (_, index) => launchOne(context, shared, index));
}

interface Launch {
  readonly image: ReturnType<typeof launchableImage>;
  readonly type: InstanceTypeFacts;
  readonly plans: readonly InterfacePlan[];
  readonly devices: readonly LaunchVolume[];
  readonly ephemerals: readonly EphemeralDevice[];
  readonly tags: Partial<Record<(typeof taggable)[number], Tags>>;
  readonly input: RunInstancesRequest;
  readonly reservationId: string;
  readonly key: KeyPairRow | undefined;
  readonly profile: InstanceProfileRow | undefined;
  readonly userData: string | undefined;
  readonly metadataOptions: InstanceRow['metadataOptions'];
  readonly cpuOptions: InstanceRow['cpuOptions'];
  readonly credits: InstanceRow['creditSpecification'];
}

function launchOne(context: WriteContext, launch: Launch, index: number): InstanceRow {
  const { db, owner, now } = context;
  const { input, image, type } = launch;
  const instanceId = newId('i');
  const subnet = placementOf(db, launch.plans);
  const interfaces = launch.plans.map(plan =>
    addInterface(context, plan, instanceId, launch.tags['network-interface']),
  );
  const primary = interfaces[0];
  const store = launchInstanceStore(type, launch.ephemerals);
  const row: InstanceRow = {
    instanceId,
    owner,
    reservationId: launch.reservationId,
    amiLaunchIndex: index,
    imageId: image.imageId,
    instanceType: type.name,
    architecture: image.architecture,
    keyName: launch.key?.keyName,
    publicKey: launch.key?.publicKey,
    vpcId: subnet.vpcId,
    subnetId: subnet.subnetId,
    availabilityZone: subnet.availabilityZone,
    state: 'pending',
    stateSince: now,
    stateReason: stateReasons.pending,
    stateTransitionReason: '',
    launchTime: now,
    createTime: now,
    rootDeviceName: image.rootDeviceName,
    blockDevices: launch.devices.map(device =>
      addVolume(context, device, instanceId, subnet.availabilityZone, launch.tags.volume),
    ),
    ...(store.length === 0 ? {} : { instanceStore: store }),
    networkInterfaceIds: interfaces.map(one => one.networkInterfaceId),
    privateIpAddress: primary?.privateIpAddresses[0]?.address,
    publicIpAddress: primary?.privateIpAddresses[0]?.publicIp,
    securityGroupIds: primary?.groupIds ?? [],
    monitoring: input.Monitoring?.Enabled === true ? 'enabled' : 'disabled',
    ebsOptimized: input.EbsOptimized === true,
    disableApiTermination: input.DisableApiTermination === true,
    disableApiStop: input.DisableApiStop === true,
    instanceInitiatedShutdownBehavior: input.InstanceInitiatedShutdownBehavior ?? 'stop',
    userData: sealUserData(context.services.secrets, instanceId, launch.userData),
    metadataOptions: launch.metadataOptions,
    cpuOptions: launch.cpuOptions,
    creditSpecification: launch.credits,
    ...launchBootMode(image, type),
    privateDnsNameOptions: {
      hostnameType: input.PrivateDnsNameOptions?.HostnameType ?? subnet.hostnameType,
      enableResourceNameDnsARecord:
        input.PrivateDnsNameOptions?.EnableResourceNameDnsARecord ?? subnet.enableResourceNameDnsARecord,
      enableResourceNameDnsAaaaRecord:
        input.PrivateDnsNameOptions?.EnableResourceNameDnsAAAARecord ?? subnet.enableResourceNameDnsAaaaRecord ?? false,
    },
    autoRecovery: input.MaintenanceOptions?.AutoRecovery ?? 'default',
    clientToken: input.ClientToken,
    ...(launch.profile === undefined ? {} : { instanceProfile: newAssociation(launch.profile, now) }),
    uuid: newUuid(),
    ...(input.HibernationOptions?.Configured === true ? { hibernationConfigured: true } : {}),
    ...(launchesFast(context, image) && !isRootEncrypted(launch) ? { fastStart: true } : {}),
  };
  db.put(instances, row);
  if (row.metadataOptions.instanceMetadataTags === 'enabled') checkMetadataTagKeys(launch.tags.instance ?? {});
  addTags(db, { resourceId: instanceId, resourceType: 'instance', owner }, launch.tags.instance ?? {});
  return row;
}

/** The frozen guests of an AMI stand on its snapshot as it is. */
function isRootEncrypted({ image, devices }: Launch): boolean {
  return devices.find(device => device.deviceName === image.rootDeviceName)?.encryption.encrypted === true;
}

function addInterface(
  context: WriteContext,
  plan: InterfacePlan,
  instanceId: string,
  tags: Tags | undefined,
): NetworkInterfaceRow {
  const { deviceIndex } = plan;
  if (plan.kind === 'existing') {
    return attachNetworkInterface(context, plan.row, { instanceId, deviceIndex, deleteOnTermination: false });
  }
  const row = createNetworkInterface(context, {
    subnet: plan.subnet,
    groupIds: plan.groupIds,
    interfaceType: plan.interfaceType,
    description: plan.description,
    privateIpAddress: plan.privateIpAddress,
    secondaryPrivateIpAddresses: plan.secondaryAddresses,
    secondaryPrivateIpAddressCount: plan.secondaryCount,
    ...plan.further,
    primaryIpv6: plan.primaryIpv6,
    associatePublicIp: plan.associatePublicIp,
    attachment: { instanceId, deviceIndex, deleteOnTermination: plan.deleteOnTermination },
    tags,
  });
  return plan.associatePublicIp ? assignPublicIp(context.db, row, context.services.publicPool) : row;
}

function addVolume(
  context: WriteContext,
  device: LaunchVolume,
  instanceId: string,
  availabilityZone: string,
  tags: Tags | undefined,
): InstanceRow['blockDevices'][number] {
  const { deviceName, deleteOnTermination } = device;
  const attachTime = context.now;
  const attachment = { instanceId, device: deviceName, attachTime, deleteOnTermination, state: 'attaching' } as const;
  const { volumeId } = createVolumeRow(context, { ...device, availabilityZone, attachment }, tags);
  return { deviceName, volumeId, attachTime, deleteOnTermination };
}

function checkCounts(minimum: number, maximum: number): void {
  for (const [name, value] of [
    ['minCount', minimum],
    ['maxCount', maximum],
  ] as const) {
    if (!Number.isInteger(value) || value < 1) {
      throw new ApiError(
        'InvalidParameterValue',
        `Value ( ${value} ) for parameter ${name} is invalid. It must be a whole number of at least 1.`,
      );
    }
  }
  if (minimum > maximum) {
    throw new ApiError(
      'InvalidParameterCombination',
      `The value of minCount (${minimum}) must not be greater than maxCount (${maximum}).`,
    );
  }
  if (maximum > maximumPerRequest) {
    throw new ApiError(
      'InstanceLimitExceeded',
      `A request can launch at most ${maximumPerRequest} instances. Launch ${maximum} in several requests.`,
    );
  }
}

function checkVolumeCount(type: InstanceTypeFacts, volumes: number, interfaces: number): void {
  const limit = attachmentLimit(type, interfaces);
  if (volumes <= limit) return;
  throw new ApiError(
    'AttachmentLimitExceeded',
    `Volume count ${volumes} exceeds the limit of ${type.name}: an instance may have ${limit}.`,
  );
}

function launchableType(context: WriteContext, name: string, architecture: string): InstanceTypeFacts {
  const type = instanceType(name);
  if (type === undefined) {
    throw new ApiError(
      'InvalidParameterValue',
      `Invalid value '${name}' for InstanceType. DescribeInstanceTypes lists the types that exist.`,
    );
  }
  if (!type.architectures.some(one => one === architecture)) {
    throw new ApiError(
      'InvalidParameterValue',
      `The architecture '${type.architectures.join(', ')}' of the instance type ${name} does not match the architecture '${architecture}' of the image. Choose a type and an image that match.`,
    );
  }
  const { capabilities, name: engine } = context.services.engine;
  if (!capabilities.architectures.includes(architecture)) {
    throw new ApiError(
      'Unsupported',
      `The ${engine} engine runs ${capabilities.architectures.join(', ')} instances only; ${name} is ${architecture}.`,
    );
  }
  return type;
}

/** GiB that a volume of a snapshot takes at least: what a boot writes, and something to begin with. */
const bootGib = 0.25;

/** As many instances as there is room for, at least `minimum`. @throws ApiError `InsufficientInstanceCapacity`. */
function affordable(
  context: WriteContext,
  minimum: number,
  maximum: number,
  type: InstanceTypeFacts,
  devices: readonly LaunchVolume[],
): number {
  const { engine } = context.services;
  if (!engine.capabilities.realMachines) {
    const verdict = engine.admit({ memoryMib: type.memoryMib * maximum, diskGib: 0, promisedMemoryMib: 0 });
    if (verdict !== true) throw insufficient(verdict);
    return maximum;
  }
  const promise = promised(context);
  let reason = '';
  for (let count = maximum; count >= minimum; count--) {
    const diskGib = count * devices.reduce((sum, device) => sum + (device.snapshotId === undefined ? 0 : bootGib), 0);
    const verdict = engine.admit({ memoryMib: type.memoryMib * count, machines: count, diskGib, ...promise });
    if (verdict === true) return count;
    reason = verdict;
  }
  throw insufficient(reason);
}

/** How many machines run or are to run, and their memory in MiB, as `Engine.admit` takes them. */
export function promised(context: { readonly db: WriteContext['db'] }): {
  promisedMemoryMib: number;
  promisedMachines: number;
} {
  let promisedMemoryMib = 0;
  let promisedMachines = 0;
  for (const { row } of context.db.entries(instances, 'active', 'yes')) {
    promisedMemoryMib += instanceType(row.instanceType)?.memoryMib ?? 0;
    promisedMachines += 1;
  }
  return { promisedMemoryMib, promisedMachines };
}

function insufficient(reason: string): ApiError {
  return new ApiError('InsufficientInstanceCapacity', `We currently do not have sufficient capacity: ${reason}`);
}

function existingKey(context: WriteContext, keyName: string | undefined): KeyPairRow | undefined {
  if (keyName === undefined) return undefined;
  const key = context.db.firstBy(keyPairs, 'name', `${context.owner}/${keyName}`);
  if (key === undefined) throw new ApiError('InvalidKeyPair.NotFound', `The key pair '${keyName}' does not exist`);
  return key;
}

/** A version 4 UUID that begins with `ec2`, by which guests know that they run on EC2. */
function newUuid(): string {
  const hex = `ec2${randomHex(16).slice(3)}`;
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}
