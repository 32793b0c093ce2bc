import type { IamInstanceProfileSpecification } from '@aws-sdk/client-ec2';
import { type AccessTarget, passRole } from '../../api/access.ts';
import { ApiError } from '../../api/errors.ts';
import { newId } from '../../api/ids.ts';
import type { ReadContext } from '../../api/operation.ts';
import { instanceProfileByArn, instanceProfileNamed, roleOfProfile } from '../../iam/instance-profiles/find.ts';
import { type InstanceProfileRow, instanceProfileArn } from '../../iam/instance-profiles/model.ts';
import { roleArn } from '../../iam/roles/model.ts';
import type { InstanceRow } from '../instances/model.ts';

/**
 * The instance profile that a request names by name or ARN, of the caller's account.
 * @throws ApiError `InvalidParameterCombination`, `InvalidParameterValue` when there is none, or it has no role
 */
export function profileOf(context: ReadContext, given: IamInstanceProfileSpecification): InstanceProfileRow {
  const { Arn, Name } = given;
  if (Arn && Name) {
    throw new ApiError('InvalidParameterCombination', 'Give the name or the ARN of the instance profile, not both.');
  }
  const row = lookUp(context, given);
  if (row === undefined) {
    const [member, value, what] = Name ? ['name', Name, 'name'] : ['arn', Arn ?? '', 'ARN'];
    throw new ApiError(
      'InvalidParameterValue',
      `Value (${value}) for parameter iamInstanceProfile.${member} is invalid. Invalid IAM Instance Profile ${what}`,
    );
  }
  if (roleOfProfile(context.db, row) === undefined) {
    throw new ApiError(
      'InvalidParameterValue',
      `IAM Instance Profile "${instanceProfileArn(row)}" has no associated IAM Roles`,
    );
  }
  return row;
}

/** Whoever gives an instance a profile needs to be allowed to pass its role. */
export function passTargets(
  context: ReadContext,
  given: IamInstanceProfileSpecification | undefined,
  instance: string,
): AccessTarget[] {
  const row = given && lookUp(context, given);
  const role = row && roleOfProfile(context.db, row);
  if (role === undefined) return [];
  return [passRole(roleArn(role), 'ec2.amazonaws.com', { 'iam:AssociatedResourceArn': instance })];
}

/** The ARN that a request means, for conditions; of a profile that does not exist, as far as it can be told. */
export function namedArn(context: ReadContext, given: IamInstanceProfileSpecification | undefined): string | undefined {
  if (given === undefined) return undefined;
  const row = lookUp(context, given);
  if (row !== undefined) return instanceProfileArn(row);
  return given.Arn ?? (given.Name && `arn:aws:iam::${context.account}:instance-profile/${given.Name}`);
}

/** What an instance keeps of its profile. */
export function newAssociation(row: InstanceProfileRow, now: number): NonNullable<InstanceRow['instanceProfile']> {
  return {
    associationId: newId('iip-assoc'),
    instanceProfileId: row.instanceProfileId,
    arn: instanceProfileArn(row),
    since: now,
  };
}

function lookUp(
  { db, account }: ReadContext,
  { Arn, Name }: IamInstanceProfileSpecification,
): InstanceProfileRow | undefined {
  if (Name) return instanceProfileNamed(db, account, Name);
  return Arn ? instanceProfileByArn(db, account, Arn) : undefined;
}
