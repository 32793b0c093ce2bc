import type { Reader, State, Tx } from '../../state/state.ts';
import { type InstanceRow, instances } from '../instances/model.ts';
import { swapRoot } from '../volumes/attachments.ts';
import { volumes } from '../volumes/model.ts';
import { type ReplaceRootVolumeTaskRow, replaceRootVolumeTasks } from './model.ts';

/** Whether the machine of an instance must end, so that its root volume can be replaced. */
export function waitsForReplacement(db: Reader, instanceId: string): boolean {
  return db.countBy(replaceRootVolumeTasks, 'waiting', instanceId) > 0;
}

/**
 * Called while the machine of an instance is down for a reboot: gives it the root volume that it is to have.
 * @returns the instance as it is now
 */
export function replaceForReboot(state: State, instanceId: string, now: number): InstanceRow | undefined {
  if (waitsForReplacement(state, instanceId)) {
    state.write(tx => {
      for (const task of tx.by(replaceRootVolumeTasks, 'waiting', instanceId)) replace(tx, task, now);
    });
  }
  return state.get(instances, instanceId);
}

function replace(tx: Tx, task: ReplaceRootVolumeTaskRow, now: number): void {
  const instance = tx.get(instances, task.instanceId);
  const volume = tx.get(volumes, task.volumeId);
  const root = instance?.blockDevices.find(device => device.deviceName === instance.rootDeviceName);
  // Somebody may have done something else with the volume since.
  if (instance === undefined || root === undefined || volume?.state !== 'available') {
    recordFailure(tx, task, now);
    return;
  }
  swapRoot(tx, instance, volume, now);
  const old = tx.get(volumes, root.volumeId);
  if (old !== undefined && task.deleteReplaced) tx.put(volumes, { ...old, state: 'deleting' });
  tx.put(replaceRootVolumeTasks, { ...task, replacedAt: now });
}

/** The instance keeps what it has; a volume that was made for it goes. */
export function recordFailure(tx: Tx, task: ReplaceRootVolumeTaskRow, now: number): void {
  tx.put(replaceRootVolumeTasks, { ...task, state: 'failed', completeTime: now });
  const volume = tx.get(volumes, task.volumeId);
  if (task.ownVolume && (volume?.state === 'available' || volume?.state === 'error'))
    tx.put(volumes, { ...volume, state: 'deleting' });
}
