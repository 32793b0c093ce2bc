import { chown, copyFile, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { MachineSpec, Screen } from '../engine.ts';
import { readConsole, trimConsole } from './console-log.ts';
import { machineFolder, runFolder } from './paths.ts';
import { Qmp } from './qmp.ts';
import { MachineRecords } from './records.ts';
import { takePicture } from './screen.ts';
import type { MachineUser } from './user.ts';

/** What one machine has on the disk besides its volumes. */
export class MachineFolder {
  readonly records: MachineRecords;
  /** What QEMU prints. */
  readonly logFile: string;
  /** Sockets, console log and picture; belongs to the machine's user. */
  readonly run: string;
  readonly #path: string;
  readonly #dataDir: string;
  readonly #picture: string;

  constructor(dataDir: string, instanceId: string) {
    this.#dataDir = dataDir;
    this.#path = join(dataDir, machineFolder(instanceId));
    this.run = join(dataDir, runFolder(instanceId));
    this.logFile = join(this.#path, 'qemu.log');
    this.records = new MachineRecords(this.#path);
    this.#picture = join(runFolder(instanceId), 'screen.ppm');
  }

  /** Makes the folder ready for a start: what is left of an earlier one goes, except the variables of UEFI. */
  async prepare(spec: MachineSpec, user: MachineUser): Promise<void> {
    await mkdir(this.#path, { recursive: true, mode: 0o750 });
    await this.records.delete('process.json');
    await this.records.delete('exit.json');
    await this.records.write('spec.json', spec);
    for (const name of [
      'qmp.sock',
      'serial.sock',
      'vnc.sock',
      'incoming.sock',
      'gdb.sock',
      'console.log',
      'screen.ppm',
    ]) {
      await rm(join(this.run, name), { force: true });
    }
    await mkdir(this.run, { recursive: true, mode: 0o700 });
    if (!user.switchUser) return;
    await chown(this.#path, 0, user.gid);
    await chown(this.run, user.uid, user.gid);
  }

  /** The console begins with what another one held. */
  async beginConsole(source: string, user: MachineUser): Promise<void> {
    const file = join(this.run, 'console.log');
    await copyFile(source, file);
    if (user.switchUser) await chown(file, user.uid, user.gid);
  }

  async remove(): Promise<void> {
    await rm(this.#path, { recursive: true, force: true });
  }

  /** Opens QMP. The socket is named through its folder's descriptor: a unix socket's address has 108 bytes only. */
  async connect(): Promise<Qmp> {
    const folder = await open(this.run);
    try {
      return await Qmp.connect(`/proc/self/fd/${folder.fd}/qmp.sock`);
    } finally {
      await folder.close();
    }
  }

  console(): Promise<Uint8Array> {
    return readConsole(join(this.run, 'console.log'));
  }

  trimConsole(): Promise<void> {
    return trimConsole(join(this.run, 'console.log'));
  }

  async screenshot(qmp: Qmp): Promise<Screen> {
    await qmp.execute('screendump', { filename: this.#picture });
    return takePicture(join(this.#dataDir, this.#picture));
  }

  /** The last line that QEMU printed, without time and program name; undefined when it said nothing. */
  async lastWords(): Promise<string | undefined> {
    const text = Buffer.from(await readConsole(this.logFile, 4096)).toString('utf8');
    const line = text.trim().split('\n').at(-1);
    return line ? line.replace(/^\S+Z /, '').replace(/^qemu-system-\S+: /, '') : undefined;
  }
}
