import { ApiError } from '../../api/errors.ts';
import type { ReadContext } from '../../api/operation.ts';
import { images } from './model.ts';

const maximumDescription = 255;
const maximumImages = 50_000;

/**
 * A name that a new AMI of the caller's may have.
 * @throws ApiError `MissingParameter`, `InvalidAMIName.Malformed`, `InvalidAMIName.Duplicate`
 */
export function newName({ db, owner }: Pick<ReadContext, 'db' | 'owner'>, name: string | undefined): string {
  if (name === undefined) throw new ApiError('MissingParameter', 'The request must contain the parameter Name');
  if (!/^[A-Za-z0-9()[\] ./\-'@_]{3,128}$/.test(name)) {
    throw new ApiError(
      'InvalidAMIName.Malformed',
      "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, spaces and '(', ')', '[', ']', '.', '/', '-', ''', '@' and '_'.",
    );
  }
  const other = db.firstBy(images, 'name', `${owner}/${name}`);
  if (other !== undefined)
    throw new ApiError('InvalidAMIName.Duplicate', `AMI name ${name} is already in use by AMI ${other.imageId}`);
  return name;
}

/** @throws ApiError `InvalidParameterValue` */
export function checkDescription(description: string | undefined): string | undefined {
  if (description === undefined || description === '') return undefined;
  if (description.length > maximumDescription) {
    throw new ApiError(
      'InvalidParameterValue',
      `The description must have at most ${maximumDescription} characters; it has ${description.length}.`,
    );
  }
  return description;
}

/** @throws ApiError `ResourceLimitExceeded` */
export function checkImageLimit({ db, owner }: Pick<ReadContext, 'db' | 'owner'>): void {
  if (db.countBy(images, 'owner', owner) < maximumImages) return;
  throw new ApiError(
    'ResourceLimitExceeded',
    `You have reached the maximum of ${maximumImages} AMIs in this Region. Deregister some first.`,
  );
}
