import type { Parameter } from '@aws-sdk/client-ssm';
import { ApiError } from '../api/errors.ts';
import type { ReadContext } from '../api/operation.ts';
import { publicParameter } from './public-parameters.ts';

/**
 * A parameter as requests name it: plain, by its ARN, and with `:VERSION` behind it.
 * @throws ApiError `ValidationException` for names that no parameter can have, `ParameterVersionNotFound`.
 */
export function findParameter(context: ReadContext, requested: string): Parameter | undefined {
  const arn = /^arn:aws:ssm:([a-z0-9-]+):\d*:parameter(\/.+)$/.exec(requested);
  if (arn !== null && arn[1] !== context.region) return undefined;
  const [, name = '', selector] = /^([^:]*)(:.*)?$/s.exec(arn?.[2] ?? requested) ?? [];
  if (name === '' || name.length > 2048 || !/^[\w./-]+$/.test(name)) {
    throw new ApiError(
      'ValidationException',
      'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). Names have letters, digits and . - _ and may be paths with "/".',
    );
  }
  const parameter = publicParameter(context, name);
  if (parameter === undefined || selector === undefined) return parameter;
  if (selector !== `:${parameter.Version}`) {
    throw new ApiError(
      'ParameterVersionNotFound',
      `Systems Manager could not find version ${selector.slice(1)} of ${name}. The current version is ${parameter.Version}.`,
    );
  }
  return { ...parameter, Selector: selector };
}
