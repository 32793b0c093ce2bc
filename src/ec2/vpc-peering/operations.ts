import type {
  AcceptVpcPeeringConnectionRequest,
  AcceptVpcPeeringConnectionResult,
  CreateVpcPeeringConnectionRequest,
  CreateVpcPeeringConnectionResult,
  DeleteVpcPeeringConnectionRequest,
  DeleteVpcPeeringConnectionResult,
  DescribeVpcPeeringConnectionsRequest,
  DescribeVpcPeeringConnectionsResult,
  ModifyVpcPeeringConnectionOptionsRequest,
  ModifyVpcPeeringConnectionOptionsResult,
  PeeringConnectionOptionsRequest,
  RejectVpcPeeringConnectionRequest,
  RejectVpcPeeringConnectionResult,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { checkId, findById, idKinds, newId } from '../../api/ids.ts';
import { type AnyOperation, type ReadContext, readOperation, writeOperation } from '../../api/operation.ts';
import { accountOf, regionOf } from '../../api/owner.ts';
import type { Reader } from '../../state/state.ts';
import { attributeKeys } from '../access/attribute-keys.ts';
import { describeOwn } from '../describe.ts';
import { checkLimit, networkLimits } from '../network-limits.ts';
import { addTags, parseTagSpecifications } from '../tags/model.ts';
import { vpcs } from '../vpcs/model.ts';
import {
  type PeeringSide,
  pairOf,
  peeringTagKey,
  type VpcPeeringConnectionRow,
  vpcPeeringConnections,
} from './model.ts';
import { blocksOverlap } from './overlap.ts';
import { peeringFilters, renderPeering } from './render.ts';
import { acceptanceTime, isVisible, statusAt } from './status.ts';

/** A connection that the caller is a side of. @throws ApiError `.Malformed`, `.NotFound`. */
export function findPeering(context: ReadContext, id: string | undefined): VpcPeeringConnectionRow {
  return findById(context, vpcPeeringConnections, idKinds.vpcPeeringConnection, id ?? '', row =>
    isVisible(row, context.owner, context.now),
  );
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpcPeeringConnection.html */
const createVpcPeeringConnection = writeOperation<CreateVpcPeeringConnectionRequest, CreateVpcPeeringConnectionResult>({
  service: 'ec2',
  name: 'CreateVpcPeeringConnection',
  resources: (input, context) => [
    arn(context, 'vpc', input.VpcId),
    {
      arn: arn(context, 'vpc-peering-connection'),
      keys: {
        'ec2:RequesterVpc': arn(context, 'vpc', input.VpcId),
        'ec2:AccepterVpc': arn(accepterPlace(input, context), 'vpc', input.PeerVpcId),
      },
    },
  ],
  run: (input, context) => {
    const { db, owner, now } = context;
    const vpc = findById(context, vpcs, idKinds.vpc, input.VpcId ?? '');
    if (input.PeerVpcId === undefined)
      throw new ApiError('MissingParameter', 'The request must contain the parameter peerVpcId');
    checkId(idKinds.vpc, input.PeerVpcId);
    const place = accepterPlace(input, context);
    if (!/^\d{12}$/.test(place.account)) {
      throw new ApiError(
        'InvalidParameterValue',
        `Value (${place.account}) for parameter peerOwnerId is invalid. Give the twelve digits of an account.`,
      );
    }
    const type = 'vpc-peering-connection';
    const tags = parseTagSpecifications(input.TagSpecifications, [type])[type] ?? {};
    const accepter = { owner: `${place.account}/${place.region}`, vpcId: input.PeerVpcId };
    const present = liveBetween(db, vpc.vpcId, accepter.vpcId, now);
    if (present !== undefined && isVisible(present, owner, now)) {
      throw new ApiError(
        'VpcPeeringConnectionAlreadyExists',
        `A VPC peering connection between ${vpc.vpcId} and ${accepter.vpcId} already exists: ${present.vpcPeeringConnectionId}.`,
      );
    }
    checkLimit(
      db.by(vpcPeeringConnections, 'outstanding', owner).filter(row => statusAt(row, now) !== 'expired').length,
      networkLimits.outstandingPeeringConnections,
      'OutstandingVpcPeeringConnectionLimitExceeded',
      'VPC peering connections that wait for acceptance',
    );
    const peer = db.get(vpcs, accepter.vpcId);
    const isPossible = peer !== undefined && peer.owner === accepter.owner && !blocksOverlap(vpc, peer);
    const row: VpcPeeringConnectionRow = {
      vpcPeeringConnectionId: newId('pcx'),
      owner,
      requester: { owner, vpcId: vpc.vpcId },
      accepter,
      status: isPossible ? 'pending-acceptance' : 'failed',
      statusSince: now,
      expirationTime: now + acceptanceTime,
    };
    db.put(vpcPeeringConnections, row);
    addTags(db, { resourceId: row.vpcPeeringConnectionId, resourceType: type, owner }, tags);
    // What becomes of it shows afterwards, as on EC2.
    const Status = { Code: 'initiating-request', Message: `Initiating Request to ${place.account}` } as const;
    const shown = renderPeering({ ...context, db }, row);
    const AccepterVpcInfo = { OwnerId: place.account, Region: place.region, VpcId: accepter.vpcId };
    return {
      VpcPeeringConnection: { ...shown, AccepterVpcInfo, ExpirationTime: new Date(row.expirationTime), Status },
    };
  },
});

function accepterPlace(input: CreateVpcPeeringConnectionRequest, context: ReadContext) {
  return { account: input.PeerOwnerId ?? context.account, region: input.PeerRegion ?? context.region };
}

/** The connection between two VPCs that is active or waits for acceptance. */
function liveBetween(db: Reader, first: string, second: string, now: number): VpcPeeringConnectionRow | undefined {
  return db.by(vpcPeeringConnections, 'pair', pairOf(first, second)).find(row => {
    const status = statusAt(row, now);
    return status === 'active' || status === 'pending-acceptance';
  });
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AcceptVpcPeeringConnection.html */
const acceptVpcPeeringConnection = writeOperation<AcceptVpcPeeringConnectionRequest, AcceptVpcPeeringConnectionResult>({
  service: 'ec2',
  name: 'AcceptVpcPeeringConnection',
  resources: (input, context) => [
    ...peeringArns(input, context),
    arn(context, 'vpc', context.db.get(vpcPeeringConnections, input.VpcPeeringConnectionId ?? '')?.accepter.vpcId),
  ],
  run: (input, context) => {
    const { db, now } = context;
    const row = findPending(context, input.VpcPeeringConnectionId, 'accept', 'active');
    const vpc = findById(context, vpcs, idKinds.vpc, row.accepter.vpcId);
    const requester = db.get(vpcs, row.requester.vpcId);
    if (requester === undefined || blocksOverlap(vpc, requester)) {
      throw new ApiError(
        'InvalidStateTransition',
        `${row.vpcPeeringConnectionId} cannot be accepted: the requester VPC ${row.requester.vpcId} is gone, or its CIDR blocks overlap with those of ${vpc.vpcId} now.`,
      );
    }
    for (const { vpcId } of [row.requester, row.accepter]) {
      checkLimit(
        db.countBy(vpcPeeringConnections, 'activeVpc', vpcId),
        networkLimits.peeringConnectionsPerVpc,
        'ActiveVpcPeeringConnectionPerVpcLimitExceeded',
        `active VPC peering connections of ${vpcId}`,
      );
    }
    const changed: VpcPeeringConnectionRow = { ...row, status: 'active', statusSince: now };
    db.put(vpcPeeringConnections, changed);
    const Status = { Code: 'provisioning', Message: 'Provisioning' } as const;
    return { VpcPeeringConnection: { ...renderPeering(context, changed), Status } };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RejectVpcPeeringConnection.html */
const rejectVpcPeeringConnection = writeOperation<RejectVpcPeeringConnectionRequest, RejectVpcPeeringConnectionResult>({
  service: 'ec2',
  name: 'RejectVpcPeeringConnection',
  resources: peeringArns,
  run: (input, context) => {
    const row = findPending(context, input.VpcPeeringConnectionId, 'reject', 'rejected');
    context.db.put(vpcPeeringConnections, { ...row, status: 'rejected', statusSince: context.now });
    return { Return: true };
  },
});

/** A request that the caller may answer. @throws ApiError `OperationNotPermitted`, `InvalidStateTransition`. */
function findPending(
  context: ReadContext,
  id: string | undefined,
  verb: 'accept' | 'reject',
  wanted: 'active' | 'rejected',
): VpcPeeringConnectionRow {
  const row = accessible(context, id);
  const { account, region } = context;
  if (accountOf(row.accepter.owner) !== account) {
    throw new ApiError(
      'OperationNotPermitted',
      `User ${account} cannot ${verb} peering ${row.vpcPeeringConnectionId}: it is for ${accountOf(row.accepter.owner)} to do.`,
    );
  }
  const accepterRegion = regionOf(row.accepter.owner);
  if (accepterRegion !== region) {
    throw new ApiError(
      'OperationNotPermitted',
      `Incorrect region (${region}) specified for this request. VPC peering connection ${row.vpcPeeringConnectionId} must be ${verb}ed in region ${accepterRegion}`,
    );
  }
  const status = statusAt(row, context.now);
  if (status !== 'pending-acceptance') throw wrongState(row, status, wanted);
  return row;
}

/** Of the caller's in whatever Region: who asks from a wrong one is told so. */
function accessible(context: ReadContext, id: string | undefined): VpcPeeringConnectionRow {
  return findById(context, vpcPeeringConnections, idKinds.vpcPeeringConnection, id ?? '', row =>
    [row.requester.owner, row.accepter.owner].some(
      owner => accountOf(owner) === context.account && isVisible(row, owner, context.now),
    ),
  );
}

function wrongState(row: VpcPeeringConnectionRow, from: string, to: string): ApiError {
  return new ApiError(
    'InvalidStateTransition',
    `Invalid state transition for ${row.vpcPeeringConnectionId}, attempted to transition from ${from} to ${to}`,
  );
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpcPeeringConnection.html */
const deleteVpcPeeringConnection = writeOperation<DeleteVpcPeeringConnectionRequest, DeleteVpcPeeringConnectionResult>({
  service: 'ec2',
  name: 'DeleteVpcPeeringConnection',
  resources: peeringArns,
  run: (input, context) => {
    const row = findPeering(context, input.VpcPeeringConnectionId);
    const status = statusAt(row, context.now);
    // Who has not accepted yet rejects instead.
    const may = status === 'active' || (status === 'pending-acceptance' && context.owner === row.owner);
    if (!may) throw wrongState(row, status, 'deleted');
    context.db.put(vpcPeeringConnections, {
      ...row,
      status: 'deleted',
      statusSince: context.now,
      deletedBy: context.owner,
    });
    return { Return: true };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcPeeringConnections.html */
const describeVpcPeeringConnections = readOperation<
  DescribeVpcPeeringConnectionsRequest,
  DescribeVpcPeeringConnectionsResult
>({
  service: 'ec2',
  name: 'DescribeVpcPeeringConnections',
  resources: () => ['*'],
  run: (input, context) => {
    const page = describeOwn(context, input, {
      table: vpcPeeringConnections,
      kind: idKinds.vpcPeeringConnection,
      ids: input.VpcPeeringConnectionIds,
      filters: peeringFilters(context),
      keyFilter: 'vpc-peering-connection-id',
      indexed: { 'requester-vpc-info.vpc-id': 'requesterVpc', 'accepter-vpc-info.vpc-id': 'accepterVpc' },
      visible: row => isVisible(row, context.owner, context.now),
      tagKey: row => peeringTagKey(row, context.owner),
    });
    return {
      VpcPeeringConnections: page.rows.map(row => renderPeering(context, row)),
      NextToken: page.nextToken,
    };
  },
});

const classicLink = [
  'AllowEgressFromLocalClassicLinkToRemoteVpc',
  'AllowEgressFromLocalVpcToRemoteClassicLink',
] as const satisfies readonly (keyof PeeringConnectionOptionsRequest)[];

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVpcPeeringConnectionOptions.html */
const modifyVpcPeeringConnectionOptions = writeOperation<
  ModifyVpcPeeringConnectionOptionsRequest,
  ModifyVpcPeeringConnectionOptionsResult
>({
  service: 'ec2',
  name: 'ModifyVpcPeeringConnectionOptions',
  resources: (input, context) => [
    { arn: arn(context, 'vpc-peering-connection', input.VpcPeeringConnectionId), keys: attributeKeys(input) },
  ],
  run: (input, context) => {
    const row = findPeering(context, input.VpcPeeringConnectionId);
    const { RequesterPeeringConnectionOptions: ofRequester, AccepterPeeringConnectionOptions: ofAccepter } = input;
    if (ofRequester === undefined && ofAccepter === undefined)
      throw new ApiError(
        'MissingParameter',
        'Give RequesterPeeringConnectionOptions or AccepterPeeringConnectionOptions.',
      );
    if (statusAt(row, context.now) !== 'active') {
      throw new ApiError(
        'OperationNotPermitted',
        `Peering ${row.vpcPeeringConnectionId} is not active. Peering options can be added only to active peerings.`,
      );
    }
    const foreign =
      (ofRequester !== undefined && row.requester.owner !== context.owner && 'requester') ||
      (ofAccepter !== undefined && row.accepter.owner !== context.owner && 'accepter');
    if (foreign) {
      throw new ApiError(
        'OperationNotPermitted',
        `User ${context.account} cannot modify ${foreign} peering options of ${row.vpcPeeringConnectionId}.`,
      );
    }
    const on = classicLink.find(name => ofRequester?.[name] === true || ofAccepter?.[name] === true);
    if (on !== undefined)
      throw new ApiError('UnsupportedOperation', `There is no EC2-Classic that ${on} would be about. Leave it false.`);
    const changed: VpcPeeringConnectionRow = {
      ...row,
      requester: withOptions(row.requester, ofRequester),
      accepter: withOptions(row.accepter, ofAccepter),
    };
    context.db.put(vpcPeeringConnections, changed);
    const shown = renderPeering(context, changed);
    return {
      RequesterPeeringConnectionOptions: ofRequester && shown.RequesterVpcInfo?.PeeringOptions,
      AccepterPeeringConnectionOptions: ofAccepter && shown.AccepterVpcInfo?.PeeringOptions,
    };
  },
});

function withOptions(side: PeeringSide, options: PeeringConnectionOptionsRequest | undefined): PeeringSide {
  const wanted = options?.AllowDnsResolutionFromRemoteVpc;
  return wanted === undefined ? side : { ...side, allowDnsResolution: wanted };
}

function peeringArns(input: { readonly VpcPeeringConnectionId?: string | undefined }, context: ReadContext): string[] {
  return [arn(context, 'vpc-peering-connection', input.VpcPeeringConnectionId)];
}

export const vpcPeeringOperations: readonly AnyOperation[] = [
  createVpcPeeringConnection,
  acceptVpcPeeringConnection,
  rejectVpcPeeringConnection,
  deleteVpcPeeringConnection,
  describeVpcPeeringConnections,
  modifyVpcPeeringConnectionOptions,
];
