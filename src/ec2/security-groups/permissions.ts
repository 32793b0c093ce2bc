import type { IpPermission, UserIdGroupPair } from '@aws-sdk/client-ec2';
import { ApiError } from '../../api/errors.ts';
import { checkId, findById, idKinds } from '../../api/ids.ts';
import type { ReadContext } from '../../api/operation.ts';
import { formatCidr, parseCidr } from '../network-interfaces/ipv4.ts';
import { canonicalIpv6Cidr } from '../network-interfaces/ipv6.ts';
import { prefixLists } from '../prefix-lists/model.ts';
import { vpcs } from '../vpcs/model.ts';
import { type SecurityGroupRow, type SecurityGroupRuleRow, securityGroups } from './model.ts';
import { parseProtocol } from './protocols.ts';
import { findGroupByName } from './resolve.ts';
import { checkRuleDescription } from './text.ts';

/** What a rule says, without its id and group: exactly one of the four peers is set. */
export type RuleSpecification = Pick<
  SecurityGroupRuleRow,
  'ipProtocol' | 'fromPort' | 'toPort' | 'cidrIpv4' | 'cidrIpv6' | 'prefixListId' | 'referencedGroupId' | 'description'
>;

type Peer = Pick<RuleSpecification, 'cidrIpv4' | 'cidrIpv6' | 'prefixListId' | 'referencedGroupId'>;

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
      add({ referencedGroupId: referencedGroup(context, group, one, options) }, one.Description);
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
  return options.peersMustExist
    ? findById(context, prefixLists, idKinds.prefixList, id ?? '').prefixListId
    : (id ?? '');
}

/** @throws ApiError `InvalidGroupId.Malformed`, `InvalidGroup.NotFound`, `InvalidParameterValue`, `MissingParameter` */
export function referencedGroup(
  context: ReadContext,
  group: SecurityGroupRow,
  pair: UserIdGroupPair,
  options: PermissionOptions,
): string {
  if (pair.VpcPeeringConnectionId !== undefined) {
    throw new ApiError(
      'InvalidVpcPeeringConnectionID.NotFound',
      `The vpcPeeringConnection ID '${pair.VpcPeeringConnectionId}' does not exist`,
    );
  }
  const name = pair.GroupId ?? pair.GroupName;
  if (pair.UserId !== undefined && pair.UserId !== context.account && options.peersMustExist) {
    throw new ApiError(
      'InvalidGroup.NotFound',
      `The security group '${name ?? ''}' of account ${pair.UserId} does not exist`,
    );
  }
  if (pair.GroupId !== undefined) {
    checkId(idKinds.securityGroup, pair.GroupId);
    if (!options.peersMustExist) return pair.GroupId;
    const peer = findById(context, securityGroups, idKinds.securityGroup, pair.GroupId);
    if (peer.vpcId !== group.vpcId) {
      throw new ApiError(
        'InvalidGroup.NotFound',
        'You have specified two resources that belong to different networks.',
      );
    }
    return pair.GroupId;
  }
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
  return findGroupByName(context, group.vpcId, pair.GroupName).groupId;
}

export function describedAs(description: string | undefined): { readonly description?: string } {
  const checked = checkRuleDescription(description);
  return checked === undefined ? {} : { description: checked };
}

function malformed(text: string | undefined): ApiError {
  return new ApiError('InvalidParameterValue', `CIDR block ${text ?? ''} is malformed`);
}
