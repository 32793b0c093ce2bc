import type { DescribeImagesRequest, DescribeImagesResult } from '@aws-sdk/client-ec2';
import { ApiError } from '../../api/errors.ts';
import { compileFilters } from '../../api/filters.ts';
import { type ReadContext, readOperation } from '../../api/operation.ts';
import { accountOf } from '../../api/owner.ts';
import { paginate, refuseMaxResultsWithIds } from '../../api/pagination.ts';
import { isVisible, visibleImages } from './access.ts';
import { imageAllowed } from './allowed-images.ts';
import { imageFilters } from './filters.ts';
import { type ImageRow, images } from './model.ts';
import { imageTags, renderImage } from './render.ts';

type Predicate = (row: ImageRow) => boolean;

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImages.html */
export const describeImages = readOperation<DescribeImagesRequest, DescribeImagesResult>({
  service: 'ec2',
  name: 'DescribeImages',
  resources: () => ['*'],
  run: (input, context) => {
    refuseMaxResultsWithIds(input, input.ImageIds, 'imageIds');
    const allowed = { 'image-allowed': (row: ImageRow) => imageAllowed(context, row) };
    const filter = compileFilters(input.Filters, { ...imageFilters, ...allowed }, row => imageTags(context, row));
    const byOwner = ownerPredicate(input.Owners, context);
    const byUser = executableByPredicate(input.ExecutableUsers, context);
    const matches: Predicate = row => byOwner(row) && byUser(row) && (filter === undefined || filter(row));
    if (input.ImageIds !== undefined && input.ImageIds.length > 0) {
      const rows = visibleImages(context, input.ImageIds).filter(matches);
      return { Images: rows.map(row => renderImage(context, row)) };
    }
    const { rows, nextToken } = paginate(context, input, {
      table: images,
      ...narrowest(input.Owners, context),
      matches: row => isVisible(context, row) && isListed(row, input, context) && matches(row),
      range: [1, 1000],
    });
    return { Images: rows.map(row => renderImage(context, row)), NextToken: nextToken };
  },
});

/** The index with the fewest rows to look through. */
function narrowest(
  owners: readonly string[] | undefined,
  context: ReadContext,
): { index: 'owner' | 'region'; value: string } {
  const own =
    owners !== undefined && owners.length > 0 && owners.every(owner => owner === 'self' || owner === context.account);
  return own ? { index: 'owner', value: context.owner } : { index: 'region', value: context.region };
}

/** Whether an AMI shows up in a list that does not name it. */
function isListed(row: ImageRow, input: DescribeImagesRequest, context: ReadContext): boolean {
  if (row.state === 'disabled' && input.IncludeDisabled !== true) return false;
  const deprecated = row.deprecationTime !== undefined && row.deprecationTime <= context.now;
  return !deprecated || input.IncludeDeprecated === true || row.owner === context.owner;
}

const accountForm = /^\d{12}$/;

/** @throws ApiError `InvalidUserID.Malformed` */
function ownerPredicate(owners: readonly string[] | undefined, context: ReadContext): Predicate {
  if (owners === undefined || owners.length === 0) return () => true;
  const accounts = new Set<string>();
  const aliases = new Set<string>();
  for (const owner of owners) {
    if (owner === 'self') accounts.add(context.account);
    else if (accountForm.test(owner)) accounts.add(owner);
    else if (['amazon', 'aws-marketplace', 'aws-backup-vault'].includes(owner)) aliases.add(owner);
    else throw invalidUser(owner, 'self, amazon, aws-marketplace, aws-backup-vault');
  }
  return row => accounts.has(accountOf(row.owner)) || (row.ownerAlias !== undefined && aliases.has(row.ownerAlias));
}

/** Public AMIs for `all`; those shared with an account by name for `self` or its id. @throws ApiError `InvalidUserID.Malformed` */
function executableByPredicate(users: readonly string[] | undefined, context: ReadContext): Predicate {
  if (users === undefined || users.length === 0) return () => true;
  const accounts: string[] = [];
  let everybody = false;
  for (const user of users) {
    if (user === 'all') everybody = true;
    else if (user === 'self') accounts.push(context.account);
    else if (accountForm.test(user)) accounts.push(user);
    else throw invalidUser(user, 'self, all');
  }
  return row => (everybody && row.public) || accounts.some(account => row.launchPermissions.includes(account));
}

function invalidUser(user: string, words: string): ApiError {
  return new ApiError(
    'InvalidUserID.Malformed',
    `Invalid user id: "${user}". Use an account id of twelve digits or one of: ${words}.`,
  );
}
