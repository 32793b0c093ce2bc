import type {
  DisableAllowedImagesSettingsRequest,
  DisableAllowedImagesSettingsResult,
  EnableAllowedImagesSettingsRequest,
  EnableAllowedImagesSettingsResult,
  GetAllowedImagesSettingsRequest,
  GetAllowedImagesSettingsResult,
  ImageCriterion,
  ImageCriterionRequest,
  ReplaceImageCriteriaInAllowedImagesSettingsRequest,
  ReplaceImageCriteriaInAllowedImagesSettingsResult,
} from '@aws-sdk/client-ec2';
import { ApiError } from '../../api/errors.ts';
import { matchesPattern } from '../../api/filters.ts';
import { type AnyOperation, type ReadContext, readOperation, writeOperation } from '../../api/operation.ts';
import { accountOf } from '../../api/owner.ts';
import type { ImageRow } from './model.ts';
import { changeImageSettings, imageSettings } from './settings.ts';

type Place = Pick<ReadContext, 'db' | 'owner' | 'now'>;

const day = 24 * 3600 * 1000;
const maximum = { criteria: 10, providers: 200, names: 50, productCodes: 50 } as const;

/**
 * Whether an AMI satisfies the caller's criteria for allowed AMIs; undefined while the account has none in force. Its own
 * AMIs always do.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-allowed-amis.html
 */
export function imageAllowed(context: Place, image: ImageRow): boolean | undefined {
  const settings = context.db.get(imageSettings, context.owner);
  if (settings?.allowedImages === undefined) return undefined;
  if (image.owner === context.owner) return true;
  return (settings.imageCriteria ?? []).some(criterion => satisfies(image, criterion, context.now));
}

/** Whether the caller's setting hides an AMI from him. */
export function isForbidden(context: Place, image: ImageRow): boolean {
  return (
    context.db.get(imageSettings, context.owner)?.allowedImages === 'enabled' && imageAllowed(context, image) === false
  );
}

/** All that a criterion says must hold. */
function satisfies(image: ImageRow, criterion: ImageCriterion, now: number): boolean {
  const { ImageProviders, ImageNames, MarketplaceProductCodes, CreationDateCondition, DeprecationTimeCondition } =
    criterion;
  // No AMI here has a product code.
  if (MarketplaceProductCodes !== undefined) return false;
  const provider = (one: string) => one === image.ownerAlias || one === accountOf(image.owner);
  if (ImageProviders !== undefined && !ImageProviders.some(provider)) return false;
  if (ImageNames !== undefined && !ImageNames.some(name => matchesPattern(name, image.name))) return false;
  const age = CreationDateCondition?.MaximumDaysSinceCreated;
  if (age !== undefined && now - image.creationDate > age * day) return false;
  const past = DeprecationTimeCondition?.MaximumDaysSinceDeprecated;
  return past === undefined || image.deprecationTime === undefined || now - image.deprecationTime <= past * day;
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EnableAllowedImagesSettings.html */
const enableAllowedImagesSettings = writeOperation<
  EnableAllowedImagesSettingsRequest,
  EnableAllowedImagesSettingsResult
>({
  service: 'ec2',
  name: 'EnableAllowedImagesSettings',
  resources: () => ['*'],
  run: (input, context) => {
    const state: string | undefined = input.AllowedImagesSettingsState;
    if (state !== 'enabled' && state !== 'audit-mode') {
      throw new ApiError(
        'InvalidParameterValue',
        `Value ( ${state ?? ''} ) for parameter AllowedImagesSettingsState is invalid. Use enabled or audit-mode.`,
      );
    }
    changeImageSettings(context.db, context.owner, { allowedImages: state });
    return { AllowedImagesSettingsState: state };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisableAllowedImagesSettings.html */
const disableAllowedImagesSettings = writeOperation<
  DisableAllowedImagesSettingsRequest,
  DisableAllowedImagesSettingsResult
>({
  service: 'ec2',
  name: 'DisableAllowedImagesSettings',
  resources: () => ['*'],
  run: (_input, context) => {
    changeImageSettings(context.db, context.owner, { allowedImages: undefined });
    return { AllowedImagesSettingsState: 'disabled' };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetAllowedImagesSettings.html */
const getAllowedImagesSettings = readOperation<GetAllowedImagesSettingsRequest, GetAllowedImagesSettingsResult>({
  service: 'ec2',
  name: 'GetAllowedImagesSettings',
  resources: () => ['*'],
  run: (_input, context) => {
    const settings = context.db.get(imageSettings, context.owner);
    return {
      State: settings?.allowedImages ?? 'disabled',
      ImageCriteria: [...(settings?.imageCriteria ?? [])],
      ManagedBy: 'account',
    };
  },
});

/**
 * Sets all criteria anew; none of them when the request has none.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReplaceImageCriteriaInAllowedImagesSettings.html
 */
const replaceImageCriteria = writeOperation<
  ReplaceImageCriteriaInAllowedImagesSettingsRequest,
  ReplaceImageCriteriaInAllowedImagesSettingsResult
>({
  service: 'ec2',
  name: 'ReplaceImageCriteriaInAllowedImagesSettings',
  resources: () => ['*'],
  run: (input, context) => {
    const given = input.ImageCriteria ?? [];
    atMost('ImageCriteria', given, maximum.criteria);
    changeImageSettings(context.db, context.owner, { imageCriteria: given.map(parseCriterion) });
    return { ReturnValue: true };
  },
});

/** @throws ApiError `InvalidParameterValue`, `UnsupportedOperation` */
function parseCriterion(criterion: ImageCriterionRequest): ImageCriterion {
  if (criterion.ImageWatermarks?.length)
    throw new ApiError('UnsupportedOperation', 'Watermarks of AMIs are not supported. Leave out ImageWatermarks.');
  if (criterion.ScanResultCondition !== undefined)
    throw new ApiError('UnsupportedOperation', 'AMIs are not scanned here. Leave out ScanResultCondition.');
  const parsed: ImageCriterion = {};
  const providers = listOf(criterion.ImageProviders);
  if (providers !== undefined) {
    atMost('ImageProviders', providers, maximum.providers);
    for (const one of providers) checkProvider(one, providers.length);
    parsed.ImageProviders = providers;
  }
  const names = listOf(criterion.ImageNames);
  if (names !== undefined) {
    atMost('ImageNames', names, maximum.names);
    for (const one of names) checkName(one);
    parsed.ImageNames = names;
  }
  const codes = listOf(criterion.MarketplaceProductCodes);
  if (codes !== undefined) {
    atMost('MarketplaceProductCodes', codes, maximum.productCodes);
    for (const one of codes) if (!/^[A-Za-z0-9]{1,25}$/.test(one)) throw invalid('MarketplaceProductCodes', one);
    parsed.MarketplaceProductCodes = codes;
  }
  const age = days('MaximumDaysSinceCreated', criterion.CreationDateCondition?.MaximumDaysSinceCreated);
  if (age !== undefined) parsed.CreationDateCondition = { MaximumDaysSinceCreated: age };
  const past = days('MaximumDaysSinceDeprecated', criterion.DeprecationTimeCondition?.MaximumDaysSinceDeprecated);
  if (past !== undefined) parsed.DeprecationTimeCondition = { MaximumDaysSinceDeprecated: past };
  if (Object.keys(parsed).length === 0)
    throw new ApiError('InvalidParameterValue', 'An image criterion is empty. Say in it which AMIs are allowed.');
  return parsed;
}

function listOf(values: readonly string[] | undefined): string[] | undefined {
  return values === undefined || values.length === 0 ? undefined : [...values];
}

function checkProvider(one: string, count: number): void {
  if (one === 'none') {
    if (count > 1)
      throw new ApiError('InvalidParameterValue', 'The image provider none cannot be given together with others.');
    return;
  }
  if (!['amazon', 'aws-marketplace', 'aws-backup-vault'].includes(one) && !/^\d{12}$/.test(one))
    throw invalid('ImageProviders', one);
}

function checkName(one: string): void {
  if (!/^[A-Za-z0-9()[\] ./\-'@_*?]{1,128}$/.test(one) || (one.includes('?') && one.length < 3))
    throw invalid('ImageNames', one);
}

function days(name: string, value: number | undefined): number | undefined {
  if (value === undefined || (Number.isInteger(value) && value >= 0 && value <= 2_147_483_647)) return value;
  throw invalid(name, String(value));
}

function atMost(name: string, values: readonly unknown[], most: number): void {
  if (values.length > most)
    throw new ApiError('InvalidParameterValue', `${name} has ${values.length} values; ${most} are allowed.`);
}

function invalid(name: string, value: string): ApiError {
  return new ApiError('InvalidParameterValue', `Value ( ${value} ) for parameter ${name} is invalid.`);
}

export const allowedImagesOperations: readonly AnyOperation[] = [
  disableAllowedImagesSettings,
  enableAllowedImagesSettings,
  getAllowedImagesSettings,
  replaceImageCriteria,
];
