import type {
  CreateNetworkAclEntryRequest,
  CreateNetworkAclRequest,
  CreateNetworkAclResult,
  DeleteNetworkAclEntryRequest,
  DeleteNetworkAclRequest,
  ReplaceNetworkAclAssociationRequest,
  ReplaceNetworkAclAssociationResult,
  ReplaceNetworkAclEntryRequest,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds, newId } from '../../api/ids.ts';
import { type AnyOperation, type ReadContext, writeOperation } from '../../api/operation.ts';
import { checkLimit, networkLimits } from '../network-limits.ts';
import { addTags, parseTagSpecifications, removeAllTags } from '../tags/model.ts';
import { vpcs } from '../vpcs/model.ts';
import { checkRuleNumber, parseEntry } from './entries.ts';
import { entriesOfAcl, type NetworkAclRow, networkAcls } from './model.ts';
import { renderNetworkAcl } from './render.ts';

const find = (context: ReadContext, id: string | undefined) =>
  findById(context, networkAcls, idKinds.networkAcl, id ?? '');

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkAcl.html */
const createNetworkAcl = writeOperation<CreateNetworkAclRequest, CreateNetworkAclResult>({
  service: 'ec2',
  name: 'CreateNetworkAcl',
  resources: (input, context) => [arn(context, 'network-acl'), arn(context, 'vpc', input.VpcId)],
  run: (input, context) => {
    const { db, owner } = context;
    const { vpcId } = findById(context, vpcs, idKinds.vpc, input.VpcId ?? '');
    const tags = parseTagSpecifications(input.TagSpecifications, ['network-acl'])['network-acl'] ?? {};
    const present = db.countBy(networkAcls, 'vpc', vpcId);
    checkLimit(present, networkLimits.networkAclsPerVpc, 'NetworkAclLimitExceeded', `network ACLs of ${vpcId}`);
    const networkAclId = newId('acl');
    const row: NetworkAclRow = { networkAclId, owner, vpcId, isDefault: false, associations: [], entries: [] };
    db.put(networkAcls, row);
    addTags(db, { resourceId: networkAclId, resourceType: 'network-acl', owner }, tags);
    return { NetworkAcl: renderNetworkAcl(db, row), ClientToken: input.ClientToken };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNetworkAcl.html */
const deleteNetworkAcl = writeOperation<DeleteNetworkAclRequest, object>({
  service: 'ec2',
  name: 'DeleteNetworkAcl',
  resources: (input, context) => [arn(context, 'network-acl', input.NetworkAclId)],
  run: (input, context) => {
    const row = find(context, input.NetworkAclId);
    if (row.isDefault) {
      throw new ApiError(
        'InvalidParameterValue',
        `cannot delete default network ACL ${row.networkAclId}. It goes with its VPC.`,
      );
    }
    if (row.associations.length > 0) {
      throw new ApiError(
        'DependencyViolation',
        `The networkAcl '${row.networkAclId}' has dependencies and cannot be deleted: ${row.associations[0]?.subnetId} uses it.`,
      );
    }
    context.db.delete(networkAcls, row.networkAclId);
    removeAllTags(context.db, row.networkAclId);
    return {};
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkAclEntry.html */
const createNetworkAclEntry = writeOperation<CreateNetworkAclEntryRequest, object>({
  service: 'ec2',
  name: 'CreateNetworkAclEntry',
  resources: (input, context) => [arn(context, 'network-acl', input.NetworkAclId)],
  run: (input, context) => {
    const row = find(context, input.NetworkAclId);
    const entry = parseEntry(input);
    const entries = entriesOfAcl(row);
    if (entries.some(one => one.egress === entry.egress && one.ruleNumber === entry.ruleNumber)) {
      throw new ApiError(
        'NetworkAclEntryAlreadyExists',
        `The network acl entry identified by ${entry.ruleNumber} already exists.`,
      );
    }
    const isIpv6 = entry.ipv6CidrBlock !== undefined;
    const present = entries.filter(
      one => one.egress === entry.egress && (one.ipv6CidrBlock !== undefined) === isIpv6,
    ).length;
    checkLimit(
      present,
      networkLimits.rulesPerNetworkAcl,
      'NetworkAclEntryLimitExceeded',
      `rules of ${row.networkAclId} in this direction`,
    );
    context.db.put(networkAcls, { ...row, entries: [...entries, entry] });
    return {};
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReplaceNetworkAclEntry.html */
const replaceNetworkAclEntry = writeOperation<ReplaceNetworkAclEntryRequest, object>({
  service: 'ec2',
  name: 'ReplaceNetworkAclEntry',
  resources: (input, context) => [arn(context, 'network-acl', input.NetworkAclId)],
  run: (input, context) => {
    const row = find(context, input.NetworkAclId);
    const entry = parseEntry(input);
    const others = withoutEntry(row, entry.egress, entry.ruleNumber);
    context.db.put(networkAcls, { ...row, entries: [...others, entry] });
    return {};
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNetworkAclEntry.html */
const deleteNetworkAclEntry = writeOperation<DeleteNetworkAclEntryRequest, object>({
  service: 'ec2',
  name: 'DeleteNetworkAclEntry',
  resources: (input, context) => [arn(context, 'network-acl', input.NetworkAclId)],
  run: (input, context) => {
    const row = find(context, input.NetworkAclId);
    const number = checkRuleNumber(input.RuleNumber);
    context.db.put(networkAcls, { ...row, entries: withoutEntry(row, input.Egress === true, number) });
    return {};
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReplaceNetworkAclAssociation.html */
const replaceNetworkAclAssociation = writeOperation<
  ReplaceNetworkAclAssociationRequest,
  ReplaceNetworkAclAssociationResult
>({
  service: 'ec2',
  name: 'ReplaceNetworkAclAssociation',
  resources: (input, context) => {
    const { association } = findAssociation(context, input.AssociationId);
    return [arn(context, 'network-acl', input.NetworkAclId), arn(context, 'subnet', association?.subnetId)];
  },
  run: (input, context) => {
    const { db } = context;
    const { acl, association } = findAssociation(context, input.AssociationId);
    if (acl === undefined || association === undefined) {
      throw new ApiError(
        'InvalidAssociationID.NotFound',
        `The association ID '${input.AssociationId ?? ''}' does not exist`,
      );
    }
    const next = find(context, input.NetworkAclId);
    if (next.vpcId !== acl.vpcId) {
      throw new ApiError(
        'InvalidParameterValue',
        `network ACL ${next.networkAclId} and subnet ${association.subnetId} belong to different networks`,
      );
    }
    if (next.networkAclId === acl.networkAclId) return { NewAssociationId: association.associationId };
    const moved = { associationId: newId('aclassoc'), subnetId: association.subnetId };
    db.put(networkAcls, { ...acl, associations: acl.associations.filter(one => one !== association) });
    db.put(networkAcls, { ...next, associations: [...next.associations, moved] });
    return { NewAssociationId: moved.associationId };
  },
});

function withoutEntry(row: NetworkAclRow, egress: boolean, ruleNumber: number) {
  const entries = entriesOfAcl(row);
  const others = entries.filter(one => one.egress !== egress || one.ruleNumber !== ruleNumber);
  if (others.length === entries.length) {
    throw new ApiError(
      'InvalidNetworkAclEntry.NotFound',
      `The specified network ACL entry does not exist: ${row.networkAclId} has no ${egress ? 'outbound' : 'inbound'} rule ${ruleNumber}.`,
    );
  }
  return others;
}

function findAssociation(context: ReadContext, associationId = '') {
  const acl = context.db.firstBy(networkAcls, 'association', associationId);
  if (acl === undefined || acl.owner !== context.owner) return {};
  return { acl, association: acl.associations.find(one => one.associationId === associationId) };
}

export const networkAclChanges: readonly AnyOperation[] = [
  createNetworkAcl,
  deleteNetworkAcl,
  createNetworkAclEntry,
  replaceNetworkAclEntry,
  deleteNetworkAclEntry,
  replaceNetworkAclAssociation,
];
