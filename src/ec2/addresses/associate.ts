import type { AssociateAddressRequest, AssociateAddressResult, DisassociateAddressRequest } from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds, newId } from '../../api/ids.ts';
import { type AnyOperation, type WriteContext, writeOperation } from '../../api/operation.ts';
import { instances } from '../instances/model.ts';
import { internetGateways } from '../internet-gateways/model.ts';
import { type NetworkInterfaceRow, networkInterfaces } from '../network-interfaces/model.ts';
import { mayUse } from '../network-interfaces/permissions.ts';
import { associationOf, dissolve, setPublicIp } from './association.ts';
import { addressArn, findAllocation, findPublicIp } from './find.ts';
import { type AddressRow, addresses } from './model.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateAddress.html */
const associateAddress = writeOperation<AssociateAddressRequest, AssociateAddressResult>({
  service: 'ec2',
  name: 'AssociateAddress',
  resources: (input, context) => [
    addressArn(context, input),
    ...(input.InstanceId === undefined ? [] : [arn(context, 'instance', input.InstanceId)]),
    ...(input.NetworkInterfaceId === undefined ? [] : [arn(context, 'network-interface', input.NetworkInterfaceId)]),
  ],
  run: (input, context) => {
    const address = requested(context, input);
    const card = targetInterface(context, input);
    const privateIp = input.PrivateIpAddress ?? card.privateIpAddresses[0]?.address ?? '';
    const target = card.privateIpAddresses.find(one => one.address === privateIp);
    if (target === undefined) {
      throw new ApiError(
        'InvalidParameterValue',
        `The private IP address ${privateIp} is not assigned to ${card.networkInterfaceId}.`,
      );
    }
    if (target.allocationId === address.allocationId) return { AssociationId: target.associationId };
    associate(context, address, card, privateIp, input.AllowReassociation !== false);
    return { AssociationId: associationOf(context.db, address)?.address.associationId };
  },
});

/**
 * Maps an Elastic IP address to a private one, whose auto-assigned or Elastic address it replaces.
 * @throws ApiError `Gateway.NotAttached`; `Resource.AlreadyAssociated` when something would have to give way and must not.
 */
export function associate(
  context: Pick<WriteContext, 'db' | 'account'>,
  address: AddressRow,
  card: NetworkInterfaceRow,
  privateIp: string,
  mayReplace: boolean,
): void {
  const { db } = context;
  if (db.countBy(internetGateways, 'vpc', card.vpcId) === 0)
    throw new ApiError('Gateway.NotAttached', `Network ${card.vpcId} is not attached to any internet gateway`);
  const present = associationOf(db, address);
  if (present !== undefined && !mayReplace) {
    throw new ApiError(
      'Resource.AlreadyAssociated',
      `resource ${address.allocationId} is already associated with associate-id ${present.address.associationId}`,
    );
  }
  if (present?.card.requesterManaged === true)
    throw new ApiError(
      'AuthFailure',
      `${present.card.networkInterfaceId} belongs to a service, which holds the address.`,
    );
  const occupied = card.privateIpAddresses.find(one => one.address === privateIp);
  if (occupied?.associationId !== undefined && !mayReplace) {
    throw new ApiError(
      'Resource.AlreadyAssociated',
      `resource ${privateIp} is already associated with associate-id ${occupied.associationId}`,
    );
  }
  if (present !== undefined) dissolve(db, present);
  // What gave the address away may have been this very interface.
  const current = db.get(networkInterfaces, card.networkInterfaceId) ?? card;
  setPublicIp(db, current, privateIp, {
    publicIp: address.publicIp,
    publicIpOwner: context.account,
    allocationId: address.allocationId,
    associationId: newId('eipassoc'),
  });
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisassociateAddress.html */
const disassociateAddress = writeOperation<DisassociateAddressRequest, object>({
  service: 'ec2',
  name: 'DisassociateAddress',
  resources: (input, context) => {
    const card = context.db.firstBy(networkInterfaces, 'association', input.AssociationId ?? '');
    const allocationId = card?.privateIpAddresses.find(one => one.associationId === input.AssociationId)?.allocationId;
    return [addressArn(context, { AllocationId: allocationId, PublicIp: input.PublicIp })];
  },
  run: (input, context) => {
    const { db } = context;
    const { AssociationId: id, PublicIp: publicIp } = input;
    if ((id === undefined) === (publicIp === undefined)) {
      throw new ApiError(
        id === undefined ? 'MissingParameter' : 'InvalidParameterCombination',
        'Give either an associationId or a publicIp.',
      );
    }
    const address = publicIp === undefined ? associatedBy(context, id ?? '') : findPublicIp(context, publicIp);
    const association = associationOf(db, address);
    if (association === undefined)
      throw new ApiError('InvalidAssociationID.NotFound', `The address ${address.publicIp} is not associated.`);
    if (association.card.requesterManaged) {
      throw new ApiError(
        'OperationNotPermitted',
        `You do not have permission to access the specified resource: ${association.card.networkInterfaceId} belongs to a service.`,
      );
    }
    dissolve(db, association);
    return {};
  },
});

function associatedBy(context: WriteContext, id: string): AddressRow {
  const card = context.db.firstBy(networkInterfaces, 'association', id);
  const allocationId = card?.privateIpAddresses.find(one => one.associationId === id)?.allocationId;
  const row = allocationId === undefined ? undefined : context.db.get(addresses, allocationId);
  if (row === undefined || row.owner !== context.owner)
    throw new ApiError('InvalidAssociationID.NotFound', `The association ID '${id}' does not exist`);
  return row;
}

function requested(context: WriteContext, input: AssociateAddressRequest): AddressRow {
  const { AllocationId: id, PublicIp: publicIp } = input;
  if ((id === undefined) === (publicIp === undefined)) {
    throw new ApiError(
      id === undefined ? 'MissingParameter' : 'InvalidParameterCombination',
      'Give either an allocationId or a publicIp.',
    );
  }
  return id === undefined ? findPublicIp(context, publicIp ?? '') : findAllocation(context, id);
}

function targetInterface(context: WriteContext, input: AssociateAddressRequest): NetworkInterfaceRow {
  const { InstanceId: instanceId, NetworkInterfaceId: cardId } = input;
  if ((instanceId === undefined) === (cardId === undefined)) {
    throw new ApiError(
      instanceId === undefined ? 'MissingParameter' : 'InvalidParameterCombination',
      'Either instance ID or network interface id must be specified.',
    );
  }
  if (instanceId === undefined) {
    const card = findById(context, networkInterfaces, idKinds.networkInterface, cardId ?? '', one =>
      mayUse(context, one, 'EIP-ASSOCIATE'),
    );
    if (card.requesterManaged)
      throw new ApiError('OperationNotPermitted', `${card.networkInterfaceId} belongs to a service.`);
    return card;
  }
  const instance = findById(context, instances, idKinds.instance, instanceId);
  if (!['running', 'stopped', 'stopping'].includes(instance.state)) {
    throw new ApiError(
      'IncorrectInstanceState',
      `The ${instance.state} instance '${instanceId}' is not in a valid state for this operation. Wait until it runs.`,
    );
  }
  if (instance.networkInterfaceIds.length > 1) {
    throw new ApiError(
      'InvalidInstanceID',
      `There are multiple interfaces attached to instance '${instanceId}'. Please specify an interface ID for the operation instead.`,
    );
  }
  return findById(context, networkInterfaces, idKinds.networkInterface, instance.networkInterfaceIds[0] ?? '');
}

export const associateOperations: readonly AnyOperation[] = [associateAddress, disassociateAddress];
