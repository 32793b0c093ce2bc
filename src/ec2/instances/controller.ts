import type { Clock } from '../../api/clock.ts';
import type { Controller } from '../../controllers/controllers.ts';
import { type Engine, EngineError } from '../../engine/engine.ts';
import { KeyUnavailableError } from '../../kms/data-keys.ts';
import type { Change, State } from '../../state/state.ts';
import { keyReason } from '../ebs-encryption/state-reasons.ts';
import { cutForReboot } from '../images/controller.ts';
import { type ImageRow, images } from '../images/model.ts';
import { networkInterfaces } from '../network-interfaces/model.ts';
import type { Network } from '../network-interfaces/network.ts';
import { replaceForReboot, waitsForReplacement } from '../replace-root-volume/replace.ts';
import { goesWith, presentDevices } from '../volumes/attachments.ts';
import { ensureDisk } from '../volumes/disks.ts';
import { isNeeded } from '../volumes/lifecycle.ts';
import { volumes } from '../volumes/model.ts';
import { machineSpec } from './machine-spec.ts';
import { type InstanceRow, instances } from './model.ts';
import {
  forgetTerminated,
  recordGuestShutdown,
  recordLost,
  recordRunning,
  recordStartFailure,
  recordStopped,
  recordTerminated,
} from './outcomes.ts';
import { serverReason, stateReasons } from './state-reasons.ts';

export interface InstanceControllerOptions {
  readonly state: State;
  readonly engine: Engine;
  readonly clock: Clock;
  /** Absent where the engine has no network. */
  readonly network: Network | undefined;
  /** Whether disks are held to the IOPS and throughput of their volumes' types. */
  readonly volumeLimits: boolean;
  readonly log: (line: string) => void;
}

/** Milliseconds. */
const poll = 500;
const pressAgain = 15_000;
/** After this a guest that does not shut down is powered off. */
const stopGrace = 180_000;
const terminateGrace = 20_000;
const rebootGrace = 120_000;
/** A start that fails for other reasons than capacity is tried this often. */
const startAttempts = 3;
/** @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-recover.html */
const recoveriesPerDay = 3;
const day = 86_400_000;

/** Makes machines do what the state of their instances says, and records what they do by themselves. */
export function instanceController(options: InstanceControllerOptions): Controller {
  const { state, engine, clock, network, volumeLimits, log } = options;
  const pressed = new Map<string, number>();
  const recoveries = new Map<string, number[]>();

  return {
    name: 'instances',
    watch: change => {
      if (change.table === instances.name) return change.after === undefined ? [] : [change.key];
      return change.table === images.name ? rebootedFor(change) : [];
    },
    initial: function* () {
      for (const { row } of state.entries(instances)) if (row.state !== 'stopped') yield row.instanceId;
    },
    reconcile: async id => {
      const row = state.get(instances, id);
      switch (row?.state) {
        case 'pending':
          return start(row);
        case 'running':
          return row.wanted === 'reboot' ? reboot(row) : watchOver(row);
        case 'stopping':
        case 'shutting-down':
          return shutDown(row);
        case 'terminated':
          return state.write(tx => forgetTerminated(tx, id, clock.now()));
        default:
          return undefined;
      }
    },
    failed: (id, error, attempt) => {
      const reason = failureReason(error, attempt);
      if (reason !== undefined) state.write(tx => recordStartFailure(tx, id, clock.now(), reason));
      // A machine that ended, and is not to be had again without its disks' keys.
      if (error instanceof KeyUnavailableError) state.write(tx => recordLost(tx, id, clock.now(), keyReason(error)));
    },
  };

  async function start(row: InstanceRow): Promise<number | undefined> {
    pressed.delete(row.instanceId);
    const again = await power(row);
    if (again !== undefined) return again;
    state.write(tx => recordRunning(tx, row.instanceId, clock.now(), !engine.capabilities.realMachines));
  }

  /** @returns milliseconds after which to call again, when the start waits for something. */
  async function power(row: InstanceRow): Promise<number | undefined> {
    if (row.keyRefused) throw new KeyUnavailableError('refused', 'of its volumes');
    const disks = presentDevices(state, row).map(device => ensureDisk(state, engine.disks, device.volumeId));
    const cards = async () => {
      for (const id of row.networkInterfaceIds) await network?.reconcileInterface(row.vpcId, id);
    };
    const stores = (row.instanceStore ?? []).map(({ volumeId, sizeGib }) =>
      engine.disks.ensureVolume(volumeId, { sizeGib }),
    );
    await Promise.all([...disks, ...stores, cards()]);
    // As it is now: what was attached meanwhile is plugged in by this start, or after it.
    const now = state.get(instances, row.instanceId) ?? row;
    return engine.machines.ensureRunning(machineSpec(state, now, { volumeLimits }));
  }

  async function watchOver(row: InstanceRow): Promise<number | undefined> {
    pressed.delete(row.instanceId);
    const status = await engine.machines.status(row.instanceId);
    if (status.state === 'running') return undefined;
    if (status.state === 'stopped' && status.cause === 'guest-shutdown') {
      state.write(tx => recordGuestShutdown(tx, row.instanceId, clock.now()));
      return;
    }
    if (status.state === 'stopped' && status.cause === 'host-request') {
      const reason = serverReason(
        'Server.ScheduledStop',
        'Stopped together with Fogbank; start it again when you need it',
      );
      state.write(tx => recordLost(tx, row.instanceId, clock.now(), reason));
      return;
    }
    // The host restarted, or the machine's process died: what EC2 calls a failed system status check.
    const message =
      status.state === 'absent' ? 'the machine is gone' : (status.message ?? 'the machine ended unexpectedly');
    if (engine.capabilities.realMachines) {
      const recent = (recoveries.get(row.instanceId) ?? []).filter(time => time > clock.now() - day);
      if (row.autoRecovery === 'disabled' || recent.length >= recoveriesPerDay) {
        state.write(tx => recordLost(tx, row.instanceId, clock.now(), serverReason('Server.InternalError', message)));
        return;
      }
      recoveries.set(row.instanceId, [...recent, clock.now()]);
      log(`instances ${row.instanceId}: ${message}; starting it again`);
    }
    return power(row);
  }

  async function reboot(row: InstanceRow): Promise<number | undefined> {
    const { instanceId } = row;
    const status = await engine.machines.status(instanceId);
    if (status.state === 'running') {
      if (!engine.capabilities.realMachines && !waitsForReplacement(state, instanceId))
        return cutForReboot(state, instanceId) ? rebooted(instanceId) : poll;
      const since = pressed.get(instanceId);
      if (since === undefined && engine.capabilities.realMachines) {
        pressed.set(instanceId, clock.now());
        await engine.machines.pressPowerButton(instanceId);
        return poll;
      }
      if (since !== undefined && clock.now() - since < rebootGrace) return poll;
      // Images are made of a machine that is down, and so is its root volume replaced.
      if (state.countBy(images, 'rebooting', instanceId) > 0 || waitsForReplacement(state, instanceId)) {
        await engine.machines.powerOff(instanceId);
        return 0;
      }
      await engine.machines.reset(instanceId);
      return rebooted(instanceId);
    }
    if (!cutForReboot(state, instanceId)) return poll;
    const now = replaceForReboot(state, instanceId, clock.now());
    return (await power(now ?? row)) ?? rebooted(instanceId);
  }

  function rebooted(instanceId: string): undefined {
    pressed.delete(instanceId);
    state.write(tx => {
      const row = tx.get(instances, instanceId);
      if (row?.state !== 'running' || row.wanted !== 'reboot') return;
      const { wanted: _wanted, reachableSince: _since, ...rest } = row;
      tx.put(instances, { ...rest, ...(engine.capabilities.realMachines ? {} : { reachableSince: clock.now() }) });
    });
  }

  async function shutDown(row: InstanceRow): Promise<number | undefined> {
    const { instanceId } = row;
    const status = await engine.machines.status(instanceId);
    if (status.state === 'running') {
      if (row.wanted === 'hibernate') return hibernate(row);
      const elapsed = clock.now() - row.stateSince;
      const terminating = row.state === 'shutting-down';
      // A guest that is still booting would not hear the button; when its disks go anyway, nothing is lost.
      const deaf = terminating && row.reachableSince === undefined;
      const grace = terminating ? terminateGrace : stopGrace;
      if (row.wanted === 'force-stop' || deaf || elapsed > grace || !engine.capabilities.realMachines) {
        await engine.machines.powerOff(instanceId);
      } else {
        const last = pressed.get(instanceId);
        if (last === undefined || clock.now() - last > pressAgain) {
          pressed.set(instanceId, clock.now());
          await engine.machines.pressPowerButton(instanceId);
        }
        return poll;
      }
    }
    pressed.delete(instanceId);
    // What is on these ends with the machine.
    for (const { volumeId } of row.instanceStore ?? []) await engine.disks.removeVolume(volumeId);
    const hibernated = status.state === 'stopped' && status.hibernated === true;
    if (row.state === 'stopping') state.write(tx => recordStopped(tx, instanceId, clock.now(), hibernated));
    else await dismantle(row);
    return undefined;
  }

  /** Where the memory cannot be kept, the guest is shut down instead, as EC2 does. */
  async function hibernate(row: InstanceRow): Promise<number> {
    try {
      await engine.machines.hibernate(row.instanceId);
    } catch (error) {
      log(
        `instances ${row.instanceId} is shut down, not hibernated: ${error instanceof Error ? error.message : error}`,
      );
      state.write(tx => {
        const now = tx.get(instances, row.instanceId);
        if (now?.wanted === 'hibernate') {
          tx.put(instances, { ...now, wanted: 'stop', stateReason: stateReasons.userShutdown });
        }
      });
    }
    return 0;
  }

  /** Everything of the machine goes before the instance is shown as terminated, so that what is gone is gone. */
  async function dismantle(row: InstanceRow): Promise<void> {
    await engine.machines.remove(row.instanceId);
    if (network !== undefined) {
      for (const id of row.networkInterfaceIds)
        if (state.get(networkInterfaces, id) !== undefined) await network.unplug(row.vpcId, id);
    }
    // As it is now: what has been detached since may be another's.
    for (const volume of state.by(volumes, 'instance', row.instanceId))
      if (goesWith(volume, row.instanceId) && !isNeeded(state, volume.volumeId))
        await engine.disks.removeVolume(volume.volumeId);
    recoveries.delete(row.instanceId);
    state.write(tx => recordTerminated(tx, row.instanceId, clock.now()));
  }
}

/** The instance that waited for an image which no longer needs it to be down. */
function rebootedFor({ before, after }: Change): string[] {
  const [was, is] = [before, after] as (ImageRow | undefined)[];
  return was?.rebooting !== undefined && is?.rebooting === undefined ? [was.rebooting] : [];
}

/** The reason to give up a start for, or undefined to try again. */
function failureReason(error: unknown, attempt: number): InstanceRow['stateReason'] | undefined {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof KeyUnavailableError) return keyReason(error);
  if (error instanceof EngineError && error.code === 'InsufficientCapacity')
    return serverReason('Server.InsufficientInstanceCapacity', message);
  return attempt >= startAttempts ? serverReason('Server.InternalError', message) : undefined;
}

/** Ends machines that no instance wants: what a crash between two steps left behind. */
export async function removeOrphanMachines(state: State, engine: Engine): Promise<void> {
  for (const id of await engine.machines.list()) {
    const row = state.get(instances, id);
    if (row === undefined || row.state === 'terminated') await engine.machines.remove(id);
  }
}
