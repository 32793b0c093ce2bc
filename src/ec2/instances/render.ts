import type { Instance, InstanceNetworkInterface, Reservation } from '@aws-sdk/client-ec2';
import { regionOf } from '../../api/owner.ts';
import type { Reader } from '../../state/state.ts';
import { privateDnsName, publicDnsName } from '../network-interfaces/addresses.ts';
import { type NetworkInterfaceRow, networkInterfaces } from '../network-interfaces/model.ts';
import { renderIpv6Addresses } from '../network-interfaces/render.ts';
import { internalDomain } from '../regions/zones.ts';
import { securityGroups } from '../security-groups/model.ts';
import { tagList } from '../tags/model.ts';
import { deviceStatus } from '../volumes/attachments.ts';
import { vpcs } from '../vpcs/model.ts';
import type { InstanceRow, MetadataOptions } from './model.ts';
import { stateMember } from './state-reasons.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html */
export function renderInstance(db: Reader, row: InstanceRow): Instance {
  const region = regionOf(row.owner);
  const gone = row.state === 'terminated';
  const dnsNames = db.get(vpcs, row.vpcId)?.enableDnsHostnames === true;
  const interfaces = row.networkInterfaceIds.flatMap(id => db.get(networkInterfaces, id) ?? []);
  return {
    InstanceId: row.instanceId,
    ImageId: row.imageId,
    State: stateMember(row.state),
    PrivateDnsName: instancePrivateDnsName(row) ?? '',
    PublicDnsName: row.publicIpAddress !== undefined && dnsNames ? publicDnsName(region, row.publicIpAddress) : '',
    StateTransitionReason: row.stateTransitionReason,
    KeyName: row.keyName,
    AmiLaunchIndex: row.amiLaunchIndex,
    ProductCodes: [],
    InstanceType: row.instanceType as Instance['InstanceType'],
    LaunchTime: new Date(row.launchTime),
    Placement: { AvailabilityZone: row.availabilityZone, GroupName: '', Tenancy: 'default' },
    Monitoring: { State: row.monitoring },
    SubnetId: gone ? undefined : row.subnetId,
    VpcId: gone ? undefined : row.vpcId,
    PrivateIpAddress: row.privateIpAddress,
    PublicIpAddress: row.publicIpAddress,
    Ipv6Address: interfaces[0]?.ipv6Addresses?.[0],
    StateReason: row.stateReason && { Code: row.stateReason.code, Message: row.stateReason.message },
    Architecture: row.architecture,
    RootDeviceType: 'ebs',
    RootDeviceName: row.rootDeviceName,
    BlockDeviceMappings: row.blockDevices.map(device => ({
      DeviceName: device.deviceName,
      Ebs: {
        VolumeId: device.volumeId,
        Status: deviceStatus(db, row.instanceId, device),
        AttachTime: new Date(device.attachTime),
        DeleteOnTermination: device.deleteOnTermination,
      },
    })),
    VirtualizationType: 'hvm',
    ClientToken: row.clientToken ?? '',
    Tags: tagList(db, row.instanceId),
    SecurityGroups: gone ? [] : groupIdentifiers(db, row.securityGroupIds),
    SourceDestCheck: interfaces[0]?.sourceDestCheck,
    Hypervisor: 'xen',
    NetworkInterfaces: interfaces.map(one => renderInterface(db, one, region, dnsNames)),
    IamInstanceProfile: row.instanceProfile && {
      Arn: row.instanceProfile.arn,
      Id: row.instanceProfile.instanceProfileId,
    },
    EbsOptimized: row.ebsOptimized,
    EnaSupport: true,
    CpuOptions: { CoreCount: row.cpuOptions.coreCount, ThreadsPerCore: row.cpuOptions.threadsPerCore },
    CapacityReservationSpecification: { CapacityReservationPreference: 'open' },
    HibernationOptions: { Configured: row.hibernationConfigured === true },
    MetadataOptions: renderMetadataOptions(row.metadataOptions),
    EnclaveOptions: { Enabled: false },
    BootMode: row.imageBootMode ?? row.bootMode,
    CurrentInstanceBootMode: row.bootMode,
    PlatformDetails: 'Linux/UNIX',
    UsageOperation: 'RunInstances',
    UsageOperationUpdateTime: new Date(row.createTime),
    PrivateDnsNameOptions: {
      HostnameType: row.privateDnsNameOptions.hostnameType,
      EnableResourceNameDnsARecord: row.privateDnsNameOptions.enableResourceNameDnsARecord,
      EnableResourceNameDnsAAAARecord: row.privateDnsNameOptions.enableResourceNameDnsAaaaRecord === true,
    },
    MaintenanceOptions: { AutoRecovery: row.autoRecovery, RebootMigration: 'default' },
    NetworkPerformanceOptions: { BandwidthWeighting: 'default' },
    Operator: { Managed: false },
  };
}

/** The private host name: by address, or by the instance's id where the launch asked for resource names. */
export function instancePrivateDnsName(row: InstanceRow): string | undefined {
  if (row.privateIpAddress === undefined) return undefined;
  const region = regionOf(row.owner);
  if (row.privateDnsNameOptions.hostnameType === 'resource-name') return `${row.instanceId}.${internalDomain(region)}`;
  return privateDnsName(region, row.privateIpAddress);
}

/** Groups the instances of one reservation, given in order of their launch index. */
export function renderReservation(db: Reader, rows: readonly InstanceRow[]): Reservation {
  const first = rows[0];
  return {
    ReservationId: first?.reservationId,
    OwnerId: first?.owner.slice(0, 12),
    RequesterId: first?.requesterId,
    Groups: [],
    Instances: rows.map(row => renderInstance(db, row)),
  };
}

export function renderMetadataOptions(options: MetadataOptions) {
  return {
    State: options.state,
    HttpTokens: options.httpTokens,
    HttpPutResponseHopLimit: options.httpPutResponseHopLimit,
    HttpEndpoint: options.httpEndpoint,
    HttpProtocolIpv6: options.httpProtocolIpv6,
    InstanceMetadataTags: options.instanceMetadataTags,
  };
}

export function groupIdentifiers(
  db: Reader,
  ids: readonly string[],
): { GroupId: string; GroupName: string | undefined }[] {
  return ids.map(id => ({ GroupId: id, GroupName: db.get(securityGroups, id)?.groupName }));
}

function renderInterface(
  db: Reader,
  row: NetworkInterfaceRow,
  region: string,
  dnsNames: boolean,
): InstanceNetworkInterface {
  const association = (publicIp: string | undefined, owner: string | undefined) =>
    publicIp === undefined
      ? undefined
      : {
          PublicIp: publicIp,
          IpOwnerId: owner ?? 'amazon',
          PublicDnsName: dnsNames ? publicDnsName(region, publicIp) : '',
        };
  const primary = row.privateIpAddresses[0];
  return {
    NetworkInterfaceId: row.networkInterfaceId,
    SubnetId: row.subnetId,
    VpcId: row.vpcId,
    Description: row.description,
    OwnerId: row.owner.slice(0, 12),
    Status: row.status,
    MacAddress: row.macAddress,
    PrivateIpAddress: primary?.address,
    PrivateDnsName: primary && privateDnsName(region, primary.address),
    SourceDestCheck: row.sourceDestCheck,
    Groups: groupIdentifiers(db, row.groupIds),
    Attachment: row.attachment && {
      AttachmentId: row.attachment.attachmentId,
      DeviceIndex: row.attachment.deviceIndex,
      NetworkCardIndex: row.attachment.networkCardIndex,
      Status: row.status === 'attaching' || row.status === 'detaching' ? row.status : 'attached',
      AttachTime: new Date(row.attachment.attachTime),
      DeleteOnTermination: row.attachment.deleteOnTermination,
    },
    Association: association(primary?.publicIp, primary?.publicIpOwner),
    PrivateIpAddresses: row.privateIpAddresses.map(one => ({
      PrivateIpAddress: one.address,
      PrivateDnsName: privateDnsName(region, one.address),
      Primary: one.primary,
      Association: association(one.publicIp, one.publicIpOwner),
    })),
    Ipv4Prefixes: row.ipv4Prefixes?.map(Ipv4Prefix => ({ Ipv4Prefix })),
    Ipv6Addresses: renderIpv6Addresses(row),
    Ipv6Prefixes: row.ipv6Prefixes?.map(Ipv6Prefix => ({ Ipv6Prefix })),
    InterfaceType: row.interfaceType,
    Operator: { Managed: false },
  };
}
