import { validationError } from './errors.ts';

/** A name's rule: who breaks it is told all of it. */
interface Rule {
  readonly form: RegExp;
  readonly maximum: number;
}

const entityName = /^[\w+=,.@-]+$/;

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-names */
const rules = {
  userName: { form: entityName, maximum: 64 },
  groupName: { form: entityName, maximum: 128 },
  roleName: { form: entityName, maximum: 64 },
  policyName: { form: entityName, maximum: 128 },
  instanceProfileName: { form: entityName, maximum: 128 },
  virtualMFADeviceName: { form: entityName, maximum: 226 },
} as const satisfies Record<string, Rule>;

/**
 * Checks a name of something new.
 * @throws ApiError `ValidationError`
 */
export function checkName(parameter: keyof typeof rules, name: string): void {
  const { form, maximum } = rules[parameter];
  if (name.length === 0 || name.length > maximum) {
    throw validationError(
      `1 validation error detected: Value at '${parameter}' failed to satisfy constraint: Member must have length between 1 and ${maximum}`,
    );
  }
  if (!form.test(name)) {
    throw validationError(
      `The specified value for ${parameter} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-`,
    );
  }
}

/** A path: a slash, or ASCII between slashes; 512 characters at most. @throws ApiError `ValidationError` */
export function checkedPath(path: string | undefined): string {
  if (path === undefined || path === '') return '/';
  if (path.length > 512 || !/^\/(?:[\x21-\x7e]*\/)?$/.test(path)) {
    throw validationError(
      'The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or /,.+@=_- characters; at most 512 of them.',
    );
  }
  return path;
}

/** What ListUsers and the like take to narrow a listing: the beginning of paths. @throws ApiError `ValidationError` */
export function checkedPathPrefix(prefix: string | undefined): string {
  if (prefix === undefined || prefix === '') return '/';
  if (prefix.length > 512 || !/^\/[\x21-\x7e]*$/.test(prefix)) {
    throw validationError(
      'The specified value for pathPrefix is invalid. It must begin with / and contain only ASCII characters without spaces; at most 512 of them.',
    );
  }
  return prefix;
}

/** Descriptions of policies and roles: printable text of Latin-1, 1000 characters. @throws ApiError `ValidationError` */
export function checkedDescription(description: string | undefined): string | undefined {
  if (description === undefined || description === '') return undefined;
  if (description.length > 1000 || !/^[\t\n\r\x20-\x7e\xa1-\xff]*$/.test(description)) {
    throw validationError(
      'The description must have at most 1000 characters: printable ones of Latin-1, tabs and line ends.',
    );
  }
  return description;
}
