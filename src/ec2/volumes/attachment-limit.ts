import type { InstanceTypeFacts } from '../instance-types/catalogue.ts';

/** Volumes that an instance of a type may have where the catalogue does not say: those of before Nitro. */
const attachmentsBeforeNitro = 40;

/** On the Nitro System, most types share 28 slots among volumes, network interfaces and instance store volumes. */
const sharedSlots = 28;

/**
 * How many volumes an instance may have. The catalogue counts with one network interface.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/volume_limits.html
 */
export function attachmentLimit(type: InstanceTypeFacts, networkInterfaces: number): number {
  const limit = type.ebsMaximumAttachments;
  if (limit === undefined) return attachmentsBeforeNitro;
  return type.hypervisor === 'nitro' && limit < sharedSlots ? limit + 1 - networkInterfaces : limit;
}
