import type {
  AcceptAddressTransferRequest,
  AcceptAddressTransferResult,
  AddressTransfer,
  DescribeAddressTransfersRequest,
  DescribeAddressTransfersResult,
  DisableAddressTransferRequest,
  DisableAddressTransferResult,
  EnableAddressTransferRequest,
  EnableAddressTransferResult,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { newId } from '../../api/ids.ts';
import { type AnyOperation, readOperation, writeOperation } from '../../api/operation.ts';
import { regionOf } from '../../api/owner.ts';
import { paginateArray } from '../../api/pagination.ts';
import { checkLimit, networkLimits } from '../network-limits.ts';
import { addTags, parseTagSpecifications, removeAllTags } from '../tags/model.ts';
import { associationOf } from './association.ts';
import { findAllocation } from './find.ts';
import { type AddressTransferRow, addresses, addressTransfers } from './model.ts';

const day = 86_400_000;
/** An offer ends after a week; one that was accepted is shown for three days more. */
const offered = 7 * day;
const shown = 3 * day;

function render(row: AddressTransferRow): AddressTransfer {
  return {
    PublicIp: row.publicIp,
    AllocationId: row.allocationId,
    TransferAccountId: row.transferAccountId,
    TransferOfferExpirationTimestamp: new Date(row.expires),
    TransferOfferAcceptedTimestamp: row.accepted === undefined ? undefined : new Date(row.accepted),
    AddressTransferStatus: row.status,
  };
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EnableAddressTransfer.html */
const enableAddressTransfer = writeOperation<EnableAddressTransferRequest, EnableAddressTransferResult>({
  service: 'ec2',
  name: 'EnableAddressTransfer',
  resources: (input, context) => [arn(context, 'elastic-ip', input.AllocationId)],
  run: (input, context) => {
    const { db, owner, now } = context;
    const address = findAllocation(context, input.AllocationId);
    const { TransferAccountId: transferAccountId = '' } = input;
    if (!/^\d{12}$/.test(transferAccountId) || transferAccountId === context.account) {
      throw new ApiError(
        'InvalidParameterValue',
        `Value (${transferAccountId}) for parameter transferAccountId is invalid. Give the twelve digits of another account.`,
      );
    }
    if (address.publicIpv4Pool !== undefined)
      throw new ApiError(
        'UnsupportedOperation',
        `The address ${address.publicIp} is of a range that you have brought; it stays with you.`,
      );
    if (associationOf(db, address) !== undefined) {
      throw new ApiError(
        'InvalidTransfer.AddressAssociated',
        `The address ${address.publicIp} is associated. Disassociate it before you transfer it.`,
      );
    }
    if (address.ptrRecord !== undefined) {
      throw new ApiError(
        'InvalidTransfer.AddressCustomPtrSet',
        `The address ${address.publicIp} has a custom pointer record. Reset it before you transfer the address.`,
      );
    }
    const row: AddressTransferRow = {
      allocationId: address.allocationId,
      owner,
      publicIp: address.publicIp,
      transferAccountId,
      status: 'pending',
      expires: now + offered,
    };
    db.put(addressTransfers, row);
    return { AddressTransfer: render(row) };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisableAddressTransfer.html */
const disableAddressTransfer = writeOperation<DisableAddressTransferRequest, DisableAddressTransferResult>({
  service: 'ec2',
  name: 'DisableAddressTransfer',
  resources: (input, context) => [arn(context, 'elastic-ip', input.AllocationId)],
  run: (input, context) => {
    const { allocationId } = findAllocation(context, input.AllocationId);
    const row = context.db.get(addressTransfers, allocationId);
    if (row?.status !== 'pending') throw noTransfer(allocationId);
    context.db.delete(addressTransfers, allocationId);
    return { AddressTransfer: render({ ...row, status: 'disabled' }) };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AcceptAddressTransfer.html */
const acceptAddressTransfer = writeOperation<AcceptAddressTransferRequest, AcceptAddressTransferResult>({
  service: 'ec2',
  name: 'AcceptAddressTransfer',
  resources: (_input, context) => [arn(context, 'elastic-ip')],
  run: (input, context) => {
    const { db, owner, now, region } = context;
    const publicIp = input.Address ?? '';
    const tags = parseTagSpecifications(input.TagSpecifications, ['elastic-ip'])['elastic-ip'] ?? {};
    const transfer = db
      .by(addressTransfers, 'publicIp', publicIp)
      .find(
        row =>
          row.status === 'pending' &&
          row.transferAccountId === context.account &&
          row.expires > now &&
          regionOf(row.owner) === region,
      );
    const address = transfer && db.get(addresses, transfer.allocationId);
    if (transfer === undefined || address === undefined) throw noTransfer(publicIp);
    checkLimit(
      db.countBy(addresses, 'owner', owner),
      networkLimits.elasticIps,
      'AddressLimitExceeded',
      'Elastic IP addresses',
    );
    db.delete(addresses, address.allocationId);
    removeAllTags(db, address.allocationId);
    const allocationId = newId('eipalloc');
    db.put(addresses, { allocationId, owner, publicIp, networkBorderGroup: region });
    addTags(db, { resourceId: allocationId, resourceType: 'elastic-ip', owner }, tags);
    const accepted: AddressTransferRow = { ...transfer, status: 'accepted', accepted: now };
    db.put(addressTransfers, accepted);
    return { AddressTransfer: render(accepted) };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAddressTransfers.html */
const describeAddressTransfers = readOperation<DescribeAddressTransfersRequest, DescribeAddressTransfersResult>({
  service: 'ec2',
  name: 'DescribeAddressTransfers',
  resources: () => ['*'],
  run: (input, context) => {
    const { db, owner, now } = context;
    const wanted = new Set(input.AllocationIds ?? []);
    const rows = db
      .by(addressTransfers, 'owner', owner)
      .filter(row => (row.accepted === undefined ? row.expires > now : row.accepted + shown > now))
      .filter(row => wanted.size === 0 || wanted.has(row.allocationId));
    const page = paginateArray(context, input, rows);
    return { AddressTransfers: page.rows.map(render), NextToken: page.nextToken };
  },
});

function noTransfer(what: string): ApiError {
  return new ApiError('InvalidTransfer.NotFound', `There is no pending transfer of ${what}.`);
}

export const transferOperations: readonly AnyOperation[] = [
  enableAddressTransfer,
  disableAddressTransfer,
  acceptAddressTransfer,
  describeAddressTransfers,
];
