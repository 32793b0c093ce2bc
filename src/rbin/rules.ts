import { randomInt } from 'node:crypto';
import type { ReadContext } from '../api/operation.ts';
import { accountOf, regionOf } from '../api/owner.ts';
import { noRule, validation } from './errors.ts';
import { type ResourceTagRule, type RetainedType, type RetentionRuleRow, retentionRules } from './model.ts';
import type { LockConfiguration, ResourceTag, RetentionPeriod, Rule } from './shapes.ts';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

export function newIdentifier(): string {
  return Array.from({ length: 11 }, () => alphabet[randomInt(alphabet.length)]).join('');
}

/** ARN of a rule; of every rule without an identifier. */
export function ruleArn({ account, region }: { readonly account: string; readonly region: string }, id = '*'): string {
  return `arn:aws:rbin:${region}:${account}:rule/${id}`;
}

/** A rule of the caller's. @throws ApiError `ValidationException`, `ResourceNotFoundException` */
export function ownRule({ db, owner }: ReadContext, identifier = ''): RetentionRuleRow {
  if (!/^[0-9A-Za-z]{11}$/.test(identifier))
    throw validation(`The rule identifier '${identifier}' is not valid: it has eleven letters and digits.`);
  const row = db.get(retentionRules, identifier);
  if (row === undefined || row.owner !== owner) throw noRule(identifier);
  return row;
}

/** The lock state of a rule; undefined when it was never locked. */
export function lockStateOf({ lock }: RetentionRuleRow, now: number): Rule['LockState'] {
  if (lock === undefined) return undefined;
  if (lock.isLocked) return 'locked';
  return lock.endTime !== undefined && now < lock.endTime ? 'pending_unlock' : 'unlocked';
}

/** A rule as answers show it. */
export function renderRule(row: RetentionRuleRow, now: number): Rule {
  const place = { account: accountOf(row.owner), region: regionOf(row.owner) };
  const lockState = lockStateOf(row, now);
  const { lock } = row;
  return {
    Identifier: row.identifier,
    Description: row.description,
    ResourceType: row.resourceType,
    RetentionPeriod: { RetentionPeriodValue: row.retentionDays, RetentionPeriodUnit: 'DAYS' },
    ResourceTags: row.resourceTags.map(renderTag),
    ExcludeResourceTags: row.excludeResourceTags.map(renderTag),
    Status: 'available',
    LockConfiguration: lock && { UnlockDelay: { UnlockDelayValue: lock.unlockDelayDays, UnlockDelayUnit: 'DAYS' } },
    LockState: lockState,
    LockEndTime: lockState === 'pending_unlock' && lock?.endTime !== undefined ? new Date(lock.endTime) : undefined,
    RuleArn: ruleArn(place, row.identifier),
  };
}

function renderTag({ key, value }: ResourceTagRule): ResourceTag {
  return { ResourceTagKey: key, ...(value !== undefined && { ResourceTagValue: value }) };
}

const longest: Readonly<Record<RetainedType, number>> = { EBS_SNAPSHOT: 365, EC2_IMAGE: 365 };

/** @throws ApiError `ValidationException` */
export function checkPeriod(type: RetainedType, period: RetentionPeriod | undefined): number {
  const { RetentionPeriodValue: days = 0, RetentionPeriodUnit: unit } = period ?? {};
  if (unit !== 'DAYS') throw validation(`RetentionPeriodUnit must be DAYS, not ${unit}.`);
  if (days < 1 || days > longest[type])
    throw validation(`RetentionPeriodValue must be 1 to ${longest[type]} days, not ${days}.`);
  return days;
}

/** @throws ApiError `ValidationException` */
export function checkResourceTags(
  name: 'ResourceTags' | 'ExcludeResourceTags',
  input: readonly ResourceTag[] | undefined,
): ResourceTagRule[] {
  const most = name === 'ResourceTags' ? 50 : 5;
  if (input !== undefined && input.length > most) throw validation(`${name} has at most ${most} tags.`);
  return (input ?? []).map(({ ResourceTagKey: key = '', ResourceTagValue: value }) => {
    if (key.length < 1 || key.length > 128) throw validation(`A key in ${name} has 1 to 128 characters.`);
    if (value !== undefined && value.length > 256) throw validation(`A value in ${name} has at most 256 characters.`);
    return { key, ...(value !== undefined && { value }) };
  });
}

/** @throws ApiError `ValidationException` */
export function checkDescription(description = ''): string {
  if (/^[\S ]{0,255}$/.test(description)) return description;
  throw validation('Description has at most 255 characters, in one line.');
}

/** Days of the unlock delay. @throws ApiError `ValidationException` */
export function checkLock(configuration: LockConfiguration | undefined): number {
  const { UnlockDelayValue: days = 0, UnlockDelayUnit: unit } = configuration?.UnlockDelay ?? {};
  if (unit !== 'DAYS') throw validation(`UnlockDelayUnit must be DAYS, not ${unit}.`);
  if (days < 7 || days > 30) throw validation(`UnlockDelayValue must be 7 to 30 days, not ${days}.`);
  return days;
}
