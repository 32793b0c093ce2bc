/**
 * Inputs and outputs of the Recycle Bin, as its SDK's interfaces have them.
 * @see https://docs.aws.amazon.com/recyclebin/latest/APIReference/Welcome.html
 */

export interface RetentionPeriod {
  readonly RetentionPeriodValue?: number;
  readonly RetentionPeriodUnit?: string;
}

export interface ResourceTag {
  readonly ResourceTagKey?: string;
  readonly ResourceTagValue?: string;
}

export interface LockConfiguration {
  readonly UnlockDelay?: { readonly UnlockDelayValue?: number; readonly UnlockDelayUnit?: string };
}

export interface Tag {
  readonly Key: string;
  readonly Value: string;
}

export interface Rule {
  readonly Identifier: string;
  readonly Description: string;
  readonly ResourceType: string;
  readonly RetentionPeriod: RetentionPeriod;
  readonly ResourceTags: readonly ResourceTag[];
  readonly ExcludeResourceTags: readonly ResourceTag[];
  readonly Status: 'available';
  readonly LockConfiguration: LockConfiguration | undefined;
  readonly LockState: 'locked' | 'pending_unlock' | 'unlocked' | undefined;
  readonly LockEndTime: Date | undefined;
  readonly RuleArn: string;
}

export interface RuleRequest {
  readonly Identifier?: string;
  readonly RetentionPeriod?: RetentionPeriod;
  readonly Description?: string;
  readonly Tags?: readonly Tag[];
  readonly ResourceType?: string;
  readonly ResourceTags?: readonly ResourceTag[];
  readonly ExcludeResourceTags?: readonly ResourceTag[];
  readonly LockConfiguration?: LockConfiguration;
}

export interface ListRulesRequest {
  readonly MaxResults?: number;
  readonly NextToken?: string;
  readonly ResourceType?: string;
  readonly ResourceTags?: readonly ResourceTag[];
  readonly ExcludeResourceTags?: readonly ResourceTag[];
  readonly LockState?: string;
}

export interface TagRequest {
  readonly ResourceArn?: string;
  readonly Tags?: readonly Tag[];
  readonly TagKeys?: readonly string[];
}
