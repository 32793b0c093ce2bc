import type {
  GetParameterRequest,
  GetParameterResult,
  GetParametersByPathRequest,
  GetParametersByPathResult,
  GetParametersRequest,
  GetParametersResult,
  Parameter,
} from '@aws-sdk/client-ssm';
import { ApiError } from '../api/errors.ts';
import { type AnyOperation, type ReadContext, readOperation } from '../api/operation.ts';
import { paginateArray } from '../api/pagination.ts';
import { findParameter } from './find-parameter.ts';
import { publicParametersIn, publicPrefix } from './public-parameters.ts';

const maximumNames = 10;

/** ARN of a parameter: public ones belong to no account. */
function parameterArn(context: ReadContext, name: string): string {
  const account = name.startsWith(publicPrefix) ? '' : context.account;
  return `arn:aws:ssm:${context.region}:${account}:parameter/${name.replace(/^\//, '')}`;
}

/** @see https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html */
const getParameter = readOperation<GetParameterRequest, GetParameterResult>({
  service: 'ssm',
  name: 'GetParameter',
  resources: (input, context) => [parameterArn(context, input.Name ?? '')],
  run: (input, context) => {
    const Parameter = findParameter(context, input.Name ?? '');
    if (Parameter !== undefined) return { Parameter };
    throw new ApiError('ParameterNotFound', `Parameter ${input.Name} not found. ${hint(input.Name ?? '')}`.trim());
  },
});

/** What a person can do about an AMI alias that does not resolve. */
function hint(name: string): string {
  if (!name.startsWith(publicPrefix)) return '';
  return 'An alias exists once its AMI does: `fogbank image list` shows the AMIs, `fogbank image build` and `fogbank image pull` get more.';
}

/** @see https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html */
const getParameters = readOperation<GetParametersRequest, GetParametersResult>({
  service: 'ssm',
  name: 'GetParameters',
  resources: (input, context) => (input.Names ?? []).map(name => parameterArn(context, name)),
  run: (input, context) => {
    const names = [...new Set(input.Names ?? [])];
    if (names.length === 0 || names.length > maximumNames) {
      throw new ApiError(
        'ValidationException',
        `The request must name 1 to ${maximumNames} parameters; it names ${names.length}.`,
      );
    }
    const Parameters: Parameter[] = [];
    const InvalidParameters: string[] = [];
    for (const name of names) {
      const parameter = findOrNothing(context, name);
      if (parameter === undefined) InvalidParameters.push(name);
      else Parameters.push(parameter);
    }
    return { Parameters, InvalidParameters };
  },
});

/** A version that does not exist makes one of several names invalid, not the request. */
function findOrNothing(context: ReadContext, name: string): Parameter | undefined {
  try {
    return findParameter(context, name);
  } catch (error) {
    if (error instanceof ApiError && error.code === 'ParameterVersionNotFound') return undefined;
    throw error;
  }
}

/** @see https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParametersByPath.html */
const getParametersByPath = readOperation<GetParametersByPathRequest, GetParametersByPathResult>({
  service: 'ssm',
  name: 'GetParametersByPath',
  resources: (input, context) => [parameterArn(context, input.Path ?? '')],
  run: (input, context) => {
    const path = input.Path ?? '';
    if (!/^\/[\w./-]*$/.test(path)) {
      throw new ApiError(
        'ValidationException',
        'The parameter path must begin with "/" and have letters, digits and . - _ / only.',
      );
    }
    if (input.ParameterFilters?.length) {
      throw new ApiError(
        'InvalidFilterKey',
        'Public parameters have no type, key or label to filter by. Leave out ParameterFilters.',
      );
    }
    const all = publicParametersIn(context, path.replace(/\/+$/, ''), input.Recursive === true);
    const { rows, nextToken } = paginateArray(context, input, all, { range: [1, 10], defaultSize: 10 });
    return { Parameters: rows, NextToken: nextToken };
  },
});

/** Every operation of Systems Manager. */
export const ssmOperations: readonly AnyOperation[] = [getParameter, getParameters, getParametersByPath];
