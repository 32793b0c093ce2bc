import type { GetCallerIdentityRequest, GetCallerIdentityResponse } from '@aws-sdk/client-sts';
import { type AnyOperation, readOperation } from '../api/operation.ts';

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

const unsigned: ReadonlySet<string> = new Set(['AssumeRoleWithSAML', 'AssumeRoleWithWebIdentity']);

/** Whether an operation is called without AWS credentials, since it is what gives them out. */
export function isUnsignedOperation(service: string, operation: string): boolean {
  return service === 'sts' && unsigned.has(operation);
}

/** Every operation of the Security Token Service. */
export const stsOperations: readonly AnyOperation[] = [getCallerIdentity];
