import type { IpPermission, UserIdGroupPair } from '@aws-sdk/client-ec2';
import { ApiError } from '../../api/errors.ts';
import { checkId, findById, idKinds, throwNotFound } from '../../api/ids.ts';
import type { ReadContext } from '../../api/operation.ts';
import { accountOf, regionOf } from '../../api/owner.ts';
import { formatCidr, parseCidr } from '../network-interfaces/ipv4.ts';
import { canonicalIpv6Cidr } from '../network-interfaces/ipv6.ts';
import { findAwsPrefixList } from '../prefix-lists/aws.ts';
import { prefixLists } from '../prefix-lists/model.ts';
import { activePeering } from '../vpc-peering/model.ts';
import { vpcs } from '../vpcs/model.ts';
import { type SecurityGroupRow, type SecurityGroupRuleRow, securityGroups } from './model.ts';
import { parseProtocol } from './protocols.ts';
import { findGroupByName } from './resolve.ts';
import { checkRuleDescription } from './text.ts';

/** What a rule says, without its id and group: exactly one of the four peers is set. */
export type RuleSpecification = Pick<
  SecurityGroupRuleRow,
  | 'ipProtocol'
  | 'fromPort'
  | 'toPort'
  | 'cidrIpv4'
  | 'cidrIpv6'
  | 'prefixListId'
  | 'referencedGroupId'
  | 'peer'
  | 'description'
>;

type Peer = Pick<RuleSpecification, 'cidrIpv4' | 'cidrIpv6' | 'prefixListId' | 'referencedGroupId' | 'peer'>;

export interface PermissionOptions {
  /** Groups that rules refer to must exist. Not so for rules to be found and removed. */
  readonly peersMustExist: boolean;
}

/**
 * The single rules that permissions stand for; blocks are canonical, and their host bits cleared.
 * @throws ApiError `InvalidParameterValue`, `MissingParameter`, `InvalidGroupId.Malformed`, `InvalidGroup.NotFound`,
 *   `InvalidPrefixListID.NotFound`.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
 */
export function parsePermissions(
  context: ReadContext,
  group: SecurityGroupRow,
  permissions: readonly IpPermission[],
  options: PermissionOptions,
): RuleSpecification[] {
  return permissions.flatMap(permission => {
    const traffic = parseProtocol(permission.IpProtocol, permission.FromPort, permission.ToPort);
    const rules: RuleSpecification[] = [];
    const add = (peer: Peer, description: string | undefined) => {
      rules.push({ ...traffic, ...peer, ...describedAs(description) });
    };
    for (const one of permission.IpRanges ?? []) add({ cidrIpv4: ipv4Block(one.CidrIp) }, one.Description);
    for (const one of permission.Ipv6Ranges ?? []) add({ cidrIpv6: ipv6Block(one.CidrIpv6) }, one.Description);
    for (const one of permission.PrefixListIds ?? [])
      add({ prefixListId: prefixList(context, one.PrefixListId, options) }, one.Description);
    for (const one of permission.UserIdGroupPairs ?? []) {
      add(referencedGroup(context, group, one, options), one.Description);
    }
    if (rules.length === 0) {
      throw new ApiError(
        'MissingParameter',
        'Missing source specification: include source security group or CIDR information',
      );
    }
    return rules;
  });
}

/** What a rule allows; two rules of one direction with the same key are duplicates. */
export function ruleKey(rule: RuleSpecification): string {
  return [rule.ipProtocol, rule.fromPort, rule.toPort, peerOf(rule)].join(' ');
}

/** As messages name the other side of a rule. */
export function peerOf(rule: RuleSpecification): string {
  return rule.cidrIpv4 ?? rule.cidrIpv6 ?? rule.referencedGroupId ?? rule.prefixListId ?? '';
}

/** @throws ApiError `InvalidParameterValue` */
export function ipv4Block(text: string | undefined): string {
  const cidr = parseCidr(text ?? '');
  if (cidr === undefined) throw malformed(text);
  return formatCidr(cidr);
}

/** @throws ApiError `InvalidParameterValue` */
export function ipv6Block(text: string | undefined): string {
  const cidr = canonicalIpv6Cidr(text ?? '');
  if (cidr === undefined) throw malformed(text);
  return cidr;
}

/** @throws ApiError `InvalidPrefixListId.Malformed`, `InvalidPrefixListID.NotFound`. */
export function prefixList(context: ReadContext, id: string | undefined, options: PermissionOptions): string {
  checkId(idKinds.prefixList, id ?? '');
  if (findAwsPrefixList(context.region, id ?? '') !== undefined) return id ?? '';
  return options.peersMustExist
    ? findById(context, prefixLists, idKinds.prefixList, id ?? '').prefixListId
    : (id ?? '');
}

/**
 * The group that a rule refers to: of the same VPC, or of one that is peered with it, in the same Region.
 * @throws ApiError `InvalidGroupId.Malformed`, `InvalidGroup.NotFound`, `InvalidParameterValue`, `MissingParameter`,
 *   `InvalidVpcPeeringConnectionID.NotFound`.
 */
export function referencedGroup(
  context: ReadContext,
  group: SecurityGroupRow,
  pair: UserIdGroupPair,
  options: PermissionOptions,
): Peer {
  if (pair.GroupId !== undefined) {
    checkId(idKinds.securityGroup, pair.GroupId);
    if (!options.peersMustExist) return { referencedGroupId: pair.GroupId };
    const found = context.db.get(securityGroups, pair.GroupId);
    if (found !== undefined && found.vpcId !== group.vpcId) return peeredGroup(context, group, found, pair);
  }
  refusePeering(pair.VpcPeeringConnectionId);
  if (pair.UserId !== undefined && pair.UserId !== context.account && options.peersMustExist) throw notThere(pair);
  if (pair.GroupId !== undefined)
    return { referencedGroupId: findById(context, securityGroups, idKinds.securityGroup, pair.GroupId).groupId };
  if (pair.GroupName === undefined) {
    throw new ApiError(
      'MissingParameter',
      'Each source security group requires a groupId or, in a default VPC, a groupName.',
    );
  }
  if (context.db.get(vpcs, group.vpcId)?.isDefault !== true) {
    throw new ApiError(
      'InvalidParameterValue',
      `Invalid value '${pair.GroupName}' for groupName. You may not reference Amazon VPC security groups by name. Please use the corresponding id for this operation.`,
    );
  }
  return { referencedGroupId: findGroupByName(context, group.vpcId, pair.GroupName).groupId };
}

/**
 * A group of another VPC. A group of another account is not there for who is not peered with it, or does not say whose
 * it is.
 */
function peeredGroup(
  context: ReadContext,
  group: SecurityGroupRow,
  found: SecurityGroupRow,
  pair: UserIdGroupPair,
): Peer {
  const userId = accountOf(found.owner);
  const peering = activePeering(context.db, group.vpcId, found.vpcId);
  const id = peering?.vpcPeeringConnectionId;
  const isForeign = userId !== context.account;
  if (pair.VpcPeeringConnectionId !== undefined && pair.VpcPeeringConnectionId !== id)
    refusePeering(pair.VpcPeeringConnectionId);
  if ((pair.UserId ?? context.account) !== userId || (isForeign && id === undefined)) throw notThere(pair);
  if (id === undefined || regionOf(found.owner) !== context.region) {
    throw new ApiError('InvalidGroup.NotFound', 'You have specified two resources that belong to different networks.');
  }
  return { referencedGroupId: found.groupId, peer: { vpcPeeringConnectionId: id, vpcId: found.vpcId, userId } };
}

function refusePeering(id: string | undefined): void {
  if (id !== undefined) throwNotFound(idKinds.vpcPeeringConnection, [id]);
}

function notThere({ GroupId, GroupName = '' }: UserIdGroupPair): ApiError {
  return new ApiError('InvalidGroup.NotFound', `The security group '${GroupId ?? GroupName}' does not exist`);
}

export function describedAs(description: string | undefined): { readonly description?: string } {
  const checked = checkRuleDescription(description);
  return checked === undefined ? {} : { description: checked };
}

function malformed(text: string | undefined): ApiError {
  return new ApiError('InvalidParameterValue', `CIDR block ${text ?? ''} is malformed`);
}
