import type { ModifyNetworkInterfaceAttributeRequest } from '@aws-sdk/client-ec2';
import { ApiError } from '../../api/errors.ts';
import type { WriteContext } from '../../api/operation.ts';
import { mirrorPublicIp } from '../addresses/association.ts';
import { instances } from '../instances/model.ts';
import { resolveGroups } from '../security-groups/resolve.ts';
import { assignPublicIp, enablePrimaryIpv6, releasePublicIp } from './lifecycle.ts';
import { type NetworkInterfaceRow, networkInterfaces } from './model.ts';

const unsupported = ['EnaSrdSpecification', 'ConnectionTrackingSpecification', 'AssociatedSubnetIds'] as const;

const changeable = [
  'Description',
  'SourceDestCheck',
  'Groups',
  'Attachment',
  'AssociatePublicIpAddress',
  'EnablePrimaryIpv6',
] as const;

const maximumDescription = 255;

/**
 * Changes one attribute of an interface, as ModifyNetworkInterfaceAttribute does.
 * @throws ApiError `InvalidParameterCombination`, `MissingParameter`, `InvalidParameterValue`,
 *   `InvalidAttachmentID.NotFound`, `UnsupportedOperation`, and what `resolveGroups` throws.
 */
export function applyAttributes(
  context: WriteContext,
  row: NetworkInterfaceRow,
  input: ModifyNetworkInterfaceAttributeRequest,
): void {
  const refused = unsupported.find(name => input[name] !== undefined);
  if (refused !== undefined) {
    throw new ApiError('UnsupportedOperation', `The parameter ${refused} is not supported by this version of Fogbank.`);
  }
  const given = changeable.filter(name => input[name] !== undefined);
  if (given.length > 1) {
    throw new ApiError(
      'InvalidParameterCombination',
      `Fields for multiple attributes specified: ${given.join(', ')}. Change one attribute in each request.`,
    );
  }
  switch (given[0]) {
    case undefined:
      throw new ApiError('MissingParameter', `No attributes specified. Give one of: ${changeable.join(', ')}.`);
    case 'Description':
      put(context, { ...row, description: checkDescription(input.Description?.Value ?? '') });
      break;
    case 'SourceDestCheck':
      put(context, { ...row, sourceDestCheck: input.SourceDestCheck?.Value ?? true });
      break;
    case 'Groups':
      changeGroups(context, row, input.Groups ?? []);
      break;
    case 'AssociatePublicIpAddress':
      changePublicIp(context, row, input.AssociatePublicIpAddress === true);
      break;
    case 'EnablePrimaryIpv6':
      changePrimaryIpv6(context, row, input.EnablePrimaryIpv6 === true);
      break;
    case 'Attachment':
      changeAttachment(context, row, input.Attachment ?? {});
      break;
  }
}

/** @throws ApiError `MissingParameter`, `InvalidParameterValue` */
export function resetSourceDestCheck(
  context: WriteContext,
  row: NetworkInterfaceRow,
  attribute: string | undefined,
): void {
  if (attribute === undefined) {
    throw new ApiError('MissingParameter', 'The request must contain the parameter sourceDestCheck');
  }
  put(context, { ...row, sourceDestCheck: true });
}

/** @throws ApiError `InvalidParameterValue` beyond 255 characters. */
export function checkDescription(description: string): string {
  if ([...description].length > maximumDescription) {
    throw new ApiError(
      'InvalidParameterValue',
      `The description of a network interface can have at most ${maximumDescription} characters.`,
    );
  }
  return description;
}

/**
 * Replaces the groups of an interface; those of an instance follow its primary interface.
 * @throws ApiError what `resolveGroups` throws, `InvalidParameterValue` without any group.
 */
export function changeGroups(context: WriteContext, row: NetworkInterfaceRow, ids: readonly string[]): void {
  if (ids.length === 0) {
    throw new ApiError(
      'InvalidParameterValue',
      'A network interface needs at least one security group. Give the ids of all that it is to have.',
    );
  }
  const groupIds = resolveGroups(context, { ids, vpcId: row.vpcId, subnetId: row.subnetId });
  put(context, { ...row, groupIds });
  const instance = row.attachment?.deviceIndex === 0 ? context.db.get(instances, row.attachment.instanceId) : undefined;
  if (instance !== undefined) context.db.put(instances, { ...instance, securityGroupIds: groupIds });
}

/** An instance that runs gets its public address, or gives it back, at once; Elastic IP addresses stay. */
function changePublicIp(context: WriteContext, row: NetworkInterfaceRow, wanted: boolean): void {
  if (row.attachment?.deviceIndex !== 0) {
    throw new ApiError(
      'UnsupportedOperation',
      `${row.networkInterfaceId} is not the primary network interface of an instance, which alone gets a public address.`,
    );
  }
  const changed: NetworkInterfaceRow = { ...row, associatePublicIp: wanted };
  put(context, changed);
  const state = context.db.get(instances, row.attachment.instanceId)?.state;
  if (!wanted) mirrorPublicIp(context.db, releasePublicIp(context.db, changed));
  else if (state === 'running' || state === 'pending')
    mirrorPublicIp(context.db, assignPublicIp(context.db, changed, context.services.publicPool));
}

function changePrimaryIpv6(context: WriteContext, row: NetworkInterfaceRow, wanted: boolean): void {
  if (wanted) enablePrimaryIpv6(context.db, row);
  else if (row.primaryIpv6 === true) {
    throw new ApiError(
      'InvalidParameterValue',
      `The primary IPv6 address of ${row.networkInterfaceId} stays until the interface is detached.`,
    );
  }
}

function changeAttachment(
  context: WriteContext,
  row: NetworkInterfaceRow,
  change: NonNullable<ModifyNetworkInterfaceAttributeRequest['Attachment']>,
): void {
  if (change.DefaultEnaQueueCount === true || change.EnaQueueCount !== undefined) {
    throw new ApiError(
      'UnsupportedOperation',
      'The number of ENA queues cannot be changed by this version of Fogbank.',
    );
  }
  const { AttachmentId: attachmentId, DeleteOnTermination: deleteOnTermination } = change;
  if (attachmentId === undefined) {
    throw new ApiError('MissingParameter', 'The request must contain the parameter attachment.attachmentId');
  }
  if (!/^eni-attach-(?:[0-9a-f]{8}|[0-9a-f]{17})$/.test(attachmentId)) {
    throw new ApiError(
      'InvalidNetworkInterfaceAttachmentId.Malformed',
      `Invalid id: "${attachmentId}" (expecting "eni-attach-...")`,
    );
  }
  if (row.attachment?.attachmentId !== attachmentId) {
    throw new ApiError(
      'InvalidAttachmentID.NotFound',
      `The attachment '${attachmentId}' does not exist on ${row.networkInterfaceId}`,
    );
  }
  if (deleteOnTermination === undefined) {
    throw new ApiError('MissingParameter', 'The request must contain the parameter attachment.deleteOnTermination');
  }
  put(context, { ...row, attachment: { ...row.attachment, deleteOnTermination } });
}

function put(context: WriteContext, row: NetworkInterfaceRow): void {
  context.db.put(networkInterfaces, row);
}
