import { ApiError } from '../api/errors.ts';
import { type AnyOperation, type ReadContext, readOperation, writeOperation } from '../api/operation.ts';
import { paginate } from '../api/pagination.ts';
import { parseTags } from '../ec2/tags/model.ts';
import { validation, wrongState } from './errors.ts';
import { type ResourceTagRule, type RetainedType, type RetentionRuleRow, retentionRules } from './model.ts';
import {
  checkDescription,
  checkLock,
  checkPeriod,
  checkResourceTags,
  lockStateOf,
  newIdentifier,
  ownRule,
  renderRule,
  ruleArn,
} from './rules.ts';
import type { ListRulesRequest, Rule, RuleRequest, Tag } from './shapes.ts';

const day = 86_400_000;
const maximumRules = 250;

type RuleSummary = Pick<Rule, 'Identifier' | 'Description' | 'RetentionPeriod' | 'LockState' | 'RuleArn'>;

const ruleTarget = (input: RuleRequest, context: ReadContext) => [ruleArn(context, input.Identifier)];

/** @see https://docs.aws.amazon.com/recyclebin/latest/APIReference/API_CreateRule.html */
const createRule = writeOperation<RuleRequest, Rule & { readonly Tags: readonly Tag[] }>({
  service: 'rbin',
  name: 'CreateRule',
  resources: (input, context) => [{ arn: ruleArn(context), keys: { 'rbin:Request/ResourceType': input.ResourceType } }],
  run: (input, context) => {
    const { db, owner, now } = context;
    const resourceType = checkType(input.ResourceType);
    const resourceTags = checkResourceTags('ResourceTags', input.ResourceTags);
    const excludeResourceTags = checkResourceTags('ExcludeResourceTags', input.ExcludeResourceTags);
    if (resourceTags.length > 0 && excludeResourceTags.length > 0)
      throw validation('A rule has either ResourceTags or ExcludeResourceTags.');
    const unlockDelayDays = input.LockConfiguration === undefined ? undefined : checkLock(input.LockConfiguration);
    if (unlockDelayDays !== undefined && resourceTags.length + excludeResourceTags.length > 0)
      throw validation('Only a rule for everything in the Region, without excluded tags, can be locked.');
    if (db.countBy(retentionRules, 'owner', owner) >= maximumRules) {
      throw new ApiError(
        'ServiceQuotaExceededException',
        `There may be at most ${maximumRules} retention rules in a Region.`,
        402,
        { Reason: 'SERVICE_QUOTA_EXCEEDED' },
      );
    }
    const row: RetentionRuleRow = {
      identifier: newIdentifier(),
      owner,
      resourceType,
      retentionDays: checkPeriod(resourceType, input.RetentionPeriod),
      description: checkDescription(input.Description),
      tags: ruleTags(input.Tags),
      resourceTags,
      excludeResourceTags,
      ...(unlockDelayDays !== undefined && { lock: { unlockDelayDays, isLocked: true } }),
    };
    db.put(retentionRules, row);
    return { ...renderRule(row, now), Tags: renderTags(row) };
  },
});

/** @throws ApiError `ValidationException`, `UnsupportedOperation` */
function checkType(type: string | undefined): RetainedType {
  if (type === 'EBS_SNAPSHOT' || type === 'EC2_IMAGE') return type;
  if (type !== 'EBS_VOLUME')
    throw validation(`ResourceType must be EBS_SNAPSHOT, EC2_IMAGE or EBS_VOLUME, not ${type}.`);
  throw new ApiError(
    'UnsupportedOperation',
    `The Recycle Bin of this version of Fogbank keeps no ${type}. Use EBS_SNAPSHOT or EC2_IMAGE.`,
  );
}

/** @throws ApiError `ValidationException` */
export function ruleTags(input: readonly Tag[] | undefined): Readonly<Record<string, string>> {
  try {
    return parseTags(input);
  } catch (error) {
    if (error instanceof ApiError) throw validation(error.message);
    throw error;
  }
}

export function renderTags(row: RetentionRuleRow): Tag[] {
  return Object.entries(row.tags).map(([Key, Value]) => ({ Key, Value }));
}

/** @see https://docs.aws.amazon.com/recyclebin/latest/APIReference/API_GetRule.html */
const getRule = readOperation<RuleRequest, Rule>({
  service: 'rbin',
  name: 'GetRule',
  resources: ruleTarget,
  run: (input, context) => renderRule(ownRule(context, input.Identifier), context.now),
});

/** @see https://docs.aws.amazon.com/recyclebin/latest/APIReference/API_ListRules.html */
const listRules = readOperation<ListRulesRequest, { Rules: RuleSummary[]; NextToken: string | undefined }>({
  service: 'rbin',
  name: 'ListRules',
  resources: input => [{ arn: '*', keys: { 'rbin:Request/ResourceType': input.ResourceType } }],
  run: (input, context) => {
    const { now, owner } = context;
    const wanted = checkResourceTags('ResourceTags', input.ResourceTags);
    const excluded = checkResourceTags('ExcludeResourceTags', input.ExcludeResourceTags);
    const has = (all: readonly ResourceTagRule[], some: readonly ResourceTagRule[]) =>
      some.every(({ key, value }) => all.some(one => one.key === key && (value === undefined || one.value === value)));
    const matches = (row: RetentionRuleRow) =>
      has(row.resourceTags, wanted) &&
      has(row.excludeResourceTags, excluded) &&
      (input.LockState === undefined || lockStateOf(row, now) === input.LockState);
    try {
      const value = `${owner} ${input.ResourceType ?? ''}`;
      const page = paginate(context, input, { table: retentionRules, index: 'type', value, matches, range: [1, 1000] });
      const Rules = page.rows.map(row => {
        const { Identifier, Description, RetentionPeriod, LockState, RuleArn } = renderRule(row, now);
        return { Identifier, Description, RetentionPeriod, LockState, RuleArn };
      });
      return { Rules, NextToken: page.nextToken };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      throw validation(error.message, error.code === 'InvalidNextToken' ? 'INVALID_PAGE_TOKEN' : undefined);
    }
  },
});

/** @see https://docs.aws.amazon.com/recyclebin/latest/APIReference/API_UpdateRule.html */
const updateRule = writeOperation<RuleRequest, Rule>({
  service: 'rbin',
  name: 'UpdateRule',
  resources: ruleTarget,
  run: (input, context) => {
    const row = changeableRule(context, input.Identifier);
    if (input.ResourceType !== undefined && input.ResourceType !== row.resourceType)
      throw validation('The resource type of a rule cannot be changed.');
    const next: RetentionRuleRow = {
      ...row,
      ...(input.RetentionPeriod !== undefined && {
        retentionDays: checkPeriod(row.resourceType, input.RetentionPeriod),
      }),
      ...(input.Description !== undefined && { description: checkDescription(input.Description) }),
      ...(input.ResourceTags !== undefined && { resourceTags: checkResourceTags('ResourceTags', input.ResourceTags) }),
      ...(input.ExcludeResourceTags !== undefined && {
        excludeResourceTags: checkResourceTags('ExcludeResourceTags', input.ExcludeResourceTags),
      }),
    };
    if (next.resourceTags.length > 0 && next.excludeResourceTags.length > 0)
      throw validation('A rule has either ResourceTags or ExcludeResourceTags.');
    context.db.put(retentionRules, next);
    return renderRule(next, context.now);
  },
});

/** What is in the bin stays there as long as it was to. @see https://docs.aws.amazon.com/recyclebin/latest/APIReference/API_DeleteRule.html */
const deleteRule = writeOperation<RuleRequest, void>({
  service: 'rbin',
  name: 'DeleteRule',
  resources: ruleTarget,
  run: (input, context) => context.db.delete(retentionRules, changeableRule(context, input.Identifier).identifier),
});

/** @throws ApiError `ConflictException`, and what `ownRule` throws. */
function changeableRule(context: ReadContext, identifier: string | undefined): RetentionRuleRow {
  const row = ownRule(context, identifier);
  const state = lockStateOf(row, context.now);
  if (state === 'locked' || state === 'pending_unlock') {
    throw wrongState(`The rule ${row.identifier} is ${state}: it can be changed when it is unlocked.`);
  }
  return row;
}

/** @see https://docs.aws.amazon.com/recyclebin/latest/APIReference/API_LockRule.html */
const lockRule = writeOperation<RuleRequest, Rule>({
  service: 'rbin',
  name: 'LockRule',
  resources: ruleTarget,
  run: (input, context) => {
    const row = ownRule(context, input.Identifier);
    const unlockDelayDays = checkLock(input.LockConfiguration);
    if (row.resourceTags.length + row.excludeResourceTags.length > 0)
      throw validation('Only a rule for everything in the Region, without excluded tags, can be locked.');
    if (lockStateOf(row, context.now) === 'locked') throw wrongState(`The rule ${row.identifier} is locked.`);
    const next: RetentionRuleRow = { ...row, lock: { unlockDelayDays, isLocked: true } };
    context.db.put(retentionRules, next);
    return renderRule(next, context.now);
  },
});

/** @see https://docs.aws.amazon.com/recyclebin/latest/APIReference/API_UnlockRule.html */
const unlockRule = writeOperation<RuleRequest, Rule>({
  service: 'rbin',
  name: 'UnlockRule',
  resources: ruleTarget,
  run: (input, context) => {
    const row = ownRule(context, input.Identifier);
    const { lock } = row;
    if (lock === undefined || !lock.isLocked) throw wrongState(`The rule ${row.identifier} is not locked.`);
    const endTime = context.now + lock.unlockDelayDays * day;
    const next: RetentionRuleRow = { ...row, lock: { ...lock, isLocked: false, endTime } };
    context.db.put(retentionRules, next);
    return renderRule(next, context.now);
  },
});

export const ruleOperations: readonly AnyOperation[] = [
  createRule,
  deleteRule,
  getRule,
  listRules,
  lockRule,
  unlockRule,
  updateRule,
];
