import { ApiError } from '../../api/errors.ts';
import { checkId, idKinds, newId, throwNotFound } from '../../api/ids.ts';
import type { WriteContext } from '../../api/operation.ts';
import type { Reader } from '../../state/state.ts';
import { prefixLists } from '../prefix-lists/model.ts';
import { addTags, removeAllTags, type Tags } from '../tags/model.ts';
import { type SecurityGroupRow, type SecurityGroupRuleRow, securityGroupRules } from './model.ts';
import { peerOf, type RuleSpecification, ruleKey } from './permissions.ts';

/**
 * Counted apart for IPv4 and IPv6 in each direction; a reference to a group counts for both, and a prefix list for as
 * many rules as it may have entries.
 */
export const maximumRulesPerGroup = 60;

/** The rules of one direction, oldest first. */
export function rulesOf(db: Reader, groupId: string, isEgress: boolean): SecurityGroupRuleRow[] {
  return db.by(securityGroupRules, 'group', groupId).filter(rule => rule.isEgress === isEgress);
}

/**
 * Adds rules to a group.
 * @throws ApiError `InvalidPermission.Duplicate`, `InvalidParameterValue` (twice in the request),
 *   `RulesPerSecurityGroupLimitExceeded`.
 */
export function addRules(
  context: WriteContext,
  group: SecurityGroupRow,
  isEgress: boolean,
  added: readonly RuleSpecification[],
  tags: Tags,
): SecurityGroupRuleRow[] {
  const { db, owner } = context;
  const present = rulesOf(db, group.groupId, isEgress);
  refuseRepeated(added);
  const keys = new Set(present.map(ruleKey));
  for (const rule of added) if (keys.has(ruleKey(rule))) throw duplicate(rule);
  checkLimit(db, group, [...present, ...added]);
  return added.map(specification => {
    const securityGroupRuleId = newId('sgr');
    const row: SecurityGroupRuleRow = {
      securityGroupRuleId,
      owner,
      groupId: group.groupId,
      isEgress,
      ...specification,
    };
    db.put(securityGroupRules, row);
    addTags(db, { resourceId: securityGroupRuleId, resourceType: 'security-group-rule', owner }, tags);
    return row;
  });
}

/**
 * Replaces what rules of one group say; their ids, directions and tags stay.
 * @throws ApiError as `addRules`.
 */
export function replaceRules(
  context: WriteContext,
  group: SecurityGroupRow,
  changes: ReadonlyMap<SecurityGroupRuleRow, RuleSpecification>,
): void {
  const { db, owner } = context;
  for (const isEgress of [false, true]) {
    const wanted = [...changes].filter(([row]) => row.isEgress === isEgress);
    if (wanted.length === 0) continue;
    const others = rulesOf(db, group.groupId, isEgress).filter(row => !changes.has(row));
    const specifications = wanted.map(([, specification]) => specification);
    refuseRepeated(specifications);
    const keys = new Set(others.map(ruleKey));
    for (const rule of specifications) if (keys.has(ruleKey(rule))) throw duplicate(rule);
    checkLimit(db, group, [...others, ...specifications]);
    for (const [{ securityGroupRuleId, groupId }, specification] of wanted) {
      db.put(securityGroupRules, { securityGroupRuleId, owner, groupId, isEgress, ...specification });
    }
  }
}

export function removeRule(context: WriteContext, rule: SecurityGroupRuleRow): void {
  context.db.delete(securityGroupRules, rule.securityGroupRuleId);
  removeAllTags(context.db, rule.securityGroupRuleId);
}

/**
 * The rules of a group by id; `isEgress` undefined finds both directions.
 * @throws ApiError `InvalidSecurityGroupRuleId.Malformed`, `InvalidSecurityGroupRuleId.NotFound`.
 */
export function findRules(
  db: Reader,
  group: SecurityGroupRow,
  ids: readonly string[],
  isEgress: boolean | undefined,
): SecurityGroupRuleRow[] {
  for (const id of ids) checkId(idKinds.securityGroupRule, id);
  const found = ids.map(id => db.get(securityGroupRules, id));
  const fits = (row: SecurityGroupRuleRow | undefined): row is SecurityGroupRuleRow =>
    row !== undefined && row.groupId === group.groupId && (isEgress === undefined || row.isEgress === isEgress);
  const missing = ids.filter((_, index) => !fits(found[index]));
  if (missing.length > 0) throwNotFound(idKinds.securityGroupRule, missing);
  return [...new Set(found.filter(fits))];
}

function refuseRepeated(rules: readonly RuleSpecification[]): void {
  if (new Set(rules.map(ruleKey)).size < rules.length) {
    throw new ApiError('InvalidParameterValue', 'The same permission must not appear multiple times');
  }
}

function checkLimit(db: Reader, group: SecurityGroupRow, rules: readonly RuleSpecification[]): void {
  let ipv4 = 0;
  let ipv6 = 0;
  for (const rule of rules) {
    const list = rule.prefixListId === undefined ? undefined : db.get(prefixLists, rule.prefixListId);
    if (rule.cidrIpv6 === undefined && list?.addressFamily !== 'IPv6') ipv4 += list?.maxEntries ?? 1;
    if (rule.cidrIpv4 === undefined && list?.addressFamily !== 'IPv4') ipv6 += list?.maxEntries ?? 1;
  }
  if (ipv4 > maximumRulesPerGroup || ipv6 > maximumRulesPerGroup) {
    throw new ApiError(
      'RulesPerSecurityGroupLimitExceeded',
      `The maximum number of rules per security group has been reached: ${group.groupId} can have ${maximumRulesPerGroup} in each direction.`,
    );
  }
}

function duplicate(rule: RuleSpecification): ApiError {
  const protocol = rule.ipProtocol === '-1' ? 'ALL' : rule.ipProtocol.toUpperCase();
  const ports = rule.fromPort === -1 ? '' : `, from port: ${rule.fromPort}, to port: ${rule.toPort}`;
  return new ApiError(
    'InvalidPermission.Duplicate',
    `the specified rule "peer: ${peerOf(rule)}, ${protocol}${ports}, ALLOW" already exists`,
  );
}
