import { cpus } from 'node:os';
import { type Engine, EngineError, type EngineEvents, type MachineStatus } from '../engine.ts';
import { validateGroup, validatePort, validateVpc } from '../network/validate.ts';
import { createSimulatedDisks } from './disks.ts';

/**
 * An engine without machines: what is asked for is there at once, and nothing runs. For tests of the API, of clients
 * and of scale.
 *
 * It keeps nothing: after a restart every machine is `absent` (never `stopped`), which to a controller means that it
 * has yet to be started, and starting costs nothing. So running instances stay running over a restart of the server,
 * and no disk or network is ever found missing.
 */
export function createSimulator(): Engine {
  /** Per machine the time of its start, or how it ended: two words for each of 100,000 machines. */
  const machines = new Map<string, number | Exclude<MachineStatus, { state: 'running' }>>();
  const disks = createSimulatedDisks();
  /** Interfaces of running machines that have any. */
  const nics = new Map<string, Set<string>>();
  /** Volumes of running machines. */
  const plugged = new Map<string, Set<string>>();
  const ports = new Map<string, Set<string>>();
  let events: EngineEvents | undefined;

  function portsOf(vpcId: string): Set<string> {
    const known = ports.get(vpcId) ?? new Set();
    ports.set(vpcId, known);
    return known;
  }

  /** Tells the controllers after the caller has got its answer, as a real machine would. */
  function changed(instanceId: string): void {
    setImmediate(() => events?.machineChanged(instanceId));
  }

  function isRunning(instanceId: string): boolean {
    return typeof machines.get(instanceId) === 'number';
  }

  function stop(instanceId: string, status: MachineStatus & { state: 'stopped' }): void {
    if (!isRunning(instanceId)) return;
    machines.set(instanceId, status);
    nics.delete(instanceId);
    plugged.delete(instanceId);
    changed(instanceId);
  }

  return {
    name: 'simulator',
    capabilities: {
      realMachines: false,
      consoleOutput: false,
      screenshot: false,
      hibernation: true,
      // Nothing executes an instruction, so every architecture is as good as another.
      architectures: ['i386', 'x86_64', 'arm64', 'x86_64_mac', 'arm64_mac'],
    },
    machines: {
      async ensureRunning({ instanceId, nics: cards, disks: attached }) {
        if (isRunning(instanceId)) return;
        machines.set(instanceId, Date.now());
        if (cards.length > 0) nics.set(instanceId, new Set(cards.map(nic => nic.networkInterfaceId)));
        if (attached.length > 0) plugged.set(instanceId, new Set(attached.map(disk => disk.volumeId)));
        changed(instanceId);
      },
      async status(instanceId) {
        const known = machines.get(instanceId) ?? absent;
        return typeof known === 'number' ? { state: 'running', since: known } : known;
      },
      async pressPowerButton(instanceId) {
        stop(instanceId, stoppedByGuest);
      },
      async powerOff(instanceId) {
        stop(instanceId, stoppedByHost);
      },
      async hibernate(instanceId) {
        stop(instanceId, { ...stoppedByHost, hibernated: true });
      },
      async reset(instanceId) {
        if (!isRunning(instanceId)) throw new EngineError('Invalid', `the machine ${instanceId} is not running`);
      },
      async remove(instanceId) {
        nics.delete(instanceId);
        plugged.delete(instanceId);
        if (machines.delete(instanceId)) changed(instanceId);
      },
      async attachNic(instanceId, { networkInterfaceId }) {
        if (!isRunning(instanceId)) return;
        nics.set(instanceId, (nics.get(instanceId) ?? new Set()).add(networkInterfaceId));
      },
      async detachNic(instanceId, networkInterfaceId) {
        nics.get(instanceId)?.delete(networkInterfaceId);
      },
      async listNics(instanceId) {
        return [...(nics.get(instanceId) ?? [])];
      },
      async attachDisk(instanceId, { volumeId }) {
        if (!isRunning(instanceId)) return;
        plugged.set(instanceId, (plugged.get(instanceId) ?? new Set()).add(volumeId));
      },
      async detachDisk(instanceId, volumeId) {
        plugged.get(instanceId)?.delete(volumeId);
      },
      async listDisks(instanceId) {
        return [...(plugged.get(instanceId) ?? [])];
      },
      async setDiskLimits() {},
      async list() {
        return [...machines.keys()];
      },
      async consoleOutput() {
        return new Uint8Array();
      },
      async screenshot() {
        throw new EngineError('Invalid', 'simulated machines have no screen');
      },
    },
    disks,
    fabric: {
      async ensureVpc(intent) {
        validateVpc(intent);
        portsOf(intent.vpcId);
      },
      async removeVpc(vpcId) {
        ports.delete(vpcId);
      },
      async ensureGroup(intent) {
        validateGroup(intent);
      },
      async removeGroup() {},
      async ensurePort(intent) {
        validatePort(intent);
        portsOf(intent.vpcId).add(intent.networkInterfaceId);
      },
      async removePort(vpcId, networkInterfaceId) {
        ports.get(vpcId)?.delete(networkInterfaceId);
      },
      async listVpcs() {
        return [...ports.keys()];
      },
      async listPorts(vpcId) {
        return [...(ports.get(vpcId) ?? [])];
      },
      async flowCounts() {
        return [];
      },
    },
    async open(receiver) {
      events = receiver;
    },
    async close() {
      events = undefined;
    },
    async destroy() {
      machines.clear();
      nics.clear();
      plugged.clear();
      ports.clear();
    },
    async capacity() {
      return { memoryMibFree: Number.MAX_SAFE_INTEGER, diskGibFree: Number.MAX_SAFE_INTEGER, vcpus: cpus().length };
    },
    admit: () => true,
  };
}

const absent = { state: 'absent' } as const;
const stoppedByGuest = { state: 'stopped', cause: 'guest-shutdown' } as const;
const stoppedByHost = { state: 'stopped', cause: 'host-request' } as const;
