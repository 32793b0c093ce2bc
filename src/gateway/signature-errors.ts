import { ApiError } from '../api/errors.ts';
import type { ProtocolName } from '../models/models.ts';
import type { SignatureError, SignatureFault } from './signature-claim.ts';

/**
 * How each family of services names a refused signature. EC2 has codes of its own and tells less; the others pass
 * on what is wrong.
 */
export function signatureError(error: SignatureError, protocol: ProtocolName): ApiError {
  if (protocol === 'ec2-query') return ec2Error(error);
  if (protocol === 'aws-query') {
    const [code, status] = queryCodes[error.fault];
    return new ApiError(code, error.message, status);
  }
  return new ApiError(jsonCodes[error.fault], error.message, protocol === 'rest-json' ? 403 : 400);
}

const notValidated = 'AWS was not able to validate the provided access credentials';

function ec2Error({ fault, message }: SignatureError): ApiError {
  switch (fault) {
    case 'missing':
      return new ApiError('MissingParameter', 'The request must contain the parameter AWSAccessKeyId', 400);
    case 'incomplete':
      return new ApiError('IncompleteSignature', message, 400);
    case 'expired':
    case 'expired-token':
      return new ApiError('RequestExpired', `Request has expired. ${message}`, 400);
    case 'scope':
      return new ApiError('AuthFailure', `${notValidated}. ${message}`, 401);
    default:
      return new ApiError('AuthFailure', notValidated, 401);
  }
}

const queryCodes: Readonly<Record<SignatureFault, readonly [code: string, status: number]>> = {
  missing: ['MissingAuthenticationToken', 403],
  incomplete: ['IncompleteSignature', 400],
  'unknown-key': ['InvalidClientTokenId', 403],
  'bad-token': ['InvalidClientTokenId', 403],
  'expired-token': ['ExpiredToken', 403],
  expired: ['SignatureDoesNotMatch', 403],
  scope: ['SignatureDoesNotMatch', 403],
  'disabled-region': ['InvalidClientTokenId', 403],
  mismatch: ['SignatureDoesNotMatch', 403],
};

const jsonCodes: Readonly<Record<SignatureFault, string>> = {
  missing: 'MissingAuthenticationTokenException',
  incomplete: 'IncompleteSignatureException',
  'unknown-key': 'UnrecognizedClientException',
  'bad-token': 'UnrecognizedClientException',
  'expired-token': 'ExpiredTokenException',
  expired: 'InvalidSignatureException',
  scope: 'InvalidSignatureException',
  'disabled-region': 'UnrecognizedClientException',
  mismatch: 'InvalidSignatureException',
};
