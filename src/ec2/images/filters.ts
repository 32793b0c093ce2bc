import type { FilterTable } from '../../api/filters.ts';
import { accountOf } from '../../api/owner.ts';
import type { ImageBlockDevice, ImageRow } from './model.ts';
import { imageLocation } from './render.ts';

const devices = (read: (device: ImageBlockDevice) => string | number | boolean | undefined) => (row: ImageRow) =>
  row.blockDevices.map(device => {
    const value = read(device);
    return value === undefined ? undefined : String(value);
  });

/** What no AMI here has: the filter is known, and matches none. */
const never = () => undefined;

/**
 * The filters of DescribeImages but `image-allowed`, which depends on who asks.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImages.html
 */
export const imageFilters: FilterTable<ImageRow> = {
  architecture: row => row.architecture,
  'block-device-mapping.delete-on-termination': devices(device => device.deleteOnTermination),
  'block-device-mapping.device-name': devices(device => device.deviceName),
  'block-device-mapping.encrypted': devices(device => device.encrypted),
  'block-device-mapping.snapshot-id': devices(device => device.snapshotId),
  'block-device-mapping.volume-size': devices(device => device.volumeSize),
  'block-device-mapping.volume-type': devices(device => device.volumeType),
  'boot-mode': row => row.bootMode,
  'creation-date': row => new Date(row.creationDate).toISOString(),
  description: row => row.description,
  'ena-support': row => row.enaSupport,
  'free-tier-eligible': never,
  hypervisor: () => 'xen',
  'image-id': row => row.imageId,
  'image-type': () => 'machine',
  'image-watermark.source-image-creation-time': never,
  'image-watermark.source-image-id': never,
  'image-watermark.source-image-region': never,
  'image-watermark.watermark-creation-time': never,
  'image-watermark.watermark-key': never,
  'instance-type-specification.supported-instance-type': never,
  'instance-type-specification.unsupported-instance-type': never,
  'is-public': row => row.public,
  'kernel-id': never,
  'manifest-location': imageLocation,
  name: row => row.name,
  'owner-alias': row => row.ownerAlias,
  'owner-id': row => accountOf(row.owner),
  platform: never,
  'product-code': never,
  'product-code.type': never,
  'public-ssm-parameter-name': row => (row.public ? row.ssmAliases : undefined),
  'ramdisk-id': never,
  'root-device-name': row => row.rootDeviceName,
  'root-device-type': () => 'ebs',
  'scan-result.critical-fix-available-since': never,
  'scan-result.finding-scan-date': never,
  'scan-result.high-fix-available-since': never,
  'scan-result.highest-finding-severity-label': never,
  'scan-result.informational-fix-available-since': never,
  'scan-result.low-fix-available-since': never,
  'scan-result.medium-fix-available-since': never,
  'source-image-id': row => row.sourceImageId,
  'source-image-region': row => row.sourceImageRegion,
  'source-instance-id': row => row.sourceInstanceId,
  'sriov-net-support': row => row.sriovNetSupport,
  state: row => row.state,
  'state-reason-code': row => row.stateReason?.code,
  'state-reason-message': row => row.stateReason?.message,
  'virtualization-type': () => 'hvm',
};
