import type {
  AssociateVpcCidrBlockRequest,
  AssociateVpcCidrBlockResult,
  DisassociateVpcCidrBlockRequest,
  DisassociateVpcCidrBlockResult,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds, newId } from '../../api/ids.ts';
import { type AnyOperation, type WriteContext, writeOperation } from '../../api/operation.ts';
import type { Reader } from '../../state/state.ts';
import { ipv6BlockOfPool } from '../byoip/ipv6-pools.ts';
import { inside, parseCidr } from '../network-interfaces/ipv4.ts';
import { inside6, parseCidr6 } from '../network-interfaces/ipv6.ts';
import { networkLimits } from '../network-limits.ts';
import { subnets } from '../subnets/model.ts';
import { peerOverlapping } from '../vpc-peering/overlap.ts';
import { allocateIpv6Block, checkSecondaryBlock, vpcBlock } from './blocks.ts';
import { allowIpv6 } from './ipv6-rules.ts';
import { type VpcIpv6Association, type VpcRow, vpcs } from './model.ts';
import { renderBlock, renderIpv6Block } from './render.ts';

type BlockInput = Pick<
  AssociateVpcCidrBlockRequest,
  | 'Ipv4IpamPoolId'
  | 'Ipv4NetmaskLength'
  | 'Ipv6IpamPoolId'
  | 'Ipv6NetmaskLength'
  | 'Ipv6Pool'
  | 'Ipv6CidrBlock'
  | 'Ipv6CidrBlockNetworkBorderGroup'
>;

/** @throws ApiError `UnsupportedOperation` for blocks from IPAM, `InvalidParameterCombination` for a block without its pool. */
export function refuseIpam(input: BlockInput): void {
  const ipam = (['Ipv4IpamPoolId', 'Ipv4NetmaskLength', 'Ipv6IpamPoolId', 'Ipv6NetmaskLength'] as const).find(
    name => input[name] !== undefined,
  );
  if (ipam !== undefined)
    throw new ApiError('UnsupportedOperation', `The parameter ${ipam} is not supported: there are no IPAM pools.`);
  if (input.Ipv6CidrBlock !== undefined && input.Ipv6Pool === undefined) {
    throw new ApiError(
      'InvalidParameterCombination',
      'An Ipv6CidrBlock needs an Ipv6Pool that it is from. Use AmazonProvidedIpv6CidrBlock for one of the Amazon pool.',
    );
  }
}

/**
 * Gives a VPC an IPv6 /56 of the Amazon pool, or of one that was brought, and what is open for IPv4 by default is open for IPv6 as well.
 * @returns the row as it is now.
 */
export function addIpv6Block(context: WriteContext, row: VpcRow, input: BlockInput): VpcRow {
  const group = input.Ipv6CidrBlockNetworkBorderGroup ?? context.region;
  if (group !== context.region) {
    throw new ApiError(
      'InvalidParameterValue',
      `Value (${group}) for parameter ipv6CidrBlockNetworkBorderGroup is invalid. Use ${context.region}.`,
    );
  }
  const present = row.ipv6Associations ?? [];
  if (present.length >= networkLimits.ipv6BlocksPerVpc) throw blockLimit(row, networkLimits.ipv6BlocksPerVpc);
  const association: VpcIpv6Association = {
    associationId: newId('vpc-cidr-assoc'),
    ipv6CidrBlock:
      input.Ipv6Pool === undefined
        ? allocateIpv6Block(context.db)
        : ipv6BlockOfPool(context, input.Ipv6Pool, input.Ipv6CidrBlock),
    ipv6Pool: input.Ipv6Pool ?? 'Amazon',
    networkBorderGroup: group,
  };
  const changed = { ...row, ipv6Associations: [...present, association] };
  context.db.put(vpcs, changed);
  if (present.length === 0) allowIpv6(context.db, row);
  return changed;
}

/** @throws ApiError `InvalidParameterCombination` when it asks for two. */
export function asksForIpv6(
  input: BlockInput & Pick<AssociateVpcCidrBlockRequest, 'AmazonProvidedIpv6CidrBlock'>,
): boolean {
  const amazon = input.AmazonProvidedIpv6CidrBlock === true;
  if (amazon && input.Ipv6Pool !== undefined)
    throw new ApiError('InvalidParameterCombination', 'Give AmazonProvidedIpv6CidrBlock or Ipv6Pool, not both.');
  return amazon || input.Ipv6Pool !== undefined;
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateVpcCidrBlock.html */
const associateVpcCidrBlock = writeOperation<AssociateVpcCidrBlockRequest, AssociateVpcCidrBlockResult>({
  service: 'ec2',
  name: 'AssociateVpcCidrBlock',
  resources: (input, context) => [arn(context, 'vpc', input.VpcId)],
  run: (input, context) => {
    const row = findById(context, vpcs, idKinds.vpc, input.VpcId ?? '');
    refuseIpam(input);
    const wantsIpv6 = asksForIpv6(input);
    if (wantsIpv6 === (input.CidrBlock !== undefined)) {
      throw new ApiError(
        wantsIpv6 ? 'InvalidParameterCombination' : 'MissingParameter',
        'Give one of CidrBlock, AmazonProvidedIpv6CidrBlock and Ipv6Pool.',
      );
    }
    if (input.CidrBlock === undefined) {
      const added = addIpv6Block(context, row, input).ipv6Associations?.at(-1);
      return { VpcId: row.vpcId, Ipv6CidrBlockAssociation: added && renderIpv6Block(added, 'associated') };
    }
    const cidrBlock = vpcBlock(input.CidrBlock);
    if (row.cidrAssociations.length >= networkLimits.ipv4BlocksPerVpc)
      throw blockLimit(row, networkLimits.ipv4BlocksPerVpc);
    checkSecondaryBlock(row, cidrBlock);
    const peer = peerOverlapping(context.db, row.vpcId, cidrBlock);
    if (peer !== undefined) {
      throw new ApiError(
        'InvalidVpc.Range',
        `The CIDR '${cidrBlock}' overlaps with a block of ${peer.vpcId}, which ${row.vpcId} is peered with.`,
      );
    }
    const association = { associationId: newId('vpc-cidr-assoc'), cidrBlock };
    context.db.put(vpcs, { ...row, cidrAssociations: [...row.cidrAssociations, association] });
    return { VpcId: row.vpcId, CidrBlockAssociation: renderBlock(association, 'associated') };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisassociateVpcCidrBlock.html */
const disassociateVpcCidrBlock = writeOperation<DisassociateVpcCidrBlockRequest, DisassociateVpcCidrBlockResult>({
  service: 'ec2',
  name: 'DisassociateVpcCidrBlock',
  resources: (input, context) => {
    const row = associated(context.db, context.owner, input.AssociationId);
    return [row === undefined ? '*' : arn(context, 'vpc', row.vpcId)];
  },
  run: (input, context) => {
    const { db } = context;
    const id = input.AssociationId ?? '';
    const row = associated(db, context.owner, id);
    if (row === undefined) {
      throw new ApiError(
        'InvalidVpcCidrBlockAssociationID.NotFound',
        `The vpc CIDR block association ID '${id}' does not exist`,
      );
    }
    const ipv4 = row.cidrAssociations.find(one => one.associationId === id);
    if (ipv4 !== undefined) {
      if (ipv4.cidrBlock === row.cidrBlock) {
        throw new ApiError(
          'OperationNotPermitted',
          `The vpc CIDR block with association ID ${id} may not be disassociated. It is the primary IPv4 CIDR block of the VPC`,
        );
      }
      refuseInUse(db, row, id, ipv4.cidrBlock);
      db.put(vpcs, { ...row, cidrAssociations: row.cidrAssociations.filter(one => one !== ipv4) });
      return { VpcId: row.vpcId, CidrBlockAssociation: renderBlock(ipv4, 'disassociating') };
    }
    const ipv6 = row.ipv6Associations?.find(one => one.associationId === id);
    if (ipv6 === undefined) throw new Error(`the association ${id} is in no list`);
    refuseInUse(db, row, id, ipv6.ipv6CidrBlock);
    db.put(vpcs, { ...row, ipv6Associations: (row.ipv6Associations ?? []).filter(one => one !== ipv6) });
    return { VpcId: row.vpcId, Ipv6CidrBlockAssociation: renderIpv6Block(ipv6, 'disassociating') };
  },
});

function associated(db: Reader, owner: string, associationId: string | undefined): VpcRow | undefined {
  const row = associationId === undefined ? undefined : db.firstBy(vpcs, 'cidrAssociation', associationId);
  return row?.owner === owner ? row : undefined;
}

/** @throws ApiError `DependencyViolation` when a subnet lies in the block. */
function refuseInUse(db: Reader, vpc: VpcRow, associationId: string, text: string): void {
  const ipv4 = parseCidr(text);
  const ipv6 = parseCidr6(text);
  const user = db.by(subnets, 'vpc', vpc.vpcId).find(subnet => {
    const own = parseCidr(subnet.cidrBlock);
    if (ipv4 !== undefined && own !== undefined && inside(own, ipv4)) return true;
    return (subnet.ipv6Associations ?? []).some(one => {
      const own6 = parseCidr6(one.ipv6CidrBlock);
      return ipv6 !== undefined && own6 !== undefined && inside6(own6, ipv6);
    });
  });
  if (user === undefined) return;
  throw new ApiError(
    'DependencyViolation',
    `The vpc CIDR block with association ID ${associationId} has dependencies and cannot be disassociated: ${user.subnetId} lies in it.`,
  );
}

function blockLimit(row: VpcRow, limit: number): ApiError {
  return new ApiError(
    'CidrLimitExceeded',
    `This network '${row.vpcId}' has met its maximum number of allowed CIDRs: ${limit}`,
  );
}

export const blockOperations: readonly AnyOperation[] = [associateVpcCidrBlock, disassociateVpcCidrBlock];
