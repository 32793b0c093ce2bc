import type { Reader } from '../state/state.ts';
import { type ResourceTagRule, type RetainedType, type RetentionRuleRow, retentionRules } from './model.ts';

type Tags = Readonly<Record<string, string>>;

/**
 * For how many days a resource that is deleted is kept; 0 when no rule keeps it. Of several rules the longest counts.
 * @see https://docs.aws.amazon.com/ebs/latest/userguide/recycle-bin-concepts.html
 */
export function retentionDays(db: Reader, owner: string, type: RetainedType, tags: Tags): number {
  const days = db
    .by(retentionRules, 'type', `${owner} ${type}`)
    .filter(rule => matches(rule, tags))
    .map(rule => rule.retentionDays);
  return Math.max(0, ...days);
}

function matches({ resourceTags, excludeResourceTags }: RetentionRuleRow, tags: Tags): boolean {
  const has = ({ key, value }: ResourceTagRule) =>
    Object.hasOwn(tags, key) && (value === undefined || tags[key] === value);
  return resourceTags.length > 0 ? resourceTags.some(has) : !excludeResourceTags.some(has);
}
