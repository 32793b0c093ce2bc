import type {
  DecodeAuthorizationMessageRequest,
  DecodeAuthorizationMessageResponse,
  GetAccessKeyInfoRequest,
  GetAccessKeyInfoResponse,
  GetCallerIdentityRequest,
  GetCallerIdentityResponse,
} from '@aws-sdk/client-sts';
import { decodeMessage } from '../api/access-denied.ts';
import { ApiError } from '../api/errors.ts';
import { type AnyOperation, readOperation } from '../api/operation.ts';
import { accessKeys } from '../iam/keys/model.ts';
import { assumeRole } from './assume-role.ts';
import { getFederationToken } from './get-federation-token.ts';
import { getSessionToken } from './get-session-token.ts';
import { validationError } from './input.ts';
import { accountOfKeyId } from './key-ids.ts';
import { assumeRoleWithWebIdentity } from './web-identity/operation.ts';

/**
 * No permission is needed, as with AWS: a policy cannot keep a caller from asking who he is.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
 */
const getCallerIdentity = readOperation<GetCallerIdentityRequest, GetCallerIdentityResponse>({
  service: 'sts',
  name: 'GetCallerIdentity',
  permission: 'none',
  resources: () => ['*'],
  run: (_input, { principal }) => ({ UserId: principal.userId, Account: principal.account, Arn: principal.arn }),
});

/** @see https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html */
const decodeAuthorizationMessage = readOperation<DecodeAuthorizationMessageRequest, DecodeAuthorizationMessageResponse>(
  {
    service: 'sts',
    name: 'DecodeAuthorizationMessage',
    resources: () => ['*'],
    run: (input, { account, services }) => {
      const DecodedMessage = decodeMessage(input.EncodedMessage ?? '', account, services.secrets);
      if (DecodedMessage === undefined) {
        throw new ApiError(
          'InvalidAuthorizationMessageException',
          'The message is none that was made for this account. Give all of what follows "Encoded authorization failure message:".',
        );
      }
      return { DecodedMessage };
    },
  },
);

/** @see https://docs.aws.amazon.com/STS/latest/APIReference/API_GetAccessKeyInfo.html */
const getAccessKeyInfo = readOperation<GetAccessKeyInfoRequest, GetAccessKeyInfoResponse>({
  service: 'sts',
  name: 'GetAccessKeyInfo',
  resources: () => ['*'],
  run: ({ AccessKeyId = '' }, { db }) => {
    if (!/^\w{16,128}$/.test(AccessKeyId))
      throw validationError("Value at 'accessKeyId' must have 16 to 128 letters and digits");
    const Account = db.get(accessKeys, AccessKeyId)?.account ?? accountOfKeyId(AccessKeyId);
    if (Account === undefined) throw validationError(`There is no access key ${AccessKeyId}.`);
    return { Account };
  },
});

const unsigned: ReadonlySet<string> = new Set(['AssumeRoleWithSAML', 'AssumeRoleWithWebIdentity']);

/** Whether an operation is called without AWS credentials, since it is what gives them out. */
export function isUnsignedOperation(service: string, operation: string): boolean {
  return service === 'sts' && unsigned.has(operation);
}

/** Every operation of the Security Token Service. */
export const stsOperations: readonly AnyOperation[] = [
  assumeRole,
  assumeRoleWithWebIdentity,
  decodeAuthorizationMessage,
  getAccessKeyInfo,
  getCallerIdentity,
  getFederationToken,
  getSessionToken,
];
