import { ApiError } from '../../api/errors.ts';
import type { ReadContext } from '../../api/operation.ts';
import { exportTasks, importTasks } from './model.ts';

/** Tasks of an account that may be under way in a Region at once. @see https://docs.aws.amazon.com/vm-import/latest/userguide/vmie_prereqs.html */
const maximumTasks = 20;

/** @throws ApiError `ResourceCountLimitExceeded` */
export function checkTaskLimit({ db, owner }: Pick<ReadContext, 'db' | 'owner'>): void {
  const open = [...db.by(importTasks, 'open', 'yes'), ...db.by(exportTasks, 'open', 'yes')];
  if (open.filter(row => row.owner === owner).length < maximumTasks) return;
  throw new ApiError(
    'ResourceCountLimitExceeded',
    `At most ${maximumTasks} imports and exports may be active at once. Try again when one has ended.`,
  );
}
