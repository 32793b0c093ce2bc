import type {
  CreateVirtualMFADeviceRequest,
  CreateVirtualMFADeviceResponse,
  DeactivateMFADeviceRequest,
  DeleteVirtualMFADeviceRequest,
  EnableMFADeviceRequest,
  GetMFADeviceRequest,
  GetMFADeviceResponse,
  ListMFADevicesRequest,
  ListMFADevicesResponse,
  ListVirtualMFADevicesRequest,
  ListVirtualMFADevicesResponse,
  ResyncMFADeviceRequest,
} from '@aws-sdk/client-iam';
import { ApiError } from '../../api/errors.ts';
import { type AnyOperation, type ReadContext, readOperation, writeOperation } from '../../api/operation.ts';
import { iamArn } from '../arns.ts';
import { timestamp } from '../entity.ts';
import { alreadyExists, deleteConflict, noSuchEntity, quotaExceeded, validationError } from '../errors.ts';
import { find, nameIn, userKind } from '../identities/kinds.ts';
import { tagOperations } from '../identities/tags.ts';
import { checkedPath, checkName } from '../names.ts';
import { pageByKey } from '../paging.ts';
import { quotas } from '../quotas.ts';
import { newTags } from '../tags.ts';
import { userOrCaller, userOrCallerArn } from '../users/caller.ts';
import { users } from '../users/model.ts';
import { renderListedUser } from '../users/render.ts';
import { type MfaDeviceRow, mfaArn, mfaDevices } from './model.ts';
import { qrCodePng } from './qr-code.ts';
import { newSeed, stepOf, stepOfCodes } from './totp.ts';

interface SerialInput {
  readonly SerialNumber?: string | undefined;
}

interface NewSeed {
  readonly seed: string;
  readonly image: Uint8Array;
}

/** Steps by which a device's clock may be off when it is enabled: two minutes; and when it is synchronized: half a day. */
const enablingWindow = 4;
const syncWindow = 1440;

function resource({ SerialNumber: serial = '' }: SerialInput, { account }: ReadContext): string[] {
  return [/^arn:[^:]+:iam::\d{12}:mfa\/./.test(serial) ? serial : iamArn(account, 'mfa/*')];
}

/** @throws ApiError `NoSuchEntity` */
function findDevice({ db, account }: ReadContext, { SerialNumber: serial = '' }: SerialInput): MfaDeviceRow {
  const row = db.get(mfaDevices, serial);
  if (row?.account !== account) throw noSuchEntity(`VirtualMFADevice with serial number ${serial} doesn't exist.`);
  return row;
}

/** A device of a user. @throws ApiError `NoSuchEntity` */
function findEnabled(context: ReadContext, input: SerialInput, userId: string): Required<MfaDeviceRow> {
  const row = context.db.get(mfaDevices, input.SerialNumber ?? '');
  if (row?.enabled === undefined || row.account !== context.account || row.enabled.userId !== userId) {
    throw noSuchEntity(`MFA Device invalid for user. The device ${input.SerialNumber} is not enabled for him.`);
  }
  return { ...row, enabled: row.enabled };
}

/**
 * The seed is told this once, as text and as the QR code that authenticator programs read.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateVirtualMFADevice.html
 */
const createVirtualMfaDevice = writeOperation<CreateVirtualMFADeviceRequest, CreateVirtualMFADeviceResponse, NewSeed>({
  service: 'iam',
  name: 'CreateVirtualMFADevice',
  resources: (input, { account }) => {
    const arn = mfaArn(account, input.Path ?? '/', input.VirtualMFADeviceName ?? '*');
    return input.Tags?.length ? [arn, { arn, action: 'iam:TagMFADevice' }] : [arn];
  },
  prepare: async (input, { account }) => {
    const name = input.VirtualMFADeviceName ?? '';
    checkName('virtualMFADeviceName', name);
    const seed = newSeed();
    const issuer = encodeURIComponent('Amazon Web Services');
    const label = encodeURIComponent(`${name}@${account}`);
    return { seed, image: qrCodePng(`otpauth://totp/${issuer}:${label}?secret=${seed}&issuer=${issuer}`) };
  },
  run: (input, context, { seed, image }) => {
    const { account, now } = context;
    const name = input.VirtualMFADeviceName ?? '';
    const serialNumber = mfaArn(account, checkedPath(input.Path), name);
    const tags = newTags(input.Tags, 'sensitive');
    if (context.db.get(mfaDevices, serialNumber) !== undefined) {
      throw alreadyExists('MFADevice entity at the same path and name already exists.');
    }
    const sealedSeed = context.services.secrets.seal(seed, serialNumber);
    context.db.put(mfaDevices, { serialNumber, account, sealedSeed, createDate: now, tags });
    return {
      VirtualMFADevice: {
        SerialNumber: serialNumber,
        Base32StringSeed: Buffer.from(seed),
        QRCodePNG: image,
        Tags: tags.length === 0 ? undefined : [...tags],
      },
    };
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_EnableMFADevice.html */
const enableMfaDevice = writeOperation<EnableMFADeviceRequest, void>({
  service: 'iam',
  name: 'EnableMFADevice',
  resources: (input, context) => [userOrCallerArn(input, context)],
  run: (input, context) => {
    const user = find(context, userKind, nameIn(userKind, input));
    const row = findDevice(context, input);
    if (row.enabled !== undefined) throw alreadyExists('MFA Device is already in use.');
    if (context.db.countBy(mfaDevices, 'user', user.userId) >= quotas.MfaDevicesPerUser) {
      throw quotaExceeded('MFADevicesPerUser', quotas.MfaDevicesPerUser);
    }
    const { drift, lastStep } = synchronized(context, row, input, enablingWindow);
    context.db.put(mfaDevices, { ...row, enabled: { userId: user.userId, date: context.now, drift, lastStep } });
  },
});

/** Two codes, one after the other, tell the device's clock. @throws ApiError `InvalidAuthenticationCode` */
function synchronized(
  { services, now }: ReadContext,
  row: MfaDeviceRow,
  input: { readonly AuthenticationCode1?: string | undefined; readonly AuthenticationCode2?: string | undefined },
  window: number,
) {
  const { AuthenticationCode1: first = '', AuthenticationCode2: second = '' } = input;
  for (const code of [first, second]) {
    if (!/^\d{6}$/.test(code)) throw validationError('An authentication code has six digits.');
  }
  const seed = services.secrets.open(row.sealedSeed, row.serialNumber);
  // The second code is the one shown now.
  const step = stepOfCodes(seed, [first, second], stepOf(now) - 1, window);
  if (step === undefined) {
    throw new ApiError(
      'InvalidAuthenticationCode',
      'Authentication code for device is not valid. Give two codes that the device shows one after the other, and soon.',
      403,
    );
  }
  return { drift: step + 1 - stepOf(now), lastStep: step + 1 };
}

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ResyncMFADevice.html */
const resyncMfaDevice = writeOperation<ResyncMFADeviceRequest, void>({
  service: 'iam',
  name: 'ResyncMFADevice',
  resources: (input, context) => [userOrCallerArn(input, context)],
  run: (input, context) => {
    const user = find(context, userKind, nameIn(userKind, input));
    const row = findEnabled(context, input, user.userId);
    const { drift, lastStep } = synchronized(context, row, input, syncWindow);
    context.db.put(mfaDevices, { ...row, enabled: { ...row.enabled, drift, lastStep } });
  },
});

/** The device stays, and can be enabled again. @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeactivateMFADevice.html */
const deactivateMfaDevice = writeOperation<DeactivateMFADeviceRequest, void>({
  service: 'iam',
  name: 'DeactivateMFADevice',
  resources: (input, context) => [userOrCallerArn(input, context)],
  run: (input, context) => {
    const { enabled: _gone, ...row } = findEnabled(context, input, userOrCaller(context, input)?.userId ?? '');
    context.db.put(mfaDevices, row);
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteVirtualMFADevice.html */
const deleteVirtualMfaDevice = writeOperation<DeleteVirtualMFADeviceRequest, void>({
  service: 'iam',
  name: 'DeleteVirtualMFADevice',
  resources: resource,
  run: (input, context) => {
    const row = findDevice(context, input);
    if (row.enabled !== undefined) throw deleteConflict('MFA VirtualDevice in use. Must deactivate first.');
    context.db.delete(mfaDevices, row.serialNumber);
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListMFADevices.html */
const listMfaDevices = readOperation<ListMFADevicesRequest, ListMFADevicesResponse>({
  service: 'iam',
  name: 'ListMFADevices',
  resources: (input, context) => [userOrCallerArn(input, context)],
  run: (input, context) => {
    const user = userOrCaller(context, input);
    const all = user === undefined ? [] : context.db.by(mfaDevices, 'user', user.userId);
    const { rows, end } = pageByKey(context, input, all, row => row.serialNumber);
    const MFADevices = rows.map(row => ({
      UserName: user?.userName,
      SerialNumber: row.serialNumber,
      EnableDate: timestamp(row.enabled?.date ?? 0),
    }));
    return { MFADevices, ...end };
  },
});

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListVirtualMFADevices.html */
const listVirtualMfaDevices = readOperation<ListVirtualMFADevicesRequest, ListVirtualMFADevicesResponse>({
  service: 'iam',
  name: 'ListVirtualMFADevices',
  resources: () => ['*'],
  run: (input, context) => {
    const status: string = input.AssignmentStatus ?? 'Any';
    if (!['Any', 'Assigned', 'Unassigned'].includes(status)) {
      throw validationError(
        `'${status}' is not a status of devices. AssignmentStatus must be Assigned, Unassigned or Any.`,
      );
    }
    const all = context.db
      .by(mfaDevices, 'account', context.account)
      .filter(row => status === 'Any' || (row.enabled !== undefined) === (status === 'Assigned'));
    const { rows, end } = pageByKey(context, input, all, row => row.serialNumber);
    return { VirtualMFADevices: rows.map(row => renderDevice(context, row)), ...end };
  },
});

function renderDevice({ db }: ReadContext, row: MfaDeviceRow) {
  const user = row.enabled && db.get(users, row.enabled.userId);
  return {
    SerialNumber: row.serialNumber,
    ...(user !== undefined && { User: renderListedUser(user) }),
    ...(row.enabled !== undefined && { EnableDate: timestamp(row.enabled.date) }),
  };
}

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetMFADevice.html */
const getMfaDevice = readOperation<GetMFADeviceRequest, GetMFADeviceResponse>({
  service: 'iam',
  name: 'GetMFADevice',
  resources: (input, context) => [userOrCallerArn(input, context)],
  run: (input, context) => {
    const user = userOrCaller(context, input);
    const row = findEnabled(context, input, user?.userId ?? '');
    return {
      UserName: user?.userName,
      SerialNumber: row.serialNumber,
      EnableDate: timestamp(row.enabled.date),
    };
  },
});

export const mfaOperations: readonly AnyOperation[] = [
  createVirtualMfaDevice,
  enableMfaDevice,
  resyncMfaDevice,
  deactivateMfaDevice,
  deleteVirtualMfaDevice,
  listMfaDevices,
  listVirtualMfaDevices,
  getMfaDevice,
  ...tagOperations<MfaDeviceRow, SerialInput>({
    title: 'MFADevice',
    table: mfaDevices,
    keyCase: 'sensitive',
    find: findDevice,
    resources: resource,
  }),
];
