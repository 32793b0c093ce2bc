import type {
  DescribeImageAttributeRequest,
  ImageAttribute,
  LaunchPermission,
  ModifyImageAttributeRequest,
  ResetImageAttributeRequest,
} from '@aws-sdk/client-ec2';
import { ApiError } from '../../api/errors.ts';
import { readOperation, writeOperation } from '../../api/operation.ts';
import { attributeKeys } from '../access/attribute-keys.ts';
import { imageArn, ownImage } from './access.ts';
import { deregistrationProtection } from './deregistration-protection.ts';
import { lastLaunchedTime } from './last-launched.ts';
import { type ImageRow, images } from './model.ts';
import { checkDescription } from './names.ts';
import { renderDevices } from './render.ts';
import { checkSharing, publicSince } from './sharing.ts';

const maximumShares = 1_000;

/** Attribute name to its part of the answer. */
const attributes: Readonly<Record<string, (row: ImageRow, now: number) => Omit<ImageAttribute, 'ImageId'>>> = {
  blockDeviceMapping: row => ({ BlockDeviceMappings: renderDevices(row) }),
  bootMode: row => ({ BootMode: { Value: row.bootMode } }),
  deregistrationProtection: row => ({ DeregistrationProtection: { Value: deregistrationProtection(row) } }),
  description: row => ({ Description: { Value: row.description ?? '' } }),
  imdsSupport: row => ({ ImdsSupport: { Value: row.imdsSupport } }),
  kernel: () => ({ KernelId: {} }),
  lastLaunchedTime: (row, now) => ({ LastLaunchedTime: { Value: lastLaunchedTime(row, now) } }),
  launchPermission: row => ({ LaunchPermissions: launchPermissions(row) }),
  productCodes: () => ({ ProductCodes: [] }),
  ramdisk: () => ({ RamdiskId: {} }),
  sriovNetSupport: row => ({ SriovNetSupport: { Value: row.sriovNetSupport } }),
  tpmSupport: () => ({ TpmSupport: {} }),
  uefiData: () => ({ UefiData: {} }),
};

function launchPermissions(row: ImageRow): LaunchPermission[] {
  const everybody: LaunchPermission[] = row.public ? [{ Group: 'all' }] : [];
  return [...everybody, ...row.launchPermissions.map(UserId => ({ UserId }))];
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImageAttribute.html */
export const describeImageAttribute = readOperation<DescribeImageAttributeRequest, ImageAttribute>({
  service: 'ec2',
  name: 'DescribeImageAttribute',
  resources: (input, context) => [imageArn(context, input.ImageId)],
  run: (input, context) => {
    const name = input.Attribute ?? '';
    const read = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
    if (read === undefined) {
      throw new ApiError(
        'InvalidParameterValue',
        `Value ( ${name} ) for parameter attribute is invalid. Use one of: ${Object.keys(attributes).join(', ')}.`,
      );
    }
    const row = ownImage(context, input.ImageId);
    return { ImageId: row.imageId, ...read(row, context.now) };
  },
});

/**
 * One attribute in each call, by its own member or by `Attribute` with `Value`, `UserIds` and the like.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyImageAttribute.html
 */
export const modifyImageAttribute = writeOperation<ModifyImageAttributeRequest, void>({
  service: 'ec2',
  name: 'ModifyImageAttribute',
  resources: (input, context) => [{ arn: imageArn(context, input.ImageId), keys: attributeKeys(input) }],
  run: (input, context) => {
    const change = changeOf(input);
    const row = ownImage(context, input.ImageId);
    const changed = change(row);
    checkSharing(context, row, changed);
    context.db.put(images, publicSince(row, changed));
  },
});

type Change = (row: ImageRow) => ImageRow;

function changeOf(input: ModifyImageAttributeRequest): Change {
  if (input.ProductCodes?.length)
    throw new ApiError('UnsupportedOperation', 'Product codes are not supported. Leave out ProductCodes.');
  const changes: Change[] = [];
  const description = input.Description?.Value ?? (input.Attribute === 'description' ? (input.Value ?? '') : undefined);
  if (description !== undefined) {
    const checked = checkDescription(description);
    changes.push(row => ({ ...row, description: checked }));
  }
  const imdsSupport = input.ImdsSupport?.Value ?? (input.Attribute === 'imdsSupport' ? (input.Value ?? '') : undefined);
  if (imdsSupport !== undefined) {
    if (imdsSupport !== 'v2.0')
      throw new ApiError(
        'InvalidAMIAttributeItemValue',
        `Invalid attribute item value "${imdsSupport}" for imdsSupport item type. Use v2.0.`,
      );
    changes.push(row => ({ ...row, imdsSupport }));
  }
  const permissions = permissionChange(input);
  if (permissions !== undefined) changes.push(permissions);
  const [change] = changes;
  if (change === undefined) {
    throw new ApiError(
      'InvalidParameterCombination',
      'No attributes specified. Give Description, ImdsSupport or LaunchPermission.',
    );
  }
  if (changes.length > 1)
    throw new ApiError(
      'InvalidParameterCombination',
      'Fields for multiple attribute types specified. Change one attribute in each call.',
    );
  return change;
}

function permissionChange(input: ModifyImageAttributeRequest): Change | undefined {
  if (input.OrganizationArns?.length || input.OrganizationalUnitArns?.length) throw noOrganizations();
  let adds = input.LaunchPermission?.Add ?? [];
  let removes = input.LaunchPermission?.Remove ?? [];
  const items: LaunchPermission[] = [
    ...(input.UserIds ?? []).map(UserId => ({ UserId })),
    ...(input.UserGroups ?? []).map(Group => ({ Group: Group as 'all' })),
  ];
  if (input.Attribute === 'launchPermission' || items.length > 0 || input.OperationType !== undefined) {
    if (input.OperationType === 'add') adds = [...adds, ...items];
    else if (input.OperationType === 'remove') removes = [...removes, ...items];
    else if (items.length > 0 || adds.length + removes.length === 0) {
      throw new ApiError(
        'InvalidParameterValue',
        `Value ( ${input.OperationType ?? ''} ) for parameter operationType is invalid. Use add or remove.`,
      );
    }
  }
  if (adds.length + removes.length === 0) {
    if (input.LaunchPermission === undefined && input.OperationType === undefined) return undefined;
    throw new ApiError(
      'InvalidParameterCombination',
      'No launch permissions specified. Give account ids or the group all.',
    );
  }
  const added = parsePermissions(adds);
  const removed = parsePermissions(removes);
  return row => {
    const accounts = new Set(row.launchPermissions);
    for (const account of added.accounts) accounts.add(account);
    for (const account of removed.accounts) accounts.delete(account);
    if (accounts.size > maximumShares) {
      throw new ApiError('ResourceLimitExceeded', `An AMI can be shared with at most ${maximumShares} accounts.`);
    }
    return { ...row, public: (row.public || added.everybody) && !removed.everybody, launchPermissions: [...accounts] };
  };
}

/** @throws ApiError `InvalidAMIAttributeItemValue`, `UnsupportedOperation` */
function parsePermissions(permissions: readonly LaunchPermission[]): { everybody: boolean; accounts: string[] } {
  const accounts: string[] = [];
  let everybody = false;
  for (const { Group, UserId, OrganizationArn, OrganizationalUnitArn } of permissions) {
    if (OrganizationArn !== undefined || OrganizationalUnitArn !== undefined) throw noOrganizations();
    if (Group === undefined && UserId === undefined) throw invalidItem('', 'launchPermission');
    if (Group !== undefined && Group !== 'all') throw invalidItem(Group, 'group');
    if (UserId !== undefined && !/^\d{12}$/.test(UserId)) throw invalidItem(UserId, 'userId');
    everybody ||= Group === 'all';
    if (UserId !== undefined) accounts.push(UserId);
  }
  return { everybody, accounts };
}

function invalidItem(value: string, type: string): ApiError {
  const hint = type === 'group' ? 'The only group is all.' : 'An account id has twelve digits.';
  return new ApiError(
    'InvalidAMIAttributeItemValue',
    `Invalid attribute item value "${value}" for ${type} item type. ${hint}`,
  );
}

function noOrganizations(): ApiError {
  return new ApiError('UnsupportedOperation', 'Organizations do not exist here. Share the AMI with account ids.');
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ResetImageAttribute.html */
export const resetImageAttribute = writeOperation<ResetImageAttributeRequest, void>({
  service: 'ec2',
  name: 'ResetImageAttribute',
  resources: (input, context) => [{ arn: imageArn(context, input.ImageId), keys: attributeKeys(input) }],
  run: (input, context) => {
    const name: string | undefined = input.Attribute;
    if (name !== 'launchPermission') {
      throw new ApiError(
        'InvalidParameterValue',
        `Value ( ${name ?? ''} ) for parameter attribute is invalid. Only launchPermission can be reset.`,
      );
    }
    context.db.put(images, { ...ownImage(context, input.ImageId), public: false, launchPermissions: [] });
  },
});
