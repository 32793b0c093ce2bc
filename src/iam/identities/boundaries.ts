import type { AttachedPermissionsBoundary, PermissionsBoundaryAttachmentType } from '@aws-sdk/client-iam';
import { ApiError } from '../../api/errors.ts';
import { type AnyOperation, type ReadContext, writeOperation } from '../../api/operation.ts';
import type { Bounded, Identity } from '../entity.ts';
import { noSuchEntity } from '../errors.ts';
import { checkPolicyArn, managedPolicy } from '../managed-policies/find.ts';
import { arnIn, boundedTarget, findEditable, type IdentityKind, type NamedInput, nameIn } from './kinds.ts';

/**
 * A managed policy that is to bound permissions.
 * @throws ApiError `NoSuchEntity`, `InvalidInput`, `PolicyNotAttachable`
 */
export function checkedBoundary(context: ReadContext, policyArn: string): string {
  checkPolicyArn(policyArn);
  const policy = managedPolicy(context.db, context.account, policyArn);
  if (policy === undefined) throw noSuchEntity(`Scope ARN: ${policyArn} does not exist or is not attachable.`);
  if (policy.path.startsWith('/aws-service-role/')) {
    throw new ApiError('PolicyNotAttachable', `${policyArn} is for the service-linked role of its service only.`);
  }
  return policyArn;
}

/** A permissions boundary as answers have it. */
export function renderBoundary({ permissionsBoundary }: Bounded): AttachedPermissionsBoundary | undefined {
  if (permissionsBoundary === undefined) return undefined;
  // IAM answers this, though its model has another word.
  const type = 'Policy' as PermissionsBoundaryAttachmentType;
  return { PermissionsBoundaryType: type, PermissionsBoundaryArn: permissionsBoundary };
}

/**
 * `PutUserPermissionsBoundary`, `DeleteUserPermissionsBoundary` and those of roles.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutUserPermissionsBoundary.html
 */
export function boundaryOperations<Row extends Identity & Bounded>(kind: IdentityKind<Row>): readonly AnyOperation[] {
  const put = writeOperation<NamedInput & { readonly PermissionsBoundary: string }, void>({
    service: 'iam',
    name: `Put${kind.title}PermissionsBoundary`,
    resources: (input, context) => [
      { arn: arnIn(context, kind, input), keys: { 'iam:PermissionsBoundary': input.PermissionsBoundary } },
    ],
    run: (input, context) => {
      const row = findEditable(context, kind, nameIn(kind, input));
      const permissionsBoundary = checkedBoundary(context, input.PermissionsBoundary);
      context.db.put(kind.table, { ...row, permissionsBoundary });
    },
  });

  const remove = writeOperation<NamedInput, void>({
    service: 'iam',
    name: `Delete${kind.title}PermissionsBoundary`,
    resources: (input, context) => [boundedTarget(context, kind, input)],
    run: (input, context) => {
      const row = findEditable(context, kind, nameIn(kind, input));
      if (row.permissionsBoundary === undefined) {
        throw noSuchEntity(`The ${kind.type} ${kind.name(row)} has no permissions boundary.`);
      }
      const { permissionsBoundary: _removed, ...rest } = row;
      // The row's type with an optional member less is the row's type.
      context.db.put(kind.table, rest as unknown as Row);
    },
  });

  return [put, remove];
}
