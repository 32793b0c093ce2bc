import { defineTable } from '../../state/table.ts';

/** A service-linked role's deletion, which clients ask for until it is done. */
export interface DeletionTaskRow {
  /** `task/aws-service-role/SERVICE/ROLE/UUID` */
  readonly taskId: string;
  readonly account: string;
  readonly roleArn: string;
}

export const deletionTasks = defineTable<DeletionTaskRow>()({
  name: 'iam_deletion_tasks',
  key: row => row.taskId,
  indexes: { account: row => row.account },
});
