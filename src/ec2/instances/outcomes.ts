import type { Tx } from '../../state/state.ts';
import { deleteNetworkInterface, detachNetworkInterface, releasePublicIp } from '../network-interfaces/lifecycle.ts';
import { networkInterfaces } from '../network-interfaces/model.ts';
import { replaceRootVolumeTasks } from '../replace-root-volume/model.ts';
import { removeAllTags } from '../tags/model.ts';
import { goesWith, recordAttached, recordDetached } from '../volumes/attachments.ts';
import { endVolume } from '../volumes/lifecycle.ts';
import { volumes } from '../volumes/model.ts';
import { type InstanceRow, instances } from './model.ts';
import { stateReasons } from './state-reasons.ts';

/*
 * What the controller records when something has happened to a machine. Each looks at the row as it is now: a user
 * may have asked for something else since the controller looked.
 */

/** The machine runs. */
export function recordRunning(tx: Tx, instanceId: string, now: number, reachable: boolean): void {
  const row = tx.get(instances, instanceId);
  if (row?.state !== 'pending') return;
  const { wanted: _wanted, stateReason: _reason, reachableSince: _since, hibernated, ...rest } = row;
  // A guest that continues has asked the metadata service long ago, and is up.
  const up = reachable || hibernated === true;
  tx.put(instances, { ...rest, state: 'running', stateSince: now, ...(up ? { reachableSince: now } : {}) });
  for (const device of row.blockDevices) recordAttached(tx, device.volumeId, instanceId);
}

/** The guest answered on the network for the first time since its start. */
export function recordReachable(tx: Tx, instanceId: string, now: number): void {
  const row = tx.get(instances, instanceId);
  if (row === undefined || row.reachableSince !== undefined || (row.state !== 'running' && row.state !== 'pending'))
    return;
  tx.put(instances, { ...row, reachableSince: now });
}

/** The guest ended by itself: `instanceInitiatedShutdownBehavior` decides. */
export function recordGuestShutdown(tx: Tx, instanceId: string, now: number): void {
  const row = tx.get(instances, instanceId);
  if (row?.state !== 'running') return;
  tx.put(instances, {
    ...row,
    state: row.instanceInitiatedShutdownBehavior === 'terminate' ? 'shutting-down' : 'stopping',
    stateSince: now,
    wanted: 'force-stop',
    stateReason: stateReasons.instanceShutdown,
    stateTransitionReason: '',
  });
}

/** The machine of a running instance was lost and is not to be brought back. */
export function recordLost(
  tx: Tx,
  instanceId: string,
  now: number,
  stateReason: NonNullable<InstanceRow['stateReason']>,
): void {
  const row = tx.get(instances, instanceId);
  if (row?.state !== 'running') return;
  tx.put(instances, {
    ...row,
    state: 'stopping',
    stateSince: now,
    wanted: 'force-stop',
    stateReason,
    stateTransitionReason: stateReason.code,
  });
}

/** A start failed for good: a new instance ends as terminated, a stopped one as stopped, with the reason. */
export function recordStartFailure(
  tx: Tx,
  instanceId: string,
  now: number,
  stateReason: NonNullable<InstanceRow['stateReason']>,
): void {
  const row = tx.get(instances, instanceId);
  if (row?.state !== 'pending') return;
  tx.put(instances, {
    ...row,
    state: row.wanted === 'start' ? 'stopping' : 'shutting-down',
    stateSince: now,
    wanted: 'force-stop',
    stateReason,
    stateTransitionReason: stateReason.code,
  });
}

/** The machine of a stopping instance has ended; its auto-assigned public address goes back to the pool. */
export function recordStopped(tx: Tx, instanceId: string, now: number, hibernated = false): void {
  const row = tx.get(instances, instanceId);
  if (row?.state !== 'stopping') return;
  let publicIp: string | undefined;
  for (const [index, id] of row.networkInterfaceIds.entries()) {
    const card = tx.get(networkInterfaces, id);
    if (card === undefined) continue;
    const after = releasePublicIp(tx, card);
    if (index === 0) publicIp = after.privateIpAddresses[0]?.publicIp;
  }
  const { wanted: _wanted, reachableSince: _since, publicIpAddress: _address, ...rest } = row;
  tx.put(instances, {
    ...rest,
    state: 'stopped',
    stateSince: now,
    ...(hibernated ? { hibernated: true } : {}),
    ...(publicIp === undefined ? {} : { publicIpAddress: publicIp }),
  });
}

/** Machine, disks and interfaces of an instance are gone; its volumes that were to stay are available again. */
export function recordTerminated(tx: Tx, instanceId: string, now: number): void {
  const row = tx.get(instances, instanceId);
  if (row?.state !== 'shutting-down') return;
  for (const id of row.networkInterfaceIds) {
    const card = tx.get(networkInterfaces, id);
    if (card === undefined) continue;
    if (card.attachment?.deleteOnTermination === true) deleteNetworkInterface(tx, id);
    else detachNetworkInterface(tx, releasePublicIp(tx, card));
  }
  for (const volume of tx.by(volumes, 'instance', instanceId)) {
    if (goesWith(volume, instanceId)) endVolume(tx, volume);
    else recordDetached(tx, volume.volumeId, instanceId);
  }
  const {
    wanted: _wanted,
    reachableSince: _since,
    publicIpAddress: _public,
    privateIpAddress: _private,
    instanceStore: _store,
    ...rest
  } = row;
  tx.put(instances, {
    ...rest,
    state: 'terminated',
    stateSince: now,
    terminatedTime: now,
    networkInterfaceIds: [],
    blockDevices: [],
    securityGroupIds: [],
  });
}

/** How long a terminated instance stays visible, in milliseconds. */
export const terminatedVisible = 3_600_000;

/** Forgets a terminated instance whose hour is over. @returns milliseconds until then, or undefined when forgotten. */
export function forgetTerminated(tx: Tx, instanceId: string, now: number): number | undefined {
  const row = tx.get(instances, instanceId);
  if (row?.state !== 'terminated') return undefined;
  const left = (row.terminatedTime ?? row.stateSince) + terminatedVisible - now;
  if (left > 0) return left;
  tx.delete(instances, instanceId);
  removeAllTags(tx, instanceId);
  for (const { taskId } of tx.by(replaceRootVolumeTasks, 'instance', instanceId)) {
    tx.delete(replaceRootVolumeTasks, taskId);
    removeAllTags(tx, taskId);
  }
  return undefined;
}
