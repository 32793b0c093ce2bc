import type {
  SecurityGroupRuleRequest,
  SecurityGroupRuleUpdate,
  UpdateSecurityGroupRuleDescriptionsIngressRequest,
  UserIdGroupPair,
} from '@aws-sdk/client-ec2';
import { ApiError } from '../../api/errors.ts';
import type { ReadContext, WriteContext } from '../../api/operation.ts';
import { accountOf } from '../../api/owner.ts';
import { findGroup } from './find.ts';
import { type SecurityGroupRow, type SecurityGroupRuleRow, securityGroups } from './model.ts';
import {
  describedAs,
  ipv4Block,
  ipv6Block,
  parsePermissions,
  prefixList,
  type RuleSpecification,
  referencedGroup,
  ruleKey,
} from './permissions.ts';
import { parseProtocol } from './protocols.ts';
import { findRules, replaceRules, rulesOf } from './rules.ts';

/**
 * Replaces what rules say, as ModifySecurityGroupRules does; their ids stay.
 * @throws ApiError `MissingParameter`, `InvalidParameterValue`, `InvalidSecurityGroupRuleId.NotFound`,
 *   `InvalidPermission.Duplicate`, and what permissions and their limits throw.
 */
export function modifyRules(
  context: WriteContext,
  group: SecurityGroupRow,
  updates: readonly SecurityGroupRuleUpdate[],
): void {
  if (updates.length === 0) {
    throw new ApiError('MissingParameter', 'The request must contain the parameter securityGroupRule');
  }
  const changes = new Map<SecurityGroupRuleRow, RuleSpecification>();
  for (const { SecurityGroupRuleId: id, SecurityGroupRule: request } of updates) {
    if (id === undefined)
      throw new ApiError('MissingParameter', 'Each securityGroupRule requires a securityGroupRuleId.');
    if (request === undefined)
      throw new ApiError('MissingParameter', `The rule ${id} requires a securityGroupRule to change to.`);
    const specification = specificationOf(context, group, request);
    for (const row of findRules(context.db, group, [id], undefined)) {
      if (changes.has(row))
        throw new ApiError('InvalidParameterValue', `The rule ${id} appears more than once in the request.`);
      changes.set(row, specification);
    }
  }
  replaceRules(context, group, changes);
}

function specificationOf(
  context: ReadContext,
  group: SecurityGroupRow,
  request: SecurityGroupRuleRequest,
): RuleSpecification {
  const options = { peersMustExist: true };
  const traffic = parseProtocol(request.IpProtocol, request.FromPort, request.ToPort);
  const peers: Partial<RuleSpecification>[] = [];
  if (request.CidrIpv4 !== undefined) peers.push({ cidrIpv4: ipv4Block(request.CidrIpv4) });
  if (request.CidrIpv6 !== undefined) peers.push({ cidrIpv6: ipv6Block(request.CidrIpv6) });
  if (request.PrefixListId !== undefined)
    peers.push({ prefixListId: prefixList(context, request.PrefixListId, options) });
  if (request.ReferencedGroupId !== undefined) {
    peers.push(referencedGroup(context, group, referenceOf(context, request.ReferencedGroupId), options));
  }
  const [peer] = peers;
  if (peer === undefined) {
    throw new ApiError(
      'MissingParameter',
      'Missing source specification: include source security group or CIDR information',
    );
  }
  if (peers.length > 1) {
    throw new ApiError(
      'InvalidParameterCombination',
      'A rule has one source or destination: give one of CidrIpv4, CidrIpv6, PrefixListId and ReferencedGroupId.',
    );
  }
  return { ...traffic, ...peer, ...describedAs(request.Description) };
}

/** This request cannot say whose group it is: the id alone must do. */
function referenceOf({ db }: ReadContext, GroupId: string): UserIdGroupPair {
  const owner = db.get(securityGroups, GroupId)?.owner;
  return owner === undefined ? { GroupId } : { GroupId, UserId: accountOf(owner) };
}

/**
 * Changes the descriptions of rules, given by id or by what they say; a missing description is removed.
 * @throws ApiError `InvalidPermission.NotFound`, `InvalidSecurityGroupRuleId.NotFound`, `MissingParameter`,
 *   `InvalidParameterCombination`, `InvalidParameterValue`.
 */
export function updateDescriptions(
  context: WriteContext,
  input: UpdateSecurityGroupRuleDescriptionsIngressRequest,
  isEgress: boolean,
): void {
  const group = findGroup(context, input);
  const permissions = input.IpPermissions ?? [];
  const descriptions = input.SecurityGroupRuleDescriptions ?? [];
  if (permissions.length > 0 && descriptions.length > 0) {
    throw new ApiError(
      'InvalidParameterCombination',
      'Give either IP permissions or security group rule descriptions, not both.',
    );
  }
  if (permissions.length === 0 && descriptions.length === 0) {
    throw new ApiError(
      'MissingParameter',
      "Either 'ipPermissions' or 'securityGroupRuleDescriptions' should be provided.",
    );
  }
  const changes = new Map<SecurityGroupRuleRow, RuleSpecification>();
  const change = (row: SecurityGroupRuleRow, description: string | undefined) => {
    const { description: _old, ...rest } = specificationFrom(row);
    changes.set(row, { ...rest, ...describedAs(description) });
  };
  const present = new Map(rulesOf(context.db, group.groupId, isEgress).map(row => [ruleKey(row), row]));
  for (const rule of parsePermissions(context, group, permissions, { peersMustExist: false })) {
    const row = present.get(ruleKey(rule));
    if (row === undefined) {
      throw new ApiError('InvalidPermission.NotFound', 'The specified rule does not exist in this security group.');
    }
    change(row, rule.description);
  }
  for (const one of descriptions) {
    if (one.SecurityGroupRuleId === undefined) {
      throw new ApiError('MissingParameter', 'Each security group rule description requires a securityGroupRuleId.');
    }
    for (const row of findRules(context.db, group, [one.SecurityGroupRuleId], isEgress)) change(row, one.Description);
  }
  replaceRules(context, group, changes);
}

function specificationFrom(row: SecurityGroupRuleRow): RuleSpecification {
  const { securityGroupRuleId: _id, owner: _owner, groupId: _group, isEgress: _egress, ...specification } = row;
  return specification;
}
