import { ApiError } from '../../api/errors.ts';

const allowed = /^[a-zA-Z0-9 ._\-:/()#,@[\]+=&;{}!$*]*$/;
const maximum = 255;
const said = 'strings less than 256 characters from the following set: a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*';

/**
 * Checks the name of a new group. Spaces at its end are dropped.
 * @throws ApiError `InvalidParameterValue`
 */
export function checkGroupName(name: string): string {
  const trimmed = name.trimEnd();
  if (trimmed === '' || trimmed.length > maximum || !allowed.test(trimmed)) {
    throw invalid('GroupName', name, `Invalid security group name. Valid names are ${said}`);
  }
  if (/^sg-/i.test(trimmed)) throw invalid('GroupName', name, 'Group names may not be in the format sg-*');
  if (trimmed.toLowerCase() === 'default') {
    throw new ApiError('InvalidParameterValue', `Cannot use reserved security group name: ${trimmed}`);
  }
  return trimmed;
}

/** @throws ApiError `InvalidParameterValue` */
export function checkGroupDescription(description: string): string {
  if (description === '' || description.length > maximum || !allowed.test(description)) {
    throw invalid(
      'GroupDescription',
      description,
      `Invalid security group description. Valid descriptions are ${said}`,
    );
  }
  return description;
}

/** An empty description is none. @throws ApiError `InvalidParameterValue` */
export function checkRuleDescription(description: string | undefined): string | undefined {
  if (description === undefined || description === '') return undefined;
  if (description.length > maximum || !allowed.test(description)) {
    throw new ApiError('InvalidParameterValue', `Invalid rule description. Valid descriptions are ${said}`);
  }
  return description;
}

function invalid(parameter: string, value: string, why: string): ApiError {
  return new ApiError('InvalidParameterValue', `Value (${value}) for parameter ${parameter} is invalid. ${why}`);
}
