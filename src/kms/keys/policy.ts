import { ApiError } from '../../api/errors.ts';
import type { ReadContext } from '../../api/operation.ts';
import { accountOf } from '../../api/owner.ts';
import { compilePolicy } from '../../iam/policy/compile.ts';
import { decide } from '../../iam/policy/decide.ts';
import { validatePolicyDocument } from '../../iam/policy/validate.ts';
import { principalIdsOf, withPrincipalIds } from '../../iam/policy-principals.ts';
import { policySetOf, principalKeys } from '../../iam/principals.ts';
import { validation } from '../errors.ts';
import type { KeyRow } from './model.ts';

/** Bytes. @see https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html */
const largestPolicy = 32 * 1024;

/** The policy of a key that is made without one: it leaves everything to the policies of its account. */
export function defaultKeyPolicy(account: string): string {
  return policyText('key-default-1', [
    {
      Sid: 'Enable IAM User Permissions',
      Effect: 'Allow',
      Principal: { AWS: `arn:aws:iam::${account}:root` },
      Action: 'kms:*',
      Resource: '*',
    },
  ]);
}

function policyText(Id: string, Statement: readonly object[]): string {
  return JSON.stringify({ Version: '2012-10-17', Id, Statement }, undefined, 2);
}

/**
 * The policy of the key that EBS makes for an account: whoever may use EBS there uses it through EC2, and nobody
 * otherwise.
 * @see https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-cmk
 */
export function ebsKeyPolicy(account: string, region: string): string {
  return policyText('auto-ebs-2', [
    {
      Sid: 'Allow access through EBS for all principals in the account that are authorized to use EBS',
      Effect: 'Allow',
      Principal: { AWS: '*' },
      Action: [
        'kms:Encrypt',
        'kms:Decrypt',
        'kms:ReEncrypt*',
        'kms:GenerateDataKey*',
        'kms:CreateGrant',
        'kms:DescribeKey',
      ],
      Resource: '*',
      Condition: { StringEquals: { 'kms:ViaService': `ec2.${region}.amazonaws.com`, 'kms:CallerAccount': account } },
    },
    {
      Sid: 'Allow direct access to key metadata to the account',
      Effect: 'Allow',
      Principal: { AWS: `arn:aws:iam::${account}:root` },
      Action: ['kms:Describe*', 'kms:Get*', 'kms:List*', 'kms:RevokeGrant'],
      Resource: '*',
    },
  ]);
}

/**
 * Checks a key policy: its form, that the users and roles that it names exist, and, unless that is bypassed, that the
 * caller can still change it.
 * @see https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-overview.html
 * @throws ApiError `MalformedPolicyDocument`, `LimitExceededException`
 */
export function checkedKeyPolicy(
  context: ReadContext,
  document: string,
  key: { readonly arn: string; readonly owner: string },
  bypass: boolean | undefined,
): Pick<KeyRow, 'policy' | 'policyIds'> {
  if (Buffer.byteLength(document) > largestPolicy) {
    throw new ApiError('LimitExceededException', `A key policy can have at most ${largestPolicy} bytes.`);
  }
  const parsed = validatePolicyDocument(document, 'key');
  const { ids, unknown } = principalIdsOf(context.db, parsed);
  if (unknown !== undefined) {
    throw malformed(`Policy contains a statement with one or more invalid principals: ${unknown}`);
  }
  const checked = { policy: document, ...(Object.keys(ids).length > 0 && { policyIds: ids }) };
  if (bypass !== true && !letsChange(context, checked, key)) {
    throw malformed('The new key policy will not allow you to update the key policy in the future.');
  }
  return checked;
}

const malformed = (message: string) => new ApiError('MalformedPolicyDocument', message);

function letsChange(
  context: ReadContext,
  { policy, policyIds }: Pick<KeyRow, 'policy' | 'policyIds'>,
  { arn, owner }: { readonly arn: string; readonly owner: string },
): boolean {
  const { db, principal, now } = context;
  const compiled = compilePolicy(withPrincipalIds(policy, policyIds), { id: 'default', type: 'resource' }, 'key');
  const set = { ...policySetOf(db, principal), resource: { policy: compiled, account: accountOf(owner) } };
  const keys = new Map([...principalKeys(db, principal, now), ['kms:calleraccount', [context.account]] as const]);
  return decide(set, { action: 'kms:PutKeyPolicy', resource: arn, keys }).effect === 'allowed';
}

/** Keys have one policy. @throws ApiError `ValidationException` */
export function checkPolicyName(name: string | undefined): void {
  if (name !== undefined && name !== 'default')
    throw validation(`Unknown policy name ${name.slice(0, 128)}: it must be default.`);
}
