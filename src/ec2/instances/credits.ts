import type {
  DescribeInstanceCreditSpecificationsRequest,
  DescribeInstanceCreditSpecificationsResult,
  ModifyInstanceCreditSpecificationRequest,
  ModifyInstanceCreditSpecificationResult,
  UnsuccessfulInstanceCreditSpecificationItem,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { compileFilters } from '../../api/filters.ts';
import { findByIds, idKinds, isId } from '../../api/ids.ts';
import { readOperation, writeOperation } from '../../api/operation.ts';
import { paginate, refuseMaxResultsWithIds } from '../../api/pagination.ts';
import { attributeKeys } from '../access/attribute-keys.ts';
import { checkCredits } from './launch/cpu.ts';
import { type InstanceRow, instances } from './model.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceCreditSpecifications.html */
export const describeInstanceCreditSpecifications = readOperation<
  DescribeInstanceCreditSpecificationsRequest,
  DescribeInstanceCreditSpecificationsResult
>({
  service: 'ec2',
  name: 'DescribeInstanceCreditSpecifications',
  resources: () => ['*'],
  run: (input, context) => {
    refuseMaxResultsWithIds(input, input.InstanceIds, 'instanceIds');
    const filter = compileFilters<InstanceRow>(input.Filters, { 'instance-id': row => row.instanceId });
    const shown = (row: InstanceRow) =>
      row.creditSpecification !== undefined && row.state !== 'terminated' && (filter === undefined || filter(row));
    const item = (row: InstanceRow) => ({ InstanceId: row.instanceId, CpuCredits: row.creditSpecification });
    if (input.InstanceIds !== undefined && input.InstanceIds.length > 0) {
      return {
        InstanceCreditSpecifications: findByIds(context, instances, idKinds.instance, input.InstanceIds)
          .filter(shown)
          .map(item),
      };
    }
    // Without ids, EC2 lists only those that depart from the default of their family: unlimited ones.
    const page = paginate(context, input, {
      table: instances,
      matches: row => shown(row) && row.creditSpecification === 'unlimited',
    });
    return { InstanceCreditSpecifications: page.rows.map(item), NextToken: page.nextToken };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceCreditSpecification.html */
export const modifyInstanceCreditSpecification = writeOperation<
  ModifyInstanceCreditSpecificationRequest,
  ModifyInstanceCreditSpecificationResult
>({
  service: 'ec2',
  name: 'ModifyInstanceCreditSpecification',
  resources: (input, context) =>
    (input.InstanceCreditSpecifications ?? []).map(one => ({
      arn: arn(context, 'instance', one.InstanceId),
      keys: attributeKeys({ CpuCredits: one.CpuCredits }),
    })),
  run: (input, context) => {
    const done: { InstanceId: string }[] = [];
    const failed: UnsuccessfulInstanceCreditSpecificationItem[] = [];
    for (const { InstanceId = '', CpuCredits } of input.InstanceCreditSpecifications ?? []) {
      const credits = checkCredits(CpuCredits);
      if (credits === undefined)
        throw new ApiError('MissingParameter', 'The request must contain the parameter CpuCredits');
      const row = context.db.get(instances, InstanceId);
      const refuse = (
        Code: NonNullable<UnsuccessfulInstanceCreditSpecificationItem['Error']>['Code'],
        Message: string,
      ) => failed.push({ InstanceId, Error: { Code, Message } });
      if (!isId(idKinds.instance, InstanceId)) refuse('InvalidInstanceID.Malformed', `Invalid id: "${InstanceId}"`);
      else if (row === undefined || row.owner !== context.owner)
        refuse('InvalidInstanceID.NotFound', `The instance ID '${InstanceId}' does not exist`);
      else if (row.creditSpecification === undefined) {
        refuse(
          'InstanceCreditSpecification.NotSupported',
          `The instance '${InstanceId}' is of type ${row.instanceType}, which is not burstable.`,
        );
      } else {
        context.db.put(instances, { ...row, creditSpecification: credits });
        done.push({ InstanceId });
      }
    }
    return { SuccessfulInstanceCreditSpecifications: done, UnsuccessfulInstanceCreditSpecifications: failed };
  },
});
