import { ApiError } from '../../../api/errors.ts';
import type { WriteContext } from '../../../api/operation.ts';
import type { ImageRow } from '../../images/model.ts';
import type { InstanceTypeFacts } from '../../instance-types/catalogue.ts';
import type { LaunchVolume } from './block-devices.ts';

/** Linux instances with more memory cannot be hibernated. */
const maximumMemoryMib = 150 * 1024;

/**
 * May an instance be launched so that it can be hibernated later? EC2 wants an encrypted root volume; here that is not
 * asked for.
 * @throws ApiError `UnsupportedHibernationConfiguration`
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/hibernating-prerequisites.html
 */
export function checkHibernation(
  context: WriteContext,
  launch: { readonly image: ImageRow; readonly type: InstanceTypeFacts; readonly devices: readonly LaunchVolume[] },
): void {
  const { image, type, devices } = launch;
  const { hibernation, realMachines } = context.services.engine.capabilities;
  const root = devices.find(device => device.deviceName === image.rootDeviceName);
  const memoryGib = type.memoryMib / 1024;
  const imageGib = image.blockDevices.find(device => device.deviceName === image.rootDeviceName)?.volumeSize ?? 0;
  if (!hibernation) refuse(`The ${context.services.engine.name} engine cannot hibernate instances.`);
  if (!type.hibernation) {
    refuse(
      `Instances of type ${type.name} cannot be hibernated. Choose one with HibernationSupported, such as t3.micro.`,
    );
  }
  if (type.memoryMib > maximumMemoryMib) refuse(`Instances with more than 150 GiB of memory cannot be hibernated.`);
  if (realMachines && image.bootMode === 'uefi') refuse('An AMI that boots in UEFI mode cannot be hibernated.');
  if (root === undefined || root.size < memoryGib) {
    const size = Math.max(imageGib, 1) + Math.ceil(memoryGib);
    refuse(
      `The root volume is too small to hold ${memoryGib} GiB of memory. Give it ${size} GiB in BlockDeviceMappings.`,
    );
  }
}

function refuse(message: string): never {
  throw new ApiError('UnsupportedHibernationConfiguration', message);
}
