import type {
  AssociateIamInstanceProfileRequest,
  AssociateIamInstanceProfileResult,
  DescribeIamInstanceProfileAssociationsRequest,
  DescribeIamInstanceProfileAssociationsResult,
  DisassociateIamInstanceProfileRequest,
  DisassociateIamInstanceProfileResult,
  IamInstanceProfileAssociation,
  IamInstanceProfileAssociationState,
  IamInstanceProfileSpecification,
  ReplaceIamInstanceProfileAssociationRequest,
  ReplaceIamInstanceProfileAssociationResult,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { compileFilters, type FilterTable } from '../../api/filters.ts';
import { findById, idKinds, throwNotFound } from '../../api/ids.ts';
import { type AnyOperation, type ReadContext, readOperation, writeOperation } from '../../api/operation.ts';
import { paginate } from '../../api/pagination.ts';
import { type InstanceRow, instances } from '../instances/model.ts';
import { namedArn, newAssociation, passTargets, profileOf } from './resolve.ts';

type Associated = InstanceRow & { readonly instanceProfile: NonNullable<InstanceRow['instanceProfile']> };

function isAssociated(row: InstanceRow): row is Associated {
  return row.instanceProfile !== undefined && row.state !== 'terminated';
}

/** The instance of an association, as its owner may see it. @throws ApiError `InvalidAssociationID.NotFound` */
function findAssociated(context: ReadContext, id = ''): Associated {
  return lookUp(context, id) ?? throwNotFound(idKinds.instanceProfileAssociation, [id]);
}

function lookUp({ db, owner }: ReadContext, id: string): Associated | undefined {
  const row = db.firstBy(instances, 'profileAssociation', id);
  return row !== undefined && row.owner === owner && isAssociated(row) ? row : undefined;
}

function render(row: Associated, state: IamInstanceProfileAssociationState): IamInstanceProfileAssociation {
  const { associationId, arn: Arn, instanceProfileId: Id } = row.instanceProfile;
  return { AssociationId: associationId, InstanceId: row.instanceId, IamInstanceProfile: { Arn, Id }, State: state };
}

/** Instance and role that a new association touches. */
function targets(
  context: ReadContext,
  instanceId: string | undefined,
  given: IamInstanceProfileSpecification | undefined,
) {
  const instance = arn(context, 'instance', instanceId);
  const keys = { 'ec2:NewInstanceProfile': namedArn(context, given) };
  return [{ arn: instance, keys }, ...passTargets(context, given, instance)];
}

/**
 * The instance has the profile's credentials at once, whatever it does.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateIamInstanceProfile.html
 */
const associateIamInstanceProfile = writeOperation<
  AssociateIamInstanceProfileRequest,
  AssociateIamInstanceProfileResult
>({
  service: 'ec2',
  name: 'AssociateIamInstanceProfile',
  resources: (input, context) => targets(context, input.InstanceId, input.IamInstanceProfile),
  run: (input, context) => {
    const row = findById(context, instances, idKinds.instance, input.InstanceId ?? '');
    const profile = profileOf(context, input.IamInstanceProfile ?? {});
    if (row.state === 'terminated' || row.state === 'shutting-down') {
      throw new ApiError(
        'IncorrectInstanceState',
        `The instance '${row.instanceId}' is ${row.state}; it cannot be given an instance profile.`,
      );
    }
    if (row.instanceProfile !== undefined) {
      throw new ApiError(
        'IncorrectState',
        `There is an existing association for instance ${row.instanceId}. Replace it with ReplaceIamInstanceProfileAssociation.`,
      );
    }
    const after = { ...row, instanceProfile: newAssociation(profile, context.now) };
    context.db.put(instances, after);
    return { IamInstanceProfileAssociation: render(after, 'associating') };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReplaceIamInstanceProfileAssociation.html */
const replaceIamInstanceProfileAssociation = writeOperation<
  ReplaceIamInstanceProfileAssociationRequest,
  ReplaceIamInstanceProfileAssociationResult
>({
  service: 'ec2',
  name: 'ReplaceIamInstanceProfileAssociation',
  resources: (input, context) =>
    targets(context, lookUp(context, input.AssociationId ?? '')?.instanceId, input.IamInstanceProfile),
  run: (input, context) => {
    const row = findAssociated(context, input.AssociationId);
    const profile = profileOf(context, input.IamInstanceProfile ?? {});
    const after = { ...row, instanceProfile: newAssociation(profile, context.now) };
    context.db.put(instances, after);
    return { IamInstanceProfileAssociation: render(after, 'associating') };
  },
});

/**
 * The metadata service gives no more credentials out; those that it gave end when they expire.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisassociateIamInstanceProfile.html
 */
const disassociateIamInstanceProfile = writeOperation<
  DisassociateIamInstanceProfileRequest,
  DisassociateIamInstanceProfileResult
>({
  service: 'ec2',
  name: 'DisassociateIamInstanceProfile',
  resources: (input, context) => [arn(context, 'instance', lookUp(context, input.AssociationId ?? '')?.instanceId)],
  run: (input, context) => {
    const row = findAssociated(context, input.AssociationId);
    const { instanceProfile: _gone, ...after } = row;
    context.db.put(instances, after);
    return { IamInstanceProfileAssociation: render(row, 'disassociating') };
  },
});

const filters: FilterTable<Associated> = {
  'instance-id': row => row.instanceId,
  state: () => 'associated',
};

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeIamInstanceProfileAssociations.html */
const describeIamInstanceProfileAssociations = readOperation<
  DescribeIamInstanceProfileAssociationsRequest,
  DescribeIamInstanceProfileAssociationsResult
>({
  service: 'ec2',
  name: 'DescribeIamInstanceProfileAssociations',
  resources: () => ['*'],
  run: (input, context) => {
    const ids = input.AssociationIds ?? [];
    const wanted = ids.length === 0 ? undefined : new Set(ids.map(id => findAssociated(context, id).instanceId));
    const filtered = compileFilters(input.Filters, filters, () => ({}));
    const { rows, nextToken } = paginate(context, input, {
      table: instances,
      matches: row =>
        row.owner === context.owner &&
        isAssociated(row) &&
        (wanted === undefined || wanted.has(row.instanceId)) &&
        (filtered === undefined || filtered(row)),
      range: [5, 1000],
    });
    return {
      IamInstanceProfileAssociations: rows.filter(isAssociated).map(row => render(row, 'associated')),
      NextToken: nextToken,
    };
  },
});

export const instanceProfileOperations: readonly AnyOperation[] = [
  associateIamInstanceProfile,
  describeIamInstanceProfileAssociations,
  disassociateIamInstanceProfile,
  replaceIamInstanceProfileAssociation,
];
