import type { ImportSnapshotRequest, ImportSnapshotResult } from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { newId } from '../../api/ids.ts';
import { writeOperation } from '../../api/operation.ts';
import { encrypt, planVolume } from '../ebs-encryption/encryption.ts';
import { checkDescription } from '../images/names.ts';
import { addTags, parseTagSpecifications } from '../tags/model.ts';
import { checkTaskLimit } from './limits.ts';
import { type ImportTaskRow, importTasks } from './model.ts';
import { renderSnapshotTask } from './render.ts';
import { checkRole, diskFormat, diskSource } from './source.ts';

/**
 * Makes a snapshot of a disk file.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ImportSnapshot.html
 */
export const importSnapshot = writeOperation<ImportSnapshotRequest, ImportSnapshotResult>({
  service: 'ec2',
  name: 'ImportSnapshot',
  resources: (_input, context) => [arn(context, 'import-snapshot-task'), arn(context, 'snapshot')],
  run: (input, context) => {
    const { db, owner, now } = context;
    const plan = planVolume(context, input);
    checkRole(context, input.RoleName);
    const tags = parseTagSpecifications(input.TagSpecifications, ['import-snapshot-task']);
    const container = input.DiskContainer;
    if (container === undefined)
      throw new ApiError('MissingParameter', 'The request must contain the parameter DiskContainer');
    checkTaskLimit(context);
    const row: ImportTaskRow = {
      taskId: newId('import-snap'),
      owner,
      description: checkDescription(input.Description),
      state: 'active',
      message: 'pending',
      disks: [
        {
          description: checkDescription(container.Description),
          format: diskFormat(container.Format, ['VHD', 'VMDK', 'RAW', 'VHDX', 'QCOW2']),
          source: diskSource(context, container),
          encryption: encrypt(context, plan),
        },
      ],
      created: now,
    };
    db.put(importTasks, row);
    const resource = { resourceId: row.taskId, resourceType: 'import-snapshot-task', owner };
    addTags(db, resource, tags['import-snapshot-task'] ?? {});
    return renderSnapshotTask(db, row);
  },
});
