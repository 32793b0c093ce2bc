import { join } from 'node:path';
import type { MachineSpec } from '../engine.ts';
import { deleteSaved, loadFromRoot, memoryPlace, signalResume } from './hibernation.ts';
import { forgetMemory } from './hibernation-memory.ts';
import type { MachineContext, StartDisks } from './machine-context.ts';
import type { MachineFolder } from './machine-folder.ts';
import { runFolder, WARM_CONSOLE, warmFolder } from './paths.ts';
import type { ProcessId } from './process.ts';
import type { Qmp } from './qmp.ts';
import { bringToLife, sharedMemoryDescriptor } from './warm/restore.ts';
import type { WarmStart } from './warm/warm.ts';

/** What a machine gives to the ways in which it may begin to run other than by a boot. */
export interface Beginning {
  readonly context: MachineContext;
  readonly folder: MachineFolder;
  readonly spec: MachineSpec;
  readonly disks: StartDisks;
  /** Starts QEMU. @throws EngineError */
  launch(argv: string[], guard?: number): Promise<ProcessId>;
  /** To the QEMU that was started. @throws EngineError */
  connection(): Promise<Qmp>;
  /** The machine runs from now on. */
  runs(): Promise<void>;
  /** Ends the QEMU that was started, as if it had never been. */
  abandon(): Promise<void>;
  complain(error: unknown): void;
}

/** Continues where the machine was hibernated. False when it was not, or when that failed: then it boots. */
export async function resume(beginning: Beginning, argv: string[]): Promise<boolean> {
  const { context, folder, spec } = beginning;
  const { records } = folder;
  const hibernated = await records.read('hibernated.json');
  if (!hibernated) return false;
  await records.write('resume.json', hibernated);
  const place = memoryPlace(spec, folder.run, context.user);
  let qmp: Qmp | undefined;
  try {
    await beginning.launch([...argv, '-S']);
    qmp = await beginning.connection();
    await loadFromRoot(qmp, hibernated.rootVolumeId, place);
    await qmp.execute('cont');
  } catch (error) {
    qmp = undefined;
    const details = (await folder.lastWords()) ?? 'QEMU says nothing more';
    context.log(`${spec.instanceId} boots, since its memory could not be restored: ${reasonOf(error)} (${details})`);
  }
  const works = qmp !== undefined && !qmp.closed;
  if (!works) await beginning.abandon();
  await records.delete('hibernated.json');
  await records.delete('resume.json');
  if (!qmp || !works) {
    await forgetMemory(place);
    await folder.prepare(spec, context.user);
    return false;
  }
  await beginning.runs();
  await deleteSaved(qmp, hibernated.rootVolumeId, place).catch(error => beginning.complain(error));
  signalResume(qmp).catch(() => {});
  return true;
}

/**
 * Continues from a frozen guest. False when that failed: then everything is as before, and the machine may boot.
 * @param run false: its processors stand still, and somebody else lets them go on
 */
export async function copy(beginning: Beginning, warm: WarmStart, run: boolean): Promise<boolean> {
  const { context, folder, spec } = beginning;
  const { image, rootVolumeId, diskBytes } = warm;
  const { instanceId } = spec;
  await folder.records.write('copy.json', { rootVolumeId });
  try {
    if (!(await context.layOverWarm(rootVolumeId, image.id))) throw new Error('its disk cannot be used');
    const { pid } = await launchCopy(beginning, warm);
    const qmp = await beginning.connection();
    const sockets = { run: folder.run, relative: runFolder(instanceId) };
    const { disks } = beginning;
    await bringToLife({ dataDir: context.dataDir, image, spec, disks, pid, qmp, folder: sockets, diskBytes, run });
    await folder.records.delete('copy.json');
    await beginning.runs();
    await context.warm?.used(image);
    return true;
  } catch (error) {
    const reason = reasonOf(error);
    context.log(`${instanceId} boots, since it could not continue from the prepared guest: ${reason}`);
    await context.warm?.copyFailed(image, reason);
    await beginning.abandon();
    await discardCopy(beginning, rootVolumeId);
    await folder.prepare(spec, context.user);
    return false;
  }
}

/** What is left of a copy that was not whole goes; its disk is as it was. */
export async function discardCopy(
  { context, folder }: Pick<Beginning, 'context' | 'folder'>,
  rootVolumeId: string,
): Promise<void> {
  await context.layBack(rootVolumeId);
  await folder.records.delete('process.json');
  await folder.records.delete('copy.json');
}

/** The memory that copies share must be safe before a guest runs: the guard's descriptor is the right one. */
async function launchCopy(beginning: Beginning, warm: WarmStart): Promise<ProcessId> {
  const { context, folder } = beginning;
  const { dataDir, user } = context;
  let { descriptor } = warm;
  for (let attempt = 0; attempt < 2; attempt++) {
    await folder.beginConsole(join(dataDir, warmFolder(warm.image.id), WARM_CONSOLE), user);
    const process = await beginning.launch(warm.arguments, descriptor);
    const actual = await sharedMemoryDescriptor(dataDir, warm.image, process.pid);
    if (actual === descriptor) return process;
    await beginning.abandon();
    if (actual === undefined) break;
    descriptor = actual;
    context.warm?.learnDescriptor(actual);
  }
  throw new Error('the memory that it shares with others cannot be protected');
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
