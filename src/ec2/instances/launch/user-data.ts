import { ApiError } from '../../../api/errors.ts';

/** Bytes of user data before base64. */
export const maximumUserData = 16_384;

/**
 * Checks user data as it comes on the wire and returns it in canonical base64, or undefined when empty.
 * @throws ApiError `InvalidUserData.Malformed` (not base64), `InvalidParameterValue` (over 16 KB).
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html
 */
export function checkUserData(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  const compact = text.replace(/\s+/g, '');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(compact) || compact.length % 4 === 1) {
    throw new ApiError(
      'InvalidUserData.Malformed',
      'Invalid BASE64 encoding of user data. Encode the data with base64 first.',
    );
  }
  const bytes = Buffer.from(compact, 'base64');
  checkUserDataSize(bytes.length);
  return bytes.toString('base64');
}

export function checkUserDataSize(length: number): void {
  if (length > maximumUserData) {
    throw new ApiError(
      'InvalidParameterValue',
      `User data is limited to ${maximumUserData} bytes; the request has ${length}.`,
    );
  }
}
