import { ApiError } from '../../api/errors.ts';
import type { Tags } from './model.ts';

/**
 * Tags that an instance sees in its metadata are paths there, so their keys have fewer characters.
 * @throws ApiError `InvalidParameterValue` naming the first key that cannot be one.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/work-with-tags-in-IMDS.html
 */
export function checkMetadataTagKeys(tags: Tags): void {
  for (const key of Object.keys(tags)) {
    if (/^[0-9A-Za-z\-_+=,.@:]{1,255}$/.test(key) && key !== '.' && key !== '..' && key !== '_index') continue;
    throw new ApiError(
      'InvalidParameterValue',
      `'${key}' is not a valid tag key. Tag keys must match pattern ([0-9a-zA-Z\\-_+=,.@:]{1,255}), and must not be a reserved name ('.', '..', '_index')`,
    );
  }
}
