import type {
  AuthorizeSecurityGroupIngressRequest,
  AuthorizeSecurityGroupIngressResult,
  IpPermission,
  RevokeSecurityGroupIngressRequest,
  RevokeSecurityGroupIngressResult,
} from '@aws-sdk/client-ec2';
import { ApiError } from '../../api/errors.ts';
import type { ReadContext, WriteContext } from '../../api/operation.ts';
import { parseTagSpecifications } from '../tags/model.ts';
import { vpcs } from '../vpcs/model.ts';
import { findGroup } from './find.ts';
import type { SecurityGroupRow, SecurityGroupRuleRow } from './model.ts';
import { type PermissionOptions, parsePermissions, type RuleSpecification, ruleKey } from './permissions.ts';
import { renderPermissions, renderRevokedRule, renderRule } from './render.ts';
import { addRules, findRules, removeRule, rulesOf } from './rules.ts';

/** @throws ApiError what permissions and their limits throw. */
export function authorize(
  context: WriteContext,
  input: AuthorizeSecurityGroupIngressRequest,
  isEgress: boolean,
): AuthorizeSecurityGroupIngressResult {
  const group = findGroup(context, input);
  const tags = parseTagSpecifications(input.TagSpecifications, ['security-group-rule'])['security-group-rule'] ?? {};
  const rules = requestedRules(context, group, input, isEgress, { peersMustExist: true });
  if (rules === undefined) {
    throw new ApiError('MissingParameter', 'The request must contain the parameter ipPermissions');
  }
  const added = addRules(context, group, isEgress, rules, tags);
  return { Return: true, SecurityGroupRules: added.map(row => renderRule(context.db, row)) };
}

/**
 * Removes rules by id, or by what they say whatever their description.
 * @throws ApiError `InvalidSecurityGroupRuleId.NotFound`; `InvalidPermission.NotFound` outside of a default VPC,
 *   where unknown permissions are errors.
 */
export function revoke(
  context: WriteContext,
  input: RevokeSecurityGroupIngressRequest,
  isEgress: boolean,
): RevokeSecurityGroupIngressResult {
  const group = findGroup(context, input);
  const ids = input.SecurityGroupRuleIds ?? [];
  const rules = requestedRules(context, group, input, isEgress, { peersMustExist: false });
  if (ids.length > 0 && rules !== undefined) {
    throw new ApiError(
      'InvalidParameterCombination',
      'Give either security group rule IDs or IP permissions, not both.',
    );
  }
  if (ids.length === 0 && rules === undefined) {
    throw new ApiError('MissingParameter', "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.");
  }
  const { found, unknown } =
    rules === undefined
      ? { found: findRules(context.db, group, ids, isEgress), unknown: [] }
      : matchRules(rulesOf(context.db, group.groupId, isEgress), rules);
  if (unknown.length > 0 && context.db.get(vpcs, group.vpcId)?.isDefault !== true) {
    throw new ApiError('InvalidPermission.NotFound', 'The specified rule does not exist in this security group.');
  }
  for (const rule of found) removeRule(context, rule);
  return {
    Return: true,
    RevokedSecurityGroupRules: found.map(renderRevokedRule),
    UnknownIpPermissions: renderPermissions(context.db, group.owner, unknown),
  };
}

function matchRules(
  present: readonly SecurityGroupRuleRow[],
  wanted: readonly RuleSpecification[],
): { found: SecurityGroupRuleRow[]; unknown: RuleSpecification[] } {
  const byKey = new Map(present.map(rule => [ruleKey(rule), rule]));
  const found = new Set<SecurityGroupRuleRow>();
  const unknown: RuleSpecification[] = [];
  for (const rule of wanted) {
    const match = byKey.get(ruleKey(rule));
    if (match === undefined) unknown.push(rule);
    else found.add(match);
  }
  return { found: [...found], unknown };
}

type RuleInput = Pick<
  AuthorizeSecurityGroupIngressRequest,
  | 'CidrIp'
  | 'FromPort'
  | 'ToPort'
  | 'IpProtocol'
  | 'IpPermissions'
  | 'SourceSecurityGroupName'
  | 'SourceSecurityGroupOwnerId'
>;

const flatParameters = [
  'CidrIp',
  'FromPort',
  'ToPort',
  'IpProtocol',
  'SourceSecurityGroupName',
  'SourceSecurityGroupOwnerId',
] as const;

/** The rules that a request asks for, in either form; undefined when it names none. */
function requestedRules(
  context: ReadContext,
  group: SecurityGroupRow,
  input: RuleInput,
  isEgress: boolean,
  options: PermissionOptions,
): RuleSpecification[] | undefined {
  const permissions = input.IpPermissions ?? [];
  const flat = flatParameters.find(name => input[name] !== undefined);
  if (flat === undefined) {
    return permissions.length === 0 ? undefined : parsePermissions(context, group, permissions, options);
  }
  if (permissions.length > 0) {
    throw new ApiError(
      'InvalidParameterCombination',
      `The parameter ${flat} cannot be used with the parameter ipPermissions`,
    );
  }
  if (isEgress) {
    throw new ApiError(
      'InvalidParameterValue',
      `The parameter ${flat} is not supported for egress rules. Use ipPermissions.`,
    );
  }
  return parsePermissions(context, group, flatPermissions(input), options);
}

function flatPermissions(input: RuleInput): IpPermission[] {
  const { SourceSecurityGroupName: GroupName, SourceSecurityGroupOwnerId: UserId, CidrIp, IpProtocol } = input;
  if (GroupName === undefined) {
    if (UserId !== undefined) {
      throw new ApiError('MissingParameter', 'SourceSecurityGroupOwnerId requires SourceSecurityGroupName.');
    }
    const IpRanges = CidrIp === undefined ? [] : [{ CidrIp }];
    return [{ IpProtocol, FromPort: input.FromPort, ToPort: input.ToPort, IpRanges }];
  }
  const other = (['CidrIp', 'IpProtocol', 'FromPort', 'ToPort'] as const).find(name => input[name] !== undefined);
  if (other !== undefined) {
    throw new ApiError(
      'InvalidParameterCombination',
      `The parameter ${other} cannot be used with the parameter sourceSecurityGroupName. Use ipPermissions for a rule with a protocol and a source group.`,
    );
  }
  const UserIdGroupPairs = [{ GroupName, UserId }];
  return [
    { IpProtocol: 'tcp', FromPort: 0, ToPort: 65535, UserIdGroupPairs },
    { IpProtocol: 'udp', FromPort: 0, ToPort: 65535, UserIdGroupPairs },
    { IpProtocol: 'icmp', FromPort: -1, ToPort: -1, UserIdGroupPairs },
  ];
}
