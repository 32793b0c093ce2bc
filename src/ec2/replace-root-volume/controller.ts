import type { Clock } from '../../api/clock.ts';
import type { Controller } from '../../controllers/controllers.ts';
import type { State, Tx } from '../../state/state.ts';
import { instances } from '../instances/model.ts';
import { volumes } from '../volumes/model.ts';
import { isUnderWay, type ReplaceRootVolumeTaskRow, replaceRootVolumeTasks } from './model.ts';
import { recordFailure } from './replace.ts';

/**
 * Has instances rebooted when the replacements of their root volumes are there: the instances' controller exchanges them
 * while the machine is down (`replaceForReboot`). Ids are those of tasks.
 */
export function replaceRootVolumeController(state: State, clock: Clock): Controller {
  const idsOf = (rows: readonly ReplaceRootVolumeTaskRow[]) => rows.filter(isUnderWay).map(row => row.taskId);
  return {
    name: 'replace-root-volume-tasks',
    watch: ({ table, key }) => {
      if (table === replaceRootVolumeTasks.name) return [key];
      if (table === volumes.name) return idsOf(state.by(replaceRootVolumeTasks, 'volume', key));
      return table === instances.name ? idsOf(state.by(replaceRootVolumeTasks, 'instance', key)) : [];
    },
    initial: function* () {
      for (const { row } of state.entries(replaceRootVolumeTasks)) if (isUnderWay(row)) yield row.taskId;
    },
    reconcile: async id => {
      state.write(tx => step(tx, id, clock.now()));
      return undefined;
    },
  };
}

function step(tx: Tx, taskId: string, now: number): void {
  const task = tx.get(replaceRootVolumeTasks, taskId);
  if (task === undefined || !isUnderWay(task)) return;
  const instance = tx.get(instances, task.instanceId);
  const volume = tx.get(volumes, task.volumeId);
  if (task.replacedAt !== undefined) {
    // An instance that was stopped or ended meanwhile has its new root volume all the same.
    if (instance?.state === 'running' && instance.wanted === 'reboot') return;
    tx.put(replaceRootVolumeTasks, { ...task, state: 'succeeded', completeTime: now });
    return;
  }
  if (instance?.state !== 'running') {
    // What is being made can be deleted when it is there: the task is looked at again then.
    if (!(task.ownVolume && volume?.state === 'creating')) recordFailure(tx, task, now);
    return;
  }
  if (task.state === 'pending') {
    if (volume?.state === 'creating') return;
    if (volume?.state !== 'available') {
      recordFailure(tx, task, now);
      return;
    }
    tx.put(replaceRootVolumeTasks, { ...task, state: 'in-progress' });
  }
  if (instance.wanted !== 'reboot') tx.put(instances, { ...instance, wanted: 'reboot' });
}
